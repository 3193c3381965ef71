/* SPDX-License-Identifier: MIT
 *
 * Plans: gradients against finite differences through a whole ViT, memory that
 * is shared over time but never at one time, micro-batches, skipped steps, and
 * what cannot be planned.
 */
#include "nets.h"

#include "graph/internal.h"

static const struct vit_adamw_attr adamw = {
	.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .clip = 1, .ema_decay = 0.9f, .lr_scale = 1,
};
static const float rates[] = { 0.01f, 0.02f, 0.03f };
static const struct vit_optim optim = { .op = "adamw", .attr = &adamw, .lr = rates, .steps = 3 };

/* ---- gradients ------------------------------------------------------------------------- */

static double loss_at(struct net *n)
{
	net_run(n, VIT_RUN_FIRST);
	return net_step(n).loss;
}

/* Every parameter of the model, each along one random direction. Dropout and
 * drop path are on: their masks are a function of the key, so they hold still. */
static void check_gradients(const char *more, const struct vit_build *build)
{
	struct net n;
	const struct vit_plan_opt opt = { .B = 3, .train = 1, .dtype = VIT_F64 };
	net_vit(&n.g, more, build);
	net_start(&n, &opt, &vit_backend_ref_f64, 0);
	net_fill(&n, 5, 3, 0);
	loss_at(&n);
	double *w = (double *)(void *)n.params.w;
	double *g = malloc(net_bytes(&n, n.params.n));
	memcpy(g, n.params.g, net_bytes(&n, n.params.n));
	for (int i = 0; i < n.g.n_value; i++) {
		const struct vit_value *v = n.g.value[i];
		if (v->role != VIT_PARAM)
			continue;
		int64_t at = vit_params_offset(&n.g, v), count = vit_shape_bytes(VIT_F64, v->ndim, v->dim) / 8;
		const double h = 1e-6;
		double slope = 0, scale = 0, side[2];
		for (int s = 0; s < 2; s++) {
			for (int64_t k = 0; k < count; k++)
				w[at + k] += (s ? -2 : 1) * h * ((double)vit_uniform(vit_philox(9, (uint64_t)i, (uint64_t)k).v[0]) - 0.5);
			side[s] = loss_at(&n);
		}
		for (int64_t k = 0; k < count; k++) {
			double d = (double)vit_uniform(vit_philox(9, (uint64_t)i, (uint64_t)k).v[0]) - 0.5;
			w[at + k] += h * d;
			slope += g[at + k] * d;
			scale += fabs(g[at + k] * d);
		}
		if (fabs((side[0] - side[1]) / (2 * h) - slope) > 1e-7 * (1 + scale))
			fail_msg("%s: slope %.9g, gradient %.9g", v->name, (side[0] - side[1]) / (2 * h), slope);
	}
	free(g);
	net_stop(&n);
}

static void test_gradients(void **state)
{
	(void)state;
	check_gradients("", &(struct vit_build){ .train = 1 });
	check_gradients(",pool=mean,act=gelu_tanh,qkv_bias=0,layer_scale=0.5", &(struct vit_build){ .train = 1, .soft = 1, .smoothing = 0.1 });
	check_gradients(",reg_tokens=2,no_embed_class=1", &(struct vit_build){ .train = 1, .drop = 0.2, .attn_drop = 0.2, .drop_path = 0.5 });
}

/* ---- memory ------------------------------------------------------------------------------ */

static void check_overlap(const struct vit_plan *p)
{
	const struct vit_plan_priv *q = p->priv;
	int64_t sum = 0;
	for (int a = 0; a < q->n_slot; a++) {
		const struct slot *x = &q->slot[a];
		if (x->first > x->last || x->same >= 0)
			continue;
		assert_true(x->offset >= 0 && x->offset % 64 == 0);
		assert_true((size_t)(x->offset + x->bytes) <= p->arena_bytes);
		sum += x->bytes;
		for (int b = 0; b < a; b++) {
			const struct slot *y = &q->slot[b];
			if (y->first > y->last || y->same >= 0 || x->last < y->first || y->last < x->first)
				continue;
			if (x->offset < y->offset + y->bytes && y->offset < x->offset + x->bytes)
				fail_msg("slots %d and %d share memory while both live", a, b);
		}
	}
	assert_true((int64_t)p->arena_bytes < sum);
}

