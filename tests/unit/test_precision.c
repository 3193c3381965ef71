/* SPDX-License-Identifier: MIT
 *
 * Precision: what is lowered and what is not in a ViT's training plan, where the
 * lowered weights come from and when they are made anew. The backend is the
 * reference with 16 bits declared and kernels that note what they were asked for.
 */
#include "nets.h"

#include "graph/internal.h"

enum { NOTED = 64 };
static struct { const char *op; int in, out, n_in; } noted[NOTED];
static int n_noted, n_lower;

static int nothing(const struct vit_call *c)
{
	(void)c;
	return 0;
}

static int count_lower(const struct vit_call *c)
{
	n_lower++;
	return vit_ref_block_kernel("lower", VIT_F32)(c);
}

/* Update and flat blocks run for real, everything between only in shape. */
static vit_kernel fake_find(struct vit_dev *dev, struct vit_call *c, int back)
{
	(void)dev;
	if (!strcmp(c->op, "lower"))
		return count_lower;
	if (!back && n_noted < NOTED) {
		noted[n_noted].op = c->op;
		noted[n_noted].in = c->in[0].dtype;
		noted[n_noted].out = c->out[0].dtype;
		noted[n_noted++].n_in = c->n_in;
	}
	return vit_op_by_name(c->op) && c->n_out ? nothing : NULL;
}

static struct vit_backend fake(void)
{
	struct vit_backend b = vit_backend_ref;
	b.name = "fake";
	b.find = fake_find;
	b.amp = 1u << VIT_BF16 | 1u << VIT_F16;
	return b;
}

static const float rates[] = { 0.01f, 0.02f, 0.03f };
static const struct vit_adamw_attr with_ema = {
	.beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.1f, .ema_decay = 0.9f, .lr_scale = 1,
};
static const struct vit_optim optim = { .op = "adamw", .attr = &with_ema, .lr = rates, .steps = 3 };

static const struct vit_instr *find_instr(const struct vit_plan *p, enum vit_what what, const char *name)
{
	for (int i = 0; i < p->n_instr; i++)
		if (p->instr[i].what == what && !strcmp(p->instr[i].call.name, name))
			return &p->instr[i];
	fail_msg("no instruction %d of %s", what, name);
	return NULL;
}

static void is(const char *what, const struct vit_tensor *t, int dtype)
{
	if (t->dtype != dtype)
		fail_msg("%s is %s, wanted is %s", what, vit_dtypes[t->dtype].name, vit_dtypes[dtype].name);
}

/* Element i of a parameter's copy lies where element i of its master does. */
static void reads(const struct net *n, const struct vit_tensor *t, const char *param, int amp)
{
	int64_t at = vit_params_offset(&n->g, vit_graph_find(&n->g, param));
	is(param, t, amp);
	const void *want = amp == VIT_F32 ? (const void *)(n->params.w + at) : (const void *)((const uint16_t *)n->params.w16 + at);
	assert_ptr_equal(t->data, want);
}

static void adds(const struct net *n, const struct vit_tensor *t, const char *param)
{
	is(param, t, VIT_F32);
	assert_ptr_equal(t->data, n->params.g + vit_params_offset(&n->g, vit_graph_find(&n->g, param)));
}

/* ---- dtypes ------------------------------------------------------------------------- */

