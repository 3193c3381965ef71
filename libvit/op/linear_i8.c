/* SPDX-License-Identifier: MIT
 *
 * linear_i8: a product in 8-bit integers, with weights quantised beforehand.
 *
 *   a = max over the row of |x|,  q = round(x 63 / a) in -63..63 (0 for a < 1e-30),  s = a / 63
 *   y_n = (sum_k q_k W_nk) s scale_n + b_n
 *
 * Rounding: quantise.h, the same bits everywhere; the sum is exact in 32 bits.
 * Kernels hold q + 64 in 1..127: two products of it with W in +-127 fit 16 bits.
 *
 * in   x [...,K], W i8 [N,K], scale f32 [N], b [N] (optional)
 * out  y [...,N]. Not differentiable.
 */
#include "op/expand.h"
#include "op/quantise.h"

static int infer(struct vit_call *c)
{
	struct vit_tensor *x = &c->in[0];
	VIT_TRY(vit_want_n(c, 3, 4));
	if (x->ndim < 2)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 0 has %d dimensions, [...,K] is wanted", c->op, c->name, x->ndim);
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim));
	VIT_TRY(vit_want(c, 1, VIT_I8, 2, (int64_t[]){ VIT_ANY_DIM, x->dim[x->ndim - 1] }));
	for (int i = 2; i < c->n_in; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, 1, &c->in[1].dim[0]));
	/* 2^31 / (63 * 127) */
	if (x->dim[x->ndim - 1] > 268000)
		return vit_fail(VIT_EMISMATCH, "%s %s: a row of %lld could overflow 32 bits, at most 268000 is possible", c->op, c->name,
		                (long long)x->dim[x->ndim - 1]);
	c->n_out = 1;
	vit_shape_set(&c->out[0], x->dtype, x->ndim, x->dim);
	c->out[0].dim[x->ndim - 1] = c->in[1].dim[0];
	return 0;
}

static int forward(const struct vit_call *c)
{
	const int64_t N = c->in[1].dim[0], K = c->in[1].dim[1], rows = vit_tensor_count(&c->out[0]) / N;
	const int8_t *W = c->in[1].data;
	for (int64_t r = 0; r < rows; r++) {
		const real *x = ref_in(c, 0) + r * K;
		const real most = quantise_most(x, K);
		for (int64_t n = 0; n < N; n++) {
			int32_t sum = 0;
			for (int64_t k = 0; k < K; k++)
				sum += quantise(x[k], most) * W[n * K + k];
			ref_out(c, 0)[r * N + n] = (real)((double)sum * ((double)most / 63) * ref_scalar(&c->in[2], n) +
			                                  (c->n_in > 3 ? (double)ref_in(c, 3)[n] : 0));
		}
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return back ? 0 : 2.0 * (double)vit_tensor_count(&c->out[0]) * (double)c->in[1].dim[1];
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	struct vit_node *rows = NULL;
	const char *name = ex_name(&e, "quantised");
	struct vit_value *q = name ? vit_graph_op(g, "quantise", name, NULL, n->in, 1, &rows) : NULL;
	struct vit_value *W = ex_transpose(&e, "weight_t", ex_unary(&e, "cast", "weight", n->in[1]), (struct vit_perm_attr){ 2, { 1, 0 } });
	struct vit_value *y = ex_binary(&e, "matmul", "product", ex_unary(&e, "cast", "integers", q), W);
	y = ex_binary(&e, "mul", "rows", y, rows ? rows->out[1] : NULL);
	y = ex_binary(&e, "mul", "channels", y, n->in[2]);
	*out = n->n_in > 3 ? ex_binary(&e, "add", "bias", y, n->in[3]) : y;
	return g->rc;
}

const struct vit_op VIT_OP(linear_i8) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "linear_i8", .help = "y = int8(x) W^T scales + b",
	.infer = infer, .forward = forward, .flops = flops,
	.f32_in = 4 | 8,
	.expand = expand,
};
