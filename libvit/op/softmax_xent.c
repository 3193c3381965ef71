/* SPDX-License-Identifier: MIT
 *
 * softmax_xent: cross-entropy of softmax(x) against hard or soft labels.
 *
 *   y' = (1 - s) y + s / K,  loss_b = -sum_k y'_k log p_k,  p = softmax(x_b)
 *   dx = w loss_scale (p sum(y') - y')
 *
 * in   x [B,K], labels i32 [B] or soft [B,K]
 * out  loss [B], 0 for padding;  aux  lse [B]
 * Adds to the step: wsum, loss, and hits (largest logit is the largest label,
 * the first of equals). A hard label outside 0..K-1 marks an unlabelled sample:
 * no loss, no weight, no gradient. dout is not read: a loss is an end.
 *
 * Smoothing: Szegedy et al., 2016.
 */
#include "op/loss.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(vit_want_n(c, 2, 2));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, 2, (int64_t[]){ c->in[0].dim[0], VIT_ANY_DIM }));
	if (c->in[1].ndim == 2)
		VIT_TRY(vit_want(c, 1, VIT_ANY_FLOAT, 2, c->in[0].dim));
	else
		VIT_TRY(vit_want(c, 1, VIT_I32, 1, c->in[0].dim));
	c->n_aux = 1;
	vit_shape_set(&c->aux[0], VIT_REAL, 1, c->in[0].dim);
	return loss_infer(c);
}

/* y'_k of sample b. */
static double label(const struct vit_call *c, int64_t b, int64_t k)
{
	const struct vit_loss_attr *a = c->attr;
	const int64_t K = c->in[0].dim[1];
	const double y = c->in[1].ndim == 2 ? (double)ref_in(c, 1)[b * K + k] : ((const int32_t *)c->in[1].data)[b] == k;
	return (1 - (double)a->smoothing) * y + (double)a->smoothing / (double)K;
}

static int counts(const struct vit_call *c, int64_t b)
{
	if (b >= c->step->n_valid)
		return 0;
	const int32_t *hard = c->in[1].ndim == 2 ? NULL : c->in[1].data;
	return !hard || (hard[b] >= 0 && hard[b] < c->in[0].dim[1]);
}

static int forward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], K = c->in[0].dim[1];
	double sum = 0, rows = 0;
	for (int64_t b = 0; b < B; b++) {
		const real *x = ref_in(c, 0) + b * K;
		const int valid = counts(c, b);
		const double lse = valid ? loss_lse(x, K, 1) : 0;
		double loss = 0;
		for (int64_t k = 0; valid && k < K; k++)
			loss += label(c, b, k) * (lse - (double)x[k]);
		ref_out(c, 0)[b] = (real)loss;
		if (c->aux[0].data)
			((real *)c->aux[0].data)[b] = (real)lse;
		if (!valid)
			continue;
		sum += loss;
		rows += 1;
		c->step->hits += loss_argmax(x, K) ==
		                 (c->in[1].ndim == 2 ? loss_argmax(ref_in(c, 1) + b * K, K) : ((const int32_t *)c->in[1].data)[b]);
	}
	loss_add(c, sum, rows);
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], K = c->in[0].dim[1];
	const double start = loss_start(c);
	for (int64_t b = 0; b < B && ref_need(c, 0); b++) {
		const int valid = counts(c, b);
		double total = 0;
		for (int64_t k = 0; valid && k < K; k++)
			total += label(c, b, k);
		for (int64_t k = 0; k < K; k++) {
			const double p = valid ? exp((double)ref_in(c, 0)[b * K + k] - (double)((const real *)c->aux[0].data)[b]) : 0;
			ref_put(c, 0, b * K + k, valid ? start * (p * total - label(c, b, k)) : 0);
		}
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 4.0 : 6.0) * (double)vit_tensor_count(&c->in[0]);
}

const struct vit_op VIT_OP(softmax_xent) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "softmax_xent", .help = "loss = -sum y log softmax(x)",
	.attr_size = sizeof(struct vit_loss_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1 | 2, .f32_in = 1 | 2, .f32_out = 1,
	.loss = 1,
};