static void both_kinds(struct vit_graph *g, int conv)
{
	const struct vit_build build = { .train = 1, .drop = 0.1, .drop_path = 0.3 };
	if (conv)
		net_conv(g);
	else
		net_vit(g, "", &build);
}

/* A plan that keeps everything shares nothing: it must compute the same bits. */
static void check_memory(int conv, int recompute)
{
	const struct vit_plan_opt opt = { .B = 4, .train = 1, .recompute = recompute, .optim = &optim };
	struct net lean, keep;
	both_kinds(&lean.g, conv);
	net_start(&lean, &opt, &vit_backend_ref, 1);
	both_kinds(&keep.g, conv);
	for (int i = 0; i < keep.g.n_value; i++)
		keep.g.value[i]->keep = 1;
	net_start(&keep, &opt, &vit_backend_ref, 1);
	check_overlap(&lean.plan);
	assert_true(lean.plan.arena_bytes < keep.plan.arena_bytes);
	for (int i = 0; i < 2; i++) {
		net_fill(&lean, (uint64_t)i * 4, 3, 1);
		net_run(&lean, VIT_RUN_FIRST | VIT_RUN_LAST);
		net_fill(&keep, (uint64_t)i * 4, 3, 2);
		net_run(&keep, VIT_RUN_FIRST | VIT_RUN_LAST);
	}
	assert_memory_equal(lean.params.w, keep.params.w, net_bytes(&lean, lean.params.n));
	assert_memory_equal(lean.params.ema, keep.params.ema, net_bytes(&lean, lean.params.n));
	int shared = 0;
	for (int i = 0; i < lean.plan.priv->n_slot; i++)
		shared += lean.plan.priv->slot[i].same >= 0;
	assert_true(shared > 0);        /* relu, dropout: in place */
	if (!conv) {
		/* a kept value's gradient stays: that of the logits sums to 0 over the classes */
		const float *d = net_at(&keep, "logits", 1);
		assert_true(fabsf(d[0] + d[1] + d[2]) < 1e-6f && fabsf(d[0]) > 1e-4f);
		assert_true(fabsf(d[9]) <= 0);
	}
	net_stop(&keep);
	net_stop(&lean);
}

static void test_memory(void **state)
{
	(void)state;
	for (int conv = 0; conv <= 1; conv++)
		for (int recompute = 0; recompute <= 1; recompute++)
			check_memory(conv, recompute);
}

/* Runs of the MLP's first layer in a plan, by whether they save its
 * pre-activation. */
static void count_saves(int train, int recompute, int *with, int *without)
{
	const struct vit_plan_opt opt = { .B = 2, .train = train, .recompute = recompute };
	struct vit_graph g;
	struct vit_plan p;
	net_vit(&g, "", &(struct vit_build){ .train = 1 });
	assert_int_equal(vit_plan_make(&p, &g, &opt, &vit_backend_ref, NULL), 0);
	*with = *without = 0;
	for (int i = 0; i < p.n_instr; i++) {
		const struct vit_instr *in = &p.instr[i];
		if (in->what == VIT_BWD || strcmp(in->call.op, "linear") || !in->node->n_aux)
			continue;
		assert_int_equal(p.priv->place[i][AT_AUX].kind, in->call.n_aux ? PLACE_SLOT : PLACE_NONE);
		++*(in->call.n_aux ? with : without);
	}
	vit_plan_free(&p);
	vit_graph_release(&g);
}

static void test_saves_what_is_read(void **state)
{
	(void)state;
	int with, without, layers;
	count_saves(1, 0, &layers, &without);
	assert_true(layers >= 2);
	assert_int_equal(without, 0);
	count_saves(0, 0, &with, &without);
	assert_int_equal(with, 0);
	assert_int_equal(without, layers);
	/* all blocks but the last run twice; the second run saves */
	count_saves(1, 1, &with, &without);
	assert_int_equal(with, layers);
	assert_int_equal(without, layers - 1);
}