static void check_forward(const struct net *n, int amp)
{
	const struct vit_call *c = &find_instr(&n->plan, VIT_FWD, "patches")->call;
	is("image", &c->in[0], VIT_U8);
	is("patches", &c->out[0], amp);
	c = &find_instr(&n->plan, VIT_FWD, "patch_embed.proj")->call;
	reads(n, &c->in[1], "patch_embed.proj.weight", amp);
	reads(n, &c->in[2], "patch_embed.proj.bias", amp);
	is("embedded", &c->out[0], amp);
	c = &find_instr(&n->plan, VIT_FWD, "tokens")->call;
	reads(n, &c->in[1], "pos_embed", VIT_F32);
	reads(n, &c->in[2], "cls_token", VIT_F32);
	is("tokens", &c->out[0], amp);
	c = &find_instr(&n->plan, VIT_FWD, "blocks.1.attn")->call;
	is("qkv", &c->in[0], amp);
	is("mixed", &c->out[0], amp);
	is("lse", &c->aux[0], VIT_F32);
	c = &find_instr(&n->plan, VIT_FWD, "blocks.1.attn.add")->call;
	is("stream", &c->out[0], amp);
	is("normed", &c->out[1], amp);
	is("rstd", &c->aux[1], VIT_F32);
	reads(n, &c->in[2], "blocks.1.norm2.weight", VIT_F32);
	reads(n, &c->in[4], "blocks.1.ls1.gamma", VIT_F32);
	c = &find_instr(&n->plan, VIT_FWD, "blocks.1.mlp.fc1")->call;
	is("before gelu", &c->aux[0], amp);
	is("after gelu", &c->out[0], amp);
	c = &find_instr(&n->plan, VIT_FWD, "logits")->call;
	is("head's input", &c->in[0], amp);
	reads(n, &c->in[1], "head.weight", amp);
	is("logits", &c->out[0], VIT_F32);      /* the loss reads them */
	c = &find_instr(&n->plan, VIT_FWD, "loss")->call;
	is("label", &c->in[1], VIT_I32);
	is("loss", &c->out[0], VIT_F32);
}

static void check_backward(const struct net *n, int amp)
{
	const struct vit_call *c = &find_instr(&n->plan, VIT_BWD, "blocks.0.mlp.fc1")->call;
	is("dout", &c->dout[0], amp);
	is("din", &c->din[0], amp);
	is("saved", &c->aux[0], amp);
	reads(n, &c->in[1], "blocks.0.mlp.fc1.weight", amp);
	adds(n, &c->din[1], "blocks.0.mlp.fc1.weight");
	adds(n, &c->din[2], "blocks.0.mlp.fc1.bias");
	c = &find_instr(&n->plan, VIT_BWD, "logits")->call;
	is("gradient of the logits", &c->dout[0], VIT_F32);
	is("what it gives", &c->din[0], amp);
	c = &find_instr(&n->plan, VIT_BWD, "tokens")->call;
	adds(n, &c->din[1], "pos_embed");
}

static void check_update(const struct net *n, int amp, int ema)
{
	int ranges = 0;
	for (int i = 0; i < n->plan.n_instr; i++) {
		const struct vit_call *c = &n->plan.instr[i].call;
		if (n->plan.instr[i].what != VIT_UPDATE || strcmp(c->op, "adamw"))
			continue;
		int64_t at = (const float *)c->in[0].data - n->params.w;
		assert_int_equal(c->n_in, 7);
		assert_ptr_equal(c->in[5].data, ema ? n->params.ema + at : NULL);
		is("the copy", &c->in[6], amp);
		assert_ptr_equal(c->in[6].data, (const uint16_t *)n->params.w16 + at);
		ranges++;
	}
	assert_true(ranges >= 2);
	const struct vit_step_attr *a = find_instr(&n->plan, VIT_UPDATE, "step_done")->call.attr;
	assert_true(amp == VIT_F16 ? a->growth > 1.9f && a->backoff < 0.6f && a->interval == 2000 : a->growth <= 0);
	assert_true(fabsf(net_step(n).loss_scale - (amp == VIT_F16 ? 65536 : 1)) <= 0);
}

