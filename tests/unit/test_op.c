/* SPDX-License-Identifier: MIT
 *
 * Ops against numbers that PyTorch 2 computed in float64 (sin and cos of
 * 0, 1, 2, ... as data), and the promises of random ops that check-ops cannot
 * see in one run. Gradients and kernels are check-ops' business.
 */
#include "op/op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

static const struct vit_op *wide(const char *name)
{
	for (int i = 0; vit_ops[i]; i++)
		if (!strcmp(vit_ops[i]->name, name))
			return vit_ops_f64[i];
	fail_msg("no op %s", name);
	return NULL;
}

static struct vit_tensor of(void *data, int dtype, int ndim, const int64_t *dim)
{
	struct vit_tensor t = { .data = data };
	vit_shape_set(&t, dtype, ndim, dim);
	return t;
}
#define F64(data, ...) of(data, VIT_F64, sizeof(int64_t[]){ __VA_ARGS__ } / sizeof(int64_t), (int64_t[]){ __VA_ARGS__ })

static void infer(const struct vit_op *op, struct vit_call *c)
{
	c->op = c->name = op->name;
	assert_int_equal(op->infer(c), 0);
}

static void near(const double *got, const double *want, int n, double tolerance)
{
	for (int i = 0; i < n; i++)
		if (!(fabs(got[i] - want[i]) <= tolerance * (1 + fabs(want[i]))))
			fail_msg("element %d is %.12g, wanted is %.12g", i, got[i], want[i]);
}

/* ---- against PyTorch ------------------------------------------------------------- */

static void adamw_is_pytorchs(void **state)
{
	(void)state;
	const struct vit_op *op = vit_op_by_name("adamw"), *norm = vit_op_by_name("grad_norm"), *done = vit_op_by_name("step_done");
	float w[5] = { .5f, -1, 2, .25f, -.125f }, g[5], m[5] = { 0 }, v[5] = { 0 }, ema[5], lr[3] = { .01f, .02f, .005f };
	memcpy(ema, w, sizeof w);
	struct vit_step step = { .loss_scale = 4 };
	const struct vit_adamw_attr a = { .beta1 = .9f, .beta2 = .999f, .eps = 1e-8f, .weight_decay = .05f, .clip = 1, .ema_decay = .9f, .lr_scale = 1 };
	struct vit_call c = { .attr = &a, .step = &step, .n_in = 6 }, n = { .step = &step, .n_in = 1 };
	struct vit_call d = { .attr = &(struct vit_step_attr){ 0 }, .step = &step };
	float *const block[] = { w, g, m, v, lr, ema };
	for (int i = 0; i < 6; i++)
		c.in[i] = of(block[i], VIT_F32, 1, (int64_t[]){ i == 4 ? 3 : 5 });
	n.in[0] = c.in[1];
	infer(op, &c);
	for (int t = 0; t < 3; t++) {
		/* the sum over two samples, times the loss scale: the update divides both out */
		for (int i = 0; i < 5; i++)
			g[i] = 8 * .1f * (float)((i + 1) * ((i + t) % 2 ? -1 : 1) * (t + 1));
		step.wsum = 2;
		assert_int_equal(norm->forward(&n), 0);
		assert_int_equal(op->forward(&c), 0);
		assert_int_equal(done->forward(&d), 0);
	}
	static const double want[3][5] = {
		{ 0.491710738723, -0.990836175772, 1.98908705052, 0.256977418016, -0.132196058696 },
		{ 0.497732081259, -0.997556897394, 1.99720652984, 0.25200514327, -0.12704893922 },
		{ 0.00944840184614, -0.0188968036923, 0.0283452055384, -0.0377936073845, 0.0472420092307 },
	};
	for (int i = 0; i < 5; i++) {
		near(&(double){ (double)w[i] }, &want[0][i], 1, 1e-6);
		near(&(double){ (double)ema[i] }, &want[1][i], 1, 1e-6);
		near(&(double){ (double)m[i] }, &want[2][i], 1, 1e-6);
	}
	assert_int_equal(step.done, 3);

	/* a gradient that is not finite skips everything, once */
	float before[5];
	memcpy(before, w, sizeof w);
	g[3] = INFINITY;
	step.wsum = 2;
	assert_int_equal(norm->forward(&n), 0);
	assert_int_equal(op->forward(&c), 0);
	assert_int_equal(done->forward(&d), 0);
	assert_memory_equal(before, w, sizeof w);
	assert_int_equal(step.done, 3);
	assert_int_equal(step.last_inf, 1);
	assert_int_equal(step.found_inf, 0);
	assert_int_equal(step.skipped, 1);
	assert_int_equal(step.closed, 4);
	assert_int_equal(step.bad, 4);
	assert_true(fabsf(step.loss_scale - 4) <= 0);
}

