/* SPDX-License-Identifier: MIT
 *
 * loss.h - how a loss enters the step, the same for all of them.
 */
#ifndef VIT_OP_LOSS_H
#define VIT_OP_LOSS_H

#include "op/ref.h"

static inline double loss_weight(const struct vit_call *c)
{
	const struct vit_loss_attr *a = c->attr;
	const double k = (double)vit_knob(c->step, a->knob, a->complement ? 0 : 1);
	return (double)a->weight * (a->complement ? 1 - k : k);
}

/* What every gradient of a loss is multiplied with. */
static inline double loss_start(const struct vit_call *c)
{
	return loss_weight(c) * (double)c->step->loss_scale;
}

static inline void loss_add(const struct vit_call *c, double sum, double rows)
{
	const double w = loss_weight(c);
	c->step->loss += w * sum;
	c->step->wsum += w * rows;
}

static inline int loss_infer(struct vit_call *c)
{
	c->n_out = 1;
	vit_shape_set(&c->out[0], VIT_REAL, 1, c->in[0].dim);
	return 0;
}

/* log of the sum of exp(x / T) over a row. */
static inline double loss_lse(const real *x, int64_t K, double T)
{
	double max = (double)x[0] / T, sum = 0;
	for (int64_t k = 1; k < K; k++)
		max = fmax(max, (double)x[k] / T);
	for (int64_t k = 0; k < K; k++)
		sum += exp((double)x[k] / T - max);
	return max + log(sum);
}

static inline int64_t loss_argmax(const real *x, int64_t K)
{
	int64_t at = 0;
	for (int64_t k = 1; k < K; k++)
		if (x[k] > x[at])
			at = k;
	return at;
}

#endif
