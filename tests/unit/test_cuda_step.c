/* SPDX-License-Identifier: MIT
 *
 * Whole training steps on CUDA against the CPU, and what must not change a bit:
 * a second run, tapes, padding, recomputing, a stop and a resume. Skipped where
 * there is no GPU; in build/shim the shim is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/train.h"

enum { K = 5, SIDE = 16, CHANNELS = 3, PIXELS = SIDE * SIDE * CHANNELS, BATCH = 7, MANY = 64 };

static struct machine {
	const struct vit_backend *b;
	struct vit_dev *dev;
} cpu, cuda;

static int open_devices(void **state)
{
	(void)state;
	if (vit_device_open("cpu", 0, &cpu.b, &cpu.dev, NULL))
		fail_msg("%s", vit_errmsg());
	if (vit_device_open("cuda", 0, &cuda.b, &cuda.dev, NULL))
		cuda.b = NULL;
	return 0;
}

static int close_devices(void **state)
{
	(void)state;
	cpu.b->close(cpu.dev);
	if (cuda.b)
		cuda.b->close(cuda.dev);
	return 0;
}

/* Only what a machine without one says is a reason to skip. */
static void need_device(void)
{
	if (cuda.b)
		return;
	if (!strstr(vit_errmsg(), ": no NVIDIA ") && !strstr(vit_errmsg(), "has no CUDA"))
		fail_msg("%s", vit_errmsg());
	print_message("%s\n", vit_errmsg());
	skip();
}

static void ok(int rc)
{
	if (rc)
		fail_msg("%s", vit_errmsg());
}

/* ---- samples ----------------------------------------------------------------------- */

static uint8_t images[MANY][PIXELS];
static int32_t hard[MANY];
static float soft[MANY][K];

/* A class is a direction of stripes under noise. */
static void make_samples(void)
{
	for (int i = 0; i < MANY; i++) {
		const int class = i * 7 % K;
		hard[i] = class;
		for (int k = 0; k < K; k++)
			soft[i][k] = k == class ? 0.75f : k == (class + 1) % K ? 0.25f : 0;
		for (int p = 0; p < PIXELS; p++) {
			const int x = p / CHANNELS % SIDE, y = p / CHANNELS / SIDE;
			const int stripe = (x * class + y * (K - class)) / 8 % 2;
			images[i][p] = (uint8_t)(60 + 80 * stripe + (int)(vit_philox(5, (uint64_t)i, (uint64_t)p).v[0] % 100));
		}
	}
}

/* ---- a run ----------------------------------------------------------------------------- */

/* What a case varies. */
struct setting {
	const char *spec;
	struct vit_build build;
	int64_t batch, accum;
	double ema, clip;
	int recompute, amp;
	uint32_t how;
	const char *const *freeze;
};

static const struct setting plain = {
	.spec = "vit:patch=4,dim=64,depth=2,heads=2,mlp=2,init=fan_in", .batch = BATCH, .accum = 1,
};
static const struct setting full = {
	.spec = "vit:patch=4,dim=64,depth=2,heads=1,mlp=2,init=fan_in,layer_scale=0.5,reg_tokens=2,act=gelu_tanh",
	.build = { .soft = 1, .smoothing = 0.1, .drop = 0.1, .drop_path = 0.3 }, .batch = BATCH, .accum = 3, .ema = 0.9, .clip = 0.5, .recompute = 1,
};

/* 64 tokens, their mean. */
static const struct setting longer = {
	.spec = "vit:patch=2,dim=64,depth=2,heads=2,mlp=2,init=fan_in,pool=mean", .build = { .drop_path = 0.1 }, .batch = 4, .accum = 1, .clip = 1,
};
static const struct setting dropped = {
	.spec = "vit:patch=4,dim=60,depth=2,heads=3,mlp=1.5,init=fan_in", .build = { .smoothing = 0.2, .drop = 0.2, .attn_drop = 0.2 },
	.batch = BATCH, .accum = 2, .ema = 0.5,
};