static void check_dtypes(int amp, int recompute, int ema)
{
	struct net n;
	struct vit_adamw_attr attr = with_ema;
	attr.ema_decay = ema ? 0.9f : 0;
	const struct vit_optim o = { .op = "adamw", .attr = &attr, .lr = rates, .steps = 3 };
	const struct vit_plan_opt opt = { .B = 2, .train = 1, .amp = amp, .recompute = recompute, .optim = &o, .how = VIT_HOW_TUNE };
	const struct vit_backend b = fake();
	net_vit(&n.g, ",layer_scale=0.5", &(struct vit_build){ .train = 1, .drop_path = 0.1 });
	net_start(&n, &opt, &b, ema);
	check_forward(&n, amp);
	check_backward(&n, amp);
	check_update(&n, amp, ema);
	for (int i = 1; i < n.plan.n_instr; i++)
		if (n.plan.instr[i].node || n.plan.instr[i].what == VIT_UPDATE)
			assert_int_equal(n.plan.instr[i].call.how, VIT_HOW_TUNE);
	if (recompute) {
		const struct vit_call *c = &find_instr(&n.plan, VIT_REDO, "blocks.0.mlp.fc1")->call;
		is("second run", &c->out[0], amp);
		reads(&n, &c->in[1], "blocks.0.mlp.fc1.weight", amp);
	}
	struct vit_tensor t = vit_plan_value(&n.plan, vit_graph_find(&n.g, "head.weight"), 0);
	is("a parameter", &t, VIT_F32);
	t = vit_plan_value(&n.plan, vit_graph_find(&n.g, "tokens"), 0);
	is("an activation", &t, amp);
	t = vit_plan_value(&n.plan, vit_graph_find(&n.g, "tokens"), 1);
	is("its gradient", &t, amp);
	net_stop(&n);
}

static void test_dtypes(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++)
		check_dtypes(i & 1 ? VIT_F16 : VIT_BF16, i >> 1 & 1, i >> 2);
}

/* The kernel is chosen knowing the dtypes that it will see. */
static void test_find_sees_dtypes(void **state)
{
	(void)state;
	struct net n;
	const struct vit_backend b = fake();
	n_noted = 0;
	net_vit(&n.g, "", NULL);
	net_start(&n, &(struct vit_plan_opt){ .B = 2, .amp = VIT_BF16 }, &b, 0);
	int linear = 0, last = -1;
	for (int i = 0; i < n_noted; i++)
		if (!strcmp(noted[i].op, "linear")) {
			assert_int_equal(noted[i].in, VIT_BF16);
			last = noted[i].out;
			assert_true(last == VIT_BF16 || linear == 13);
			linear++;
		}
	assert_int_equal(linear, 14);   /* four a block, patches, head */
	assert_int_equal(last, VIT_F32);        /* a result that nobody reads */
	net_stop(&n);
}

/* A result that another node reads is what that node reads; a dead value is left alone. */
static void test_results(void **state)
{
	(void)state;
	struct net n;
	const struct vit_backend b = fake();
	static const char *const results[] = { "blocks.1.mlp.add", "pool", NULL };
	net_vit(&n.g, "", NULL);
	net_start(&n, &(struct vit_plan_opt){ .B = 2, .amp = VIT_F16, .results = results }, &b, 0);
	struct vit_tensor t = vit_plan_value(&n.plan, vit_graph_find(&n.g, "blocks.1.mlp.add"), 0);
	is("read", &t, VIT_F16);
	t = vit_plan_value(&n.plan, vit_graph_find(&n.g, "pool"), 0);
	is("unread", &t, VIT_F32);
	t = vit_plan_value(&n.plan, vit_graph_find(&n.g, "logits"), 0);
	assert_null(t.data);
	net_stop(&n);
}

/* ---- memory -------------------------------------------------------------------------- */

static size_t arena(int amp, int recompute)
{
	struct vit_graph g;
	struct vit_plan p;
	const struct vit_backend b = fake();
	net_vit(&g, ",dim=64", &(struct vit_build){ .train = 1 });
	assert_int_equal(vit_plan_make(&p, &g, &(struct vit_plan_opt){ .B = 256, .train = 1, .amp = amp, .recompute = recompute }, &b, NULL), 0);
	size_t bytes = p.arena_bytes;
	double flops = p.flops;
	vit_plan_free(&p);
	assert_int_equal(vit_plan_make(&p, &g, &(struct vit_plan_opt){ .B = 256, .train = 1, .recompute = recompute }, &b, NULL), 0);
	assert_true(fabs(flops - p.flops) <= 0);
	vit_plan_free(&p);
	vit_graph_release(&g);
	return bytes;
}