static float bf16(uint16_t x) { return vit_bf16_to_f32(x); }
static float f16(uint16_t x) { return vit_f16_to_f32(x); }

/* The copy is what w became, rounded; without an EMA its slot is empty. */
static void adamw_lowers(void **state)
{
	(void)state;
	const struct vit_op *op = vit_op_by_name("adamw");
	const struct vit_adamw_attr a = { .beta1 = .9f, .beta2 = .999f, .eps = 1e-8f, .lr_scale = 1 };
	const struct { int dtype; float (*widen)(uint16_t); float half_ulp; } kind[] = { { VIT_BF16, bf16, 0x1p-8f }, { VIT_F16, f16, 0x1p-11f } };
	for (int k = 0; k < 2; k++) {
		float w[3] = { 1.2345678f, -0.3333333f, 3e-3f }, g[3] = { 1, -2, 3 }, m[3] = { 0 }, v[3] = { 0 }, lr[1] = { 1e-2f };
		uint16_t copy[3] = { 0 };
		struct vit_step step = { .loss_scale = 1, .wsum = 1 };
		struct vit_call c = { .attr = &a, .step = &step, .n_in = 7 };
		void *const block[] = { w, g, m, v, lr, NULL, copy };
		for (int i = 0; i < 7; i++)
			c.in[i] = of(block[i], i == 6 ? kind[k].dtype : VIT_F32, 1, (int64_t[]){ i == 4 ? 1 : 3 });
		infer(op, &c);
		assert_int_equal(op->forward(&c), 0);
		for (int i = 0; i < 3; i++) {
			assert_true(fabsf(kind[k].widen(copy[i]) - w[i]) <= fabsf(w[i]) * kind[k].half_ulp);
			assert_true(copy[i]);
		}
		memset(copy, 0, sizeof copy);
		step.found_inf = 1;
		assert_int_equal(op->forward(&c), 0);
		assert_int_equal(copy[0], 0);
		c.in[6].dtype = VIT_F32;
		assert_int_equal(op->infer(&c), VIT_EMISMATCH);
	}
}

/* ---- the end of a step --------------------------------------------------------------- */

static void close_step(struct vit_step *s, const struct vit_step_attr *a, double loss, double gnorm2, int inf)
{
	struct vit_call c = { .attr = a, .step = s };
	s->loss = loss;
	s->wsum = 2;
	s->hits = 1;
	s->gnorm2 = gnorm2;
	s->found_inf = inf;
	assert_int_equal(vit_op_by_name("step_done")->forward(&c), 0);
}

static void loss_scale_moves(void **state)
{
	(void)state;
	const struct vit_step_attr a = { .growth = 2, .backoff = 0.5f, .interval = 3 };
	struct vit_step s = { .loss_scale = 1024 };
	static const struct { int inf; float scale; int good; } want[] = {
		{ 0, 1024, 1 }, { 0, 1024, 2 }, { 0, 2048, 0 }, { 0, 2048, 1 }, { 1, 1024, 0 }, { 1, 512, 0 }, { 0, 512, 1 }, { 0, 512, 2 }, { 0, 1024, 0 },
	};
	for (int i = 0; i < 9; i++) {
		double before = (double)s.loss_scale;
		close_step(&s, &a, 3, 4 * before * before, want[i].inf);
		assert_true(fabsf(s.loss_scale - want[i].scale) <= 0);
		assert_int_equal(s.good, want[i].good);
		assert_int_equal(s.last_inf, want[i].inf);
		near(&s.last_gnorm2, &(double){ 4 }, 1, 1e-12);         /* whatever the scale was */
		assert_true(fabs(s.wsum + s.loss + s.hits + s.gnorm2) <= 0 && !s.found_inf);
	}
	assert_int_equal(s.closed, 9);
	assert_int_equal(s.done, 7);
	assert_int_equal(s.skipped, 2);
	assert_int_equal(s.bad, 0);
	near((double[]){ s.total_loss, s.total_wsum, s.total_hits }, (double[]){ 27, 18, 9 }, 3, 1e-12);
	/* never to infinity */
	s.loss_scale = 0x1p127f;
	for (int i = 0; i < 3; i++)
		close_step(&s, &a, 3, 1, 0);
	assert_true(fabsf(s.loss_scale - 0x1p127f) <= 0);
}

