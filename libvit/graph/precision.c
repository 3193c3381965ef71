/* SPDX-License-Identifier: MIT
 *
 * precision.c - the dtype of every value of a plan.
 *
 * Without amp every float is the plan's dtype. With it, after Micikevicius et
 * al., "Mixed Precision Training", 2018: activations that pass from op to op are
 * 16 bits wide; what a slot of op.h's f32_in or f32_out touches, statistics,
 * gradients of parameters and results that nobody reads stay f32. Parameters
 * keep their f32 masters; a slot that may be lowered reads the copy. Ops read and
 * write either, so nothing is ever cast between them.
 */
#include "graph/internal.h"

/* What infer would say of a value's dtype does not matter: only roles do. */
static int may_lower(const struct vit_value *v)
{
	return v->role == VIT_ACT && v->dtype == VIT_F32;
}

/* Read or inner: lowered. A result that nobody reads is the user's: f32. */
static void lower(struct vit_plan *p)
{
	struct vit_plan_priv *q = p->priv;
	const unsigned char amp = (unsigned char)p->opt.amp;
	for (int i = 0; i < p->graph->n_node; i++) {
		const struct vit_node *n = p->graph->node[i];
		for (int k = 0; k < n->n_out && q->live[i]; k++)
			if (may_lower(n->out[k]) && !q->result[n->out[k]->id])
				q->dtype[n->out[k]->id] = amp;
		for (int k = 0; k < n->n_in && q->live[i]; k++)
			if (may_lower(n->in[k]))
				q->dtype[n->in[k]->id] = amp;
	}
}

static void pin(struct vit_plan *p)
{
	struct vit_plan_priv *q = p->priv;
	for (int i = 0; i < p->graph->n_node; i++) {
		const struct vit_node *n = p->graph->node[i];
		for (int k = 0; k < n->n_out && q->live[i]; k++)
			if (may_lower(n->out[k]) && n->op->f32_out >> k & 1)
				q->dtype[n->out[k]->id] = VIT_F32;
		for (int k = 0; k < n->n_in && q->live[i]; k++)
			if (may_lower(n->in[k]) && n->op->f32_in >> k & 1)
				q->dtype[n->in[k]->id] = VIT_F32;
	}
}

/* A statistic is f32 whatever the op reads, a saved copy of an activation is
 * not: the op knows which. */
static int infer_saved(struct vit_plan *p)
{
	for (int i = 0; i < p->graph->n_node; i++) {
		const struct vit_node *n = p->graph->node[i];
		struct vit_call c;
		if (!p->priv->live[i] || !n->n_aux)
			continue;
		VIT_TRY(vit_plan_call(p, n, &c));
		VIT_TRY(n->op->infer(&c));
		for (int k = 0; k < n->n_aux; k++)
			p->priv->dtype[n->aux[k]->id] = (unsigned char)c.aux[k].dtype;
	}
	return 0;
}

int vit_precision(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	for (int i = 0; i < g->n_value; i++)
		p->priv->dtype[i] = (unsigned char)(g->value[i]->dtype == VIT_F32 ? p->opt.dtype : g->value[i]->dtype);
	if (p->opt.amp == VIT_F32)
		return 0;
	lower(p);
	pin(p);
	return infer_saved(p);
}

int vit_plan_call(const struct vit_plan *p, const struct vit_node *n, struct vit_call *c)
{
	const unsigned char *dtype = p->priv->dtype;
	VIT_TRY(vit_graph_call(n, p->opt.B, c));
	c->how = p->opt.how;
	for (int k = 0; k < n->n_in; k++) {
		int copy = p->opt.amp != VIT_F32 && n->in[k]->role == VIT_PARAM && !(n->op->f32_in >> k & 1);
		c->in[k].dtype = copy ? p->opt.amp : dtype[n->in[k]->id];
	}
	for (int k = 0; k < n->n_out; k++)
		c->out[k].dtype = dtype[n->out[k]->id];
	for (int k = 0; k < n->n_aux; k++)
		c->aux[k].dtype = dtype[n->aux[k]->id];
	return 0;
}