struct run {
	const struct machine *on;
	const struct setting *how;
	struct vit_model model;
	struct vit_trainer *t;
};

static void start(struct run *r, const struct machine *on, const struct setting *s)
{
	const struct vit_meta samples = { .n_class = K, .shape = { SIDE, SIDE, CHANNELS }, .count = -1 };
	const struct vit_train_opt o = {
		.batch_size = s->batch, .accum = s->accum, .steps = 12, .lr = 3e-3, .min_lr = 1e-4, .weight_decay = 0.05, .beta1 = 0.9, .beta2 = 0.99,
		/* the first steps of Adam are nearly signs: a large eps leaves them a size that can be compared */
		.eps = 1e-3, .clip = s->clip, .warmup = 2, .sched = "cosine", .opt = "adamw", .ema = s->ema, .build = s->build,
		.recompute = s->recompute, .amp = s->amp, .how = s->how, .freeze = s->freeze, .seed = 4,
	};
	*r = (struct run){ .on = on, .how = s };
	ok(vit_model_new(&r->model, s->spec, &samples));
	ok(vit_trainer_new(&r->t, &r->model, &o, on->b, on->dev));
}

static void stop(struct run *r)
{
	vit_trainer_free(r->t);
	vit_model_free(&r->model);
}

static const void *labels(const struct run *r, int64_t at)
{
	return r->how->build.soft ? (const void *)soft[at] : (const void *)&hard[at];
}

/* Step `i`: the third one is short. */
static int64_t size_of(const struct run *r, int i)
{
	return i % 4 == 2 ? r->how->batch - 2 : r->how->batch;
}

static void step(struct run *r, int i)
{
	const int64_t at = i * r->how->batch % (MANY - r->how->batch);
	ok(vit_trainer_step(r->t, size_of(r, i), images[at], labels(r, at)));
}

static void steps(struct run *r, int from, int to)
{
	for (int i = from; i < to; i++)
		step(r, i);
}

static struct vit_train_stats stats(const struct run *r)
{
	struct vit_train_stats s;
	ok(vit_trainer_stats(r->t, &s));
	return s;
}

/* A block of the parameters on the host. */
static float *fetch(const struct run *r, const float *block)
{
	const size_t n = (size_t)r->model.params.n * sizeof *block;
	float *p = malloc(n);
	assert_non_null(p);
	ok(r->on->b->copy(r->on->dev, p, block, n, VIT_FROM_DEVICE));
	ok(r->on->b->sync(r->on->dev));
	return p;
}

static void same_block(const struct run *a, const struct run *b, const float *of_a, const float *of_b, const char *what)
{
	float *x = fetch(a, of_a), *y = fetch(b, of_b);
	for (int64_t i = 0; i < a->model.params.n; i++)
		if (memcmp(&x[i], &y[i], sizeof *x))
			fail_msg("%s %lld: %.9g is not %.9g", what, (long long)i, (double)x[i], (double)y[i]);
	free(x);
	free(y);
}

/* Everything that training left is the same to the bit. */
static void same(const struct run *a, const struct run *b)
{
	const struct vit_params *p = &a->model.params, *q = &b->model.params;
	same_block(a, b, p->w, q->w, "weight");
	same_block(a, b, p->g, q->g, "gradient");
	same_block(a, b, p->m, q->m, "first moment");
	same_block(a, b, p->v, q->v, "second moment");
	if (p->ema)
		same_block(a, b, p->ema, q->ema, "average");
	const struct vit_train_stats s = stats(a), t = stats(b);
	if (s.sum_loss < t.sum_loss || s.sum_loss > t.sum_loss)
		fail_msg("losses add up to %.17g, not %.17g", t.sum_loss, s.sum_loss);
}

/* ---- against the CPU ------------------------------------------------------------------------ */

