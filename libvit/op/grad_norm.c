/* SPDX-License-Identifier: MIT
 *
 * grad_norm: what the update must know of the gradients before it starts.
 *
 *   gnorm2 += sum g^2;  found_inf = 1 if a g is not finite
 *
 * in   g [n]: one range of the flat block; several calls add up. No outputs.
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(vit_want_n(c, 1, 1));
	return vit_want(c, 0, VIT_ANY_FLOAT, 1, (int64_t[]){ VIT_ANY_DIM });
}

static int forward(const struct vit_call *c)
{
	const real *g = ref_in(c, 0);
	double sum = 0;
	int bad = 0;
	for (int64_t i = 0; i < c->in[0].dim[0]; i++) {
		sum += (double)g[i] * (double)g[i];
		bad |= !isfinite(g[i]);
	}
	c->step->gnorm2 += sum;
	c->step->found_inf |= bad;
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return back ? 0 : 2.0 * (double)c->in[0].dim[0];
}

const struct vit_op VIT_OP(grad_norm) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "grad_norm", .help = "adds |g|^2 to the step, and sees infinities",
	.infer = infer, .forward = forward, .flops = flops,
	.f32_in = 1,
};
