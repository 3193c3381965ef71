/* SPDX-License-Identifier: MIT
 *
 * sqrt: y = sqrt(x), element by element. A primitive.
 *
 *   dx = dy / (2 y)
 *
 * in   x of any shape;  out  y likewise
 */
#include "op/unary.h"

static double value(double x)
{
	return sqrt(x);
}

static double slope(double y)
{
	return 0.5 / y;
}

static int forward(const struct vit_call *c)
{
	return unary_forward(c, value);
}

static int backward(const struct vit_call *c)
{
	return unary_backward(c, ref_out(c, 0), slope);
}

const struct vit_op VIT_OP(sqrt) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "sqrt", .help = "y = sqrt(x)",
	.infer = unary_infer, .forward = forward, .backward = backward, .flops = unary_flops,
	.keep_out = 1, .alias = 1,
};
