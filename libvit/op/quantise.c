/* SPDX-License-Identifier: MIT
 *
 * quantise: rows to integers and one scale each. A primitive.
 *
 *   a = max over the row of |x|,  q = round(x 63 / a) in -63..63 (0 for a < 1e-30),  s = a / 63
 *
 * in   x [...,K];  out  q i8 [...,K], s [...,1]. Not differentiable. The rounding
 * rules are linear_i8's.
 */
#include "op/quantise.h"

static int infer(struct vit_call *c)
{
	const struct vit_tensor *x = &c->in[0];
	VIT_TRY(vit_want_n(c, 1, 1));
	if (x->ndim < 2)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 0 has %d dimensions, [...,K] is wanted", c->op, c->name, x->ndim);
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim));
	c->n_out = 2;
	vit_shape_set(&c->out[0], VIT_I8, x->ndim, x->dim);
	vit_shape_set(&c->out[1], x->dtype, x->ndim, x->dim);
	c->out[1].dim[x->ndim - 1] = 1;
	return 0;
}

static int forward(const struct vit_call *c)
{
	const int64_t K = c->in[0].dim[c->in[0].ndim - 1], rows = vit_tensor_count(&c->in[0]) / K;
	for (int64_t r = 0; r < rows; r++) {
		const real *x = ref_in(c, 0) + r * K, most = quantise_most(x, K);
		for (int64_t k = 0; k < K; k++)
			((int8_t *)c->out[0].data)[r * K + k] = (int8_t)quantise(x[k], most);
		ref_out(c, 1)[r] = (real)((double)most / 63);
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return back ? 0 : 3.0 * (double)vit_tensor_count(&c->in[0]);
}

const struct vit_op VIT_OP(quantise) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "quantise", .help = "q, s = rows as integers and scales",
	.infer = infer, .forward = forward, .flops = flops,
	.f32_out = 2,
};
