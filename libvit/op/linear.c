/* SPDX-License-Identifier: MIT
 *
 * linear: a product with a weight matrix, bias and activation in one.
 *
 *   p = x W^T + b,  y = act(p)
 *   dp = dy act'(p),  dx = dp W,  dW += dp^T x,  db += sum over rows of dp
 *
 * in   x [...,K], W [N,K], b [N] (optional)
 * out  y [...,N];  aux  p [...,N] where act is not NONE
 * FLOPs 2 rows N K forward, twice that backward.
 */
#include "op/expand.h"
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	const struct vit_linear_attr *a = c->attr;
	struct vit_tensor *x = &c->in[0];
	VIT_TRY(vit_want_n(c, 2, 3));
	if (x->ndim < 2)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 0 has %d dimensions, [...,K] is wanted", c->op, c->name, x->ndim);
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim));
	VIT_TRY(vit_want(c, 1, VIT_ANY_FLOAT, 2, (int64_t[]){ VIT_ANY_DIM, x->dim[x->ndim - 1] }));
	if (c->n_in > 2)
		VIT_TRY(vit_want(c, 2, VIT_ANY_FLOAT, 1, &c->in[1].dim[0]));
	c->n_out = 1;
	vit_shape_set(&c->out[0], x->dtype, x->ndim, x->dim);
	c->out[0].dim[x->ndim - 1] = c->in[1].dim[0];
	c->n_aux = a->act != VIT_ACT_NONE;
	if (c->n_aux)
		vit_shape_set(&c->aux[0], x->dtype, x->ndim, c->out[0].dim);
	return 0;
}

static int forward(const struct vit_call *c)
{
	const struct vit_linear_attr *a = c->attr;
	const int64_t N = c->in[1].dim[0], K = c->in[1].dim[1], rows = vit_tensor_count(&c->out[0]) / N;
	const real *x = ref_in(c, 0), *W = ref_in(c, 1), *bias = c->n_in > 2 ? ref_in(c, 2) : NULL;
	real *pre = c->n_aux ? c->aux[0].data : NULL, *y = ref_out(c, 0);
	for (int64_t r = 0; r < rows; r++)
		for (int64_t n = 0; n < N; n++) {
			double sum = bias ? (double)bias[n] : 0;
			for (int64_t k = 0; k < K; k++)
				sum += (double)x[r * K + k] * (double)W[n * K + k];
			if (pre)
				pre[r * N + n] = (real)sum;
			y[r * N + n] = (real)ref_act(a->act, sum);
		}
	return 0;
}

static double dp(const struct vit_call *c, int64_t i)
{
	return ref_dpre(c, ((const struct vit_linear_attr *)c->attr)->act, i);
}

static void backward_x(const struct vit_call *c, int64_t rows, int64_t N, int64_t K)
{
	const real *W = ref_in(c, 1);
	for (int64_t r = 0; r < rows; r++)
		for (int64_t k0 = 0; k0 < K; k0 += VIT_CHUNK) {
			double sum[VIT_CHUNK] = { 0 };
			const int64_t m = ref_min(VIT_CHUNK, K - k0);
			for (int64_t n = 0; n < N; n++) {
				const double d = dp(c, r * N + n);
				for (int64_t k = 0; k < m; k++)
					sum[k] += d * (double)W[n * K + k0 + k];
			}
			for (int64_t k = 0; k < m; k++)
				ref_put(c, 0, r * K + k0 + k, sum[k]);
		}
}

static void backward_w(const struct vit_call *c, int64_t rows, int64_t N, int64_t K)
{
	const real *x = ref_in(c, 0);
	for (int64_t n = 0; n < N; n++)
		for (int64_t k0 = 0; k0 < K; k0 += VIT_CHUNK) {
			double sum[VIT_CHUNK] = { 0 };
			const int64_t m = ref_min(VIT_CHUNK, K - k0);
			for (int64_t r = 0; r < rows; r++) {
				const double d = dp(c, r * N + n);
				for (int64_t k = 0; k < m; k++)
					sum[k] += d * (double)x[r * K + k0 + k];
			}
			for (int64_t k = 0; k < m; k++)
				ref_put(c, 1, n * K + k0 + k, sum[k]);
		}
}

static int backward(const struct vit_call *c)
{
	const int64_t N = c->in[1].dim[0], K = c->in[1].dim[1], rows = vit_tensor_count(&c->out[0]) / N;
	if (ref_need(c, 0))
		backward_x(c, rows, N, K);
	if (ref_need(c, 1))
		backward_w(c, rows, N, K);
	for (int64_t n = 0; n < N && ref_need(c, 2); n++) {
		double sum = 0;
		for (int64_t r = 0; r < rows; r++)
			sum += dp(c, r * N + n);
		ref_put(c, 2, n, sum);
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 4.0 : 2.0) * (double)vit_tensor_count(&c->out[0]) * (double)c->in[1].dim[1];
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	const struct vit_linear_attr *a = n->attr;
	struct vit_value *W = ex_transpose(&e, "weight_t", n->in[1], (struct vit_perm_attr){ 2, { 1, 0 } });
	struct vit_value *p = ex_binary(&e, "matmul", "product", n->in[0], W);
	if (n->n_in > 2)
		p = ex_binary(&e, "add", "bias", p, n->in[2]);
	*out = ex_act(&e, a->act, p);
	return g->rc;
}

const struct vit_op VIT_OP(linear) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "linear", .help = "y = act(x W^T + b)",
	.attr_size = sizeof(struct vit_linear_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1 | 2, .lean = 1,
	.expand = expand,
};
