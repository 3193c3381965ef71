/* SPDX-License-Identifier: MIT
 *
 * mse: mean squared error over a sample's elements.
 *
 *   loss_b = 1/n sum_e (x_be - y_be)^2,  dx = w loss_scale 2/n (x - y),  dy = -dx
 *
 * in   x [B,...] of n elements per sample, y likewise;  out  loss [B], 0 for padding
 * dout is not read: a loss is an end.
 */
#include "op/loss.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(vit_want_n(c, 2, 2));
	for (int i = 0; i < 2; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, c->in[0].ndim, c->in[0].dim));
	return loss_infer(c);
}

static int forward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], n = vit_inner(&c->in[0], 1), valid = ref_min(B, c->step->n_valid);
	double total = 0;
	for (int64_t b = 0; b < B; b++) {
		double sum = 0;
		for (int64_t e = b * n; b < valid && e < (b + 1) * n; e++) {
			const double d = (double)ref_in(c, 0)[e] - (double)ref_in(c, 1)[e];
			sum += d * d / (double)n;
		}
		ref_out(c, 0)[b] = (real)sum;
		total += sum;
	}
	loss_add(c, total, (double)valid);
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], n = vit_inner(&c->in[0], 1);
	const double start = loss_start(c) * 2 / (double)n;
	for (int64_t e = 0; e < B * n; e++) {
		const double d = e < c->step->n_valid * n ? start * ((double)ref_in(c, 0)[e] - (double)ref_in(c, 1)[e]) : 0;
		if (ref_need(c, 0))
			ref_put(c, 0, e, d);
		if (ref_need(c, 1))
			ref_put(c, 1, e, -d);
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	(void)back;
	return 3.0 * (double)vit_tensor_count(&c->in[0]);
}

const struct vit_op VIT_OP(mse) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "mse", .help = "loss = mean (x - y)^2",
	.attr_size = sizeof(struct vit_loss_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1 | 2, .f32_in = 1 | 2, .f32_out = 1,
	.loss = 1,
};