/* Root of the mean square of the difference by that of the size, of one parameter. */
static double distance(const struct run *r, const struct vit_value *v, const float *got, const float *want, double scale)
{
	struct vit_tensor t = { .ndim = v->ndim };
	memcpy(t.dim, v->dim, sizeof t.dim);
	const int64_t at = vit_params_offset(&r->model.graph, v), n = vit_tensor_count(&t);
	double apart = 0, size = 0;
	for (int64_t i = at; i < at + n; i++) {
		const double d = (double)got[i] * scale - (double)want[i];
		apart += d * d;
		size += (double)want[i] * (double)want[i];
	}
	/* a key's bias has no gradient: what there is of it is rounding */
	return sqrt(apart / (size + 1e-12 * (double)n));
}

/* Every parameter's block `of_a` is within `tolerance` of the CPU's. */
static double near(const struct run *a, const float *of_a, const struct run *b, const float *of_b, double scale, double tolerance, const char *what)
{
	float *got = fetch(a, of_a), *want = fetch(b, of_b);
	double worst = 0;
	for (int i = 0; i < a->model.graph.n_value; i++) {
		const struct vit_value *v = a->model.graph.value[i];
		if (v->role != VIT_PARAM)
			continue;
		const double d = distance(a, v, got, want, scale);
		if (!(d <= tolerance))
			fail_msg("%s of %s: off by %.3g, allowed %.3g", what, v->name, d, tolerance);
		worst = fmax(worst, d);
	}
	free(got);
	free(want);
	return worst;
}

struct allowed { double gradient, weight, loss; };

/* Four steps on both; gradients of the first, before the weights part. */
static void parity(const struct setting *s, struct allowed allowed)
{
	struct setting f32 = *s;
	f32.amp = VIT_F32;
	f32.how = 0;
	struct run a, b;
	start(&a, &cuda, s);
	start(&b, &cpu, &f32);
	double g = 0, worst = 0;
	for (int i = 0; i < 4; i++) {
		step(&a, i);
		step(&b, i);
		const struct vit_train_stats x = stats(&a), y = stats(&b);
		assert_int_equal(x.skipped, 0);
		if (!i)
			g = near(&a, a.model.params.g, &b, b.model.params.g, 1 / x.loss_scale, allowed.gradient, "gradient");
		worst = fmax(worst, fabs(x.loss - y.loss) / y.loss);
		if (!(fabs(x.loss - y.loss) <= allowed.loss * y.loss) || !(fabs(x.grad_norm - y.grad_norm) <= allowed.gradient * y.grad_norm * 2))
			fail_msg("step %d: loss %.9g, the CPU has %.9g; norm %.9g, it has %.9g", i, x.loss, y.loss, x.grad_norm, y.grad_norm);
		assert_true(fabs(x.sum_hits - y.sum_hits) <= (s->amp || s->how ? 2 : 0));
	}
	double w = near(&a, a.model.params.w, &b, b.model.params.w, 1, allowed.weight, "weight");
	if (a.model.params.ema)
		w = fmax(w, near(&a, a.model.params.ema, &b, b.model.params.ema, 1, allowed.weight, "average"));
	print_message("gradients within %.2g, losses %.2g, weights %.2g\n", g, worst, w);
	stop(&a);
	stop(&b);
}

/* How far each precision may be from the CPU's f32. */
static const struct allowed in_f32 = { 2e-5, 1e-4, 1e-5 }, in_tf32 = { 5e-3, 2e-2, 2e-3 }, in_f16 = { 5e-3, 2e-2, 2e-3 }, in_bf16 = { 3e-2, 0.1, 1e-2 };

static void test_f32(void **state)
{
	(void)state;
	need_device();
	parity(&plain, in_f32);
	parity(&full, in_f32);
	parity(&longer, in_f32);
	parity(&dropped, in_f32);
	static const char *const some[] = { "patch_embed.*", "pos_embed", "blocks.0.*", NULL };
	struct setting s = full;
	s.freeze = some;
	parity(&s, in_f32);
}

