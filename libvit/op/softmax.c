/* SPDX-License-Identifier: MIT
 *
 * softmax: y_k = exp(x_k) / sum_j exp(x_j) over the last dim. A primitive.
 *
 *   dx_k = y_k (dy_k - sum_j dy_j y_j)
 *
 * in   x [...,K];  out  y likewise
 */
#include "op/unary.h"

static int forward(const struct vit_call *c)
{
	const int64_t K = c->in[0].dim[c->in[0].ndim - 1], rows = vit_tensor_count(&c->in[0]) / K;
	for (int64_t r = 0; r < rows; r++) {
		const real *x = ref_in(c, 0) + r * K;
		double max = (double)x[0], sum = 0;
		for (int64_t k = 1; k < K; k++)
			max = fmax(max, (double)x[k]);
		for (int64_t k = 0; k < K; k++)
			sum += exp((double)x[k] - max);
		for (int64_t k = 0; k < K; k++)
			ref_out(c, 0)[r * K + k] = (real)(exp((double)x[k] - max) / sum);
	}
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t K = c->in[0].dim[c->in[0].ndim - 1], rows = vit_tensor_count(&c->in[0]) / K;
	for (int64_t r = 0; r < rows && ref_need(c, 0); r++) {
		const real *y = ref_out(c, 0) + r * K, *dy = ref_dout(c, 0) + r * K;
		double sum = 0;
		for (int64_t k = 0; k < K; k++)
			sum += (double)dy[k] * (double)y[k];
		for (int64_t k = 0; k < K; k++)
			ref_put(c, 0, r * K + k, (double)y[k] * ((double)dy[k] - sum));
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 4.0 : 5.0) * (double)vit_tensor_count(&c->in[0]);
}

const struct vit_op VIT_OP(softmax) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "softmax", .help = "y = softmax(x) over the last dim",
	.infer = unary_infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_out = 1, .alias = 1,
};
