/* SPDX-License-Identifier: MIT
 *
 * cast: bytes and integers to numbers that can be computed with. A primitive.
 *
 * in   x u8, i8 or i32 of any shape;  out  y likewise. Not differentiable.
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	const struct vit_tensor *x = &c->in[0];
	VIT_TRY(vit_want_n(c, 1, 1));
	if (x->dtype != VIT_U8 && x->dtype != VIT_I8 && x->dtype != VIT_I32)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 0 is %s, uint8, int8 or int32 is wanted", c->op, c->name, vit_dtypes[x->dtype].name);
	c->n_out = 1;
	vit_shape_set(&c->out[0], VIT_REAL, x->ndim, x->dim);
	return 0;
}

static int forward(const struct vit_call *c)
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	const void *x = c->in[0].data;
	for (int64_t i = 0; i < n; i++)
		ref_out(c, 0)[i] = c->in[0].dtype == VIT_U8 ? (real)((const uint8_t *)x)[i] :
		                   c->in[0].dtype == VIT_I8 ? (real)((const int8_t *)x)[i] : (real)((const int32_t *)x)[i];
	return 0;
}

const struct vit_op VIT_OP(cast) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "cast", .help = "y = x as a floating-point number",
	.infer = infer, .forward = forward,
};