static void test_memory_halves(void **state)
{
	(void)state;
	for (int recompute = 0; recompute <= 1; recompute++) {
		double ratio = (double)arena(VIT_BF16, recompute) / (double)arena(VIT_F32, recompute);
		if (!(ratio > 0.45 && ratio < 0.56))
			fail_msg("recompute %d: %.3f of the memory in f32", recompute, ratio);
	}
}

static size_t asked;

static void *count_alloc(struct vit_dev *dev, size_t n, int pinned)
{
	asked += n;
	return vit_backend_ref.alloc(dev, n, pinned);
}

/* What --explain says of parameters is what they take. */
static void test_cost(void **state)
{
	(void)state;
	struct vit_graph g;
	struct vit_params p;
	struct vit_params_cost c;
	struct vit_backend b = fake();
	b.alloc = count_alloc;
	for (int conv = 0; conv <= 1; conv++) {
		if (conv)
			net_conv(&g);
		else
			net_vit(&g, "", &(struct vit_build){ .train = 1 });
		for (int i = 0; i < 8; i++) {
			const int train = i & 1, ema = i >> 1 & 1, amp = i & 4 ? VIT_F16 : VIT_F32;
			asked = 0;
			assert_int_equal(vit_params_new(&p, &g, &b, NULL, train, ema), 0);
			assert_int_equal(vit_params_amp(&p, amp), 0);
			assert_int_equal(vit_params_cost(&c, &g, train, ema, amp), 0);
			assert_int_equal(c.weights + c.update, asked);
			assert_true(c.update > 0 ? train || ema : !train && !ema);
			vit_params_free(&p);
		}
		vit_graph_release(&g);
	}
}

/* In place only where both are equally wide: the loss wants relu's result in f32. */
static void test_no_aliasing_across_widths(void **state)
{
	(void)state;
	struct vit_graph g;
	struct vit_plan p;
	const struct vit_backend b = fake();
	vit_graph_init(&g);
	struct vit_value *x = vit_graph_input(&g, "image", VIT_U8, 4, (int64_t[]){ VIT_B, 2, 2, 1 });
	x = vit_graph_op(&g, "image", "pixels", &(struct vit_image_attr){ 0 }, &x, 1, NULL);
	struct vit_value *in[2] = { vit_graph_op(&g, "relu", "positive", NULL, &x, 1, NULL), vit_graph_input(&g, "target", VIT_F32, 4, x->dim) };
	const struct vit_value *y = in[0];
	vit_graph_op(&g, "mse", "loss", &(struct vit_loss_attr){ .weight = 1, .knob = -1 }, in, 2, NULL);
	assert_int_equal(vit_plan_make(&p, &g, &(struct vit_plan_opt){ .B = 1 }, &b, NULL), 0);
	assert_int_equal(p.offset[y->id], p.offset[x->id]);
	vit_plan_free(&p);
	assert_int_equal(vit_plan_make(&p, &g, &(struct vit_plan_opt){ .B = 1, .amp = VIT_BF16 }, &b, NULL), 0);
	assert_int_not_equal(p.offset[y->id], p.offset[x->id]);
	vit_plan_free(&p);
	vit_graph_release(&g);
}

/* ---- lowered parameters ---------------------------------------------------------------- */

static void equal(const float *w, const uint16_t *copy, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		assert_int_equal(copy[i], vit_f32_to_bf16(w[i]));
}

