/* SPDX-License-Identifier: MIT
 *
 * unary.h - y = f(x) element by element, for ops whose derivative is a function
 * of y alone or of x alone.
 */
#ifndef VIT_OP_UNARY_H
#define VIT_OP_UNARY_H

#include "op/ref.h"

static inline int unary_infer(struct vit_call *c)
{
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, c->in[0].ndim, c->in[0].dim));
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, c->in[0].ndim, c->in[0].dim);
	return 0;
}

static inline int unary_forward(const struct vit_call *c, double (*f)(double))
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	for (int64_t i = 0; i < n; i++)
		ref_out(c, 0)[i] = (real)f((double)ref_in(c, 0)[i]);
	return 0;
}

/* df takes what `at` holds: x or y, whichever the op keeps. */
static inline int unary_backward(const struct vit_call *c, const real *at, double (*df)(double))
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	for (int64_t i = 0; i < n && ref_need(c, 0); i++)
		ref_put(c, 0, i, (double)ref_dout(c, 0)[i] * df((double)at[i]));
	return 0;
}

static inline double unary_flops(const struct vit_call *c, int back)
{
	(void)back;
	return (double)vit_tensor_count(&c->out[0]);
}

#endif
