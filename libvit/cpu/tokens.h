/* SPDX-License-Identifier: MIT
 *
 * tokens.h - what happens to tokens outside the blocks: patches out of pixels,
 * prefix tokens and positions, dropout, pooling. Bound by memory: one pass,
 * dealt by samples.
 */
#ifndef VIT_CPU_TOKENS_H
#define VIT_CPU_TOKENS_H

#include "cpu/cpu.h"
#include "cpu/vec.h"

/* ---- image, patches ---- */

enum { PIXEL_CHANNELS = 16 };   /* as many as the attributes have means */

struct pixels {
	const uint8_t *u;
	int64_t w, c, size;             /* bytes of an image */
	float value[PIXEL_CHANNELS][256];  /* normalised, per channel and byte */
	float scale[PIXEL_CHANNELS], shift[PIXEL_CHANNELS];
};

static void pixels_init(struct pixels *p, const struct vit_call *c)
{
	const struct vit_image_attr *a = c->attr;
	const int64_t *d = c->in[0].dim;
	p->u = c->in[0].data;
	p->w = d[2];
	p->c = d[3];
	p->size = d[1] * d[2] * d[3];
	for (int64_t k = 0; k < p->c; k++) {
		int m = a->n_mean > 1 ? (int)k : 0;
		double mean = a->n_mean ? (double)a->mean[m] : 0, std = a->n_mean ? (double)a->std[m] : 1;
		for (int v = 0; v < 256; v++)
			p->value[k][v] = (float)(((double)v / 255 - mean) / std);
		p->scale[k] = (float)(1 / (255 * std));
		p->shift[k] = (float)(-mean / std);
	}
}

/* How sample b is mixed: with whom, and how. A partner among the padding is none. */
struct mixing { const uint8_t *own, *other; float lambda; const int32_t *box; };
static struct mixing mixing_of(const struct pixels *p, const struct vit_call *c, int64_t b)
{
	struct mixing m = { .own = p->u + b * p->size };
	if (c->n_in < 3)
		return m;
	int64_t with = ((const int32_t *)c->in[1].data)[b];
	if (with == b || with < 0 || with >= c->step->n_valid)
		return m;
	m.other = p->u + with * p->size;
	m.lambda = ((const float *)c->in[2].data)[b];
	const int32_t *box = c->n_in > 3 ? (const int32_t *)c->in[3].data + b * 4 : NULL;
	m.box = box && box[2] > box[0] && box[3] > box[1] ? box : NULL;
	return m;
}

/* n pixels of row y from column x on. */
static void pixels_run(const struct pixels *p, const struct mixing *m, int64_t y, int64_t x, int64_t n, float *o)
{
	const int64_t at = (y * p->w + x) * p->c;
	const uint8_t *own = m->own + at, *other = m->other ? m->other + at : NULL;
	for (int64_t i = 0; i < n; i++)
		for (int64_t k = 0; k < p->c; k++, o++, own++) {
			if (!other) {
				*o = p->value[k][*own];
			} else if (m->box) {
				int inside = y >= m->box[0] && y < m->box[2] && x + i >= m->box[1] && x + i < m->box[3];
				*o = p->value[k][inside ? other[i * p->c + k] : *own];
			} else {
				float v = m->lambda * (float)*own + (1 - m->lambda) * (float)other[i * p->c + k];
				*o = v * p->scale[k] + p->shift[k];
			}
		}
}

static int image_fit(const struct vit_call *c, const struct vit_dev *d, int back, int64_t *floats)
{
	(void)d;
	(void)back;
	(void)floats;
	return c->in[0].dim[3] <= PIXEL_CHANNELS;
}

/* ph x pw patches; an image is one patch of its own size. */
static int unfold(const struct vit_call *c, int64_t ph, int64_t pw)
{
	const int64_t *d = c->in[0].dim, h = d[1], w = d[2], per = h * w * d[3];
	float *out = c->out[0].data;
	struct pixels p;
	pixels_init(&p, c);
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t b = 0; b < d[0]; b++) {
		float *o = out + b * per;
		if (b >= c->step->n_valid) {
			memset(o, 0, (size_t)per * sizeof *o);
			continue;
		}
		const struct mixing m = mixing_of(&p, c, b);
		for (int64_t y0 = 0; y0 < h; y0 += ph)
			for (int64_t x = 0; x < w; x += pw)
				for (int64_t y = y0; y < y0 + ph; y++, o += pw * d[3])
					pixels_run(&p, &m, y, x, pw, o);
	}
	return 0;
}

static int image_forward(const struct vit_call *c)
{
	return unfold(c, c->in[0].dim[1], c->in[0].dim[2]);
}

static int patches_forward(const struct vit_call *c)
{
	const struct vit_image_attr *a = c->attr;
	return unfold(c, a->patch_h, a->patch_w);
}

/* ---- tokens ---- */

static int tokens_forward(const struct vit_call *c)
{
	const struct vit_tokens_attr *a = c->attr;
	const int64_t nb = c->in[0].dim[0], t = c->in[0].dim[1], n = c->in[0].dim[2], pre = a->n_prefix;
	const float *x = c->in[0].data, *pos = c->in[1].data;
	float *out = c->out[0].data;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t b = 0; b < nb; b++)
		for (int64_t i = 0; i < pre + t; i++) {
			const float *from = i < pre ? c->in[2 + i].data : x + (b * t + i - pre) * n;
			int64_t p = a->pos_prefix ? i : i - pre;
			float *o = out + (b * (pre + t) + i) * n;
			for (int64_t k = 0; k < n; k += VL) {
				vf v = v_get(from + k, n - k);
				if (p >= 0)
					v += v_get(pos + p * n + k, n - k);
				v_put(o + k, v, n - k);
			}
		}
	return 0;
}