static void bad_steps(void **state)
{
	(void)state;
	const struct vit_step_attr fixed = { 0 }, dynamic = { .growth = 2, .backoff = 0.5f, .interval = 3 };
	struct vit_step s = { .loss_scale = 1 };
	close_step(&s, &fixed, 1, 1, 0);
	close_step(&s, &fixed, NAN, 1, 0);
	close_step(&s, &fixed, 1, 1, 1);
	assert_int_equal(s.bad, 2);     /* the first stays */
	assert_int_equal(s.done, 2);
	assert_true(fabsf(s.loss_scale - 1) <= 0);
	s = (struct vit_step){ .loss_scale = 0x1p-12f };
	close_step(&s, &dynamic, 1, 1, 1);
	close_step(&s, &dynamic, 1, 1, 1);
	assert_int_equal(s.bad, 0);
	close_step(&s, &dynamic, 1, 1, 1);
	assert_int_equal(s.bad, 3);
	s = (struct vit_step){ .loss_scale = 1024 };
	close_step(&s, &dynamic, INFINITY, 1, 0);
	assert_int_equal(s.bad, 1);
}

static void losses(void **state)
{
	(void)state;
	double x[6] = { .5, -1, 2, 1.5, .25, -.75 }, z[6] = { 1, 0, -1, .5, .5, 2 }, loss[2], lse[2], lse2[2], dx[6];
	int32_t label[2] = { 2, 0 };
	struct vit_step step = { .loss_scale = 1, .n_valid = 2 };
	step.knob[VIT_KNOB_TEMPERATURE] = 3;
	struct vit_loss_attr a = { .weight = 1, .smoothing = .1f, .knob = -1 };
	struct vit_call c = { .attr = &a, .step = &step, .n_in = 2, .need = 1 };
	c.in[0] = F64(x, 2, 3);
	c.in[1] = of(label, VIT_I32, 1, (int64_t[]){ 2 });
	infer(wide("softmax_xent"), &c);
	c.out[0].data = loss;
	c.aux[0].data = lse;
	c.din[0] = F64(dx, 2, 3);
	assert_int_equal(wide("softmax_xent")->forward(&c), 0);
	assert_int_equal(wide("softmax_xent")->backward(&c), 0);
	/* 0.1f is not 0.1 */
	near(loss, (double[]){ 0.391311296657, 0.447339276074 }, 2, 1e-8);
	near(dx, (double[]){ 0.141957058807, 0.00577923993735, -0.147736298744, -0.214892992182, 0.172503270664, 0.042389721518 }, 6, 1e-8);
	near(&step.loss, (double[]){ 0.391311296657 + 0.447339276074 }, 1, 1e-8);
	assert_true(step.wsum == 2 && step.hits == 2);

	c.in[1] = F64(z, 2, 3);
	infer(wide("kl_div"), &c);
	c.aux[1].data = lse2;
	assert_int_equal(wide("kl_div")->forward(&c), 0);
	assert_int_equal(wide("kl_div")->backward(&c), 0);
	near(loss, (double[]){ 1.46911300869, 1.27370863843 }, 2, 1e-10);
	near(dx, (double[]){ -0.423734934242, -0.404994589881, 0.828729524122, 0.585182907504, 0.105601998986, -0.690784906491 }, 6, 1e-10);
	assert_true(step.wsum == 4 && step.hits == 2);
}

static void unlabelled_samples_weigh_nothing(void **state)
{
	(void)state;
	double x[6] = { .5, -1, 2, 1.5, .25, -.75 }, loss[2], lse[2], dx[6];
	int32_t label[2] = { -1, 3 };
	struct vit_step step = { .loss_scale = 1, .n_valid = 2 };
	struct vit_loss_attr a = { .weight = 1, .knob = -1 };
	struct vit_call c = { .attr = &a, .step = &step, .n_in = 2, .need = 1, .in = { F64(x, 2, 3), of(label, VIT_I32, 1, (int64_t[]){ 2 }) } };
	infer(wide("softmax_xent"), &c);
	c.out[0].data = loss;
	c.aux[0].data = lse;
	c.din[0] = F64(dx, 2, 3);
	assert_int_equal(wide("softmax_xent")->forward(&c), 0);
	assert_int_equal(wide("softmax_xent")->backward(&c), 0);
	assert_true(step.loss == 0 && step.wsum == 0 && step.hits == 0);
	near(dx, (double[6]){ 0 }, 6, 0);
}