/* One arena of the caller's own, with a frame around it. */
static void test_bounds(void **state)
{
	(void)state;
	struct net n;
	const struct vit_plan_opt opt = { .B = 3, .train = 1, .optim = &optim };
	net_vit(&n.g, "", &(struct vit_build){ .train = 1 });
	net_start(&n, &opt, &vit_backend_ref, 1);
	size_t room = n.plan.arena_bytes + 128;
	unsigned char *frame = aligned_alloc(64, (room + 63) / 64 * 64);
	memset(frame, 0xa5, room);
	assert_int_equal(vit_plan_bind(&n.plan, frame + 64, &n.params, 0), 0);
	net_fill(&n, 0, 3, 0);
	net_run(&n, VIT_RUN_FIRST | VIT_RUN_LAST);
	assert_int_equal(net_step(&n).done, 1);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(frame[i], 0xa5);
		assert_int_equal(frame[n.plan.arena_bytes + 64 + (size_t)i], 0xa5);
	}
	net_stop(&n);
	free(frame);
}

/* ---- steps --------------------------------------------------------------------------------- */

static void test_micro_batches(void **state)
{
	(void)state;
	const struct vit_build build = { .train = 1, .drop = 0.2, .drop_path = 0.5 };
	struct net whole, half;
	struct vit_plan_opt opt = { .B = 4, .train = 1, .dtype = VIT_F64, .optim = &optim };
	net_vit(&whole.g, "", &build);
	net_start(&whole, &opt, &vit_backend_ref_f64, 1);
	opt.B = 3;
	net_vit(&half.g, "", &build);
	net_start(&half, &opt, &vit_backend_ref_f64, 1);
	for (int step = 0; step < 2; step++) {
		net_fill(&whole, (uint64_t)step * 4, 4, 0);
		net_run(&whole, VIT_RUN_FIRST | VIT_RUN_LAST);
		net_fill(&half, (uint64_t)step * 4, 3, 0);
		net_run(&half, VIT_RUN_FIRST);
		net_fill(&half, (uint64_t)step * 4 + 3, 1, 2);
		net_run(&half, VIT_RUN_LAST);
		assert_int_equal(half.plan.host->micro, 1);
	}
	struct vit_step a = net_step(&whole), b = net_step(&half);
	assert_int_equal(a.done, 2);
	assert_int_equal(b.done, 2);
	assert_true(fabs(a.last_loss - b.last_loss) < 1e-12 && fabs(b.last_wsum - 4) < 1e-12);
	const double *u = (double *)(void *)whole.params.w, *v = (double *)(void *)half.params.w;
	for (int64_t i = 0; i < whole.params.n; i++)
		assert_true(fabs(u[i] - v[i]) < 1e-9);
	net_stop(&half);
	net_stop(&whole);
}

static void test_skipped_step(void **state)
{
	(void)state;
	struct net n;
	const struct vit_plan_opt opt = { .B = 4, .train = 1, .optim = &optim };
	net_conv(&n.g);
	net_start(&n, &opt, &vit_backend_ref, 1);
	net_fill(&n, 0, 4, 0);
	net_run(&n, VIT_RUN_FIRST | VIT_RUN_LAST);
	size_t bytes = net_bytes(&n, n.params.n), ema = net_bytes(&n, n.params.n_state);
	char *before = malloc(4 * bytes + ema);
	const float *block[] = { n.params.w, n.params.m, n.params.v, n.params.ema };
	for (int i = 0; i < 4; i++)
		memcpy(before + (size_t)i * bytes, block[i], bytes);
	memcpy(before + 4 * bytes, n.params.ema_state, ema);

	struct vit_step s = net_step(&n);
	assert_int_equal(s.done, 1);
	s.loss_scale = INFINITY;
	assert_int_equal(vit_plan_step_put(&n.plan, &s), 0);
	net_run(&n, VIT_RUN_FIRST | VIT_RUN_LAST);
	s = net_step(&n);
	assert_int_equal(s.last_inf, 1);
	assert_int_equal(s.done, 1);
	for (int i = 0; i < 4; i++)
		assert_memory_equal(before + (size_t)i * bytes, block[i], bytes);
	assert_memory_equal(before + 4 * bytes, n.params.ema_state, ema);

	s.loss_scale = 1024;
	assert_int_equal(vit_plan_step_put(&n.plan, &s), 0);
	net_run(&n, VIT_RUN_FIRST | VIT_RUN_LAST);
	s = net_step(&n);
	assert_int_equal(s.last_inf, 0);
	assert_int_equal(s.done, 2);
	assert_int_not_equal(memcmp(before, n.params.w, bytes), 0);
	free(before);
	net_stop(&n);
}

