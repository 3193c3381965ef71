/* SPDX-License-Identifier: MIT
 *
 * resize.c - separable resampling in fixed point: across, then down, rounded to
 * u8 in between, as Pillow (libImaging/Resample.c) does it. Its results are
 * what image models are trained with, hence the same order and rounding.
 */
#include "image/resize.h"

#include <math.h>
#include <string.h>

/* Weights are integers of 22 fractional bits: 255 times their sum, which bicubic
 * overshoots by less than a factor of 2, stays within 32 bits. */
enum { BITS = 22 };

/* Output element i is the sum of w[i * most + k] * in[first[i] + k], k < n[i]. */
struct taps {
	int32_t *first, *n, *w;
	int64_t most;
};

static double triangle(double x)
{
	x = fabs(x);
	return x < 1 ? 1 - x : 0;
}

/* Keys' cubic convolution. */
static double cubic(double x, double a)
{
	x = fabs(x);
	if (x < 1)
		return ((a + 2) * x - (a + 3)) * x * x + 1;
	return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

struct kernel {
	int filter, antialias;
	double support, scale;          /* source pixels to a side; source pixels per output pixel */
	double stretch;                 /* the filter's own scale */
};

static struct kernel make_kernel(int filter, int antialias, int64_t in, int64_t out)
{
	struct kernel k = { .filter = filter, .antialias = antialias, .scale = (double)in / (double)out };
	k.stretch = antialias && k.scale > 1 ? k.scale : 1;
	k.support = (filter == VIT_BICUBIC ? 2 : 1) * k.stretch;
	return k;
}

static double weight(const struct kernel *k, double x)
{
	x /= k->stretch;
	return k->filter == VIT_BICUBIC ? cubic(x, k->antialias ? -0.5 : -0.75) : triangle(x);
}

static int32_t fixed(double x)
{
	return (int32_t)lrint(x * (1 << BITS));
}

/* Taps of one output element; weights in `x` on the way. */
static void antialiased_taps(const struct kernel *k, int64_t in, int64_t i, struct taps *t, double *x)
{
	double centre = ((double)i + 0.5) * k->scale, sum = 0;
	int64_t lo = (int64_t)(centre - k->support + 0.5), hi = (int64_t)(centre + k->support + 0.5);
	lo = centre - k->support + 0.5 < 0 ? 0 : lo;
	hi = hi > in ? in : hi;
	for (int64_t j = lo; j < hi; j++) {
		x[j - lo] = weight(k, (double)j - centre + 0.5);
		sum += x[j - lo];
	}
	for (int64_t j = lo; j < hi; j++)
		t->w[i * t->most + j - lo] = fixed(sum != 0 ? x[j - lo] / sum : x[j - lo]);
	t->first[i] = (int32_t)lo;
	t->n[i] = (int32_t)(hi - lo);
}

/* As torch's interpolate: taps beyond the edge fall on the edge pixel. */
static void plain_taps(const struct kernel *k, int64_t in, int64_t i, struct taps *t, double *x)
{
	double centre = ((double)i + 0.5) * k->scale - 0.5;
	int64_t reach = k->filter == VIT_BICUBIC ? 2 : 1, from = (int64_t)floor(centre) - reach + 1;
	int64_t lo = from < 0 ? 0 : from > in - 1 ? in - 1 : from, hi = from + 2 * reach;
	hi = hi > in ? in : hi;
	hi = hi > lo ? hi : lo + 1;
	memset(x, 0, (size_t)t->most * sizeof *x);
	for (int64_t j = from; j < from + 2 * reach; j++) {
		int64_t at = j < lo ? lo : j > hi - 1 ? hi - 1 : j;
		x[at - lo] += weight(k, (double)j - centre);
	}
	for (int64_t j = lo; j < hi; j++)
		t->w[i * t->most + j - lo] = fixed(x[j - lo]);
	t->first[i] = (int32_t)lo;
	t->n[i] = (int32_t)(hi - lo);
}

static void nearest_taps(const struct kernel *k, int64_t in, int64_t i, struct taps *t)
{
	int64_t at = (int64_t)(((double)i + 0.5) * k->scale);
	t->first[i] = (int32_t)(at < in ? at : in - 1);
	t->n[i] = 1;
	t->w[i] = 1 << BITS;
}

/* Most taps an output element has. */
static int64_t most_taps(const struct kernel *k)
{
	return k->filter == VIT_NEAREST ? 1 : 2 * (int64_t)ceil(k->support) + 1;
}

static void make_taps(const struct kernel *k, int64_t in, int64_t out, struct taps *t, double *x)
{
	for (int64_t i = 0; i < out; i++) {
		if (k->filter == VIT_NEAREST)
			nearest_taps(k, in, i, t);
		else if (k->antialias)
			antialiased_taps(k, in, i, t, x);
		else
			plain_taps(k, in, i, t, x);
	}
}

static uint8_t level(int32_t sum)
{
	int32_t x = sum >> BITS;
	return x < 0 ? 0 : x > 255 ? 255 : (uint8_t)x;
}

/* dst [h,out,c] from h rows of src. */
static void across(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t h, int64_t out, int64_t c, const struct taps *t)
{
	for (int64_t y = 0; y < h; y++) {
		for (int64_t i = 0; i < out; i++) {
			const uint8_t *from = src + y * stride + t->first[i] * c;
			const int32_t *w = t->w + i * t->most;
			for (int64_t ch = 0; ch < c; ch++) {
				int32_t sum = 1 << (BITS - 1);
				for (int32_t k = 0; k < t->n[i]; k++)
					sum += w[k] * from[k * c + ch];
				dst[(y * out + i) * c + ch] = level(sum);
			}
		}
	}
}

/* dst [out,n] from rows of src, a row at a time so that the inner loop is dense;
 * `sum` has n elements. */
static void down(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t out, int64_t n, const struct taps *t, int32_t *sum)
{
	for (int64_t i = 0; i < out; i++) {
		const int32_t *w = t->w + i * t->most;
		for (int64_t x = 0; x < n; x++)
			sum[x] = 1 << (BITS - 1);
		for (int32_t k = 0; k < t->n[i]; k++) {
			const uint8_t *row = src + (t->first[i] + k) * stride;
			for (int64_t x = 0; x < n; x++)
				sum[x] += w[k] * row[x];
		}
		for (int64_t x = 0; x < n; x++)
			dst[i * n + x] = level(sum[x]);
	}
}

/* Cut `n` elements of `size` bytes off the scratch memory. */
static void *cut(uint8_t **p, int64_t n, size_t size)
{
	void *got = *p;
	*p += ((size_t)n * size + 15) / 16 * 16;
	return got;
}

static void cut_taps(uint8_t **p, struct taps *t, int64_t out, int64_t most)
{
	t->most = most;
	t->first = cut(p, out, sizeof *t->first);
	t->n = cut(p, out, sizeof *t->n);
	t->w = cut(p, out * most, sizeof *t->w);
}

int vit_resize(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t sh, int64_t sw, int64_t c,
               int filter, int antialias, struct vit_buf *scratch)
{
	/* sides are checked before the stride is used */
	return vit_resize_part(dst, dh, dw, src, sw <= VIT_MAX_SIDE && c <= VIT_MAX_CHANNELS ? sw * c : 0, sh, sw, c, filter, antialias,
	                       scratch);
}

int vit_resize_part(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t stride, int64_t sh, int64_t sw, int64_t c,
                    int filter, int antialias, struct vit_buf *scratch)
{
	if (dh < 1 || dw < 1 || sh < 1 || sw < 1 || dh > VIT_MAX_SIDE || dw > VIT_MAX_SIDE || sh > VIT_MAX_SIDE || sw > VIT_MAX_SIDE ||
	    c < 1 || c > VIT_MAX_CHANNELS)
		return vit_fail(VIT_EUSAGE, "cannot resize %lldx%lldx%lld to %lldx%lld; sides are 1 to %d, channels 1 to %d", (long long)sh,
		                (long long)sw, (long long)c, (long long)dh, (long long)dw, VIT_MAX_SIDE, VIT_MAX_CHANNELS);
	/* sides of 2^16 and 16 channels: all sums below fit easily in 63 bits */
	struct kernel kx = make_kernel(filter, antialias, sw, dw), ky = make_kernel(filter, antialias, sh, dh);
	int64_t mx = most_taps(&kx), my = most_taps(&ky);
	struct taps tx, ty;
	size_t need = (size_t)(dw * (mx + 2) + dh * (my + 2) + dw * c) * 4 + (size_t)(mx + my) * 8 + (size_t)(sh * dw * c) + 256;
	scratch->n = 0;
	VIT_TRY(vit_buf_reserve(scratch, need));
	uint8_t *p = scratch->p;
	cut_taps(&p, &tx, dw, mx);
	cut_taps(&p, &ty, dh, my);
	double *x = cut(&p, mx + my, sizeof *x);
	int32_t *sum = cut(&p, dw * c, sizeof *sum);
	const uint8_t *middle = src;
	if (sw != dw) {
		uint8_t *rows = cut(&p, sh * dw * c, 1);
		make_taps(&kx, sw, dw, &tx, x);
		across(sh == dh ? dst : rows, src, stride, sh, dw, c, &tx);
		middle = rows;
		stride = dw * c;
	}
	if (sh != dh) {
		make_taps(&ky, sh, dh, &ty, x);
		down(dst, middle, stride, dh, dw * c, &ty, sum);
	} else if (sw == dw) {
		for (int64_t y = 0; y < dh; y++)
			memcpy(dst + y * dw * c, src + y * stride, (size_t)(dw * c));
	}
	return 0;
}
