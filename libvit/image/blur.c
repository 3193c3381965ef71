/* SPDX-License-Identifier: MIT
 *
 * blur.c - separable, across and then down, in float: each sum is made in one
 * order, so the width of vectors changes nothing.
 */
#include "image/blur.h"
#include "image/simd.h"

#include <math.h>

#define INLINE static inline __attribute__((always_inline))

struct blur {
	uint8_t *image;
	int64_t h, w, c;
	int kernel;
	const float *weight;
	float *row, *sum, *ring;        /* a padded row; a row's sums; `kernel` rows blurred across, row y at y % kernel */
};

/* Index i of a row that is mirrored at its ends, which are not repeated. */
static int64_t mirror(int64_t i, int64_t n)
{
	int64_t period = n > 1 ? 2 * (n - 1) : 1;
	i = (i % period + period) % period;
	return i < n ? i : period - i;
}

static void pad(const struct blur *b, const uint8_t *from)
{
	int64_t r = b->kernel / 2, c = b->c;
	for (int64_t i = 0; i < b->w * c; i++)
		b->row[r * c + i] = from[i];
	for (int64_t k = 1; k <= r; k++)
		for (int64_t ch = 0; ch < c; ch++) {
			b->row[(r - k) * c + ch] = from[mirror(-k, b->w) * c + ch];
			b->row[(r + b->w - 1 + k) * c + ch] = from[mirror(b->w - 1 + k, b->w) * c + ch];
		}
}

INLINE void add_row(float *restrict sum, const float *restrict x, float weight, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		sum[i] += weight * x[i];
}

/* Half to even, by the float's own rounding at 2^23; sums are 0 to 255. */
INLINE void store_row(uint8_t *restrict to, const float *restrict sum, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		to[i] = (uint8_t)(int32_t)((sum[i] + 8388608.0f) - 8388608.0f);
}

INLINE void clear(float *sum, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		sum[i] = 0;
}

INLINE void run(const struct blur *b)
{
	int64_t n = b->w * b->c, next = 0, r = b->kernel / 2;
	for (int64_t y = 0; y < b->h; y++) {
		/* rows below are still as they were */
		for (; next < b->h && next <= y + r; next++) {
			float *to = b->ring + next % b->kernel * n;
			pad(b, b->image + next * n);
			clear(to, n);
			for (int k = 0; k < b->kernel; k++)
				add_row(to, b->row + k * b->c, b->weight[k], n);
		}
		clear(b->sum, n);
		for (int k = 0; k < b->kernel; k++)
			add_row(b->sum, b->ring + mirror(y + k - r, b->h) % b->kernel * n, b->weight[k], n);
		store_row(b->image + y * n, b->sum, n);
	}
}

#if defined(VIT_AVX2)
VIT_AVX2 static void run_avx2(const struct blur *b)
{
	run(b);
}
#endif

static void run_scalar(const struct blur *b)
{
	run(b);
}

static void make_weights(float *weight, int kernel, double sigma)
{
	double x[VIT_MAX_BLUR], sum = 0;
	for (int k = 0; k < kernel; k++) {
		double at = (k - kernel / 2) / sigma;
		x[k] = exp(-0.5 * at * at);
		sum += x[k];
	}
	for (int k = 0; k < kernel; k++)
		weight[k] = (float)(x[k] / sum);
}

int vit_blur(uint8_t *image, int64_t h, int64_t w, int64_t c, int kernel, double sigma, struct vit_buf *scratch)
{
	float weight[VIT_MAX_BLUR];
	size_t n = (size_t)(w * c), padded = n + (size_t)kernel * (size_t)c;
	scratch->n = 0;
	VIT_TRY(vit_buf_reserve(scratch, (n * (size_t)(kernel + 1) + padded) * sizeof(float)));
	float *p = (float *)(void *)scratch->p;
	struct blur b = { .image = image, .h = h, .w = w, .c = c, .kernel = kernel, .weight = weight, .row = p, .sum = p + padded,
	                  .ring = p + padded + n };
	make_weights(weight, kernel, sigma);
#if defined(VIT_AVX2)
	if (vit_simd_avx2()) {
		run_avx2(&b);
		return 0;
	}
#endif
	run_scalar(&b);
	return 0;
}
