/* SPDX-License-Identifier: MIT
 *
 * relu: y = max(x, 0), element by element. A primitive.
 *
 *   dx = y > 0 ? dy : 0
 *
 * in   x of any shape;  out  y likewise
 */
#include "op/unary.h"

static double value(double x)
{
	return x > 0 ? x : 0;
}

static double slope(double y)
{
	return y > 0;
}

static int forward(const struct vit_call *c)
{
	return unary_forward(c, value);
}

static int backward(const struct vit_call *c)
{
	return unary_backward(c, ref_out(c, 0), slope);
}

const struct vit_op VIT_OP(relu) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "relu", .help = "y = max(x, 0)",
	.infer = unary_infer, .forward = forward, .backward = backward, .flops = unary_flops,
	.keep_out = 1, .alias = 1,
};
