/* SPDX-License-Identifier: MIT
 *
 * attention.h - softmax(Q K^T / sqrt(D)) V, one sample's head at a time, blocks
 * of its rows against all of its keys. Backward computes the probabilities
 * again from the saved lse. Head by head everything stays in the L2 cache, and
 * nothing of size T x T is ever in memory.
 */
#ifndef VIT_CPU_ATTENTION_H
#define VIT_CPU_ATTENTION_H

#include "cpu/gemm.h"

enum { ATT_ROWS = 96 };

struct att {
	int64_t b, t, c, h, d, ld;      /* ld: between tokens of packed qkv */
	int64_t wide;                   /* T rounded up to whole vectors: row stride of the scores */
	float scale;
};

static struct att att_of(const struct vit_call *c)
{
	const struct vit_attention_attr *a = c->attr;
	struct att s = { .b = c->in[0].dim[0], .t = c->in[0].dim[1], .c = c->in[0].dim[2] / 3, .h = a->heads };
	s.d = s.c / s.h;
	s.ld = 3 * s.c;
	s.wide = cpu_ceil(s.t, VL) * VL;
	s.scale = 1 / sqrtf((float)s.d);
	return s;
}

/* Per thread: K^T and V^T in panels, two blocks of score rows, a right factor
 * packed where D is not whole vectors, and one row of a dropout mask. */
static int64_t att_panels(const struct att *s) { return cpu_ceil(s->t, NR) * NR * s->d; }
static int64_t att_scores(const struct att *s) { return ATT_ROWS * s->wide; }
static int64_t att_spare(const struct att *s) { return s->d % VL ? s->t * cpu_ceil(s->d, NR) * NR : 0; }
static int64_t att_floats(const struct att *s)
{
	return cpu_ceil(2 * att_panels(s) + 2 * att_scores(s) + att_spare(s) + s->wide, 16) * 16;
}

static int attention_fit(const struct vit_call *c, const struct vit_dev *d, int back, int64_t *floats)
{
	(void)back;
	struct att s = att_of(c);
	*floats = d->threads * att_floats(&s);
	return 1;
}

static void att_transpose(float *p, const float *x, const struct att *s)
{
	for (int64_t j = 0; j < s->t; j += NR)
		pack_transposed(p + j * s->d, x + j * s->ld, s->ld, s->t - j, s->d);
}

/* k rows of D numbers as a right factor. */
static struct rhs att_right(const float *x, int64_t ld, int64_t k, const struct att *s, float *spare)
{
	if (s->d % VL == 0)
		return rhs_rows(x, ld);
	pack_rows(spare, x, ld, s->d, k);
	return rhs_packed(spare, k);
}

/* In place: a row of scores into probabilities; returns lse of the scaled scores. */
static float softmax_row(float *p, int64_t n, int64_t wide, float scale)
{
	/* a copy of a real score never moves the maximum, and its exp is an ordinary
	 * number: denormal ones would cost more than the whole row */
	for (int64_t j = n; j < wide; j++)
		p[j] = p[0];
	vf top = v_load(p), sum = v_set(0);
	for (int64_t j = VL; j < wide; j += VL)
		top = v_max(top, v_load(p + j));
	float max = v_largest(top);
	for (int64_t j = 0; j < wide; j += VL) {
		vf e = v_exp((v_load(p + j) - max) * scale);
		if (n - j < VL)
			e = v_first(e, n - j);
		v_store(p + j, e);
		sum += e;
	}
	float total = v_sum(sum), inv = 1 / total;
	for (int64_t j = 0; j < wide; j += VL)
		v_store(p + j, v_load(p + j) * inv);
	return max * scale + logf(total);
}

/* Factors 0 or 1 / (1 - p) of score row `row` (over all heads of the sample),
 * the reference's numbers; NULL: no dropout. */
static const float *att_mask(const struct vit_call *c, const struct att *s, int64_t b, int64_t row, float *mask)
{
	const float p = ((const struct vit_attention_attr *)c->attr)->dropout;
	if (!c->train || p <= 0)
		return NULL;
	const float keep = (float)(1 / (1 - (double)p));
	const uint64_t key = vit_key(c->step->seed, c->key), from = (uint64_t)(row * s->t);
	struct vit_rand4 r = vit_philox(key, c->step->sample0 + (uint64_t)b, from / 4);
	for (int64_t j = 0; j < s->wide; j++) {
		uint64_t e = from + (uint64_t)j;
		if (e % 4 == 0)
			r = vit_philox(key, c->step->sample0 + (uint64_t)b, e / 4);
		mask[j] = vit_uniform(r.v[e % 4]) < p ? 0 : keep;
	}
	return mask;
}

static void row_times(float *p, const float *mask, int64_t wide)
{
	for (int64_t j = 0; mask && j < wide; j += VL)
		v_store(p + j, v_load(p + j) * v_load(mask + j));
}

