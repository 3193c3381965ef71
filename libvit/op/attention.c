/* SPDX-License-Identifier: MIT
 *
 * attention: multi-head self-attention over tokens, probabilities never stored.
 *
 *   s_ij = q_i . k_j / sqrt(D),  p_ij = exp(s_ij - lse_i),  o_i = sum_j m_ij p_ij v_j
 *   m_ij: 1, or in training with dropout 0 with probability p, else 1 / (1 - p);
 *   its random element is (h T + i) T + j of the sample
 *   dp_ij = m_ij do_i . v_j,  ds_ij = p_ij (dp_ij - do_i . o_i)
 *   dq_i = sum_j ds_ij k_j / sqrt(D),  dk_j = sum_i ds_ij q_i / sqrt(D),  dv_j = sum_i m_ij p_ij do_i
 *
 * in   qkv [B,T,3*C] packed as (3,H,D), C = H D
 * out  o [B,T,C], heads side by side;  aux  lse [B,H,T]
 * FLOPs 4 B T T C forward, 10 B T T C backward (scores are computed again).
 *
 * Vaswani et al., 2017; backward without T x T: Dao et al., 2022.
 */
#include "op/expand.h"
#include "op/attention.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(heads_infer(c));
	const struct vit_attention_attr *a = c->attr;
	const int64_t *d = c->in[0].dim;
	c->n_out = c->n_aux = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, 3, (int64_t[]){ d[0], d[1], d[2] / 3 });
	vit_shape_set(&c->aux[0], VIT_REAL, 3, (int64_t[]){ d[0], a->heads, d[1] });
	return 0;
}

static double mask(const struct vit_call *c, const struct heads *s, int64_t b, int64_t h, int64_t i, int64_t j)
{
	const double p = (double)((const struct vit_attention_attr *)c->attr)->dropout;
	if (!c->train || p <= 0)
		return 1;
	return (double)ref_draw(c, b, (uint64_t)((h * s->T + i) * s->T + j)) < p ? 0 : 1 / (1 - p);
}

static void forward_row(const struct vit_call *c, const struct heads *s, int64_t b, int64_t h, int64_t i)
{
	const double lse = head_lse(c, s, b, h, i);
	if (c->aux[0].data)
		((real *)c->aux[0].data)[(b * s->H + h) * s->T + i] = (real)lse;
	for (int64_t d0 = 0; d0 < s->D; d0 += VIT_CHUNK) {
		double sum[VIT_CHUNK] = { 0 };
		const int64_t n = ref_min(VIT_CHUNK, s->D - d0);
		for (int64_t j = 0; j < s->T; j++) {
			const double p = exp(head_score(c, s, b, h, i, j) - lse) * mask(c, s, b, h, i, j);
			const real *v = ref_in(c, 0) + head_at(s, b, j, 2, h) + d0;
			for (int64_t d = 0; d < n; d++)
				sum[d] += p * (double)v[d];
		}
		for (int64_t d = 0; d < n; d++)
			ref_out(c, 0)[(b * s->T + i) * s->C + h * s->D + d0 + d] = (real)sum[d];
	}
}

static int forward(const struct vit_call *c)
{
	const struct heads s = heads_of(c);
	for (int64_t b = 0; b < s.B; b++)
		for (int64_t h = 0; h < s.H; h++)
			for (int64_t i = 0; i < s.T; i++)
				forward_row(c, &s, b, h, i);
	return 0;
}

/* m_ij p_ij, and ds_ij through *ds. */
static double pair(const struct vit_call *c, const struct heads *s, int64_t b, int64_t h, int64_t i, int64_t j, double *ds)
{
	const int64_t o = (b * s->T + i) * s->C + h * s->D;
	const double lse = (double)((const real *)c->aux[0].data)[(b * s->H + h) * s->T + i];
	const double p = exp(head_score(c, s, b, h, i, j) - lse), m = mask(c, s, b, h, i, j);
	const double dp = m * head_dot(ref_dout(c, 0) + o, ref_in(c, 0) + head_at(s, b, j, 2, h), s->D);
	*ds = p * (dp - head_dot(ref_dout(c, 0) + o, ref_out(c, 0) + o, s->D));
	return m * p;
}

/* Gradients of token t's q, k and v: as row t over its keys, as key t over all rows. */
static void backward_token(const struct vit_call *c, const struct heads *s, int64_t b, int64_t h, int64_t t)
{
	const real *x = ref_in(c, 0);
	for (int64_t d0 = 0; d0 < s->D; d0 += VIT_CHUNK) {
		double dq[VIT_CHUNK] = { 0 }, dk[VIT_CHUNK] = { 0 }, dv[VIT_CHUNK] = { 0 };
		const int64_t n = ref_min(VIT_CHUNK, s->D - d0);
		for (int64_t u = 0; u < s->T; u++) {
			double ds_row, ds_key;
			pair(c, s, b, h, t, u, &ds_row);
			const double p = pair(c, s, b, h, u, t, &ds_key);
			const real *k = x + head_at(s, b, u, 1, h) + d0, *q = x + head_at(s, b, u, 0, h) + d0;
			const real *dy = ref_dout(c, 0) + (b * s->T + u) * s->C + h * s->D + d0;
			for (int64_t d = 0; d < n; d++) {
				dq[d] += ds_row * s->scale * (double)k[d];
				dk[d] += ds_key * s->scale * (double)q[d];
				dv[d] += p * (double)dy[d];
			}
		}
		for (int64_t d = 0; d < n; d++) {
			ref_put(c, 0, head_at(s, b, t, 0, h) + d0 + d, dq[d]);
			ref_put(c, 0, head_at(s, b, t, 1, h) + d0 + d, dk[d]);
			ref_put(c, 0, head_at(s, b, t, 2, h) + d0 + d, dv[d]);
		}
	}
}

static int backward(const struct vit_call *c)
{
	const struct heads s = heads_of(c);
	for (int64_t b = 0; b < s.B && ref_need(c, 0); b++)
		for (int64_t h = 0; h < s.H; h++)
			for (int64_t t = 0; t < s.T; t++)
				backward_token(c, &s, b, h, t);
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 10.0 : 4.0) * (double)vit_tensor_count(&c->out[0]) * (double)c->in[0].dim[1];
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	const struct vit_attention_attr *a = n->attr;
	const int64_t C = n->in[0]->dim[2] / 3;
	/* as outside training: no dropout */
	struct vit_value *v, *p = ex_probs(&e, n->in[0], a->heads, &v);
	struct vit_value *o = ex_transpose(&e, "mixed", ex_binary(&e, "matmul", "heads", p, v), (struct vit_perm_attr){ 4, { 0, 2, 1, 3 } });
	*out = ex_reshape(&e, "joined", o, (struct vit_reshape_attr){ 3, { VIT_B, 0, C } });
	return g->rc;
}

const struct vit_op VIT_OP(attention) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "attention", .help = "y = softmax(Q K^T / sqrt(D)) V",
	.attr_size = sizeof(struct vit_attention_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1, .keep_out = 1,
	.expand = expand,
};
