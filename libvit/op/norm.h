/* SPDX-License-Identifier: MIT
 *
 * norm.h - layer normalisation of one row, shared by layernorm and
 * add_layernorm. With h = (x - mean) rstd:
 *   y = h g + b,  dx = rstd (dy g - mean(dy g) - h mean(dy g h))
 */
#ifndef VIT_OP_NORM_H
#define VIT_OP_NORM_H

#include "op/ref.h"

/* The variance is summed from differences, not from squares: no cancellation. */
static inline void norm_row(const real *x, const real *g, const real *b, int64_t C, double eps, real *y, real *mean, real *rstd)
{
	double sum = 0, square = 0;
	for (int64_t k = 0; k < C; k++)
		sum += (double)x[k];
	const double m = sum / (double)C;
	for (int64_t k = 0; k < C; k++)
		square += ((double)x[k] - m) * ((double)x[k] - m);
	const double s = 1 / sqrt(square / (double)C + eps);
	for (int64_t k = 0; k < C; k++)
		y[k] = (real)(((double)x[k] - m) * s * (double)g[k] + (double)b[k]);
	if (mean)
		*mean = (real)m;
	if (rstd)
		*rstd = (real)s;
}

struct norm_grad { double mean, rstd, m1, m2; };        /* of one row: m1 = mean(dy g), m2 = mean(dy g h) */

static inline struct norm_grad norm_grad_row(const real *x, const real *g, const real *dy, int64_t C, real mean, real rstd)
{
	struct norm_grad r = { .mean = (double)mean, .rstd = (double)rstd };
	for (int64_t k = 0; k < C; k++) {
		const double d = (double)dy[k] * (double)g[k];
		r.m1 += d;
		r.m2 += d * ((double)x[k] - r.mean) * r.rstd;
	}
	r.m1 /= (double)C;
	r.m2 /= (double)C;
	return r;
}

static inline double norm_dx(const struct norm_grad *r, double x, double g, double dy)
{
	return r->rstd * (dy * g - r->m1 - (x - r->mean) * r->rstd * r->m2);
}

/* dg += dy h into din[ig], db += dy into din[ig + 1]. */
static inline void norm_params(const struct vit_call *c, int ig, const real *x, const real *dy, const real *mean, const real *rstd,
                               int64_t rows, int64_t C)
{
	for (int64_t k = 0; k < C; k++) {
		double dg = 0, db = 0;
		for (int64_t r = 0; r < rows; r++) {
			const double d = (double)dy[r * C + k];
			dg += d * ((double)x[r * C + k] - (double)mean[r]) * (double)rstd[r];
			db += d;
		}
		if (ref_need(c, ig))
			ref_put(c, ig, k, dg);
		if (ref_need(c, ig + 1))
			ref_put(c, ig + 1, k, db);
	}
}

#endif
