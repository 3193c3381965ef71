/* SPDX-License-Identifier: MIT
 *
 * concat: tensors one after the other on one axis. A primitive.
 *
 * in   x0, x1, ... with equal other dimensions;  out  y
 */
#include "op/axis.h"

static int infer(struct vit_call *c)
{
	int at;
	VIT_TRY(vit_want_n(c, 1, VIT_MAXIO));
	VIT_TRY(axis_infer(c, &at));
	int64_t dim[VIT_MAXD], n = 0;
	for (int i = 0; i < c->in[0].ndim; i++)
		dim[i] = i == at ? VIT_ANY_DIM : c->in[0].dim[i];
	for (int i = 0; i < c->n_in; i++) {
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, c->in[0].ndim, dim));
		n += c->in[i].dim[at];
	}
	dim[at] = n;
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, c->in[0].ndim, dim);
	return 0;
}

static int forward(const struct vit_call *c)
{
	real *y = ref_out(c, 0);
	const int64_t outer = axis_of(c, &c->out[0]).outer;
	for (int64_t o = 0; o < outer; o++)
		for (int i = 0; i < c->n_in; i++) {
			const struct axis s = axis_of(c, &c->in[i]);
			for (int64_t k = 0; k < s.n * s.inner; k++)
				*y++ = ref_in(c, i)[o * s.n * s.inner + k];
		}
	return 0;
}

static int backward(const struct vit_call *c)
{
	const real *dy = ref_dout(c, 0);
	const int64_t outer = axis_of(c, &c->out[0]).outer;
	for (int64_t o = 0; o < outer; o++)
		for (int i = 0; i < c->n_in; i++) {
			const struct axis s = axis_of(c, &c->in[i]);
			for (int64_t k = 0; k < s.n * s.inner; k++, dy++)
				if (ref_need(c, i))
					ref_put(c, i, o * s.n * s.inner + k, (double)*dy);
		}
	return 0;
}

const struct vit_op VIT_OP(concat) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "concat", .help = "y = x0, x1, ... on one axis",
	.attr_size = sizeof(struct vit_axis_attr),
	.infer = infer, .forward = forward, .backward = backward,
};
