/* SPDX-License-Identifier: MIT
 *
 * list.c - the instructions of a plan, and where every tensor of every call
 * lives: LOWER, ZERO, forward, backward with the second forwards of recomputed
 * blocks before it, UPDATE.
 */
#include "graph/internal.h"

#include <string.h>

/* A layer that is not trained keeps its statistics too. */
static int frozen(const struct vit_node *n)
{
	int params = 0, trained = 0;
	for (int k = 0; k < n->n_in; k++) {
		params += n->in[k]->role == VIT_PARAM;
		trained += n->in[k]->role == VIT_PARAM && n->in[k]->grad;
	}
	return params && !trained;
}

static struct vit_instr *append(struct vit_plan *p, enum vit_what what, const struct vit_node *n)
{
	struct vit_instr *in = &p->instr[p->n_instr++];
	in->what = what;
	in->node = n;
	return in;
}

/* The place of a value that a call reads or writes; `again`: in the second run
 * of its block. `copy`: a parameter that is read lowered. */
static struct place place_of(const struct vit_plan *p, const struct vit_value *v, int again, int copy)
{
	switch (v->role) {
	case VIT_PARAM:
		return (struct place){ copy ? PLACE_W16 : PLACE_W, p->priv->param_at[v->id] };
	case VIT_STATE:
		return (struct place){ PLACE_STATE, p->priv->param_at[v->id] };
	default:
		return (struct place){ PLACE_SLOT, again && p->priv->inner[v->id] ? slot_again(p, v->id) : slot_value(p, v->id) };
	}
}

static struct place place_in(const struct vit_plan *p, const struct vit_call *c, const struct vit_node *n, int k, int again)
{
	return place_of(p, n->in[k], again, c->in[k].dtype != p->priv->dtype[n->in[k]->id]);
}

static const struct vit_op *op_of(const struct vit_plan *p, const struct vit_op *op)
{
	if (p->opt.dtype != VIT_F64)
		return op;
	for (int i = 0; vit_ops[i]; i++)
		if (vit_ops[i] == op)
			return vit_ops_f64[i];
	return op;
}

static int find_kernel(struct vit_plan *p, struct vit_instr *in, const struct vit_op *op, int back)
{
	const struct vit_backend *b = p->backend;
	char shape[96];
	in->run = b->find ? b->find(p->dev, &in->call, back) : NULL;
	if (!in->run && b->host)
		in->run = !op ? vit_ref_block_kernel(in->call.op, p->opt.dtype) : back ? op->backward : op->forward;
	if (!in->run)
		return vit_fail(VIT_EUNSUPPORTED, "op %s (%s): no %s kernel", in->call.op, vit_shape_str(shape, sizeof shape, &in->call.in[0]), b->name);
	int64_t ws = vit_shape_bytes(in->call.ws.dtype, in->call.ws.ndim, in->call.ws.dim);
	if (in->call.ws.ndim && ws > 0) {
		int index = (int)(in - p->instr);
		p->priv->place[index][AT_WS] = (struct place){ PLACE_SLOT, slot_ws(p, index) };
	}
	return 0;
}

/* Does a backward read what this run of the node saves? Not in inference, and
 * not where the block runs again. */
static int saves(const struct vit_plan *p, const struct vit_node *n, int again)
{
	const struct vit_plan_priv *q = p->priv;
	int wanted = 0;
	for (int k = 0; k < n->n_aux; k++) {
		int v = n->aux[k]->id;
		wanted |= q->result[v] || (q->saved[v] && (again || !q->inner[v]));
	}
	return wanted;
}

static int list_forward(struct vit_plan *p, int i, int again)
{
	const struct vit_node *n = p->graph->node[i];
	struct vit_instr *in = append(p, again ? VIT_REDO : VIT_FWD, n);
	struct place *at = p->priv->place[p->n_instr - 1];
	VIT_TRY(vit_plan_call(p, n, &in->call));
	in->call.train = p->opt.train && !(n->op->state_in && frozen(n));
	for (int k = 0; k < n->n_in; k++) {
		at[AT_IN + k] = place_in(p, &in->call, n, k, again);
		if (again && in->call.train && n->op->state_in >> k & 1)
			at[AT_IN + k].kind = PLACE_NONE;        /* no memory: the state stays as it is */
	}
	for (int k = 0; k < n->n_out; k++)
		at[AT_OUT + k] = place_of(p, n->out[k], again, 0);
	if (n->op->lean && !saves(p, n, again))
		in->call.n_aux = 0;
	for (int k = 0; k < in->call.n_aux; k++)
		at[AT_AUX + k] = place_of(p, n->aux[k], again, 0);
	const struct vit_op *op = op_of(p, n->op);
	if (op->flops)
		p->flops += op->flops(&in->call, 0);
	return find_kernel(p, in, op, 0);
}