static void test_lowered(void **state)
{
	(void)state;
	need_device();
	const struct setting *const all[] = { &plain, &full, &longer };
	for (int i = 0; i < 3; i++) {
		struct setting s = *all[i];
		s.how = VIT_HOW_TF32;
		parity(&s, in_tf32);
		s.how = 0;
		s.amp = VIT_BF16;
		parity(&s, in_bf16);
		s.amp = VIT_F16;
		parity(&s, in_f16);
	}
}

/* ---- bits ---------------------------------------------------------------------------------------- */

static void test_again(void **state)
{
	(void)state;
	need_device();
	static const int amp[] = { VIT_F32, VIT_BF16, VIT_F16 };
	for (int i = 0; i < 3; i++) {
		struct setting s = full;
		struct run a, b;
		s.amp = amp[i];
		s.build.attn_drop = i ? 0 : 0.1;
		start(&a, &cuda, &s);
		start(&b, &cuda, &s);
		steps(&a, 0, 4);
		steps(&b, 0, 4);
		same(&a, &b);
		stop(&a);
		stop(&b);
	}
}

static int look(void *arg, const struct vit_instr *in, int before)
{
	(void)in;
	*(int *)arg += before;
	return 0;
}

/* A step of one micro-batch whose rows from `valid` on are garbage; hooked runs
 * are not taped. Gives the number of instructions a hook saw. */
static int by_hand(struct run *r, int i, int64_t valid, int garbage, int hooked)
{
	struct vit_plan *p = vit_trainer_plan(r->t);
	const struct vit_tensor x = vit_plan_value(p, vit_graph_find(p->graph, "image"), 0), y = vit_plan_value(p, vit_graph_find(p->graph, "label"), 0);
	static uint8_t pixels[BATCH][PIXELS];
	static float answer[BATCH][K];
	int32_t class[BATCH];
	int seen = 0;
	for (int b = 0; b < BATCH; b++) {
		memcpy(pixels[b], images[i * BATCH + b], PIXELS);
		memcpy(answer[b], soft[i * BATCH + b], sizeof answer[b]);
		class[b] = hard[i * BATCH + b];
		if (b < valid)
			continue;
		memset(pixels[b], 37 * garbage, PIXELS);
		for (int k = 0; k < K; k++)
			answer[b][k] = garbage == 1 ? 1e30f : -7;
		class[b] = garbage == 1 ? 1 : 1000;
	}
	p->host->sample0 = (uint64_t)(i * BATCH);
	p->host->n_valid = (int32_t)valid;
	ok(vit_send(r->on->b, r->on->dev, x.data, pixels, vit_tensor_bytes(&x)));
	ok(vit_send(r->on->b, r->on->dev, y.data, r->how->build.soft ? (const void *)answer : (const void *)class, vit_tensor_bytes(&y)));
	ok(vit_plan_run(p, VIT_RUN_FIRST | VIT_RUN_LAST, hooked ? look : NULL, &seen));
	return seen;
}

static void test_tapes(void **state)
{
	(void)state;
	need_device();
	for (int amp = 0; amp < 2; amp++) {
		struct setting s = full;
		struct run a, b;
		s.accum = 1;
		s.amp = amp ? VIT_BF16 : VIT_F32;
		start(&a, &cuda, &s);
		start(&b, &cuda, &s);
		for (int i = 0; i < 4; i++) {
			assert_int_equal(by_hand(&a, i, BATCH - i, 1, 0), 0);
			assert_true(by_hand(&b, i, BATCH - i, 1, 1) > 40);
		}
		same(&a, &b);
		stop(&a);
		stop(&b);
	}
}

