/* SPDX-License-Identifier: MIT
 *
 * The dynamic loss scale of a whole session, and what the trainer reads back when.
 * The device is the reference with float16 declared and memory that is not the
 * host's; its forward and backward make up a loss and one gradient, which
 * overflows where float16 would. The update is the real one.
 */
#include "graph/internal.h"
#include "train/train.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int n_read;              /* looks at the step's block */
static double loudest;          /* of the gradients, before the scale */
static uint64_t nan_at;         /* sample with a loss that is none */

static int nothing(const struct vit_call *c)
{
	(void)c;
	return 0;
}

static int loss(const struct vit_call *c)
{
	struct vit_step *s = c->step;
	s->loss += s->sample0 == nan_at ? (double)NAN : 0.5 + (double)(s->sample0 % 7);
	s->wsum += s->n_valid;
	s->hits += 1;
	return 0;
}

/* The gradient of a linear's weights, if float16 held it. */
static int gradient(const struct vit_call *c)
{
	float *g = c->din[1].data;
	const struct vit_step *s = c->step;
	for (int64_t i = 0; i < vit_tensor_count(&c->din[1]); i++) {
		double x = loudest * ((double)vit_uniform(vit_philox(s->sample0, 1, (uint64_t)i).v[0]) - 0.5) * (double)s->loss_scale;
		g[i] += fabs(x) < 65504 ? (float)x : INFINITY;
	}
	return 0;
}

static vit_kernel fake_find(struct vit_dev *dev, struct vit_call *c, int back)
{
	(void)dev;
	vit_kernel block = vit_ref_block_kernel(c->op, VIT_F32);
	if (block)
		return block;
	const struct vit_op *op = vit_op_by_name(c->op);
	if (op->loss && !back)
		return loss;
	if (back && !strcmp(c->op, "linear"))
		return gradient;
	return op->infer && c->n_out ? nothing : op->forward;
}

static int fake_copy(struct vit_dev *dev, void *to, const void *from, size_t n, int dir)
{
	n_read += dir == VIT_FROM_DEVICE && n == sizeof(struct vit_step);
	return vit_backend_ref.copy(dev, to, from, n, dir);
}

static struct vit_backend fake(int host)
{
	struct vit_backend b = vit_backend_ref;
	b.name = "fake";
	b.find = fake_find;
	b.copy = fake_copy;
	b.amp = 1u << VIT_BF16 | 1u << VIT_F16;
	b.host = host;
	return b;
}

enum { STEPS = 6000, B = 2 };

struct run {
	struct vit_backend backend;
	struct vit_model m;
	struct vit_trainer *t;
	int64_t step;
};

static void start(struct run *r, int amp, int host)
{
	struct vit_meta meta = { .n_class = 3, .shape = { 8, 8, 1 }, .count = B, .epochs = 1 };
	struct vit_train_opt o = {
		.batch_size = B, .accum = 1, .steps = STEPS, .lr = 1e-3, .min_lr = 1e-5, .warmup = 5, .sched = "cosine", .opt = "adamw",
		.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-8, .weight_decay = 0.05, .clip = 1, .ema = 0.9, .amp = amp,
	};
	*r = (struct run){ .backend = fake(host) };
	assert_int_equal(vit_model_new(&r->m, "vit:patch=4,dim=8,depth=1,heads=2,mlp=1", &meta), 0);
	assert_int_equal(vit_trainer_new(&r->t, &r->m, &o, &r->backend, NULL), 0);
}

static void stop(struct run *r)
{
	vit_trainer_free(r->t);
	vit_model_free(&r->m);
}

static int step(struct run *r)
{
	static const uint8_t images[B * 64];
	static const int32_t labels[B];
	r->step++;
	return vit_trainer_step(r->t, B, images, labels);
}

static void steps(struct run *r, int n)
{
	for (int i = 0; i < n; i++)
		assert_int_equal(step(r), 0);
}

static struct vit_train_stats stats(struct run *r)
{
	struct vit_train_stats s;
	assert_int_equal(vit_trainer_stats(r->t, &s), 0);
	return s;
}

