/* SPDX-License-Identifier: MIT
 *
 * reduce_mean: the mean over one axis, which stays as 1. A primitive.
 *
 *   dx = dy / n, repeated
 *
 * in   x [...,n,...];  out  y [...,1,...]
 */
#include "op/axis.h"

static int infer(struct vit_call *c)
{
	int at;
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(axis_infer(c, &at));
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, c->in[0].ndim, c->in[0].dim);
	c->out[0].dim[at] = 1;
	return 0;
}

static int forward(const struct vit_call *c)
{
	const struct axis s = axis_of(c, &c->in[0]);
	for (int64_t o = 0; o < s.outer; o++)
		for (int64_t i = 0; i < s.inner; i++) {
			double sum = 0;
			for (int64_t k = 0; k < s.n; k++)
				sum += (double)ref_in(c, 0)[(o * s.n + k) * s.inner + i];
			ref_out(c, 0)[o * s.inner + i] = (real)(sum / (double)s.n);
		}
	return 0;
}

static int backward(const struct vit_call *c)
{
	const struct axis s = axis_of(c, &c->in[0]);
	for (int64_t o = 0; o < s.outer && ref_need(c, 0); o++)
		for (int64_t k = 0; k < s.n; k++)
			for (int64_t i = 0; i < s.inner; i++)
				ref_put(c, 0, (o * s.n + k) * s.inner + i, (double)ref_dout(c, 0)[o * s.inner + i] / (double)s.n);
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	(void)back;
	return (double)vit_tensor_count(&c->in[0]);
}

const struct vit_op VIT_OP(reduce_mean) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "reduce_mean", .help = "y = mean(x) over one axis",
	.attr_size = sizeof(struct vit_axis_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
};
