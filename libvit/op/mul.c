/* SPDX-License-Identifier: MIT
 *
 * mul: z = x * y, broadcast as numpy does. A primitive.
 *
 *   dx = dz y, dy = dz x, summed over what was repeated
 *
 * in   x, y of any shapes that broadcast;  out  z
 */
#include "op/broadcast.h"

static double value(double x, double y)
{
	return x * y;
}

static double slope(int which, double x, double y)
{
	return which ? x : y;
}

static int forward(const struct vit_call *c)
{
	return broadcast_forward(c, value);
}

static int backward(const struct vit_call *c)
{
	return broadcast_backward(c, slope);
}

const struct vit_op VIT_OP(mul) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "mul", .help = "z = x * y",
	.infer = broadcast_infer, .forward = forward, .backward = backward, .flops = broadcast_flops,
	.keep_in = 1 | 2,
};