/* The gradient of token i's position and, for a prefix, of the token itself:
 * sums over samples in order. */
static void tokens_sum(const struct vit_call *c, int64_t i, int64_t nb, int64_t all, int64_t n, int64_t pre)
{
	const int64_t p = ((const struct vit_tokens_attr *)c->attr)->pos_prefix ? i : i - pre;
	const float *dy = (const float *)c->dout[0].data + i * n;
	for (int64_t k = 0; k < n; k += VL) {
		vf s = v_set(0);
		for (int64_t b = 0; b < nb; b++)
			s += v_get(dy + b * all * n + k, n - k);
		if (p >= 0 && c->need & 2)
			v_put_add((float *)c->din[1].data + p * n + k, s, n - k, c->add >> 1 & 1);
		if (i < pre && c->need >> (2 + i) & 1)
			v_put_add((float *)c->din[2 + i].data + k, s, n - k, c->add >> (2 + i) & 1);
	}
}

static int tokens_backward(const struct vit_call *c)
{
	const int64_t nb = c->in[0].dim[0], t = c->in[0].dim[1], n = c->in[0].dim[2];
	const int64_t pre = ((const struct vit_tokens_attr *)c->attr)->n_prefix, all = pre + t;
	const float *dy = c->dout[0].data;
	float *dx = c->need & 1 ? c->din[0].data : NULL;
#pragma omp parallel num_threads(cpu_threads(c))
	{
#pragma omp for schedule(dynamic) nowait
		for (int64_t i = 0; i < all; i++)
			tokens_sum(c, i, nb, all, n, pre);
#pragma omp for schedule(dynamic)
		for (int64_t b = 0; b < (dx ? nb : 0); b++)
			for (int64_t i = 0; i < t * n; i += VL)
				v_put_add(dx + b * t * n + i, v_get(dy + (b * all + pre) * n + i, t * n - i), t * n - i, c->add & 1);
	}
	return 0;
}

/* ---- pool ---- */

static void pool_range(const struct vit_call *c, int64_t *from, int64_t *to)
{
	const struct vit_pool_attr *a = c->attr;
	*from = a->mean ? a->n_prefix : a->index;
	*to = a->mean ? c->in[0].dim[1] : *from + 1;
}

static int pool_forward(const struct vit_call *c)
{
	const int64_t nb = c->in[0].dim[0], t = c->in[0].dim[1], n = c->in[0].dim[2];
	int64_t from, to;
	pool_range(c, &from, &to);
	const float *x = c->in[0].data, inv = 1 / (float)(to - from);
	float *y = c->out[0].data;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t b = 0; b < nb; b++)
		for (int64_t k = 0; k < n; k += VL) {
			vf s = v_set(0);
			for (int64_t i = from; i < to; i++)
				s += v_get(x + (b * t + i) * n + k, n - k);
			v_put(y + b * n + k, s * inv, n - k);
		}
	return 0;
}

static int pool_backward(const struct vit_call *c)
{
	const int64_t nb = c->in[0].dim[0], t = c->in[0].dim[1], n = c->in[0].dim[2];
	int64_t from, to;
	pool_range(c, &from, &to);
	const float *dy = c->dout[0].data, inv = 1 / (float)(to - from);
	float *dx = c->din[0].data;
	if (!(c->need & 1))
		return 0;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t b = 0; b < nb; b++)
		for (int64_t i = 0; i < t; i++) {
			const float share = i >= from && i < to ? inv : 0;
			for (int64_t k = 0; k < n; k += VL)
				v_put_add(dx + (b * t + i) * n + k, v_get(dy + b * n + k, n - k) * share, n - k, c->add & 1);
		}
	return 0;
}

/* ---- dropout ---- */

static void dropout_sample(const struct vit_call *c, int64_t b, const float *x, float *y, int64_t n, int add)
{
	const double p = (double)((const struct vit_dropout_attr *)c->attr)->p;
	const int off = !c->train || p <= 0;
	const float keep = off ? 1 : (float)(1 / (1 - p));
	const uint64_t key = vit_key(c->step->seed, c->key), sample = c->step->sample0 + (uint64_t)b;
	for (int64_t e = 0; e < n; e += 4) {
		struct vit_rand4 r = { { 0 } };
		if (!off)
			r = vit_philox(key, sample, (uint64_t)e / 4);
		for (int64_t k = 0; k < cpu_min(4, n - e); k++) {
			float v = off || (double)vit_uniform(r.v[k]) >= p ? x[e + k] * keep : 0;
			y[e + k] = add ? y[e + k] + v : v;
		}
	}
}

static int dropout_run(const struct vit_call *c, const float *x, float *y, int add)
{
	const int64_t nb = c->in[0].dim[0], n = vit_inner(&c->in[0], 1);
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t b = 0; b < nb; b++)
		dropout_sample(c, b, x + b * n, y + b * n, n, add);
	return 0;
}

static int dropout_forward(const struct vit_call *c)
{
	return dropout_run(c, c->in[0].data, c->out[0].data, 0);
}

static int dropout_backward(const struct vit_call *c)
{
	return c->need & 1 ? dropout_run(c, c->dout[0].data, c->din[0].data, c->add & 1) : 0;
}

#endif
