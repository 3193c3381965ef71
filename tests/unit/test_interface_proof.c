/* SPDX-License-Identifier: MIT
 *
 * The interfaces of graph, plan, op and backend, proved on reference kernels by
 * what later parts will ask of them: convolution with batch norm and a short
 * batch, a frozen prefix, two losses, recomputation, the average's evaluation,
 * taps, expansion, an int8 product.
 */
#include "nets.h"

static const struct vit_adamw_attr adamw = {
	.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .clip = 1, .ema_decay = 0.9f, .lr_scale = 1,
};
static const float rates[] = { 0.01f, 0.02f, 0.03f, 0.02f, 0.01f };
static const struct vit_optim optim = { .op = "adamw", .attr = &adamw, .lr = rates, .steps = 5 };

/* ---- batch norm and short batches ------------------------------------------------------ */

static void conv_gradients(struct net *n, int64_t B, int64_t valid, int garbage)
{
	const struct vit_plan_opt opt = { .B = B, .train = 1 };
	net_conv(&n->g);
	net_start(n, &opt, &vit_backend_ref, 0);
	net_fill(n, 40, valid, garbage);
	net_run(n, VIT_RUN_FIRST);
}

static void test_short_batch(void **state)
{
	(void)state;
	struct net whole, part;
	conv_gradients(&whole, 3, 3, 0);
	for (int garbage = 1; garbage <= 2; garbage++) {
		conv_gradients(&part, 5, 3, garbage);
		assert_memory_equal(part.params.g, whole.params.g, net_bytes(&part, part.params.n));
		assert_memory_equal(part.params.state, whole.params.state, net_bytes(&part, part.params.n_state));
		struct vit_step a = net_step(&part), b = net_step(&whole);
		assert_memory_equal(&a.wsum, &b.wsum, 2 * sizeof a.wsum);
		assert_true(a.wsum > 2.99 && a.wsum < 3.01);
		net_stop(&part);
	}
	/* and the statistics did move */
	float *mean = net_at(&whole, "blocks.0.bn.mean", 0);
	assert_true(mean[0] > 1e-6f || mean[0] < -1e-6f);
	net_stop(&whole);
}

/* ---- freezing ------------------------------------------------------------------------------ */

static int count(const struct vit_plan *p, enum vit_what what, const char *prefix)
{
	int n = 0;
	for (int i = 0; i < p->n_instr; i++)
		n += p->instr[i].what == what && p->instr[i].node && !strncmp(p->instr[i].node->name, prefix, strlen(prefix));
	return n;
}

static void test_frozen_prefix(void **state)
{
	(void)state;
	struct net all, n;
	const struct vit_plan_opt opt = { .B = 4, .train = 1, .optim = &optim };
	net_conv(&all.g);
	net_start(&all, &opt, &vit_backend_ref, 1);
	net_conv(&n.g);
	for (int i = 0; i < n.g.n_value; i++)
		if (!strncmp(n.g.value[i]->name, "blocks.0.", 9) || !strncmp(n.g.value[i]->name, "blocks.1.", 9))
			n.g.value[i]->grad = 0;
	net_start(&n, &opt, &vit_backend_ref, 1);

	assert_int_equal(count(&all.plan, VIT_BWD, "blocks."), 9);
	assert_int_equal(count(&n.plan, VIT_BWD, "blocks.2."), 3);
	assert_int_equal(count(&n.plan, VIT_BWD, "blocks."), 3);
	assert_true(n.plan.arena_bytes < all.plan.arena_bytes);
	assert_true(n.plan.flops < all.plan.flops);

	size_t bytes = net_bytes(&n, n.params.n);
	float *before = malloc(bytes);
	memcpy(before, n.params.w, bytes);
	for (int i = 0; i < 2; i++) {
		net_fill(&n, (uint64_t)i * 4, 4, 0);
		net_run(&n, VIT_RUN_FIRST | VIT_RUN_LAST);
	}
	for (int i = 0; i < n.g.n_value; i++) {
		const struct vit_value *v = n.g.value[i];
		if (v->role != VIT_PARAM)
			continue;
		int64_t at = vit_params_offset(&n.g, v), last = strncmp(v->name, "blocks.2.", 9) == 0;
		assert_int_equal(v->grad, last);
		assert_int_equal(memcmp(n.params.w + at, before + at, sizeof(float)) != 0, last);
	}
	const float *frozen = net_at(&n, "blocks.1.bn.var", 0), *trained = net_at(&n, "blocks.2.bn.var", 0);
	for (int k = 0; k < 3; k++) {
		assert_true(frozen[k] >= 1 && frozen[k] <= 1);
		assert_true(trained[k] < 1 || trained[k] > 1);
	}
	free(before);
	net_stop(&n);
	net_stop(&all);
}

