/* SPDX-License-Identifier: MIT
 *
 * attention_probs: the probabilities that attention never stores, to be looked at.
 *
 *   out[b,h,i,j] = softmax over j of q_i . k_j / sqrt(D)
 *
 * in   qkv [B,T,3*C] packed as (3,H,D);  out [B,H,T,T]. Not differentiable.
 */
#include "op/expand.h"
#include "op/attention.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(heads_infer(c));
	const struct vit_attention_attr *a = c->attr;
	const int64_t *d = c->in[0].dim;
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, 4, (int64_t[]){ d[0], a->heads, d[1], d[1] });
	return 0;
}

static int forward(const struct vit_call *c)
{
	const struct heads s = heads_of(c);
	real *o = ref_out(c, 0);
	for (int64_t b = 0; b < s.B; b++)
		for (int64_t h = 0; h < s.H; h++)
			for (int64_t i = 0; i < s.T; i++) {
				const double lse = head_lse(c, &s, b, h, i);
				for (int64_t j = 0; j < s.T; j++)
					*o++ = (real)exp(head_score(c, &s, b, h, i, j) - lse);
			}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return back ? 0 : 2.0 * (double)vit_tensor_count(&c->in[0]) / 3 * (double)c->in[0].dim[1];
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	const struct vit_attention_attr *a = n->attr;
	*out = ex_probs(&e, n->in[0], a->heads, NULL);
	return g->rc;
}

const struct vit_op VIT_OP(attention_probs) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "attention_probs", .help = "p = softmax(Q K^T / sqrt(D))",
	.attr_size = sizeof(struct vit_attention_attr),
	.infer = infer, .forward = forward, .flops = flops,
	.expand = expand,
};
