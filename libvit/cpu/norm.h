/* SPDX-License-Identifier: MIT
 *
 * norm.h - layernorm, and the residual with its norm. Chunks of rows; sums for
 * parameters are kept per chunk and added up in order.
 */
#ifndef VIT_CPU_NORM_H
#define VIT_CPU_NORM_H

#include "cpu/cpu.h"
#include "cpu/vec.h"

/* 32 rows or more, and at most 64 chunks. */
static int64_t norm_chunk(int64_t rows) { return cpu_max(32, cpu_ceil(rows, 64)); }

static void norm_row(const float *x, const float *g, const float *b, int64_t n, float eps, float *y, float *mean, float *rstd)
{
	vf sum = v_set(0), square = v_set(0);
	for (int64_t k = 0; k < n; k += VL)
		sum += v_get(x + k, n - k);
	float m = v_sum(sum) / (float)n;
	for (int64_t k = 0; k < n; k += VL) {
		vf d = v_get(x + k, n - k) - m;
		if (n - k < VL)
			d = v_first(d, n - k);
		square = v_fma(d, d, square);
	}
	float s = 1 / sqrtf(v_sum(square) / (float)n + eps);
	for (int64_t k = 0; k < n; k += VL)
		v_put(y + k, v_fma((v_get(x + k, n - k) - m) * s, v_get(g + k, n - k), v_get(b + k, n - k)), n - k);
	if (mean)
		*mean = m;
	if (rstd)
		*rstd = s;
}

/* m1 = mean(dy g), m2 = mean(dy g h), h = (x - mean) rstd; dg += dy h, db += dy. */
static void norm_sums(const float *x, const float *g, const float *dy, int64_t n, float mean, float rstd, float *dg, float *db, float *m1,
                      float *m2)
{
	vf s1 = v_set(0), s2 = v_set(0);
	for (int64_t k = 0; k < n; k += VL) {
		/* dy and g are 0 past the end, and so is every product with them */
		vf d = v_get(dy + k, n - k), h = (v_get(x + k, n - k) - mean) * rstd, e = d * v_get(g + k, n - k);
		s1 += e;
		s2 = v_fma(e, h, s2);
		v_put(dg + k, v_fma(d, h, v_get(dg + k, n - k)), n - k);
		v_put(db + k, d + v_get(db + k, n - k), n - k);
	}
	*m1 = v_sum(s1) / (float)n;
	*m2 = v_sum(s2) / (float)n;
}

/* Gradient of x of the norm at column k. */
VEC vf norm_dx(const float *x, const float *g, const float *dy, int64_t k, int64_t n, float mean, float rstd, float m1, float m2)
{
	vf h = (v_get(x + k, n - k) - mean) * rstd;
	return rstd * (v_get(dy + k, n - k) * v_get(g + k, n - k) - m1 - h * m2);
}

/* din[i] of length n += column sums of the chunks' parts. */
static void norm_gather(const struct vit_call *c, int i, const float *part, int64_t stride, int64_t chunks, int64_t n)
{
	float *to = c->din[i].data;
	if (!(c->need >> i & 1))
		return;
	for (int64_t k = 0; k < n; k += VL) {
		vf s = v_set(0);
		for (int64_t p = 0; p < chunks; p++)
			s += v_get(part + p * stride + k, n - k);
		v_put_add(to + k, s, n - k, c->add >> i & 1);
	}
}

/* ---- layernorm ---- */

static int layernorm_fit(const struct vit_call *c, const struct vit_dev *d, int back, int64_t *floats)
{
	(void)d;
	int64_t rows = cpu_rows(&c->in[0]);
	if (back)
		*floats = cpu_ceil(rows, norm_chunk(rows)) * 2 * c->in[1].dim[0];
	return 1;
}

static int layernorm_forward(const struct vit_call *c)
{
	const int64_t rows = cpu_rows(&c->in[0]), n = c->in[1].dim[0], step = norm_chunk(rows);
	const float *x = c->in[0].data, *g = c->in[1].data, *b = c->in[2].data;
	float *y = c->out[0].data, *mean = c->aux[0].data, *rstd = c->aux[1].data, eps = ((const struct vit_layernorm_attr *)c->attr)->eps;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t i = 0; i < rows; i += step)
		for (int64_t r = i; r < cpu_min(i + step, rows); r++)
			norm_row(x + r * n, g, b, n, eps, y + r * n, mean ? mean + r : NULL, rstd ? rstd + r : NULL);
	return 0;
}

static int layernorm_backward(const struct vit_call *c)
{
	const int64_t rows = cpu_rows(&c->in[0]), n = c->in[1].dim[0], step = norm_chunk(rows), chunks = cpu_ceil(rows, step);
	const float *x = c->in[0].data, *g = c->in[1].data, *dy = c->dout[0].data, *mean = c->aux[0].data, *rstd = c->aux[1].data;
	float *dx = c->need & 1 ? c->din[0].data : NULL, *part = c->ws.data;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t t = 0; t < chunks; t++) {
		float *dg = part + t * 2 * n, *db = dg + n, m1, m2;
		memset(dg, 0, (size_t)(2 * n) * sizeof *dg);
		for (int64_t r = t * step; r < cpu_min((t + 1) * step, rows); r++) {
			norm_sums(x + r * n, g, dy + r * n, n, mean[r], rstd[r], dg, db, &m1, &m2);
			for (int64_t k = 0; k < n && dx; k += VL)
				v_put_add(dx + r * n + k, norm_dx(x + r * n, g, dy + r * n, k, n, mean[r], rstd[r], m1, m2), n - k, c->add & 1);
		}
	}
	norm_gather(c, 1, part, 2 * n, chunks, n);
	norm_gather(c, 2, part + n, 2 * n, chunks, n);
	return 0;
}

