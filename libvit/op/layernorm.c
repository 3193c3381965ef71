/* SPDX-License-Identifier: MIT
 *
 * layernorm: Ba, Kiros & Hinton, 2016.
 *
 *   y = (x - mean) rstd g + b,  rstd = 1 / sqrt(var + eps), over the last dim
 *
 * in   x [...,C], g [C], b [C]
 * out  y [...,C];  aux  mean [...], rstd [...]
 */
#include "op/expand.h"
#include "op/norm.h"

static int infer(struct vit_call *c)
{
	struct vit_tensor *x = &c->in[0];
	VIT_TRY(vit_want_n(c, 3, 3));
	if (x->ndim < 2)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 0 has %d dimensions, [...,C] is wanted", c->op, c->name, x->ndim);
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim));
	for (int i = 1; i < 3; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, 1, &x->dim[x->ndim - 1]));
	c->n_out = 1;
	vit_shape_set(&c->out[0], x->dtype, x->ndim, x->dim);
	c->n_aux = 2;
	for (int i = 0; i < 2; i++)
		vit_shape_set(&c->aux[i], VIT_REAL, x->ndim - 1, x->dim);
	return 0;
}

static int forward(const struct vit_call *c)
{
	const struct vit_layernorm_attr *a = c->attr;
	const int64_t C = c->in[1].dim[0], rows = vit_tensor_count(&c->in[0]) / C;
	real *mean = c->aux[0].data, *rstd = c->aux[1].data;
	for (int64_t r = 0; r < rows; r++)
		norm_row(ref_in(c, 0) + r * C, ref_in(c, 1), ref_in(c, 2), C, (double)a->eps, ref_out(c, 0) + r * C,
		         mean ? mean + r : NULL, rstd ? rstd + r : NULL);
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t C = c->in[1].dim[0], rows = vit_tensor_count(&c->in[0]) / C;
	const real *x = ref_in(c, 0), *g = ref_in(c, 1), *dy = ref_dout(c, 0), *mean = c->aux[0].data, *rstd = c->aux[1].data;
	for (int64_t r = 0; r < rows && ref_need(c, 0); r++) {
		struct norm_grad n = norm_grad_row(x + r * C, g, dy + r * C, C, mean[r], rstd[r]);
		for (int64_t k = 0; k < C; k++)
			ref_put(c, 0, r * C + k, norm_dx(&n, (double)x[r * C + k], (double)g[k], (double)dy[r * C + k]));
	}
	norm_params(c, 1, x, dy, mean, rstd, rows, C);
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 14.0 : 8.0) * (double)vit_tensor_count(&c->in[0]);
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	const struct vit_layernorm_attr *a = n->attr;
	*out = ex_layernorm(&e, n->in[0], n->in[1], n->in[2], (double)a->eps);
	return g->rc;
}

const struct vit_op VIT_OP(layernorm) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "layernorm", .help = "y = (x - mean) rstd g + b",
	.attr_size = sizeof(struct vit_layernorm_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1 | 2, .f32_in = 2 | 4,
	.expand = expand,
};