/* ---- two losses ------------------------------------------------------------------------------ */

/* A student against labels and a teacher: bits of `which` choose the losses. */
static void student(struct net *n, int which)
{
	const struct vit_loss_attr hard = { .weight = 1, .knob = VIT_KNOB_ALPHA }, soft = { .weight = 1, .knob = VIT_KNOB_ALPHA, .complement = 1 };
	const struct vit_plan_opt opt = { .B = 4, .train = 1, .dtype = VIT_F64 };
	net_vit(&n->g, "", NULL);
	struct vit_value *logits = vit_graph_find(&n->g, "logits");
	struct vit_value *label = vit_graph_input(&n->g, "label", VIT_I32, 1, (int64_t[]){ VIT_B });
	struct vit_value *teacher = vit_graph_input(&n->g, "teacher", VIT_F32, 2, (int64_t[]){ VIT_B, 3 });
	if (which & 1)
		vit_graph_op(&n->g, "softmax_xent", "hard", &hard, (struct vit_value *[]){ logits, label }, 2, NULL);
	if (which & 2)
		vit_graph_op(&n->g, "kl_div", "soft", &soft, (struct vit_value *[]){ logits, teacher }, 2, NULL);
	assert_int_equal(n->g.rc, 0);
	net_start(n, &opt, &vit_backend_ref_f64, 0);
	n->plan.host->knob[VIT_KNOB_ALPHA] = 0.25f;
	n->plan.host->knob[VIT_KNOB_TEMPERATURE] = 3;
	net_fill(n, 0, 4, 0);
	net_run(n, VIT_RUN_FIRST);
}

static void test_two_losses(void **state)
{
	(void)state;
	struct net hard, soft, both;
	student(&hard, 1);
	student(&soft, 2);
	student(&both, 3);
	struct vit_step h = net_step(&hard), s = net_step(&soft), b = net_step(&both);
	assert_true(fabs(h.wsum - 1) < 1e-12 && fabs(s.wsum - 3) < 1e-12 && fabs(b.wsum - 4) < 1e-12);
	assert_true(h.loss > 0 && s.loss > 0 && fabs(b.loss - h.loss - s.loss) < 1e-12);
	const double *gh = (double *)(void *)hard.params.g, *gs = (double *)(void *)soft.params.g, *gb = (double *)(void *)both.params.g;
	double most = 0;
	for (int64_t i = 0; i < both.params.n; i++) {
		assert_true(fabs(gb[i] - gh[i] - gs[i]) < 1e-12);
		most = fmax(most, fabs(gs[i]));
	}
	assert_true(most > 1e-3);
	net_stop(&both);
	net_stop(&soft);
	net_stop(&hard);
}

/* ---- recomputation ----------------------------------------------------------------------------- */

static void one_step(struct net *n, int conv, int recompute)
{
	const struct vit_build build = { .train = 1, .drop = 0.1, .attn_drop = 0.1, .drop_path = 0.3 };
	const struct vit_plan_opt opt = { .B = 4, .train = 1, .recompute = recompute, .optim = &optim };
	if (conv)
		net_conv(&n->g);
	else
		net_vit(&n->g, ",layer_scale=0.5", &build);
	net_start(n, &opt, &vit_backend_ref, 1);
	net_fill(n, 8, 3, 1);
	net_run(n, VIT_RUN_FIRST | VIT_RUN_LAST);
}

static void test_recompute(void **state)
{
	(void)state;
	for (int conv = 0; conv <= 1; conv++) {
		struct net keep, redo;
		one_step(&keep, conv, 0);
		one_step(&redo, conv, 1);
		assert_int_equal(count(&keep.plan, VIT_REDO, ""), 0);
		assert_true(count(&redo.plan, VIT_REDO, "blocks.0.") > 0);
		assert_int_equal(count(&redo.plan, VIT_REDO, "blocks.2."), 0);
		assert_true(redo.plan.arena_bytes < keep.plan.arena_bytes);
		assert_true(redo.plan.flops > keep.plan.flops);
		assert_memory_equal(keep.params.g, redo.params.g, net_bytes(&keep, keep.params.n));
		assert_memory_equal(keep.params.w, redo.params.w, net_bytes(&keep, keep.params.n));
		assert_memory_equal(keep.params.state, redo.params.state, net_bytes(&keep, keep.params.n_state));
		net_stop(&redo);
		net_stop(&keep);
	}
}

/* ---- the average ---------------------------------------------------------------------------------- */