static void test_padding(void **state)
{
	(void)state;
	need_device();
	for (int v = 0; v < 4; v++) {
		struct setting s = v & 1 ? full : plain;
		struct run a, b;
		s.accum = 1;
		s.amp = v & 2 ? VIT_F16 : VIT_F32;
		start(&a, &cuda, &s);
		start(&b, &cuda, &s);
		for (int i = 0; i < 3; i++) {
			by_hand(&a, i, BATCH - 2 * i - 1, 1, 0);
			by_hand(&b, i, BATCH - 2 * i - 1, 2, 0);
		}
		same(&a, &b);
		stop(&a);
		stop(&b);
	}
}

/* A block's second forward gives what its first one gave. */
static void test_recompute(void **state)
{
	(void)state;
	need_device();
	struct setting s = full;
	struct run a, b;
	s.build.attn_drop = 0.1;
	start(&a, &cuda, &s);
	s.recompute = 0;
	start(&b, &cuda, &s);
	steps(&a, 0, 3);
	steps(&b, 0, 3);
	near(&a, a.model.params.g, &b, b.model.params.g, 1, 1e-5, "gradient");
	near(&a, a.model.params.w, &b, b.model.params.w, 1, 1e-5, "weight");
	stop(&a);
	stop(&b);
}

/* ---- going on ---------------------------------------------------------------------------------------- */

/* The scale from which fp16 must come down first. */
static void overflow(const struct run *r)
{
	struct vit_step s;
	ok(vit_plan_step_get(vit_trainer_plan(r->t), &s));
	s.loss_scale = 0x1p20f;
	ok(vit_plan_step_put(vit_trainer_plan(r->t), &s));
}

static void resume(const struct setting *s)
{
	char path[] = "/tmp/vit-step-XXXXXX";
	const int file = mkstemp(path);
	assert_true(file >= 0);
	close(file);
	struct run whole, half, rest;
	struct vit_cursor at = { .step = 3, .seq = -1, .best = -1 }, back = { 0 };
	json_t *options = json_object();
	char *changed = NULL;
	start(&whole, &cuda, s);
	start(&half, &cuda, s);
	start(&rest, &cuda, s);
	if (s->amp == VIT_F16) {
		overflow(&whole);
		overflow(&half);
	}
	steps(&whole, 0, 6);
	steps(&half, 0, 3);
	at.samples = stats(&half).samples;
	ok(vit_checkpoint_write(half.t, path, &at, options));
	ok(vit_checkpoint_read(rest.t, path, &back, options, &changed));
	assert_null(changed);
	assert_int_equal(back.step, 3);
	steps(&rest, 3, 6);
	const struct vit_train_stats x = stats(&whole), y = stats(&rest);
	assert_int_equal(x.step, y.step);
	assert_true(x.loss <= y.loss && x.loss >= y.loss && x.loss_scale <= y.loss_scale && x.loss_scale >= y.loss_scale);
	assert_true(s->amp != VIT_F16 || (stats(&half).skipped > 0 && x.skipped < 6));
	const struct vit_params *p = &whole.model.params, *q = &rest.model.params;
	same_block(&whole, &rest, p->w, q->w, "weight");
	same_block(&whole, &rest, p->m, q->m, "first moment");
	same_block(&whole, &rest, p->v, q->v, "second moment");
	same_block(&whole, &rest, p->ema, q->ema, "average");
	json_decref(options);
	unlink(path);
	stop(&whole);
	stop(&half);
	stop(&rest);
}

static void test_resume(void **state)
{
	(void)state;
	need_device();
	static const int amp[] = { VIT_F32, VIT_BF16, VIT_F16 };
	for (int i = 0; i < 3; i++) {
		struct setting s = full;
		s.amp = amp[i];
		resume(&s);
	}
}

/* ---- inference ------------------------------------------------------------------------------------------- */