/* Who writes w otherwise than by the plan tells so; a plan's own update needs no telling. */
static void test_stale(void **state)
{
	(void)state;
	struct net n;
	const struct vit_backend b = fake();
	net_vit(&n.g, "", &(struct vit_build){ .train = 1 });
	net_start(&n, &(struct vit_plan_opt){ .B = 2, .train = 1, .amp = VIT_BF16, .optim = &optim }, &b, 1);
	const int both = VIT_RUN_FIRST | VIT_RUN_LAST;
	int64_t count = vit_params_offset(&n.g, vit_graph_find(&n.g, "head.weight"));
	n_lower = 0;
	net_run(&n, both);
	assert_int_equal(n_lower, 1);
	equal(n.params.w, n.params.w16, n.params.n);
	for (int64_t i = 0; i < n.params.n; i++)
		n.params.g[i] = 0;
	float before = n.params.w[0];
	net_run(&n, VIT_RUN_LAST);      /* weight decay alone moves w */
	struct vit_step s = net_step(&n);
	s.wsum = 1;
	assert_int_equal(vit_plan_step_put(&n.plan, &s), 0);
	net_run(&n, VIT_RUN_LAST);
	assert_true(n.params.w[0] < before || n.params.w[0] > before);
	assert_int_equal(n_lower, 1);
	equal(n.params.w, n.params.w16, n.params.n);

	float x = 3.14159f;
	assert_int_equal(vit_params_put(&n.params, n.params.w + count, &x, sizeof x), 0);
	net_run(&n, VIT_RUN_FIRST);
	assert_int_equal(n_lower, 2);
	assert_int_equal(((uint16_t *)n.params.w16)[count], vit_f32_to_bf16(x));
	assert_int_equal(vit_params_init(&n.params, &n.g, 5), 0);
	net_run(&n, VIT_RUN_FIRST);
	assert_int_equal(n_lower, 3);

	/* a plan in f32 over the same parameters moves w behind the copy's back */
	struct vit_plan plain;
	assert_int_equal(vit_plan_make(&plain, &n.g, &(struct vit_plan_opt){ .B = 2, .train = 1, .optim = &optim }, &b, NULL), 0);
	assert_int_equal(vit_plan_bind(&plain, NULL, &n.params, 0), 0);
	assert_int_equal(vit_plan_run(&plain, both, NULL, NULL), 0);
	assert_int_equal(n_lower, 3);
	net_run(&n, both);
	assert_int_equal(n_lower, 4);
	vit_plan_free(&plain);
	net_stop(&n);
}

/* The EMA moves at every step: its copy is made at every run, and w's stays as it is. */
static void test_ema(void **state)
{
	(void)state;
	struct net n;
	struct vit_plan average;
	const struct vit_backend b = fake();
	net_vit(&n.g, "", &(struct vit_build){ .train = 1 });
	net_start(&n, &(struct vit_plan_opt){ .B = 2, .train = 1, .amp = VIT_BF16, .optim = &optim }, &b, 1);
	static const char *const results[] = { "logits", NULL };
	assert_int_equal(vit_plan_make(&average, &n.g, &(struct vit_plan_opt){ .B = 2, .amp = VIT_BF16, .results = results }, &b, NULL), 0);
	assert_int_equal(vit_plan_bind(&average, NULL, &n.params, 1), 0);
	for (int64_t i = 0; i < n.params.n; i++)
		n.params.ema[i] = 2 * n.params.w[i];
	int64_t at = vit_params_offset(&n.g, vit_graph_find(&n.g, "head.weight"));
	const struct vit_call *c = &find_instr(&average, VIT_FWD, "logits")->call;
	assert_ptr_equal(c->in[1].data, (uint16_t *)n.params.ema16 + at);
	n_lower = 0;
	assert_int_equal(vit_plan_run(&average, 0, NULL, NULL), 0);
	assert_int_equal(vit_plan_run(&average, 0, NULL, NULL), 0);
	assert_int_equal(n_lower, 2);
	equal(n.params.ema, n.params.ema16, n.params.n);
	assert_int_equal(((uint16_t *)n.params.w16)[at], 0);    /* still stale, and that is known */
	net_run(&n, VIT_RUN_FIRST);
	assert_int_equal(n_lower, 3);
	equal(n.params.w, n.params.w16, n.params.n);
	vit_plan_free(&average);
	net_stop(&n);
}

