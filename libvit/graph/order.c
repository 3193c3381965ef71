/* SPDX-License-Identifier: MIT
 *
 * order.c - what of a graph runs, what has a backward, what is run again.
 *
 * Backward is the nodes in reverse. A node takes part when a loss depends on it
 * and one of its inputs depends on a trained parameter; so nothing below the
 * lowest trained parameter costs anything.
 */
#include "graph/internal.h"

#include <string.h>

/* ---- what runs ---------------------------------------------------------------- */

static int mark_results(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	unsigned char *result = p->priv->result;
	if (!p->opt.results) {
		for (int i = 0; i < g->n_value; i++)
			result[i] = g->value[i]->keep;
		return 0;
	}
	for (const char *const *name = p->opt.results; *name; name++) {
		const struct vit_value *v = vit_graph_find(g, *name);
		if (!v)
			return vit_fail(VIT_EUSAGE, "plan: the graph has no value %s", *name);
		result[v->id] = 1;
	}
	return 0;
}

static void mark_live(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	struct vit_plan_priv *q = p->priv;
	unsigned char *used = q->result;        /* results are the first that are used */
	unsigned char *wanted = q->wants;       /* borrowed: filled for good later */
	memcpy(wanted, used, (size_t)g->n_value);
	for (int i = g->n_node - 1; i >= 0; i--) {
		const struct vit_node *n = g->node[i];
		/* a loss is wanted for its sums; without any result, so it is in inference */
		q->live[i] = n->op->loss && (p->opt.train || !p->opt.results);
		for (int k = 0; k < n->n_out; k++)
			q->live[i] |= wanted[n->out[k]->id];
		for (int k = 0; k < n->n_in && q->live[i]; k++)
			wanted[n->in[k]->id] = 1;
	}
	memset(wanted, 0, (size_t)g->n_value);
}

/* ---- what has a backward --------------------------------------------------------- */

static void mark_wanting(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	unsigned char *wants = p->priv->wants;
	for (int i = 0; i < g->n_value; i++)
		wants[i] = g->value[i]->role == VIT_PARAM && g->value[i]->grad;
	for (int i = 0; i < g->n_node; i++) {
		int any = 0;
		for (int k = 0; k < g->node[i]->n_in; k++)
			any |= wants[g->node[i]->in[k]->id];
		for (int k = 0; k < g->node[i]->n_out; k++)
			wants[g->node[i]->out[k]->id] = (unsigned char)any;
	}
}

static int mark_backward(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	struct vit_plan_priv *q = p->priv;
	int any_active = 0;
	for (int i = g->n_node - 1; i >= 0; i--) {
		const struct vit_node *n = g->node[i];
		int reached = n->op->loss, wanted = 0;
		for (int k = 0; k < n->n_out; k++)
			reached |= q->has_grad[n->out[k]->id];
		for (int k = 0; k < n->n_in; k++)
			wanted |= q->wants[n->in[k]->id];
		if (!q->live[i] || !reached || !wanted)
			continue;
		if (!n->op->backward)
			return vit_fail(VIT_EUNSUPPORTED, "plan: %s (%s) has no gradient, but a trained parameter lies below it; freeze those", n->name, n->op->name);
		q->active[i] = 1;
		any_active = 1;
		for (int k = 0; k < n->n_in; k++) {
			int v = n->in[k]->id;
			if (!q->wants[v])
				continue;
			q->need[i] |= 1u << k;
			if (q->has_grad[v] || n->in[k]->role == VIT_PARAM)
				q->add[i] |= 1u << k;
			q->has_grad[v] = 1;
		}
	}
	if (!any_active)
		return vit_fail(VIT_EUSAGE, "plan: nothing to train: no loss depends on a trained parameter");
	return 0;
}

/* ---- what is run again ------------------------------------------------------------- */

/* Length of "blocks.3." in "blocks.3.mlp.fc1": up to the first part that is a
 * number; 0: the node belongs to no block. */