static void evaluate(struct run *r, int64_t batch, int64_t n, int64_t from, int ema, float out[][K])
{
	struct vit_evaluator *e;
	const struct vit_evaluator_opt o = { .batch = batch, .use_ema = ema, .amp = r->how->amp, .how = r->how->how };
	const float *logits;
	ok(vit_evaluator_new(&e, &r->model, &o, r->on->b, r->on->dev));
	ok(vit_evaluator_run(e, n, images[from], &logits));
	memcpy(out, logits, (size_t)n * sizeof out[0]);
	vit_evaluator_free(e);
}

static void near_logits(float a[][K], float b[][K], int64_t n, double tolerance, const char *what)
{
	for (int64_t i = 0; i < n; i++)
		for (int k = 0; k < K; k++)
			if (!(fabs((double)a[i][k] - (double)b[i][k]) <= tolerance))
				fail_msg("%s: logit %d of sample %lld is %.9g, not %.9g", what, k, (long long)i, (double)a[i][k], (double)b[i][k]);
}

/* Mean cross-entropy of hard labels. */
static double loss_of(float logits[][K], int64_t n, int64_t from)
{
	double loss = 0;
	for (int64_t i = 0; i < n; i++) {
		double sum = 0;
		for (int k = 0; k < K; k++)
			sum += exp((double)logits[i][k]);
		loss += log(sum) - (double)logits[i][hard[from + i]];
	}
	return loss / (double)n;
}

/* What training computes is what inference computes; a batch of one and a short
 * one give the same answers; and the CPU, with the weights that CUDA made, too. */
static void inference(int amp, double own, double cpus)
{
	struct setting s = plain, f32 = plain;
	struct run a, b;
	float all[BATCH][K], some[BATCH][K], average[BATCH][K];
	s.amp = amp;
	s.ema = f32.ema = 0.5;
	start(&a, &cuda, &s);
	start(&b, &cpu, &f32);
	steps(&a, 0, 3);
	evaluate(&a, BATCH, BATCH, 3 * BATCH, 0, all);
	evaluate(&a, BATCH, BATCH, 3 * BATCH, 1, average);
	evaluate(&a, BATCH, 3, 3 * BATCH, 0, some);
	near_logits(some, all, 3, own, "a short batch");
	evaluate(&a, 1, 1, 3 * BATCH + 4, 0, some);
	near_logits(some, all + 4, 1, own, "a batch of one");
	float *w = fetch(&a, a.model.params.w), *ema = fetch(&a, a.model.params.ema);
	ok(vit_params_put(&b.model.params, b.model.params.w, w, (size_t)a.model.params.n * sizeof *w));
	ok(vit_params_put(&b.model.params, b.model.params.ema, ema, (size_t)a.model.params.n * sizeof *w));
	evaluate(&b, BATCH, BATCH, 3 * BATCH, 0, some);
	near_logits(some, all, BATCH, cpus, "the CPU");
	evaluate(&b, BATCH, BATCH, 3 * BATCH, 1, some);
	near_logits(some, average, BATCH, cpus, "the CPU, average");
	step(&a, 3);
	const double loss = stats(&a).loss, want = loss_of(all, BATCH, 3 * BATCH);
	if (!(fabs(loss - want) <= own))
		fail_msg("training has a loss of %.9g where inference had %.9g", loss, want);
	free(w);
	free(ema);
	stop(&a);
	stop(&b);
}

static void test_inference(void **state)
{
	(void)state;
	need_device();
	inference(VIT_F32, 1e-5, 1e-4);
	inference(VIT_BF16, 2e-2, 0.1);
	inference(VIT_F16, 2e-3, 1e-2);
}

int main(void)
{
	make_samples();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_f32), cmocka_unit_test(test_lowered), cmocka_unit_test(test_again), cmocka_unit_test(test_tapes),
		cmocka_unit_test(test_padding), cmocka_unit_test(test_recompute), cmocka_unit_test(test_resume), cmocka_unit_test(test_inference),
	};
	return cmocka_run_group_tests(tests, open_devices, close_devices);
}