static void evaluate(struct net *n, struct vit_params *params, int use_ema, float *out)
{
	const char *const results[] = { "blocks.2.relu", NULL };
	const struct vit_plan_opt opt = { .B = 2, .results = results };
	struct net eval = { .g = n->g };
	assert_int_equal(vit_plan_make(&eval.plan, &n->g, &opt, &vit_backend_ref, NULL), 0);
	assert_int_equal(vit_plan_bind(&eval.plan, NULL, params, use_ema), 0);
	net_fill(&eval, 99, 2, 0);
	net_run(&eval, VIT_RUN_FIRST);
	memcpy(out, net_at(&eval, "blocks.2.relu", 0), 120 * sizeof *out);
	vit_plan_free(&eval.plan);
}

static void test_ema(void **state)
{
	(void)state;
	struct net n;
	const struct vit_plan_opt opt = { .B = 4, .train = 1, .optim = &optim };
	net_conv(&n.g);
	net_start(&n, &opt, &vit_backend_ref, 1);
	float want = ((float *)net_at(&n, "blocks.0.bn.var", 0))[0];
	for (int i = 0; i < 3; i++) {
		net_fill(&n, (uint64_t)i * 4, 4, 0);
		net_run(&n, VIT_RUN_FIRST | VIT_RUN_LAST);
		want = 0.9f * want + (1 - 0.9f) * ((float *)net_at(&n, "blocks.0.bn.var", 0))[0];
	}
	int64_t at = vit_params_offset(&n.g, vit_graph_find(&n.g, "blocks.0.bn.var"));
	assert_true(fabsf(n.params.ema_state[at] - want) < 1e-6f);

	float live[120], average[120], swapped[120];
	evaluate(&n, &n.params, 0, live);
	evaluate(&n, &n.params, 1, average);
	assert_int_not_equal(memcmp(live, average, sizeof live), 0);
	struct vit_params other = n.params;
	other.w = n.params.ema;
	other.state = n.params.ema_state;
	evaluate(&n, &other, 0, swapped);
	assert_memory_equal(average, swapped, sizeof average);
	net_stop(&n);
}

/* ---- taps -------------------------------------------------------------------------------------------- */

struct tap {
	int before, after, stop_at;
	const char *name;
	float seen[64];
};

static int look(void *arg, const struct vit_instr *in, int before)
{
	struct tap *t = arg;
	before ? t->before++ : t->after++;
	if (!before && in->what == VIT_FWD && !strcmp(in->node->name, t->name))
		memcpy(t->seen, in->call.out[0].data, sizeof t->seen);
	return before && t->before == t->stop_at ? VIT_END : 0;
}

static void test_tap(void **state)
{
	(void)state;
	struct net plain, tapped;
	const struct vit_plan_opt opt = { .B = 2 };
	net_vit(&plain.g, "", NULL);
	net_start(&plain, &opt, &vit_backend_ref, 0);
	net_fill(&plain, 0, 2, 0);
	net_run(&plain, VIT_RUN_FIRST);

	net_vit(&tapped.g, "", NULL);
	const struct vit_attention_attr heads = { .heads = 2 };
	struct vit_value *qkv = vit_graph_find(&tapped.g, "blocks.1.attn.qkv");
	vit_graph_op(&tapped.g, "attention_probs", "map", &heads, &qkv, 1, NULL)->keep = 1;
	vit_graph_find(&tapped.g, "blocks.0.attn.add")->keep = 1;
	net_start(&tapped, &opt, &vit_backend_ref, 0);
	net_fill(&tapped, 0, 2, 0);
	struct tap t = { .name = "blocks.0.attn.add" };
	assert_int_equal(vit_plan_run(&tapped.plan, VIT_RUN_FIRST, look, &t), 0);
	assert_int_equal(t.before, tapped.plan.n_instr);
	assert_int_equal(t.after, tapped.plan.n_instr);
	assert_memory_equal(net_at(&tapped, "blocks.0.attn.add", 0), t.seen, sizeof t.seen);
	assert_memory_equal(net_at(&tapped, "logits", 0), net_at(&plain, "logits", 0), 6 * sizeof(float));
	const float *map = net_at(&tapped, "map", 0);
	assert_true(fabsf(map[0] + map[1] + map[2] + map[3] + map[4] - 1) < 1e-6f);
	t = (struct tap){ .name = "", .stop_at = 3 };
	assert_int_equal(vit_plan_run(&tapped.plan, VIT_RUN_FIRST, look, &t), VIT_END);
	assert_int_equal(t.after, 2);
	net_stop(&tapped);
	net_stop(&plain);
}

/* ---- int8 --------------------------------------------------------------------------------------------- */

