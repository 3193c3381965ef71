/* SPDX-License-Identifier: MIT
 *
 * add: z = x + y, broadcast as numpy does. A primitive.
 *
 *   dx = dz, dy = dz, summed over what was repeated
 *
 * in   x, y of any shapes that broadcast;  out  z
 */
#include "op/broadcast.h"

static double value(double x, double y)
{
	return x + y;
}

static double slope(int which, double x, double y)
{
	(void)which;
	(void)x;
	(void)y;
	return 1;
}

static int forward(const struct vit_call *c)
{
	return broadcast_forward(c, value);
}

static int backward(const struct vit_call *c)
{
	return broadcast_backward(c, slope);
}

const struct vit_op VIT_OP(add) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "add", .help = "z = x + y",
	.infer = broadcast_infer, .forward = forward, .backward = backward, .flops = broadcast_flops,
};
