/* SPDX-License-Identifier: MIT
 *
 * kl_div: the distance of a student from its teacher, softened by temperature.
 *
 *   loss_b = T^2 sum_k t_k (log t_k - log p_k),  t = softmax(z / T),  p = softmax(x / T)
 *   dx = w loss_scale T (p - t)
 *
 * in   student's logits x [B,K], teacher's logits z [B,K];  out  loss [B], 0 for padding
 * aux  lse of x / T and of z / T, [B] each
 * T is the temperature knob; a knob that was never set (0) counts as 1. No
 * gradient goes to the teacher. dout is not read: a loss is an end.
 *
 * Hinton, Vinyals & Dean, 2015.
 */
#include "op/loss.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(vit_want_n(c, 2, 2));
	for (int i = 0; i < 2; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, 2, (int64_t[]){ c->in[0].dim[0], c->in[0].dim[1] }));
	c->n_aux = 2;
	for (int i = 0; i < 2; i++)
		vit_shape_set(&c->aux[i], VIT_REAL, 1, c->in[0].dim);
	return loss_infer(c);
}

static double temperature(const struct vit_call *c)
{
	const double T = (double)vit_knob(c->step, VIT_KNOB_TEMPERATURE, 1);
	return T > 0 ? T : 1;
}

static int forward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], K = c->in[0].dim[1], valid = ref_min(B, c->step->n_valid);
	const double T = temperature(c);
	double total = 0;
	for (int64_t b = 0; b < B; b++) {
		const real *x = ref_in(c, 0) + b * K, *z = ref_in(c, 1) + b * K;
		const double lx = b < valid ? loss_lse(x, K, T) : 0, lz = b < valid ? loss_lse(z, K, T) : 0;
		double sum = 0;
		for (int64_t k = 0; k < K && b < valid; k++) {
			const double log_t = (double)z[k] / T - lz, log_p = (double)x[k] / T - lx;
			sum += T * T * exp(log_t) * (log_t - log_p);
		}
		ref_out(c, 0)[b] = (real)sum;
		total += sum;
		if (c->aux[0].data)
			((real *)c->aux[0].data)[b] = (real)lx;
		if (c->aux[1].data)
			((real *)c->aux[1].data)[b] = (real)lz;
	}
	loss_add(c, total, (double)valid);
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], K = c->in[0].dim[1];
	const double T = temperature(c), start = loss_start(c) * T;
	for (int64_t b = 0; b < B && ref_need(c, 0); b++)
		for (int64_t k = 0; k < K; k++) {
			double d = 0;
			if (b < c->step->n_valid)
				d = start * (exp((double)ref_in(c, 0)[b * K + k] / T - (double)((const real *)c->aux[0].data)[b]) -
				             exp((double)ref_in(c, 1)[b * K + k] / T - (double)((const real *)c->aux[1].data)[b]));
			ref_put(c, 0, b * K + k, d);
		}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 4.0 : 12.0) * (double)vit_tensor_count(&c->in[0]);
}

const struct vit_op VIT_OP(kl_div) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "kl_div", .help = "loss = T^2 KL(softmax(teacher/T) || softmax(x/T))",
	.attr_size = sizeof(struct vit_loss_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1 | 2, .f32_in = 1 | 2, .f32_out = 1,
	.loss = 1,
};