/* Ranges: decayed and other parameters, each rate apart, frozen ones left out. */
static void test_ranges(void **state)
{
	(void)state;
	struct net n;
	net_vit(&n.g, "", &(struct vit_build){ .train = 1 });
	for (int i = 0; i < n.g.n_value; i++) {
		struct vit_value *v = n.g.value[i];
		if (!strncmp(v->name, "blocks.0.", 9))
			v->lr_scale = 0.5f;
		if (!strncmp(v->name, "patch_embed.", 12) || !strcmp(v->name, "pos_embed"))
			v->grad = 0;
	}
	const struct vit_plan_opt opt = { .B = 1, .train = 1, .optim = &optim };
	net_start(&n, &opt, &vit_backend_ref, 1);
	int64_t total = 0, want = 0;
	int n_range = 0;
	for (int i = 0; i < n.plan.n_instr; i++) {
		const struct vit_call *c = &n.plan.instr[i].call;
		if (n.plan.instr[i].what != VIT_UPDATE || strcmp(c->op, "adamw"))
			continue;
		const struct vit_adamw_attr *a = c->attr;
		int64_t from = (const float *)c->in[0].data - n.params.w;
		for (int k = 0; k < n.g.n_value; k++) {
			const struct vit_value *v = n.g.value[k];
			int64_t at = v->role == VIT_PARAM ? vit_params_offset(&n.g, v) : -1;
			if (at < from || at >= from + c->in[0].dim[0])
				continue;
			assert_true(v->grad);
			assert_true(fabsf(a->lr_scale - v->lr_scale) < 1e-9f);
			assert_true(fabsf(a->weight_decay - (v->decay ? 0.1f : 0)) < 1e-9f);
		}
		total += c->in[0].dim[0];
		n_range++;
	}
	for (int k = 0; k < n.g.n_value; k++)
		if (n.g.value[k]->role == VIT_PARAM && n.g.value[k]->grad)
			want += vit_params_room(n.g.value[k]);
	assert_int_equal(total, want);
	assert_int_equal(n_range, 5);   /* decay: block 0, rest; other: cls, block 0, rest */
	net_stop(&n);
}

/* ---- first numbers ------------------------------------------------------------------------- */