/* ---- what --amp becomes ---------------------------------------------------------------- */

static void test_amp(void **state)
{
	(void)state;
	static const struct { enum vit_amp amp; int dtype; uint32_t how; } want[] = {
		{ VIT_AMP_NONE, VIT_F32, 0 }, { VIT_AMP_TF32, VIT_F32, VIT_HOW_TF32 }, { VIT_AMP_BF16, VIT_BF16, 0 }, { VIT_AMP_FP16, VIT_F16, 0 },
	};
	struct vit_backend b = fake();
	int dtype;
	uint32_t how;
	b.tf32 = 1;
	for (int i = 0; i < 8; i++) {
		b.host = i >> 2;
		assert_int_equal(vit_backend_amp(&b, want[i & 3].amp, 1, &dtype, &how), 0);
		assert_int_equal(dtype, want[i & 3].dtype);
		assert_int_equal(how, want[i & 3].how);
		/* the host's kernels are never chosen by timing */
		assert_int_equal(vit_backend_amp(&b, want[i & 3].amp, 0, &dtype, &how), 0);
		assert_int_equal(how, want[i & 3].how | (b.host ? 0 : VIT_HOW_TUNE));
		assert_int_equal(vit_backend_amp(&vit_backend_ref, want[i & 3].amp, 1, &dtype, &how), i & 3 ? VIT_EUSAGE : 0);
	}
}

/* ---- refusals ------------------------------------------------------------------------ */

static void refused(const struct vit_graph *g, const struct vit_plan_opt *opt, const struct vit_backend *b, const char *words)
{
	struct vit_plan p;
	assert_int_equal(vit_plan_make(&p, g, opt, b, NULL), VIT_EUSAGE);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
	vit_plan_free(&p);
}

static void test_refusals(void **state)
{
	(void)state;
	struct vit_backend b = fake();
	struct net n;
	net_vit(&n.g, "", NULL);
	refused(&n.g, &(struct vit_plan_opt){ .B = 1, .amp = VIT_BF16 }, &vit_backend_ref,
	        "ref computes in float32 only, not in bfloat16; leave --amp out, or choose --device cuda");
	refused(&n.g, &(struct vit_plan_opt){ .B = 1, .how = VIT_HOW_TF32 }, &vit_backend_ref, "ref computes in float32 only, not in TF32");
	refused(&n.g, &(struct vit_plan_opt){ .B = 1, .dtype = VIT_F64, .amp = VIT_F16 }, &vit_backend_ref_f64, "float16");
	b.amp = 1u << VIT_BF16;
	refused(&n.g, &(struct vit_plan_opt){ .B = 1, .amp = VIT_F16 }, &b, "float16");
	b.amp |= 1u << VIT_F16;
	b.tf32 = 1;

	/* one copy per set of parameters */
	net_start(&n, &(struct vit_plan_opt){ .B = 1, .amp = VIT_BF16, .how = VIT_HOW_TF32 }, &b, 0);
	struct vit_plan other;
	assert_int_equal(vit_plan_make(&other, &n.g, &(struct vit_plan_opt){ .B = 1, .amp = VIT_F16 }, &b, NULL), 0);
	assert_int_equal(vit_plan_bind(&other, NULL, &n.params, 0), VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), "bfloat16"));
	vit_plan_free(&other);
	net_stop(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dtypes),
		cmocka_unit_test(test_find_sees_dtypes),
		cmocka_unit_test(test_results),
		cmocka_unit_test(test_memory_halves),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_no_aliasing_across_widths),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_ema),
		cmocka_unit_test(test_amp),
		cmocka_unit_test(test_refusals),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
