/* SPDX-License-Identifier: MIT
 *
 * pool: one vector per sample out of its tokens.
 *
 *   y[b] = x[b, index], or with mean: the mean of x[b, t] over t >= n_prefix
 *
 * in   x [B,T,C];  out y [B,C]
 */
#include "op/expand.h"
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	const struct vit_pool_attr *a = c->attr;
	const int64_t *d = c->in[0].dim;
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, 3, (int64_t[]){ d[0], VIT_ANY_DIM, VIT_ANY_DIM }));
	const int token = a->mean ? a->n_prefix : a->index;
	if (token < 0 || token >= d[1])
		return vit_fail(VIT_EMISMATCH, "%s %s: token %d of %lld", c->op, c->name, token, (long long)d[1]);
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, 2, (int64_t[]){ d[0], d[2] });
	return 0;
}

static int forward(const struct vit_call *c)
{
	const struct vit_pool_attr *a = c->attr;
	const int64_t B = c->in[0].dim[0], T = c->in[0].dim[1], C = c->in[0].dim[2];
	const int64_t from = a->mean ? a->n_prefix : a->index, to = a->mean ? T : from + 1;
	for (int64_t b = 0; b < B; b++)
		for (int64_t k = 0; k < C; k++) {
			double sum = 0;
			for (int64_t t = from; t < to; t++)
				sum += (double)ref_in(c, 0)[(b * T + t) * C + k];
			ref_out(c, 0)[b * C + k] = (real)(sum / (double)(to - from));
		}
	return 0;
}

static int backward(const struct vit_call *c)
{
	const struct vit_pool_attr *a = c->attr;
	const int64_t B = c->in[0].dim[0], T = c->in[0].dim[1], C = c->in[0].dim[2];
	const int64_t from = a->mean ? a->n_prefix : a->index, to = a->mean ? T : from + 1;
	for (int64_t b = 0; b < B && ref_need(c, 0); b++)
		for (int64_t t = 0; t < T; t++)
			for (int64_t k = 0; k < C; k++)
				ref_put(c, 0, (b * T + t) * C + k,
				        t >= from && t < to ? (double)ref_dout(c, 0)[b * C + k] / (double)(to - from) : 0);
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	(void)back;
	return ((const struct vit_pool_attr *)c->attr)->mean ? (double)vit_tensor_count(&c->in[0]) : 0;
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	const struct vit_pool_attr *a = n->attr;
	const int64_t T = n->in[0]->dim[1], C = n->in[0]->dim[2];
	struct vit_value *x = a->mean ? ex_slice(&e, "patches", n->in[0], 1, a->n_prefix, T) : ex_slice(&e, "token", n->in[0], 1, a->index, a->index + 1);
	if (a->mean)
		x = ex_mean(&e, "mean", x, 1);
	*out = ex_reshape(&e, "vector", x, (struct vit_reshape_attr){ 2, { VIT_B, C } });
	return g->rc;
}

const struct vit_op VIT_OP(pool) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "pool", .help = "y = x[index], or the mean over tokens",
	.attr_size = sizeof(struct vit_pool_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.expand = expand,
};