static void att_head(const struct vit_call *c, const struct att *s, int64_t at, float *scratch)
{
	int64_t b = at / s->h, h = at % s->h;
	const float *q = (const float *)c->in[0].data + b * s->t * s->ld + h * s->d, *k = q + s->c, *v = k + s->c;
	float *out = (float *)c->out[0].data + b * s->t * s->c + h * s->d;
	float *lse = c->aux[0].data ? (float *)c->aux[0].data + at * s->t : NULL;
	float *kt = scratch, *p = kt + 2 * att_panels(s), *spare = p + 2 * att_scores(s), *mask = spare + att_spare(s);
	att_transpose(kt, k, s);
	struct rhs right = att_right(v, s->ld, s->t, s, spare);
	for (int64_t i = 0; i < s->t; i += ATT_ROWS) {
		int64_t rows = cpu_min(ATT_ROWS, s->t - i);
		block(rows, s->wide, s->d, lhs_rows(q + i * s->ld, s->ld), rhs_packed(kt, s->d), &(struct sink){ .c = p, .ld = s->wide });
		for (int64_t r = 0; r < rows; r++) {
			float l = softmax_row(p + r * s->wide, s->t, s->wide, s->scale);
			if (lse)
				lse[i + r] = l;
			row_times(p + r * s->wide, att_mask(c, s, b, h * s->t + i + r, mask), s->wide);
		}
		block(rows, s->d, s->t, lhs_rows(p, s->wide), right, &(struct sink){ .c = out + i * s->c, .ld = s->c });
	}
}

static int attention_forward(const struct vit_call *c)
{
	const struct att s = att_of(c);
	const int64_t each = att_floats(&s);
	float *ws = c->ws.data;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t t = 0; t < s.b * s.h; t++)
		att_head(c, &s, t, ws + omp_get_thread_num() * each);
	return 0;
}

/* Scores into probabilities p, and dp into ds, one row. Both rows are 0 past
 * the end before; what p holds there afterwards meets only those zeros. */
static void softmax_back_row(float *p, float *ds, int64_t wide, float scale, float lse)
{
	vf sum = v_set(0);
	for (int64_t j = 0; j < wide; j += VL) {
		vf e = v_exp(v_load(p + j) * scale - lse);
		v_store(p + j, e);
		sum = v_fma(e, v_load(ds + j), sum);
	}
	float delta = v_sum(sum);
	for (int64_t j = 0; j < wide; j += VL)
		v_store(ds + j, v_load(p + j) * (v_load(ds + j) - delta) * scale);
}

static void att_head_back(const struct vit_call *c, const struct att *s, int64_t at, float *scratch)
{
	int64_t b = at / s->h, h = at % s->h;
	const float *q = (const float *)c->in[0].data + b * s->t * s->ld + h * s->d, *k = q + s->c, *v = k + s->c;
	float *dq = (float *)c->din[0].data + b * s->t * s->ld + h * s->d, *dk = dq + s->c, *dv = dk + s->c;
	const float *dy = (const float *)c->dout[0].data + b * s->t * s->c + h * s->d, *lse = (const float *)c->aux[0].data + at * s->t;
	float *kt = scratch, *vt = kt + att_panels(s), *p = vt + att_panels(s), *ds = p + att_scores(s), *spare = ds + att_scores(s), *row = spare + att_spare(s);
	int add = c->add & 1;
	att_transpose(kt, k, s);
	att_transpose(vt, v, s);
	for (int64_t i = 0; i < s->t; i += ATT_ROWS) {
		int64_t rows = cpu_min(ATT_ROWS, s->t - i);
		const float *qi = q + i * s->ld, *yi = dy + i * s->c;
		block(rows, s->wide, s->d, lhs_rows(qi, s->ld), rhs_packed(kt, s->d), &(struct sink){ .c = p, .ld = s->wide });
		block(rows, s->wide, s->d, lhs_rows(yi, s->c), rhs_packed(vt, s->d), &(struct sink){ .c = ds, .ld = s->wide });
		for (int64_t r = 0; r < rows; r++) {
			const float *mask = att_mask(c, s, b, h * s->t + i + r, row);
			row_times(ds + r * s->wide, mask, s->wide);
			softmax_back_row(p + r * s->wide, ds + r * s->wide, s->wide, s->scale, lse[i + r]);
			row_times(p + r * s->wide, mask, s->wide);
		}
		/* dk and dv sum over all rows: later blocks add */
		struct sink to = { .c = dv, .ld = s->ld, .add = add || i };
		block(s->t, s->d, rows, lhs_cols(p, s->wide), att_right(yi, s->c, rows, s, spare), &to);
		to.c = dk;
		block(s->t, s->d, rows, lhs_cols(ds, s->wide), att_right(qi, s->ld, rows, s, spare), &to);
		block(rows, s->d, s->t, lhs_rows(ds, s->wide), att_right(k, s->ld, s->t, s, spare),
		      &(struct sink){ .c = dq + i * s->ld, .ld = s->ld, .add = add });
	}
}

static int attention_backward(const struct vit_call *c)
{
	const struct att s = att_of(c);
	const int64_t each = att_floats(&s);
	float *ws = c->ws.data;
	if (!(c->need & 1))
		return 0;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t t = 0; t < s.b * s.h; t++)
		att_head_back(c, &s, t, ws + omp_get_thread_num() * each);
	return 0;
}

#endif