static int list_backward(struct vit_plan *p, int i)
{
	const struct vit_node *n = p->graph->node[i];
	struct vit_plan_priv *q = p->priv;
	struct vit_instr *in = append(p, VIT_BWD, n);
	struct place *at = q->place[p->n_instr - 1];
	struct vit_call *c = &in->call;
	int again = q->segment[i] >= 0;
	VIT_TRY(vit_plan_call(p, n, c));
	c->train = p->opt.train && !(n->op->state_in && frozen(n));
	c->need = q->need[i];
	c->add = q->add[i];
	for (int k = 0; k < n->n_in; k++) {
		const struct vit_value *v = n->in[k];
		if (v->role == VIT_PARAM || v->role == VIT_STATE || n->op->keep_in >> k & 1)
			at[AT_IN + k] = place_in(p, c, n, k, again);
		if (!(c->need >> k & 1))
			continue;
		c->din[k] = c->in[k];
		c->din[k].dtype = p->priv->dtype[v->id];        /* a parameter's in f32 even where its copy is read */
		at[AT_DIN + k] = v->role == VIT_PARAM ? (struct place){ PLACE_G, q->param_at[v->id] }
		                                      : (struct place){ PLACE_SLOT, slot_grad(p, v->id) };
	}
	for (int k = 0; k < n->n_out; k++) {
		if (n->op->keep_out >> k & 1)
			at[AT_OUT + k] = place_of(p, n->out[k], again, 0);
		c->dout[k] = c->out[k];
		if (q->has_grad[n->out[k]->id])
			at[AT_DOUT + k] = (struct place){ PLACE_SLOT, slot_grad(p, n->out[k]->id) };
	}
	for (int k = 0; k < n->n_aux; k++)
		at[AT_AUX + k] = place_of(p, n->aux[k], again, 0);
	const struct vit_op *op = op_of(p, n->op);
	if (op->flops)
		p->flops += op->flops(c, 1);
	return find_kernel(p, in, op, 1);
}

static struct vit_tensor flat(const struct vit_plan *p, int64_t n)
{
	return (struct vit_tensor){ .dtype = p->opt.dtype, .ndim = 1, .dim = { n } };
}

/* The lowered copy of all parameters: run only where w or the EMA moved otherwise
 * than by this plan's own updates. */
static int list_lower(struct vit_plan *p)
{
	struct vit_instr *in = append(p, VIT_LOWER, NULL);
	struct place *at = p->priv->place[p->n_instr - 1];
	in->call.op = in->call.name = "lower";
	in->call.n_in = 2;
	in->call.in[0] = in->call.in[1] = flat(p, p->priv->n);
	in->call.in[1].dtype = p->opt.amp;
	at[AT_IN] = (struct place){ PLACE_W, 0 };
	at[AT_IN + 1] = (struct place){ PLACE_W16, 0 };
	return find_kernel(p, in, NULL, 0);
}

/* Gradients and the step's sums to zero. */
static int list_zero(struct vit_plan *p)
{
	struct vit_instr *in = append(p, VIT_ZERO, NULL);
	in->call.op = in->call.name = "zero";
	if (p->opt.train) {
		in->call.n_in = 1;
		in->call.in[0] = flat(p, p->priv->n);
		p->priv->place[p->n_instr - 1][AT_IN] = (struct place){ PLACE_G, 0 };
	}
	return find_kernel(p, in, NULL, 0);
}

static int list_update_op(struct vit_plan *p, const char *name, const void *attr, const struct place *at, int n_at, int64_t n)
{
	const struct vit_op *op = vit_op_by_name(name);
	if (!op && !vit_ref_block_kernel(name, p->opt.dtype))
		return vit_fail(VIT_EUSAGE, "plan: there is no optimiser %s", name);
	struct vit_instr *in = append(p, VIT_UPDATE, NULL);
	in->call.op = in->call.name = op ? op->name : name;
	in->call.attr = attr;
	in->call.n_in = n_at;
	in->call.train = 1;
	in->call.how = p->opt.how;
	for (int k = 0; k < n_at; k++) {
		int lr = at[k].kind == PLACE_SLOT;
		in->call.in[k] = flat(p, lr ? p->opt.optim->steps : n);
		if (lr || at[k].kind == PLACE_W16)
			in->call.in[k].dtype = lr ? VIT_F32 : p->opt.amp;
		p->priv->place[p->n_instr - 1][AT_IN + k] = at[k];
	}
	return find_kernel(p, in, op ? op_of(p, op) : NULL, 0);
}