static void norms(void **state)
{
	(void)state;
	double x[6] = { 1, 2, 3, -1, .5, .25 }, g[4] = { 1, 1, 1, 1 }, b[4] = { 0 }, mean[2] = { 0 }, var[2] = { 1, 1 }, y[6], aux[2][2];
	struct vit_step step = { .n_valid = 3 };
	struct vit_batchnorm_attr a = { 1e-5f, .1f };
	struct vit_call c = { .attr = &a, .step = &step, .n_in = 5, .train = 1,
	                      .in = { F64(x, 3, 2), F64(g, 2), F64(b, 2), F64(mean, 2), F64(var, 2) } };
	infer(wide("batchnorm"), &c);
	c.out[0].data = y;
	c.aux[0].data = aux[0];
	c.aux[1].data = aux[1];
	assert_int_equal(wide("batchnorm")->forward(&c), 0);
	near(y, (double[]){ -0.462908065999, 1.28683812671, 1.388724198, -1.15138148179, -0.925816131998, -0.135456644917 }, 6, 1e-8);
	near(mean, (double[]){ .15, 0.0416666666667 }, 2, 1e-8);
	near(var, (double[]){ 1.075, 1.12708333333 }, 2, 1e-8);

	/* a REDO brings no state */
	c.in[3].data = c.in[4].data = NULL;
	assert_int_equal(wide("batchnorm")->forward(&c), 0);
	near(mean, (double[]){ .15, 0.0416666666667 }, 2, 1e-8);

	double row[4] = { 1, 2, 4, -3 }, out[4];
	struct vit_layernorm_attr ln = { 1e-6f };
	struct vit_call l = { .attr = &ln, .step = &step, .n_in = 3, .in = { F64(row, 1, 4), F64(g, 4), F64(b, 4) } };
	infer(wide("layernorm"), &l);
	l.out[0].data = out;
	assert_int_equal(wide("layernorm")->forward(&l), 0);
	near(out, (double[]){ 0, 0.392232240105, 1.17669672031, -1.56892896042 }, 4, 1e-10);
}

static void attention_convolution_gelu(void **state)
{
	(void)state;
	double x[32], W[54], y[12];
	for (int i = 0; i < 32; i++)
		x[i] = sin(i);
	for (int i = 0; i < 54; i++)
		W[i] = cos(i);
	struct vit_call c = { .attr = &(struct vit_attention_attr){ .heads = 2 }, .n_in = 1, .in = { F64(x, 1, 2, 12) } };
	infer(wide("attention"), &c);
	c.out[0].data = y;
	assert_int_equal(wide("attention")->forward(&c), 0);
	near(y, (double[]){ 0.951179860793, 0.624230875911, -0.323285551477, -0.936566479639, 0.954555342184, 0.605477295532, -0.349894694407,
	                    -0.944212057991 }, 8, 1e-10);

	struct vit_call k = { .attr = &(struct vit_conv2d_attr){ .stride = 2, .pad = 1 }, .n_in = 2, .in = { F64(x, 1, 4, 4, 2), F64(W, 3, 3, 3, 2) } };
	infer(wide("conv2d"), &k);
	k.out[0].data = y;
	assert_int_equal(wide("conv2d")->forward(&k), 0);
	near(y, (double[]){ -0.910682426389, 0.958510413681, 2.17652330875, -0.686029477238, -2.78647407486, -2.9938813002, -0.215843535327,
	                    -0.304814473798, -0.186704644601, -0.12964630116, 0.114451876207, 0.280795273459 }, 12, 1e-10);

	double u[3] = { -1, .5, 2 }, one[1] = { 1 };
	struct vit_linear_attr act = { VIT_ACT_GELU };
	struct vit_call l = { .attr = &act, .n_in = 2, .in = { F64(u, 3, 1), F64(one, 1, 1) } };
	infer(wide("linear"), &l);
	l.out[0].data = y;
	assert_int_equal(wide("linear")->forward(&l), 0);
	near(y, (double[]){ -0.158655253931, 0.345731230637, 1.9544997361 }, 3, 1e-11);
	act.act = VIT_ACT_GELU_TANH;
	assert_int_equal(wide("linear")->forward(&l), 0);
	near(y, (double[]){ -0.158808009392, 0.345714009825, 1.95459769409 }, 3, 1e-11);
}