static void scale_is(struct run *r, double scale, int64_t skipped)
{
	struct vit_train_stats s = stats(r);
	if (fabs(s.loss_scale - scale) > 0 || s.skipped != skipped)
		fail_msg("scale %g, %lld skipped; wanted %g, %lld", s.loss_scale, (long long)s.skipped, scale, (long long)skipped);
}

/* It halves until the gradients fit, 32 under 65504 here, and doubles after 2000 good steps. */
static void test_settles(void **state)
{
	(void)state;
	struct run r;
	loudest = 64;
	start(&r, VIT_F16, 0);
	steps(&r, 6);
	struct vit_train_stats s = stats(&r);
	assert_true(s.skipped >= 5 && s.skipped <= 6 && s.step == 6);     /* 2^16 to 2^11, where the very largest would not fit */
	assert_true(fabs(s.loss_scale * exp2((double)s.skipped) - 65536) <= 0);
	int64_t skipped = s.skipped;
	double scale = s.loss_scale;
	steps(&r, 2000);
	s = stats(&r);
	assert_int_equal(s.skipped, skipped + (s.loss_scale < scale ? 1 : 0));
	loudest = 0.25;
	steps(&r, 2100);
	assert_true(stats(&r).loss_scale > s.loss_scale);
	assert_true(vit_trainer_plan(r.t)->step->done < r.step);
	stop(&r);
}

/* The rate and the norm that are told do not know of the scale, and a skipped step does not use up a rate. */
static void test_told(void **state)
{
	(void)state;
	struct run scaled, plain;
	loudest = 1e-3;
	start(&scaled, VIT_F16, 0);
	start(&plain, VIT_BF16, 0);
	steps(&scaled, 3);
	steps(&plain, 3);
	struct vit_train_stats a = stats(&scaled), b = stats(&plain);
	assert_true(fabs(a.lr - b.lr) <= 0 && fabs(a.loss - b.loss) <= 0 && b.loss_scale < 1.5);
	assert_true(fabs(a.grad_norm - b.grad_norm) < 1e-6 * b.grad_norm && b.grad_norm > 0);
	assert_true(fabs(a.sum_loss - (0.5 + 2.5 + 4.5)) < 1e-12 && fabs(a.sum_weight - 6) <= 0 && fabs(a.sum_hits - 3) <= 0);
	for (int64_t i = 0; i < plain.m.params.n; i++)
		assert_true(fabsf(plain.m.params.w[i] - scaled.m.params.w[i]) <= 1e-6f * (1 + fabsf(plain.m.params.w[i])));
	loudest = 1e9;
	double rate = a.lr;
	steps(&scaled, 1);
	a = stats(&scaled);
	assert_int_equal(a.skipped, 1);
	assert_true(a.lr > rate);
	rate = a.lr;
	loudest = 1e-3;
	steps(&scaled, 1);      /* the same place in the warm-up */
	a = stats(&scaled);
	assert_true(fabs(a.lr - rate) <= 0);
	stop(&scaled);
	stop(&plain);
}