static void test_int8(void **state)
{
	(void)state;
	/* rows whose largest element is 63 quantise with scale 1: the result is exact */
	const int8_t weight[] = { 127, -127, 3, 1, 2, -5 };
	const float scale[] = { 0.5f, 2 }, bias[] = { 1, -1 }, x[] = { 63, -63, 10, 0, 63, -7 };
	const float want[] = { 0.5f * (127 * 126 + 30) + 1, 2 * (63 - 126 - 50) - 1, 0.5f * (-127 * 63 - 21) + 1, 2 * (126 + 35) - 1 };
	struct net n;
	vit_graph_init(&n.g);
	struct vit_value *in[] = {
		vit_graph_input(&n.g, "x", VIT_F32, 2, (int64_t[]){ VIT_B, 3 }),
		vit_graph_const(&n.g, "weight", VIT_I8, 2, (int64_t[]){ 2, 3 }, weight),
		vit_graph_const(&n.g, "scale", VIT_F32, 1, (int64_t[]){ 2 }, scale),
		vit_graph_const(&n.g, "bias", VIT_F32, 1, (int64_t[]){ 2 }, bias),
	};
	vit_graph_op(&n.g, "linear_i8", "y", NULL, in, 4, NULL)->keep = 1;
	const struct vit_plan_opt opt = { .B = 2 };
	net_start(&n, &opt, &vit_backend_ref, 0);
	memcpy(net_at(&n, "x", 0), x, sizeof x);
	net_run(&n, VIT_RUN_FIRST);
	const float *y = net_at(&n, "y", 0);
	for (int i = 0; i < 4; i++)
		assert_true(fabsf(y[i] - want[i]) <= 1e-3f);
	net_stop(&n);

	/* what has no gradient cannot stand above a trained parameter */
	net_vit(&n.g, "", NULL);
	struct vit_value *logits = vit_graph_find(&n.g, "logits");
	const struct vit_loss_attr loss = { .weight = 1, .knob = -1 };
	struct vit_value *i8[] = {
		logits, vit_graph_const(&n.g, "i8", VIT_I8, 2, (int64_t[]){ 2, 3 }, weight),
		vit_graph_const(&n.g, "s", VIT_F32, 1, (int64_t[]){ 2 }, scale),
	};
	struct vit_value *out[] = { vit_graph_op(&n.g, "linear_i8", "q", NULL, i8, 3, NULL), vit_graph_input(&n.g, "label", VIT_I32, 1, (int64_t[]){ VIT_B }) };
	vit_graph_op(&n.g, "softmax_xent", "loss", &loss, out, 2, NULL);
	const struct vit_plan_opt train = { .B = 2, .train = 1 };
	assert_int_equal(vit_plan_make(&n.plan, &n.g, &train, &vit_backend_ref, NULL), VIT_EUNSUPPORTED);
	assert_non_null(strstr(vit_errmsg(), "linear_i8"));
	vit_graph_release(&n.g);
}

/* ---- expansion ------------------------------------------------------------------------------------------ */

/* Every coarse op of a ViT as primitives beside it, from the same inputs. */
static void test_expand(void **state)
{
	(void)state;
	struct net n;
	struct vit_value *pair[64][2];
	int n_pair = 0;
	net_vit(&n.g, ",layer_scale=0.5,reg_tokens=1", NULL);
	const int coarse = n.g.n_node;
	for (int i = 0; i < coarse; i++) {
		const struct vit_node *node = n.g.node[i];
		struct vit_value *out[VIT_MAXOUT] = { NULL };
		assert_non_null(node->op->expand);
		if (node->op->expand(&n.g, node, out))
			fail_msg("%s: %s", node->name, vit_errmsg());
		for (int k = 0; k < node->n_out; k++) {
			node->out[k]->keep = out[k]->keep = 1;
			pair[n_pair][0] = node->out[k];
			pair[n_pair++][1] = out[k];
		}
	}
	for (int i = coarse; i < n.g.n_node; i++)
		assert_null(n.g.node[i]->op->expand);
	const struct vit_plan_opt opt = { .B = 3, .dtype = VIT_F64 };
	net_start(&n, &opt, &vit_backend_ref_f64, 0);
	net_fill(&n, 0, 3, 0);
	net_run(&n, VIT_RUN_FIRST);
	assert_true(n_pair > 25);
	for (int i = 0; i < n_pair; i++) {
		struct vit_tensor a = vit_plan_value(&n.plan, pair[i][0], 0), b = vit_plan_value(&n.plan, pair[i][1], 0);
		assert_int_equal(vit_tensor_count(&a), vit_tensor_count(&b));
		for (int64_t e = 0; e < vit_tensor_count(&a); e++) {
			double x = ((double *)a.data)[e], y = ((double *)b.data)[e];
			if (fabs(x - y) > 1e-6 * (1 + fabs(x)))
				fail_msg("%s: %.12g, as primitives %.12g", pair[i][0]->name, x, y);
		}
	}
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_batch),
		cmocka_unit_test(test_frozen_prefix),
		cmocka_unit_test(test_two_losses),
		cmocka_unit_test(test_recompute),
		cmocka_unit_test(test_ema),
		cmocka_unit_test(test_tap),
		cmocka_unit_test(test_int8),
		cmocka_unit_test(test_expand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
