/* SPDX-License-Identifier: MIT
 *
 * tokens: prefix tokens (class, distillation, registers) and positions.
 *
 *   out[b,t] = (t < n_prefix ? prefix_t : x[b, t - n_prefix]) + pos[t]
 *   pos_prefix 0: prefix tokens get no position, patch t gets pos[t - n_prefix]
 *
 * in   x [B,T,C], pos [n_prefix+T,C] or [T,C], then n_prefix times [C]
 * out  [B,n_prefix+T,C]
 * Positions and prefix tokens stay f32 under amp: their bytes are few, and a sum
 * of two rounded numbers would be rounded a third time.
 *
 * Dosovitskiy et al., 2021; Touvron et al., 2021; registers: Darcet et al., 2024.
 */
#include "op/expand.h"
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	const struct vit_tokens_attr *a = c->attr;
	VIT_TRY(vit_want_n(c, 2 + a->n_prefix, 2 + a->n_prefix));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, 3, (int64_t[]){ c->in[0].dim[0], VIT_ANY_DIM, VIT_ANY_DIM }));
	const int64_t B = c->in[0].dim[0], T = c->in[0].dim[1], C = c->in[0].dim[2];
	VIT_TRY(vit_want(c, 1, VIT_ANY_FLOAT, 2, (int64_t[]){ a->pos_prefix ? a->n_prefix + T : T, C }));
	for (int i = 2; i < c->n_in; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, 1, &C));
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, 3, (int64_t[]){ B, a->n_prefix + T, C });
	return 0;
}

static int forward(const struct vit_call *c)
{
	const struct vit_tokens_attr *a = c->attr;
	const int64_t B = c->in[0].dim[0], T = c->in[0].dim[1], C = c->in[0].dim[2], n = a->n_prefix;
	const real *x = ref_in(c, 0), *pos = ref_in(c, 1);
	real *o = ref_out(c, 0);
	for (int64_t b = 0; b < B; b++)
		for (int64_t t = 0; t < n + T; t++) {
			const real *from = t < n ? ref_in(c, (int)(2 + t)) : x + (b * T + t - n) * C;
			const int64_t p = a->pos_prefix ? t : t - n;
			for (int64_t k = 0; k < C; k++)
				*o++ = p < 0 ? from[k] : from[k] + pos[p * C + k];
		}
	return 0;
}

static int backward(const struct vit_call *c)
{
	const struct vit_tokens_attr *a = c->attr;
	const int64_t B = c->in[0].dim[0], T = c->in[0].dim[1], C = c->in[0].dim[2], n = a->n_prefix;
	const real *dy = ref_dout(c, 0);
	if (ref_need(c, 0))
		for (int64_t b = 0; b < B; b++)
			for (int64_t i = 0; i < T * C; i++)
				ref_put(c, 0, b * T * C + i, dy[(b * (n + T) + n) * C + i]);
	for (int64_t t = 0; t < n + T; t++) {
		const int64_t p = a->pos_prefix ? t : t - n;
		for (int64_t k = 0; k < C; k++) {
			double sum = 0;
			for (int64_t b = 0; b < B; b++)
				sum += (double)dy[(b * (n + T) + t) * C + k];
			if (p >= 0 && ref_need(c, 1))
				ref_put(c, 1, p * C + k, sum);
			if (t < n && ref_need(c, (int)(2 + t)))
				ref_put(c, (int)(2 + t), k, sum);
		}
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	(void)back;
	return (double)vit_tensor_count(&c->out[0]);
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	const struct vit_tokens_attr *a = n->attr;
	struct vit_value *x = n->in[0], *list[VIT_MAXIO];
	if (!a->pos_prefix)
		x = ex_binary(&e, "add", "pos", x, n->in[1]);
	/* a parameter gets its batch by adding it to zeros that have one */
	struct vit_value *some = ex_slice(&e, "some", n->in[0], 1, 0, 1), *zero = ex_binary(&e, "sub", "zero", some, some);
	for (int i = 0; i < a->n_prefix; i++) {
		char suffix[24];
		snprintf(suffix, sizeof suffix, "prefix%d", i);
		list[i] = ex_binary(&e, "add", suffix, zero, n->in[2 + i]);
	}
	list[a->n_prefix] = x;
	x = ex_op(&e, "concat", "joined", &(struct vit_axis_attr){ .axis = 1 }, list, a->n_prefix + 1);
	*out = a->pos_prefix ? ex_binary(&e, "add", "pos", x, n->in[1]) : x;
	return g->rc;
}

const struct vit_op VIT_OP(tokens) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "tokens", .help = "y = concat(prefix tokens, x) + pos",
	.attr_size = sizeof(struct vit_tokens_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.f32_in = 0xfe,
	.expand = expand,
};