/* Written at one step and read in another session, the run ends in the same bytes. */
static void test_resume(void **state)
{
	(void)state;
	char path[] = "/tmp/vit-scaler-XXXXXX", before[64];
	char *changed;
	struct run whole, first, second;
	const struct vit_cursor at = { .step = 2110, .samples = 2110 * B, .best = -1, .seq = -1 };
	struct vit_cursor back;
	json_t *options = json_object();
	assert_true(close(mkstemp(path)) == 0);
	loudest = 300;
	start(&whole, VIT_F16, 0);
	steps(&whole, 2110);
	loudest = 1;
	steps(&whole, 2000);

	loudest = 300;
	start(&first, VIT_F16, 0);
	steps(&first, 2110);
	assert_int_equal(vit_checkpoint_write(first.t, path, &at, options), 0);
	stop(&first);
	start(&second, VIT_F16, 0);
	assert_int_equal(vit_checkpoint_read(second.t, path, &back, options, &changed), 0);
	assert_null(changed);
	assert_int_equal(back.step, 2110);
	loudest = 1;
	steps(&second, 2000);

	assert_true(stats(&whole).skipped > 5);
	scale_is(&second, stats(&whole).loss_scale, stats(&whole).skipped);
	const struct vit_step *a = vit_trainer_plan(whole.t)->step, *b = vit_trainer_plan(second.t)->step;
	assert_int_equal(a->done, b->done);
	assert_int_equal(a->good, b->good);
	assert_int_equal(a->closed, b->closed);
	assert_int_not_equal(a->done, a->closed);
	const struct vit_params *p = &whole.m.params, *q = &second.m.params;
	const size_t bytes = (size_t)p->n * sizeof(float);
	assert_memory_equal(p->w, q->w, bytes);
	assert_memory_equal(p->m, q->m, bytes);
	assert_memory_equal(p->v, q->v, bytes);
	assert_memory_equal(p->ema, q->ema, bytes);
	assert_memory_equal(p->w16, q->w16, bytes / 2);
	stop(&whole);
	stop(&second);
	json_decref(options);
	unlink(path);
	snprintf(before, sizeof before, "%s~", path);
	unlink(before);
}

/* A device that is far is looked at every 32 steps and when somebody asks. */
static void test_seldom(void **state)
{
	(void)state;
	struct run r;
	loudest = 1e-3;
	start(&r, VIT_BF16, 0);
	n_read = 0;
	steps(&r, 32);
	assert_int_equal(n_read, 0);
	steps(&r, 1);
	assert_int_equal(n_read, 1);
	stats(&r);
	stats(&r);
	assert_int_equal(n_read, 2);
	steps(&r, 32);
	assert_int_equal(n_read, 2);
	stop(&r);
	start(&r, VIT_BF16, 1);
	n_read = 0;
	steps(&r, 10);
	assert_int_equal(n_read, 9);
	stop(&r);
}

static void refused_after(struct run *r, int steps_until, const char *words)
{
	int rc = 0, n = 0;
	while (n < 40 && !rc) {
		rc = step(r);
		n++;
	}
	assert_int_equal(rc, VIT_EFORMAT);
	assert_int_equal(n, steps_until);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
	assert_int_equal(step(r), VIT_EFORMAT);         /* and for good */
}

/* The step that went wrong is named, however late that is seen. */
static void test_bad(void **state)
{
	(void)state;
	struct run r;
	for (int host = 0; host <= 1; host++) {
		loudest = 1;
		start(&r, VIT_BF16, host);
		steps(&r, 4);
		loudest = 1e9;
		refused_after(&r, host ? 2 : 29, "step 5: a gradient is not finite; lower --lr");
		stop(&r);
	}
	/* a loss that is not finite is no matter of its scale */
	loudest = 1e-3;
	nan_at = 3 * B;
	start(&r, VIT_F16, 0);
	steps(&r, 6);
	struct vit_train_stats s;
	assert_int_equal(vit_trainer_stats(r.t, &s), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "step 4: whatever its scale, the loss or a gradient is not finite"));
	assert_non_null(strstr(vit_errmsg(), "--amp bf16"));
	const struct vit_cursor at = { .step = 6, .best = -1 };
	json_t *options = json_object();
	assert_int_equal(vit_checkpoint_write(r.t, "/nonexistent/x", &at, options), VIT_EFORMAT);
	json_decref(options);
	stop(&r);
	nan_at = UINT64_MAX;
	/* nor are gradients that overflow at 2^-14: 2^16 halved 31 times */
	loudest = 1e30;
	start(&r, VIT_F16, 1);
	refused_after(&r, 32, "step 31");
	stop(&r);
}

int main(void)
{
	nan_at = UINT64_MAX;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settles), cmocka_unit_test(test_told), cmocka_unit_test(test_resume),
		cmocka_unit_test(test_seldom), cmocka_unit_test(test_bad),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
