/* SPDX-License-Identifier: MIT
 *
 * erf: y = erf(x), element by element. A primitive.
 *
 *   dx = dy 2 / sqrt(pi) exp(-x^2)
 *
 * in   x of any shape;  out  y likewise
 */
#include "op/unary.h"

static double value(double x)
{
	return erf(x);
}

static double slope(double x)
{
	return 1.12837916709551257390 * exp(-x * x);
}

static int forward(const struct vit_call *c)
{
	return unary_forward(c, value);
}

static int backward(const struct vit_call *c)
{
	return unary_backward(c, ref_in(c, 0), slope);
}

const struct vit_op VIT_OP(erf) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "erf", .help = "y = erf(x)",
	.infer = unary_infer, .forward = forward, .backward = backward, .flops = unary_flops,
	.keep_in = 1, .alias = 1,
};
