/* SPDX-License-Identifier: MIT
 *
 * attention.h - views into packed qkv, shared by attention and attention_probs.
 */
#ifndef VIT_OP_ATTENTION_H
#define VIT_OP_ATTENTION_H

#include "op/ref.h"

struct heads {
	int64_t B, T, C, H, D;
	double scale;           /* 1 / sqrt(D) */
};

static inline struct heads heads_of(const struct vit_call *c)
{
	const struct vit_attention_attr *a = c->attr;
	struct heads s = { .B = c->in[0].dim[0], .T = c->in[0].dim[1], .C = c->in[0].dim[2] / 3, .H = a->heads };
	s.D = s.C / s.H;
	s.scale = 1 / sqrt((double)s.D);
	return s;
}

static inline int heads_infer(const struct vit_call *c)
{
	const struct vit_attention_attr *a = c->attr;
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, 3, (int64_t[]){ c->in[0].dim[0], VIT_ANY_DIM, VIT_ANY_DIM }));
	if (a->heads < 1 || c->in[0].dim[2] % (3 * (int64_t)a->heads))
		return vit_fail(VIT_EMISMATCH, "%s %s: %lld channels do not divide into q, k, v of %d heads", c->op, c->name,
		                (long long)c->in[0].dim[2], a->heads);
	return 0;
}

/* Offset in qkv of part 0, 1, 2 = q, k, v of token t. */
static inline int64_t head_at(const struct heads *s, int64_t b, int64_t t, int part, int64_t h)
{
	return ((b * s->T + t) * 3 + part) * s->C + h * s->D;
}

static inline double head_dot(const real *x, const real *y, int64_t D)
{
	double sum = 0;
	for (int64_t d = 0; d < D; d++)
		sum += (double)x[d] * (double)y[d];
	return sum;
}

static inline double head_score(const struct vit_call *c, const struct heads *s, int64_t b, int64_t h, int64_t i, int64_t j)
{
	const real *x = ref_in(c, 0);
	return s->scale * head_dot(x + head_at(s, b, i, 0, h), x + head_at(s, b, j, 1, h), s->D);
}

/* log of the sum of exp of row i's scores, one pass (Milakov & Gimelshein, 2018). */
static inline double head_lse(const struct vit_call *c, const struct heads *s, int64_t b, int64_t h, int64_t i)
{
	double max = -INFINITY, sum = 0;
	for (int64_t j = 0; j < s->T; j++) {
		const double v = head_score(c, s, b, h, i, j);
		if (v > max) {
			sum *= exp(max - v);
			max = v;
		}
		sum += exp(v - max);
	}
	return max + log(sum);
}

#endif
