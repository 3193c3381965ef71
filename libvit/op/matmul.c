/* SPDX-License-Identifier: MIT
 *
 * matmul: z = x y over the last two dimensions. A primitive.
 *
 *   dx = dz y^T,  dy = x^T dz, summed over what y does not have
 *
 * in   x [...,M,K], y [...,K,N] with the same leading dimensions, or [K,N]
 * out  z [...,M,N];  FLOPs 2 M N K each, twice that backward
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	const struct vit_tensor *x = &c->in[0], *y = &c->in[1];
	VIT_TRY(vit_want_n(c, 2, 2));
	if (x->ndim < 2)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 0 has %d dimensions, [...,M,K] is wanted", c->op, c->name, x->ndim);
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim));
	int64_t dim[VIT_MAXD];
	for (int i = 0; i < x->ndim; i++)
		dim[i] = x->dim[i];
	const int64_t K = dim[x->ndim - 1];
	dim[x->ndim - 2] = K;
	dim[x->ndim - 1] = VIT_ANY_DIM;
	VIT_TRY(vit_want(c, 1, VIT_ANY_FLOAT, y->ndim == 2 ? 2 : x->ndim, y->ndim == 2 ? dim + x->ndim - 2 : dim));
	c->n_out = 1;
	vit_shape_set(&c->out[0], x->dtype, x->ndim, x->dim);
	c->out[0].dim[x->ndim - 1] = y->dim[y->ndim - 1];
	return 0;
}

struct shape { int64_t batches, M, K, N; int64_t y_step; };     /* y_step 0: one y for all */

static struct shape shape_of(const struct vit_call *c)
{
	const struct vit_tensor *x = &c->in[0], *y = &c->in[1];
	struct shape s = { .M = x->dim[x->ndim - 2], .K = x->dim[x->ndim - 1], .N = y->dim[y->ndim - 1] };
	s.batches = vit_tensor_count(x) / (s.M * s.K);
	s.y_step = vit_tensor_count(y) > s.K * s.N ? s.K * s.N : 0;
	return s;
}

static int forward(const struct vit_call *c)
{
	const struct shape s = shape_of(c);
	for (int64_t b = 0; b < s.batches; b++)
		for (int64_t m = 0; m < s.M; m++)
			for (int64_t n = 0; n < s.N; n++) {
				double sum = 0;
				for (int64_t k = 0; k < s.K; k++)
					sum += (double)ref_in(c, 0)[(b * s.M + m) * s.K + k] * (double)ref_in(c, 1)[b * s.y_step + k * s.N + n];
				ref_out(c, 0)[(b * s.M + m) * s.N + n] = (real)sum;
			}
	return 0;
}

static void backward_x(const struct vit_call *c, const struct shape *s)
{
	for (int64_t b = 0; b < s->batches; b++)
		for (int64_t m = 0; m < s->M; m++)
			for (int64_t k = 0; k < s->K; k++) {
				double sum = 0;
				for (int64_t n = 0; n < s->N; n++)
					sum += (double)ref_dout(c, 0)[(b * s->M + m) * s->N + n] * (double)ref_in(c, 1)[b * s->y_step + k * s->N + n];
				ref_put(c, 0, (b * s->M + m) * s->K + k, sum);
			}
}

/* One y for all batches: their rows are one long M. */
static void backward_y(const struct vit_call *c, const struct shape *s)
{
	const int64_t rows = s->y_step ? s->M : s->batches * s->M;
	for (int64_t b = 0; b < (s->y_step ? s->batches : 1); b++)
		for (int64_t k = 0; k < s->K; k++)
			for (int64_t n = 0; n < s->N; n++) {
				double sum = 0;
				for (int64_t m = b * rows; m < (b + 1) * rows; m++)
					sum += (double)ref_in(c, 0)[m * s->K + k] * (double)ref_dout(c, 0)[m * s->N + n];
				ref_put(c, 1, b * s->y_step + k * s->N + n, sum);
			}
}

static int backward(const struct vit_call *c)
{
	const struct shape s = shape_of(c);
	if (ref_need(c, 0))
		backward_x(c, &s);
	if (ref_need(c, 1))
		backward_y(c, &s);
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 4.0 : 2.0) * (double)vit_tensor_count(&c->out[0]) * (double)c->in[0].dim[c->in[0].ndim - 1];
}

const struct vit_op VIT_OP(matmul) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "matmul", .help = "z = x y",
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1 | 2,
};