/* ---- random numbers ------------------------------------------------------------------ */

static void run_dropout(double *y, int64_t rows, uint64_t sample0, uint64_t key)
{
	static double x[1024];
	for (int i = 0; i < 1024; i++)
		x[i] = 1;
	struct vit_step step = { .seed = 5, .sample0 = sample0, .n_valid = (int32_t)rows };
	struct vit_call c = { .attr = &(struct vit_dropout_attr){ .25f }, .key = key, .train = 1, .step = &step, .n_in = 1, .in = { F64(x, rows, 37) } };
	infer(wide("dropout"), &c);
	c.out[0].data = y;
	assert_int_equal(wide("dropout")->forward(&c), 0);
}

static void masks_do_not_depend_on_the_batch(void **state)
{
	(void)state;
	double whole[20 * 37], part[20 * 37], other[20 * 37];
	run_dropout(whole, 20, 100, 1);
	run_dropout(part, 7, 100, 1);
	run_dropout(part + 7 * 37, 13, 107, 1);
	assert_memory_equal(whole, part, sizeof whole);
	run_dropout(other, 20, 100, 2);
	assert_memory_not_equal(whole, other, sizeof whole);
	int kept = 0;
	for (int i = 0; i < 20 * 37; i++) {
		assert_true(whole[i] == 0 || whole[i] == 1 / .75);
		kept += whole[i] > 0;
	}
	/* five standard deviations around 555 of 740 */
	assert_in_range(kept, 496, 614);
}

/* The element of a draw is documented, since kernels must draw the same. */
static void draws_are_as_documented(void **state)
{
	(void)state;
	double y[3 * 37];
	run_dropout(y, 3, 40, 9);
	for (uint64_t b = 0; b < 3; b++)
		for (uint64_t e = 0; e < 37; e++) {
			struct vit_rand4 r = vit_philox(vit_key(5, 9), 40 + b, e / 4);
			assert_true((y[b * 37 + e] > 0) == (vit_uniform(r.v[e % 4]) >= .25f));
		}
}

/* ---- shapes --------------------------------------------------------------------------- */

static void infer_names_what_does_not_fit(void **state)
{
	(void)state;
	const struct vit_op *op = vit_op_by_name("linear");
	assert_null(vit_op_by_name("lineal"));
	struct vit_call c = { .op = "linear", .name = "head", .attr = &(struct vit_linear_attr){ 0 }, .n_in = 2 };
	c.in[0] = of(NULL, VIT_F32, 3, (int64_t[]){ VIT_B, 7, 12 });
	c.in[1] = of(NULL, VIT_F32, 2, (int64_t[]){ 5, 13 });
	assert_int_equal(op->infer(&c), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "linear head: input 1 is [5,13]"));
	c.in[1].dim[1] = 12;
	assert_int_equal(op->infer(&c), 0);
	assert_true(c.out[0].ndim == 3 && c.out[0].dim[0] == VIT_B && c.out[0].dim[2] == 5);
	c.n_in = 1;
	assert_int_equal(op->infer(&c), VIT_EMISMATCH);
}

/* The two tables hold the same ops in the same order. */
static void tables_agree(void **state)
{
	(void)state;
	int n = 0;
	for (; vit_ops[n]; n++) {
		assert_string_equal(vit_ops[n]->name, vit_ops_f64[n]->name);
		assert_ptr_equal(vit_op_by_name(vit_ops[n]->name), vit_ops[n]);
		assert_int_equal(vit_ops[n]->abi, VIT_OP_ABI);
		assert_non_null(vit_ops[n]->infer);
		assert_non_null(vit_ops[n]->forward);
		assert_true(!vit_ops[n]->loss || vit_ops[n]->backward);
	}
	assert_null(vit_ops_f64[n]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adamw_is_pytorchs),
		cmocka_unit_test(adamw_lowers),
		cmocka_unit_test(loss_scale_moves),
		cmocka_unit_test(bad_steps),
		cmocka_unit_test(losses),
		cmocka_unit_test(unlabelled_samples_weigh_nothing),
		cmocka_unit_test(norms),
		cmocka_unit_test(attention_convolution_gelu),
		cmocka_unit_test(masks_do_not_depend_on_the_batch),
		cmocka_unit_test(draws_are_as_documented),
		cmocka_unit_test(infer_names_what_does_not_fit),
		cmocka_unit_test(tables_agree),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