/* One range: neighbours in the blocks that share decay and rate. */
static int list_range(struct vit_plan *p, const struct vit_value *v, int64_t at, int64_t n)
{
	struct vit_adamw_attr *attr = vit_arena_alloc(&p->priv->mem, sizeof *attr);
	if (!attr)
		return VIT_ENOMEM;
	*attr = *(const struct vit_adamw_attr *)p->opt.optim->attr;
	attr->lr_scale = v->lr_scale;
	if (!v->decay)
		attr->weight_decay = 0;
	const int ema = attr->ema_decay > 0, copy = p->opt.amp != VIT_F32;
	const struct place in[] = {
		{ PLACE_W, at }, { PLACE_G, at }, { PLACE_M, at }, { PLACE_V, at }, { PLACE_SLOT, slot_lr(p) },
		{ ema ? PLACE_EMA : PLACE_NONE, at }, { PLACE_W16, at },
	};
	return list_update_op(p, p->opt.optim->op, attr, in, copy ? 7 : ema ? 6 : 5, n);
}

static int list_ranges(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	const struct vit_value *first = NULL;
	int64_t from = 0, to = 0;
	for (int decay = 1; decay >= 0; decay--)
		for (int i = 0; i < g->n_value; i++) {
			const struct vit_value *v = g->value[i];
			if (v->role != VIT_PARAM || v->decay != decay || !v->grad)
				continue;
			int64_t at = p->priv->param_at[i];
			int joins = first && at == to && first->decay == v->decay && !(first->lr_scale < v->lr_scale) && !(first->lr_scale > v->lr_scale);
			if (first && !joins)
				VIT_TRY(list_range(p, first, from, to - from));
			if (!joins) {
				first = v;
				from = at;
			}
			to = at + vit_params_room(v);
		}
	return first ? list_range(p, first, from, to - from) : 0;
}

static int list_update(struct vit_plan *p)
{
	const struct vit_adamw_attr *attr = p->opt.optim->attr;
	VIT_TRY(list_update_op(p, "grad_norm", attr, (struct place[]){ { PLACE_G, 0 } }, 1, p->priv->n));
	VIT_TRY(list_ranges(p));
	/* before step_done, which forgets whether this step was skipped */
	if (attr->ema_decay > 0 && p->priv->n_state)
		VIT_TRY(list_update_op(p, "ema_state", attr, (struct place[]){ { PLACE_STATE_LIVE, 0 }, { PLACE_EMA_STATE, 0 } }, 2, p->priv->n_state));
	/* f16 alone has too small a range for gradients as they are */
	static const struct vit_step_attr fixed = { 0 }, dynamic = { .growth = 2, .backoff = 0.5f, .interval = 2000 };
	return list_update_op(p, "step_done", p->opt.amp == VIT_F16 ? &dynamic : &fixed, NULL, 0, 0);
}

/* A second run of one block, in the order of the first. */
static int list_again(struct vit_plan *p, int segment)
{
	for (int i = 0; i < p->graph->n_node; i++)
		if (p->priv->segment[i] == segment && p->priv->again[i])
			VIT_TRY(list_forward(p, i, 1));
	return 0;
}

int vit_list(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	struct vit_plan_priv *q = p->priv;
	int loss = 0, done = -1;
	for (int i = 0; i < g->n_node; i++)
		loss |= q->live[i] && g->node[i]->op->loss;
	if (p->opt.amp != VIT_F32)
		VIT_TRY(list_lower(p));
	if (loss)
		VIT_TRY(list_zero(p));
	for (int i = 0; i < g->n_node; i++)
		if (q->live[i])
			VIT_TRY(list_forward(p, i, 0));
	if (!p->opt.train)
		return 0;
	for (int i = g->n_node - 1; i >= 0; i--) {
		if (!q->active[i])
			continue;
		if (q->segment[i] >= 0 && q->segment[i] != done) {
			done = q->segment[i];
			VIT_TRY(list_again(p, done));
		}
		VIT_TRY(list_backward(p, i));
	}
	return p->opt.optim ? list_update(p) : 0;
}
