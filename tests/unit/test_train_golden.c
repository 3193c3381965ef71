/* SPDX-License-Identifier: MIT
 *
 * A small ViT against PyTorch and timm: logits, loss, every gradient, ten AdamW
 * steps and the average of the weights. Vectors: tests/golden/make_golden.py.
 *
 * Measure: per tensor, max |ours - theirs| / max |theirs|, so that an element
 * which happens to lie near zero is compared with the size of its tensor, as
 * rounding is. Bound: 1e-5, on the reference in f32 and on the CPU backend.
 */
#include "train/session.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { B = 6, STEPS = 10, PIXELS = 8 * 8 * 3 };
#define BOUND 1e-5

struct entry {
	char name[96];
	int64_t n;
	float *v;
};
static struct entry table[512];
static int n_entry;

static void load(void)
{
	const char *path = getenv("VIT_GOLDEN");
	FILE *f = fopen(path ? path : "tests/golden/vit-train.golden", "rb");
	assert_non_null(f);
	char line[256];
	while (fgets(line, sizeof line, f)) {
		struct entry *e = &table[n_entry++];
		assert_true(n_entry < 512);
		char *p = line + strcspn(line, " \n");
		snprintf(e->name, sizeof e->name, "%.*s", (int)(p - line), line);
		e->n = 1;
		while (*p == ' ')
			e->n *= strtoll(p, &p, 10);
		e->v = malloc((size_t)e->n * sizeof *e->v);
		assert_int_equal(fread(e->v, sizeof *e->v, (size_t)e->n, f), e->n);
	}
	fclose(f);
}

static const struct entry *find(const char *prefix, const char *name)
{
	char full[128];
	snprintf(full, sizeof full, "%s%s", prefix, name);
	for (int i = 0; i < n_entry; i++)
		if (!strcmp(table[i].name, full))
			return &table[i];
	fail_msg("no vector %s", full);
	return NULL;
}

static int count(const char *prefix)
{
	int n = 0;
	for (int i = 0; i < n_entry; i++)
		n += !strncmp(table[i].name, prefix, strlen(prefix));
	return n;
}

static void compare(const char *prefix, const char *name, const float *ours, int64_t n)
{
	const struct entry *e = find(prefix, name);
	double worst = 0, size = 0;
	assert_int_equal(e->n, n);
	for (int64_t i = 0; i < n; i++) {
		double d = fabs((double)ours[i] - (double)e->v[i]);
		worst = d <= worst ? worst : d;         /* a NaN stays */
		size = fmax(size, fabs((double)e->v[i]));
	}
	if (!(worst <= BOUND * size))
		fail_msg("%s%s: off by %g of %g", prefix, name, worst, size);
}

/* Every parameter of a block against the vectors of a prefix. */
static void compare_all(const struct vit_trainer *t, const float *block, const char *prefix)
{
	const struct vit_graph *g = &t->model->graph;
	int n = 0;
	for (int i = 0; i < g->n_value; i++) {
		const struct vit_value *v = g->value[i];
		if (v->role != VIT_PARAM)
			continue;
		const struct entry *e = find(prefix, v->name);
		compare(prefix, v->name, block + vit_params_offset(g, v), e->n);
		n++;
	}
	assert_int_equal(n, count(prefix));
}

static void fill(struct vit_model *m)
{
	const struct vit_graph *g = &m->graph;
	for (int i = 0; i < g->n_value; i++) {
		const struct vit_value *v = g->value[i];
		if (v->role != VIT_PARAM)
			continue;
		const struct entry *e = find("w/", v->name);
		memcpy(m->params.w + vit_params_offset(g, v), e->v, (size_t)e->n * sizeof(float));
		memcpy(m->params.ema + vit_params_offset(g, v), e->v, (size_t)e->n * sizeof(float));
	}
}

static void run(const struct vit_backend *backend, struct vit_dev *dev, int64_t accum)
{
	struct vit_meta meta = { .n_class = 5, .shape = { 8, 8, 3 }, .count = B, .epochs = 1, .n_mean = 1, .mean = { 0.5f }, .std = { 0.5f } };
	struct vit_model m;
	struct vit_trainer *t;
	struct vit_train_opt o = {
		.batch_size = B, .accum = accum, .steps = STEPS, .lr = 2e-3, .min_lr = 1e-5, .warmup = 3, .sched = "cosine", .opt = "adamw",
		.beta1 = 0.9, .beta2 = 0.95, .eps = 1e-4, .weight_decay = 0.05, .clip = 1, .ema = 0.9, .build = { .smoothing = 0.1 },
	};
	uint8_t images[B * PIXELS];
	int32_t labels[B];
	float loss[STEPS], lr[STEPS];
	for (int i = 0; i < B * PIXELS; i++)
		images[i] = (uint8_t)find("", "image")->v[i];
	for (int i = 0; i < B; i++)
		labels[i] = (int32_t)find("", "label")->v[i];

	assert_int_equal(vit_model_new(&m, "vit:patch=4,dim=16,depth=2,heads=2,mlp=2", &meta), 0);
	assert_int_equal(vit_trainer_new(&t, &m, &o, backend, dev), 0);
	fill(&m);
	for (int i = 0; i < STEPS; i++) {
		struct vit_train_stats s;
		if (!i) {
			struct vit_evaluator *e;
			const float *logits;
			assert_int_equal(vit_evaluator_new(&e, &m, &(struct vit_evaluator_opt){ .batch = B }, backend, dev), 0);
			assert_int_equal(vit_evaluator_run(e, B, images, &logits), 0);
			compare("", "logits", logits, B * 5);
			vit_evaluator_free(e);
		}
		assert_int_equal(vit_trainer_step(t, B, images, labels), 0);
		if (!i) {       /* sums over the batch; PyTorch's are means */
			float *g = m.params.g;
			for (int64_t k = 0; k < m.params.n; k++)
				g[k] /= B;
			compare_all(t, g, "g/");
		}
		assert_int_equal(vit_trainer_stats(t, &s), 0);
		loss[i] = (float)s.loss;
		lr[i] = (float)s.lr;
	}
	compare("", "loss", loss, STEPS);
	compare("", "lr", lr, STEPS);
	compare_all(t, m.params.w, "end/");
	compare_all(t, m.params.ema, "ema/");
	vit_trainer_free(t);
	vit_model_free(&m);
}

static void on(const char *spec, int64_t accum)
{
	const struct vit_backend *backend;
	struct vit_dev *dev;
	const char *note;
	assert_int_equal(vit_device_open(spec, 2, &backend, &dev, &note), 0);
	run(backend, dev, accum);
	backend->close(dev);
}

static void test_reference(void **state)
{
	(void)state;
	on("ref", 1);
}

static void test_cpu(void **state)
{
	(void)state;
	on("cpu", 1);
}

/* Micro-batches of 4 and 2 samples: the sums are those of the whole batch. */
static void test_accumulation(void **state)
{
	(void)state;
	on("cpu", 2);
	on("ref", 3);
	on("cpu", 4);
}

static int setup(void **state)
{
	(void)state;
	load();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < n_entry; i++)
		free(table[i].v);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reference), cmocka_unit_test(test_cpu), cmocka_unit_test(test_accumulation),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
