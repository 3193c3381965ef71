/* SPDX-License-Identifier: MIT
 *
 * bench_step [-d DEVICE] [-a f32|tf32|bf16|fp16] [-i] [-g GROUP] SPEC SIZE CHANNELS CLASSES BATCH STEPS
 *
 * Times whole training steps (forward, backward, AdamW), or with -i forward
 * alone, on random images. A device works while the host goes on, so GROUP
 * steps are timed together, up to the moment their sums are on the host.
 *
 * Prints one line: median and best milliseconds of a step, the step's FLOPs by
 * the plan's count, and the bytes of values and parameters. One process a turn,
 * so that tests/bench/run.sh can alternate it with its peer: thread pools that
 * spin disturb each other inside one.
 */
#include "vit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WARM = 3 };              /* runs before the clock: the first loads, the second records */

struct job {
	const char *device, *spec;
	int amp, infer, group, steps, n_class;
	uint32_t how;
	int64_t size, channels, batch;
	const struct vit_backend *backend;
	struct vit_dev *dev;
	struct vit_model model;
	uint8_t *images;
	int32_t *labels;
	double *ms;                     /* of each group */
	double flops, bytes;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static int fill(struct job *j)
{
	int64_t n = j->batch * j->size * j->size * j->channels;
	j->images = malloc((size_t)n);
	j->labels = malloc((size_t)j->batch * sizeof *j->labels);
	j->ms = malloc((size_t)j->steps * sizeof *j->ms);
	if (!j->images || !j->labels || !j->ms)
		return vit_fail(VIT_ENOMEM, "out of memory");
	for (int64_t i = 0; i < n; i++)
		j->images[i] = (uint8_t)vit_philox(1, 0, (uint64_t)i).v[0];
	for (int64_t i = 0; i < j->batch; i++)
		j->labels[i] = (int32_t)vit_below(vit_philox(2, 0, (uint64_t)i).v[0], (uint32_t)j->n_class);
	return 0;
}

static int train(struct job *j)
{
	struct vit_trainer *t = NULL;
	struct vit_train_stats stats;
	const struct vit_train_opt opt = {
		.batch_size = j->batch, .accum = 1, .steps = (int64_t)j->group * (j->steps + WARM), .epochs = 1, .lr = 1e-3, .weight_decay = 0.05,
		.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .sched = "constant", .opt = "adamw", .build = { .train = 1 }, .amp = j->amp, .how = j->how,
	};
	int rc = vit_trainer_new(&t, &j->model, &opt, j->backend, j->dev);
	for (int i = -WARM; i < j->steps && !rc; i++) {
		double start = now();
		for (int k = 0; k < j->group && !rc; k++)
			rc = vit_trainer_step(t, j->batch, j->images, j->labels);
		if (!rc)
			rc = vit_trainer_stats(t, &stats);
		if (i >= 0)
			j->ms[i] = 1e3 * (now() - start) / j->group;
	}
	if (!rc) {
		j->flops = vit_trainer_plan(t)->flops;
		j->bytes = (double)vit_trainer_plan(t)->arena_bytes + 16.0 * (double)j->model.params.n + (j->model.params.w16 ? 2.0 : 0.0) * (double)j->model.params.n;
	}
	vit_trainer_free(t);
	return rc;
}

/* The images lie on the device; a group ends when its last logits are here. */
static int infer(struct job *j)
{
	static const char *const results[] = { "logits", NULL };
	const struct vit_plan_opt opt = { .B = j->batch, .dtype = VIT_F32, .amp = j->amp, .how = j->how, .results = results };
	struct vit_plan p = { 0 };
	float *logits = NULL;
	int rc = vit_params_new(&j->model.params, &j->model.graph, j->backend, j->dev, 0, 0);
	if (!rc)
		rc = vit_params_init(&j->model.params, &j->model.graph, 0);
	if (!rc && j->amp != VIT_F32)
		rc = vit_params_amp(&j->model.params, j->amp);
	if (!rc)
		rc = vit_plan_make(&p, &j->model.graph, &opt, j->backend, j->dev);
	if (rc)
		return rc;
	rc = vit_plan_bind(&p, NULL, &j->model.params, 0);
	struct vit_tensor x = vit_plan_value(&p, vit_graph_find(&j->model.graph, "image"), 0), y = vit_plan_value(&p, vit_graph_find(&j->model.graph, "logits"), 0);
	if (!rc && !(logits = malloc(vit_tensor_bytes(&y))))
		rc = vit_fail(VIT_ENOMEM, "out of memory");
	if (!rc)
		rc = j->backend->copy(j->dev, x.data, j->images, vit_tensor_bytes(&x), VIT_TO_DEVICE);
	for (int i = -WARM; i < j->steps && !rc; i++) {
		double start = now();
		for (int k = 0; k < j->group && !rc; k++)
			rc = vit_plan_run(&p, VIT_RUN_FIRST | VIT_RUN_LAST, NULL, NULL);
		if (!rc)
			rc = j->backend->copy(j->dev, logits, y.data, vit_tensor_bytes(&y), VIT_FROM_DEVICE);
		if (i >= 0)
			j->ms[i] = 1e3 * (now() - start) / j->group;
	}
	j->flops = p.flops;
	j->bytes = (double)p.arena_bytes + (j->amp == VIT_F32 ? 4.0 : 6.0) * (double)j->model.params.n;
	vit_plan_free(&p);
	free(logits);
	return rc;
}

static int bench(struct job *j)
{
	const char *note;
	struct vit_meta meta = { .shape = { j->size, j->size, j->channels }, .n_class = j->n_class, .count = j->batch, .epochs = 1 };
	int rc = fill(j);
	if (!rc)
		rc = vit_device_open(j->device, 0, &j->backend, &j->dev, &note);
	if (!rc)
		rc = vit_model_new(&j->model, j->spec, &meta);
	if (!rc)
		rc = j->infer ? infer(j) : train(j);
	if (!rc) {
		qsort(j->ms, (size_t)j->steps, sizeof *j->ms, by_value);
		printf("%.4f %.4f %.0f %.0f\n", j->ms[j->steps / 2], j->ms[0], j->flops, j->bytes);
	} else {
		fprintf(stderr, "bench_step: %s\n", vit_errmsg());
	}
	vit_model_free(&j->model);
	if (j->dev)
		j->backend->close(j->dev);
	free(j->images);
	free(j->labels);
	free(j->ms);
	return rc ? 1 : 0;
}

static int precision(struct job *j, const char *name)
{
	j->amp = !strcmp(name, "bf16") ? VIT_BF16 : !strcmp(name, "fp16") ? VIT_F16 : VIT_F32;
	j->how |= !strcmp(name, "tf32") ? VIT_HOW_TF32 : 0;
	return j->amp != VIT_F32 || j->how & VIT_HOW_TF32 || !strcmp(name, "f32");
}

int main(int argc, char **argv)
{
	struct job j = { .device = "cpu", .amp = VIT_F32, .group = 1 };
	int c, ok = 1;
	while ((c = getopt(argc, argv, "d:a:g:i")) != -1)
		switch (c) {
		case 'd': j.device = optarg; break;
		case 'a': ok &= precision(&j, optarg); break;
		case 'g': j.group = atoi(optarg); break;
		case 'i': j.infer = 1; break;
		default:  ok = 0;
		}
	argv += optind;
	if (!ok || argc - optind != 6 || j.group < 1) {
		fprintf(stderr, "usage: bench_step [-d DEVICE] [-a f32|tf32|bf16|fp16] [-i] [-g GROUP] SPEC SIZE CHANNELS CLASSES BATCH STEPS\n");
		return 2;
	}
	if (strncmp(j.device, "cpu", 3))
		j.how |= VIT_HOW_TUNE;
	j.spec = argv[0];
	j.size = atoll(argv[1]);
	j.channels = atoll(argv[2]);
	j.n_class = atoi(argv[3]);
	j.batch = atoll(argv[4]);
	j.steps = atoi(argv[5]);
	return bench(&j);
}
