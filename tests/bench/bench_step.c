/* SPDX-License-Identifier: MIT
 *
 * bench_step SPEC SIZE CHANNELS CLASSES BATCH STEPS - time whole training
 * steps (forward, backward, AdamW) on random images.
 *
 * Prints one line: median and best milliseconds, and the step's FLOPs by the
 * plan's count. One process a turn, so that tests/bench/run.sh can alternate
 * it with its peer: thread pools that spin disturb each other inside one.
 */
#include "vit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

static int bench(const char *spec, int64_t size, int64_t channels, int n_class, int64_t batch, int steps)
{
	enum { WARM = 2 };
	int rc;
	struct vit_meta meta = { .shape = { size, size, channels }, .n_class = n_class, .count = batch, .epochs = 1 };
	struct vit_model model = { 0 };
	struct vit_trainer *trainer = NULL;
	const struct vit_backend *backend;
	struct vit_dev *dev = NULL;
	const char *note;
	uint8_t *images = malloc((size_t)(batch * size * size * channels));
	int32_t *labels = malloc((size_t)batch * sizeof *labels);
	double *ms = malloc((size_t)steps * sizeof *ms);
	if (!images || !labels || !ms) {
		rc = vit_fail(VIT_ENOMEM, "out of memory");
		goto out;
	}
	for (int64_t i = 0; i < batch * size * size * channels; i++)
		images[i] = (uint8_t)vit_philox(1, 0, (uint64_t)i).v[0];
	for (int64_t i = 0; i < batch; i++)
		labels[i] = (int32_t)vit_below(vit_philox(2, 0, (uint64_t)i).v[0], (uint32_t)n_class);

	const struct vit_train_opt opt = {
		.batch_size = batch, .accum = 1, .steps = steps + WARM, .epochs = 1, .lr = 1e-3, .weight_decay = 0.05,
		.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .sched = "constant", .opt = "adamw", .build = { .train = 1 },
	};
	if ((rc = vit_device_open("cpu", 0, &backend, &dev, &note)) || (rc = vit_model_new(&model, spec, &meta)) ||
	    (rc = vit_trainer_new(&trainer, &model, &opt, backend, dev)))
		goto out;
	for (int i = -WARM; i < steps; i++) {
		double t = now();
		if ((rc = vit_trainer_step(trainer, batch, images, labels)))
			goto out;
		if (i >= 0)
			ms[i] = 1e3 * (now() - t);
	}
	qsort(ms, (size_t)steps, sizeof *ms, by_value);
	printf("%.3f %.3f %.0f\n", ms[steps / 2], ms[0], vit_trainer_plan(trainer)->flops);
out:
	if (rc)
		fprintf(stderr, "bench_step: %s\n", vit_errmsg());
	vit_trainer_free(trainer);
	vit_model_free(&model);
	if (dev)
		backend->close(dev);
	free(images);
	free(labels);
	free(ms);
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: bench_step SPEC SIZE CHANNELS CLASSES BATCH STEPS\n");
		return 2;
	}
	return bench(argv[1], atoll(argv[2]), atoll(argv[3]), atoi(argv[4]), atoll(argv[5]), atoi(argv[6]));
}