static size_t block_prefix(const char *name)
{
	for (const char *part = name; *part; ) {
		size_t n = strcspn(part, "."), digits = strspn(part, "0123456789");
		if (!part[n])
			return 0;
		if (n && digits == n)
			return (size_t)(part - name) + n + 1;
		part += n + 1;
	}
	return 0;
}

static int same_block(const struct vit_node *a, const struct vit_node *b)
{
	size_t n = block_prefix(a->name);
	return n && n == block_prefix(b->name) && !strncmp(a->name, b->name, n);
}

static void mark_segments(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	int *segment = p->priv->segment, last = -1;
	for (int i = 0; i < g->n_node; i++) {
		segment[i] = -1;
		if (!p->opt.recompute || !p->opt.train || !block_prefix(g->node[i]->name))
			continue;
		segment[i] = i;
		for (int j = 0; j < i && segment[i] == i; j++)
			if (segment[j] == j && same_block(g->node[i], g->node[j]))
				segment[i] = j;
		last = segment[i];
	}
	/* the last block's backward follows its forward at once: nothing is won there */
	for (int i = 0; i < g->n_node && last >= 0; i++)
		if (segment[i] == last)
			segment[i] = -1;
}

/* Index of the node that makes a value, -1. */
static int maker(const struct vit_graph *g, const struct vit_value *v)
{
	for (int i = 0; v->by && i < g->n_node; i++)
		if (g->node[i] == v->by)
			return i;
	return -1;
}

/* Which nodes REDO must run: those whose inner values a backward of the block
 * reads, and those that these are computed from. An inner value is read by
 * nobody outside its block, so it need not live between the passes. */
static void mark_again(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	struct vit_plan_priv *q = p->priv;
	unsigned char *saved = q->saved, *inner = q->inner;
	for (int i = 0; i < g->n_node; i++)
		for (int k = 0; k < g->node[i]->n_out + g->node[i]->n_aux; k++) {
			const struct vit_value *v = k < g->node[i]->n_out ? g->node[i]->out[k] : g->node[i]->aux[k - g->node[i]->n_out];
			inner[v->id] = q->segment[i] >= 0 && !q->result[v->id];
		}
	for (int i = 0; i < g->n_node; i++)
		for (int k = 0; k < g->node[i]->n_in && q->live[i]; k++) {
			const struct vit_value *v = g->node[i]->in[k];
			int m = maker(g, v);
			if (m >= 0 && q->segment[m] != q->segment[i])
				inner[v->id] = 0;
		}
	for (int i = 0; i < g->n_node; i++) {
		const struct vit_node *n = g->node[i];
		for (int k = 0; k < n->n_in && q->active[i]; k++)
			saved[n->in[k]->id] |= n->op->keep_in >> k & 1;
		for (int k = 0; k < n->n_out && q->active[i]; k++)
			saved[n->out[k]->id] |= n->op->keep_out >> k & 1;
		for (int k = 0; k < n->n_aux && q->active[i]; k++)
			saved[n->aux[k]->id] = 1;
	}
	for (int i = g->n_node - 1; i >= 0; i--) {
		const struct vit_node *n = g->node[i];
		if (q->segment[i] < 0 || !q->live[i])
			continue;
		for (int k = 0; k < n->n_out; k++)
			q->again[i] |= saved[n->out[k]->id] && inner[n->out[k]->id];
		for (int k = 0; k < n->n_aux; k++)
			q->again[i] |= saved[n->aux[k]->id];
		for (int k = 0; k < n->n_in && q->again[i]; k++)
			saved[n->in[k]->id] = 1;
	}
}

int vit_order(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	VIT_TRY(mark_results(p));
	mark_live(p);
	int any = 0;
	for (int i = 0; i < g->n_node; i++)
		any |= p->priv->live[i];
	if (!any)
		return vit_fail(VIT_EUSAGE, "plan: nothing to compute: name results, mark a value to keep, or add a loss");
	if (p->opt.train) {
		mark_wanting(p);
		VIT_TRY(mark_backward(p));
	}
	mark_segments(p);
	mark_again(p);
	return 0;
}