/* ---- add_layernorm ---- */

/* A sample's drop-path factor: 0 or 1 / (1 - p). */
static float drop_path_scale(const struct vit_call *c, int64_t b)
{
	const struct vit_add_layernorm_attr *a = c->attr;
	if (!c->train || a->drop_path <= 0)
		return 1;
	double p = (double)a->drop_path * (double)vit_knob(c->step, a->knob, 1);
	if (p <= 0)
		return 1;
	struct vit_rand4 r = vit_philox(vit_key(c->step->seed, c->key), c->step->sample0 + (uint64_t)b, 0);
	return (double)vit_uniform(r.v[0]) < p ? 0 : (float)(1 / (1 - p));
}

struct residual {
	int64_t rows, n, step, per;     /* per: rows of a sample */
	int norm, ig;                   /* ig: input of the layer scale, 0: none */
	const float *x, *r, *g, *b, *gamma;
};
static struct residual residual_of(const struct vit_call *c)
{
	const struct vit_add_layernorm_attr *a = c->attr;
	struct residual s = { .rows = cpu_rows(&c->in[0]), .n = c->in[0].dim[c->in[0].ndim - 1], .norm = a->norm };
	s.step = norm_chunk(s.rows);
	s.per = s.rows / c->in[0].dim[0];
	s.ig = !a->layer_scale ? 0 : a->norm ? 4 : 2;
	s.x = c->in[0].data;
	s.r = c->in[1].data;
	s.g = a->norm ? c->in[2].data : NULL;
	s.b = a->norm ? c->in[3].data : NULL;
	s.gamma = s.ig ? c->in[s.ig].data : NULL;
	return s;
}

static int add_layernorm_fit(const struct vit_call *c, const struct vit_dev *d, int back, int64_t *floats)
{
	(void)d;
	if (c->in[0].dim[0] < 1)
		return 0;
	struct residual s = residual_of(c);
	if (back)
		*floats = cpu_ceil(s.rows, s.step) * 3 * s.n;
	return 1;
}

static int add_layernorm_forward(const struct vit_call *c)
{
	const struct residual q = residual_of(c);
	const float eps = ((const struct vit_add_layernorm_attr *)c->attr)->eps;
	float *s = c->out[0].data, *y = q.norm ? c->out[1].data : NULL;
	float *mean = q.norm ? c->aux[0].data : NULL, *rstd = q.norm ? c->aux[1].data : NULL;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t i = 0; i < q.rows; i += q.step)
		for (int64_t row = i; row < cpu_min(i + q.step, q.rows); row++) {
			const int64_t at = row * q.n;
			const vf scale = v_set(drop_path_scale(c, row / q.per));
			for (int64_t k = 0; k < q.n; k += VL) {
				vf f = scale;
				if (q.gamma)
					f *= v_get(q.gamma + k, q.n - k);
				v_put(s + at + k, v_fma(f, v_get(q.r + at + k, q.n - k), v_get(q.x + at + k, q.n - k)), q.n - k);
			}
			if (q.norm)
				norm_row(s + at, q.g, q.b, q.n, eps, y + at, mean ? mean + row : NULL, rstd ? rstd + row : NULL);
		}
	return 0;
}

/* One row: what comes from s's other readers plus what comes through the norm. */
static void residual_back_row(const struct vit_call *c, const struct residual *q, int64_t row, float *part)
{
	const int64_t n = q->n, at = row * n;
	const float *d0 = c->dout[0].data, *dy = q->norm ? c->dout[1].data : NULL, *s = (const float *)c->out[0].data + at;
	float mean = 0, rstd = 0, m1 = 0, m2 = 0;
	const vf scale = v_set(drop_path_scale(c, row / q->per));
	if (dy) {
		mean = ((const float *)c->aux[0].data)[row];
		rstd = ((const float *)c->aux[1].data)[row];
		norm_sums(s, q->g, dy + at, n, mean, rstd, part, part + n, &m1, &m2);
	}
	for (int64_t k = 0; k < n; k += VL) {
		vf ds = d0 ? v_get(d0 + at + k, n - k) : v_set(0);
		if (dy)
			ds += norm_dx(s, q->g, dy + at, k, n, mean, rstd, m1, m2);
		if (c->need & 1)
			v_put_add((float *)c->din[0].data + at + k, ds, n - k, c->add & 1);
		vf f = scale;
		if (q->gamma)
			f *= v_get(q->gamma + k, n - k);
		if (c->need & 2)
			v_put_add((float *)c->din[1].data + at + k, f * ds, n - k, c->add >> 1 & 1);
		if (q->gamma)
			v_put(part + 2 * n + k, v_fma(scale * v_get(q->r + at + k, n - k), ds, v_get(part + 2 * n + k, n - k)), n - k);
	}
}

static int add_layernorm_backward(const struct vit_call *c)
{
	const struct residual q = residual_of(c);
	const int64_t n = q.n, chunks = cpu_ceil(q.rows, q.step);
	float *part = c->ws.data;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t t = 0; t < chunks; t++) {
		memset(part + t * 3 * n, 0, (size_t)(3 * n) * sizeof *part);
		for (int64_t row = t * q.step; row < cpu_min((t + 1) * q.step, q.rows); row++)
			residual_back_row(c, &q, row, part + t * 3 * n);
	}
	if (q.norm && c->dout[1].data) {
		norm_gather(c, 2, part, 3 * n, chunks, n);
		norm_gather(c, 3, part + n, 3 * n, chunks, n);
	}
	if (q.ig)
		norm_gather(c, q.ig, part + 2 * n, 3 * n, chunks, n);
	return 0;
}

#endif
