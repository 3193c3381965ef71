/* SPDX-License-Identifier: MIT
 *
 * add_layernorm: the residual, and the norm that reads it.
 *
 *   s = x + scale_b gamma r,  y = layernorm(s)
 *   scale_b: 1, or in training with drop path 0 with probability p, else 1 / (1 - p)
 *
 * in   x [B,...,C], r likewise, g [C], b [C], gamma [C] with layer_scale;
 *      norm 0: x, r, [gamma]
 * out  s, y [B,...,C];  norm 0: s
 * aux  mean, rstd [B,...] with norm
 * A dout without memory counts as zero: the last block's s has no reader.
 *
 * Drop path: Huang et al., 2016; one draw per sample. Layer scale: Touvron et al., 2021.
 */
#include "op/expand.h"
#include "op/norm.h"

static int gamma_at(const struct vit_add_layernorm_attr *a)
{
	return a->norm ? 4 : 2;
}

static int infer(struct vit_call *c)
{
	const struct vit_add_layernorm_attr *a = c->attr;
	struct vit_tensor *x = &c->in[0];
	const int n = gamma_at(a) + !!a->layer_scale;
	VIT_TRY(vit_want_n(c, n, n));
	if (x->ndim < 2)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 0 has %d dimensions, [B,...,C] is wanted", c->op, c->name, x->ndim);
	for (int i = 0; i < 2; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, x->ndim, x->dim));
	for (int i = 2; i < n; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, 1, &x->dim[x->ndim - 1]));
	c->n_out = a->norm ? 2 : 1;
	for (int i = 0; i < c->n_out; i++)
		vit_shape_set(&c->out[i], x->dtype, x->ndim, x->dim);
	c->n_aux = a->norm ? 2 : 0;
	for (int i = 0; i < c->n_aux; i++)
		vit_shape_set(&c->aux[i], VIT_REAL, x->ndim - 1, x->dim);
	return 0;
}

static double scale_of(const struct vit_call *c, int64_t b)
{
	const struct vit_add_layernorm_attr *a = c->attr;
	if (!c->train || a->drop_path <= 0)
		return 1;
	const double p = (double)a->drop_path * (double)vit_knob(c->step, a->knob, 1);
	return p <= 0 ? 1 : (double)ref_draw(c, b, 0) < p ? 0 : 1 / (1 - p);
}

static int forward(const struct vit_call *c)
{
	const struct vit_add_layernorm_attr *a = c->attr;
	const int64_t B = c->in[0].dim[0], C = c->in[0].dim[c->in[0].ndim - 1], per = vit_inner(&c->in[0], 1) / C;
	const real *x = ref_in(c, 0), *r = ref_in(c, 1), *gamma = a->layer_scale ? ref_in(c, gamma_at(a)) : NULL;
	real *s = ref_out(c, 0), *mean = c->n_aux ? c->aux[0].data : NULL, *rstd = c->n_aux ? c->aux[1].data : NULL;
	for (int64_t b = 0; b < B; b++) {
		const double scale = scale_of(c, b);
		for (int64_t row = b * per; row < (b + 1) * per; row++) {
			for (int64_t k = row * C; k < (row + 1) * C; k++)
				s[k] = (real)((double)x[k] + scale * (gamma ? (double)gamma[k - row * C] : 1) * (double)r[k]);
			if (a->norm)
				norm_row(s + row * C, ref_in(c, 2), ref_in(c, 3), C, (double)a->eps, ref_out(c, 1) + row * C,
				         mean ? mean + row : NULL, rstd ? rstd + row : NULL);
		}
	}
	return 0;
}

/* Gradient of one row of s from both readers, elements k0 .. k0 + n. */
static void ds_row(const struct vit_call *c, int64_t row, int64_t C, int64_t k0, int64_t n, double *ds)
{
	const struct vit_add_layernorm_attr *a = c->attr;
	const real *d0 = ref_dout(c, 0), *dy = a->norm ? ref_dout(c, 1) : NULL;
	for (int64_t k = 0; k < n; k++)
		ds[k] = d0 ? (double)d0[row * C + k0 + k] : 0;
	if (!dy)
		return;
	const real *s = ref_out(c, 0) + row * C, *g = ref_in(c, 2);
	struct norm_grad m = norm_grad_row(s, g, dy + row * C, C, ((const real *)c->aux[0].data)[row], ((const real *)c->aux[1].data)[row]);
	for (int64_t k = 0; k < n; k++)
		ds[k] += norm_dx(&m, (double)s[k0 + k], (double)g[k0 + k], (double)dy[row * C + k0 + k]);
}

static int backward(const struct vit_call *c)
{
	const struct vit_add_layernorm_attr *a = c->attr;
	const int64_t B = c->in[0].dim[0], C = c->in[0].dim[c->in[0].ndim - 1], per = vit_inner(&c->in[0], 1) / C;
	const int ig = gamma_at(a);
	const real *gamma = a->layer_scale ? ref_in(c, ig) : NULL;
	for (int64_t k0 = 0; k0 < C; k0 += VIT_CHUNK) {
		double ds[VIT_CHUNK], dgamma[VIT_CHUNK] = { 0 };
		const int64_t n = ref_min(VIT_CHUNK, C - k0);
		for (int64_t row = 0; row < B * per; row++) {
			const double scale = scale_of(c, row / per);
			ds_row(c, row, C, k0, n, ds);
			for (int64_t k = 0; k < n; k++) {
				const int64_t at = row * C + k0 + k;
				if (ref_need(c, 0))
					ref_put(c, 0, at, ds[k]);
				if (ref_need(c, 1))
					ref_put(c, 1, at, scale * (gamma ? (double)gamma[k0 + k] : 1) * ds[k]);
				if (gamma)
					dgamma[k] += scale * (double)ref_in(c, 1)[at] * ds[k];
			}
		}
		for (int64_t k = 0; k < n && gamma && ref_need(c, ig); k++)
			ref_put(c, ig, k0 + k, dgamma[k]);
	}
	if (a->norm && ref_dout(c, 1))
		norm_params(c, 2, ref_out(c, 0), ref_dout(c, 1), c->aux[0].data, c->aux[1].data, B * per, C);
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	const struct vit_add_layernorm_attr *a = c->attr;
	return ((a->norm ? back ? 14.0 : 8.0 : 0.0) + 3.0) * (double)vit_tensor_count(&c->in[0]);
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	const struct vit_add_layernorm_attr *a = n->attr;
	struct vit_value *r = n->in[1];
	/* as outside training: drop path keeps everything */
	if (a->layer_scale)
		r = ex_binary(&e, "mul", "scaled", r, n->in[gamma_at(a)]);
	out[0] = ex_binary(&e, "add", "sum", n->in[0], r);
	if (a->norm)
		out[1] = ex_layernorm(&e, out[0], n->in[2], n->in[3], (double)a->eps);
	return g->rc;
}

const struct vit_op VIT_OP(add_layernorm) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "add_layernorm", .help = "s = x + scale gamma r; y = layernorm(s)",
	.attr_size = sizeof(struct vit_add_layernorm_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 2 | 4 | 16, .keep_out = 1, .f32_in = 4 | 8 | 16,
	.expand = expand,
};
