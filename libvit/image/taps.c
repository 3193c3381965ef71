/* SPDX-License-Identifier: MIT */
#include "image/taps.h"

#include <math.h>
#include <string.h>

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
	double shrink;                  /* one over the filter's own scale */
};

static struct kernel make_kernel(int filter, int antialias, int64_t in, int64_t out)
{
	struct kernel k = { .filter = filter, .antialias = antialias, .scale = (double)in / (double)out };
	double stretch = antialias && k.scale > 1 ? k.scale : 1;
	k.shrink = 1 / stretch;
	k.support = (filter == VIT_BICUBIC ? 2 : 1) * stretch;
	return k;
}

static double weight(const struct kernel *k, double x)
{
	x *= k->shrink;
	return k->filter == VIT_BICUBIC ? cubic(x, k->antialias ? -0.5 : -0.75) : triangle(x);
}

static int32_t fixed(double x)
{
	return (int32_t)lrint(x * (1 << VIT_TAP_BITS));
}

/* Taps of one output element; weights in `x` on the way. */
static void antialiased_taps(const struct kernel *k, struct vit_taps *t, int64_t i, double *x)
{
	double centre = ((double)i + 0.5) * k->scale, sum = 0;
	int64_t lo = (int64_t)(centre - k->support + 0.5), hi = (int64_t)(centre + k->support + 0.5);
	lo = centre - k->support + 0.5 < 0 ? 0 : lo;
	hi = hi > t->in ? t->in : hi;
	for (int64_t j = lo; j < hi; j++) {
		x[j - lo] = weight(k, (double)j - centre + 0.5);
		sum += x[j - lo];
	}
	double norm = sum != 0 ? 1 / sum : 1;
	for (int64_t j = lo; j < hi; j++)
		t->w[i * t->most + j - lo] = fixed(x[j - lo] * norm);
	t->first[i] = (int32_t)lo;
	t->n[i] = (int32_t)(hi - lo);
}

/* As torch's interpolate: taps beyond the edge fall on the edge pixel. */
static void plain_taps(const struct kernel *k, struct vit_taps *t, int64_t i, double *x)
{
	double centre = ((double)i + 0.5) * k->scale - 0.5;
	int64_t reach = k->filter == VIT_BICUBIC ? 2 : 1, from = (int64_t)floor(centre) - reach + 1;
	int64_t lo = from < 0 ? 0 : from > t->in - 1 ? t->in - 1 : from, hi = from + 2 * reach;
	hi = hi > t->in ? t->in : hi;
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

static void nearest_taps(const struct kernel *k, struct vit_taps *t, int64_t i)
{
	int64_t at = (int64_t)(((double)i + 0.5) * k->scale);
	t->first[i] = (int32_t)(at < t->in ? at : t->in - 1);
	t->n[i] = 1;
	t->w[i * t->most] = 1 << VIT_TAP_BITS;
}

int64_t vit_taps_most(int filter, int antialias, int64_t in, int64_t out)
{
	struct kernel k = make_kernel(filter, antialias, in, out);
	int64_t n = filter == VIT_NEAREST ? 1 : 2 * (int64_t)ceil(k.support) + 1;
	return (n + VIT_TAP_GROUP - 1) / VIT_TAP_GROUP * VIT_TAP_GROUP;
}

static size_t whole(int64_t n, size_t size)
{
	return ((size_t)n * size + 15) / 16 * 16;
}

size_t vit_taps_bytes(int64_t out, int64_t most)
{
	return 2 * whole(out, 4) + whole(out * most, 4) + 2 * whole(out * most, 2) + whole(most, sizeof(double));
}

/* Cut `n` elements of `size` bytes off the memory. */
static void *cut(uint8_t **p, int64_t n, size_t size)
{
	void *got = *p;
	*p += whole(n, size);
	return got;
}

void vit_taps_make(struct vit_taps *t, void *memory, int filter, int antialias, int64_t in, int64_t out, int64_t most)
{
	struct kernel k = make_kernel(filter, antialias, in, out);
	uint8_t *p = memory;
	*t = (struct vit_taps){ .in = in, .out = out, .most = most };
	t->first = cut(&p, out, 4);
	t->n = cut(&p, out, 4);
	t->w = cut(&p, out * most, 4);
	t->high = cut(&p, out * most, 2);
	t->low = cut(&p, out * most, 2);
	double *x = cut(&p, most, sizeof *x);
	memset(t->w, 0, (size_t)(out * most) * 4);
	for (int64_t i = 0; i < out; i++) {
		if (filter == VIT_NEAREST)
			nearest_taps(&k, t, i);
		else if (antialias)
			antialiased_taps(&k, t, i, x);
		else
			plain_taps(&k, t, i, x);
	}
	for (int64_t i = 0; i < out * most; i++) {
		t->high[i] = (int16_t)(t->w[i] >> VIT_TAP_LOW);
		t->low[i] = (int16_t)(t->w[i] & ((1 << VIT_TAP_LOW) - 1));
	}
}
