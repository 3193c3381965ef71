/* SPDX-License-Identifier: MIT
 *
 * bench_decode TURNS FILE... - images a second on one core, as medians of TURNS
 * passes over the files in memory: whole, and the centred part of half the area.
 */
#include "image/decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 4096, TURNS = 99 };

struct file {
	struct vit_buf data;
	struct vit_decode_opt half;
};

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int load(struct file *f, const char *path)
{
	uint8_t part[65536];
	int64_t h, w;
	FILE *in = fopen(path, "rb");
	if (!in)
		return vit_fail_errno("%s", path);
	for (size_t n; (n = fread(part, 1, sizeof part, in)) > 0;)
		if (vit_buf_add(&f->data, part, n))
			break;
	fclose(in);
	VIT_TRY(vit_image_size(f->data.p, f->data.n, &h, &w));
	f->half.channels = 3;
	f->half.part[2] = lrint((double)h * sqrt(.5));
	f->half.part[3] = lrint((double)w * sqrt(.5));
	f->half.part[0] = (h - f->half.part[2]) / 2;
	f->half.part[1] = (w - f->half.part[3]) / 2;
	return 0;
}

static int pass(const struct file *f, int n, int half, double *rate)
{
	static struct vit_image im;
	double t = seconds();
	for (int i = 0; i < n; i++)
		VIT_TRY(vit_image_decode(&im, f[i].data.p, f[i].data.n, half ? &f[i].half : NULL));
	*rate = n / (seconds() - t);
	return 0;
}

static int compare(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;
	return d < 0 ? -1 : d > 0;
}

int main(int argc, char **argv)
{
	static struct file file[MOST];
	static double rate[2][TURNS];
	int turns = argc > 2 ? atoi(argv[1]) : 0, n = argc - 2, rc = 0;
	if (turns < 1 || turns > TURNS || n > MOST) {
		fprintf(stderr, "usage: bench_decode TURNS FILE...\n");
		return 2;
	}
	for (int i = 0; i < n && !rc; i++)
		rc = load(&file[i], argv[2 + i]);
	for (int t = -1; t < turns && !rc; t++)         /* one to warm up */
		for (int half = 0; half < 2 && !rc; half++)
			rc = pass(file, n, half, &rate[half][t < 0 ? 0 : t]);
	if (rc) {
		fprintf(stderr, "bench_decode: %s\n", vit_errmsg());
		return 1;
	}
	for (int half = 0; half < 2; half++)
		qsort(rate[half], (size_t)turns, sizeof **rate, compare);
	printf("%.0f %.0f\n", rate[0][turns / 2], rate[1][turns / 2]);
	return 0;
}
