/* SPDX-License-Identifier: MIT
 *
 * slice: y = x[..., start:stop, ...] on one axis. A primitive.
 *
 *   dx = dy in the slice, 0 around it
 *
 * in   x;  out  y
 */
#include "op/axis.h"

static int infer(struct vit_call *c)
{
	const struct vit_axis_attr *a = c->attr;
	int at;
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(axis_infer(c, &at));
	if (a->start < 0 || a->stop <= a->start || a->stop > c->in[0].dim[at])
		return vit_fail(VIT_EMISMATCH, "%s %s: %lld to %lld is no part of %lld", c->op, c->name, (long long)a->start, (long long)a->stop,
		                (long long)c->in[0].dim[at]);
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, c->in[0].ndim, c->in[0].dim);
	c->out[0].dim[at] = a->stop - a->start;
	return 0;
}

static int forward(const struct vit_call *c)
{
	const struct vit_axis_attr *a = c->attr;
	const struct axis s = axis_of(c, &c->in[0]);
	real *y = ref_out(c, 0);
	for (int64_t o = 0; o < s.outer; o++)
		for (int64_t k = a->start * s.inner; k < a->stop * s.inner; k++)
			*y++ = ref_in(c, 0)[o * s.n * s.inner + k];
	return 0;
}

static int backward(const struct vit_call *c)
{
	const struct vit_axis_attr *a = c->attr;
	const struct axis s = axis_of(c, &c->in[0]);
	const real *dy = ref_dout(c, 0);
	for (int64_t o = 0; o < s.outer && ref_need(c, 0); o++)
		for (int64_t k = 0; k < s.n * s.inner; k++) {
			const int inside = k >= a->start * s.inner && k < a->stop * s.inner;
			ref_put(c, 0, o * s.n * s.inner + k, inside ? (double)*dy++ : 0);
		}
	return 0;
}

const struct vit_op VIT_OP(slice) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "slice", .help = "y = x[start:stop] on one axis",
	.attr_size = sizeof(struct vit_axis_attr),
	.infer = infer, .forward = forward, .backward = backward,
};