static void test_init(void **state)
{
	(void)state;
	struct vit_graph g;
	struct vit_params p;
	vit_graph_init(&g);
	const int64_t n = 20000;
	const struct vit_value *trunc = vit_graph_param(&g, "trunc", 1, &n, (struct vit_init){ VIT_INIT_TRUNC_NORMAL, 0.5f }, 0);
	const struct vit_value *normal = vit_graph_param(&g, "normal", 1, &n, (struct vit_init){ VIT_INIT_NORMAL, 0.5f }, 1);
	const struct vit_value *uniform = vit_graph_param(&g, "uniform", 1, &n, (struct vit_init){ VIT_INIT_UNIFORM, 0.5f }, 0);
	assert_int_equal(vit_params_offset(&g, normal), 0);     /* decayed ones first */
	assert_int_equal(vit_params_new(&p, &g, &vit_backend_ref, NULL, 0, 1), 0);
	assert_int_equal(vit_params_init(&p, &g, 1), 0);
	const struct { const struct vit_value *v; double std, most; } want[] = { { trunc, 0.4398, 1 }, { normal, 0.5, 3 }, { uniform, 0.5, 0.8661 } };
	for (int k = 0; k < 3; k++) {
		const float *w = p.w + vit_params_offset(&g, want[k].v);
		double sum = 0, square = 0, most = 0;
		for (int64_t i = 0; i < n; i++) {
			sum += (double)w[i];
			square += (double)w[i] * (double)w[i];
			most = fmax(most, fabs((double)w[i]));
		}
		assert_true(fabs(sum / (double)n) < 0.015);
		assert_true(fabs(sqrt(square / (double)n) - want[k].std) < 0.01);
		assert_true(most <= want[k].most && most > 0.95 * (k == 1 ? 1.6 : want[k].most));
	}
	assert_memory_equal(p.ema, p.w, (size_t)p.n * sizeof *p.w);

	/* the same numbers in another graph, others under another seed */
	struct vit_graph h;
	struct vit_params q;
	vit_graph_init(&h);
	const struct vit_value *again = vit_graph_param(&h, "trunc", 1, &n, (struct vit_init){ VIT_INIT_TRUNC_NORMAL, 0.5f }, 1);
	assert_int_equal(vit_params_new(&q, &h, &vit_backend_ref, NULL, 0, 0), 0);
	assert_int_equal(vit_params_init(&q, &h, 1), 0);
	assert_memory_equal(q.w + vit_params_offset(&h, again), p.w + vit_params_offset(&g, trunc), (size_t)n * sizeof(float));
	assert_int_equal(vit_params_init(&q, &h, 2), 0);
	assert_int_not_equal(memcmp(q.w, p.w + vit_params_offset(&g, trunc), sizeof(float) * 8), 0);
	vit_params_free(&q);
	vit_graph_release(&h);
	vit_params_free(&p);
	vit_graph_release(&g);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void refused(const struct vit_graph *g, const struct vit_plan_opt *opt, const struct vit_backend *b, int code, const char *words)
{
	struct vit_plan p;
	assert_int_equal(vit_plan_make(&p, g, opt, b, NULL), code);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
	vit_plan_free(&p);
}

static void test_refusals(void **state)
{
	(void)state;
	struct net n;
	const char *const nothing[] = { "nothing", NULL };
	net_vit(&n.g, "", NULL);
	refused(&n.g, &(struct vit_plan_opt){ .B = 0 }, &vit_backend_ref, VIT_EUSAGE, "at least 1");
	refused(&n.g, &(struct vit_plan_opt){ .B = 1, .dtype = VIT_F64 }, &vit_backend_ref, VIT_EUNSUPPORTED, "float64");
	refused(&n.g, &(struct vit_plan_opt){ .B = 1, .train = 1 }, &vit_backend_ref, VIT_EUSAGE, "no loss");
	refused(&n.g, &(struct vit_plan_opt){ .B = 1, .results = nothing }, &vit_backend_ref, VIT_EUSAGE, "nothing");
	refused(&n.g, &(struct vit_plan_opt){ .B = INT64_C(1) << 60 }, &vit_backend_ref, VIT_EUSAGE, "too large");
	refused(&n.g, &(struct vit_plan_opt){ .B = 1, .train = 1, .optim = &(struct vit_optim){ .op = "adamw" } }, &vit_backend_ref, VIT_EUSAGE, "learning rates");

	/* a device without host memory has no reference to fall back to */
	struct vit_backend far = vit_backend_ref;
	far.host = 0;
	far.name = "far";
	refused(&n.g, &(struct vit_plan_opt){ .B = 1 }, &far, VIT_EUNSUPPORTED, "op patches ([1,8,8,1] uint8): no far kernel");

	const struct vit_plan_opt opt = { .B = 2 };
	net_start(&n, &opt, &vit_backend_ref, 0);
	assert_int_equal(vit_plan_bind(&n.plan, NULL, &n.params, 1), VIT_EUSAGE);
	n.plan.host->n_valid = 3;
	assert_int_equal(vit_plan_run(&n.plan, 0, NULL, NULL), VIT_EUSAGE);
	struct vit_params other = n.params;
	other.n++;
	assert_int_equal(vit_plan_bind(&n.plan, NULL, &other, 0), VIT_EMISMATCH);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gradients),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_saves_what_is_read),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_micro_batches),
		cmocka_unit_test(test_skipped_step),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
