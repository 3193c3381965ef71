/* SPDX-License-Identifier: MIT
 *
 * tanh: y = tanh(x), element by element. A primitive.
 *
 *   dx = dy (1 - y^2)
 *
 * in   x of any shape;  out  y likewise
 */
#include "op/unary.h"

static double value(double x)
{
	return tanh(x);
}

static double slope(double y)
{
	return 1 - y * y;
}

static int forward(const struct vit_call *c)
{
	return unary_forward(c, value);
}

static int backward(const struct vit_call *c)
{
	return unary_backward(c, ref_out(c, 0), slope);
}

const struct vit_op VIT_OP(tanh) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "tanh", .help = "y = tanh(x)",
	.infer = unary_infer, .forward = forward, .backward = backward, .flops = unary_flops,
	.keep_out = 1, .alias = 1,
};
