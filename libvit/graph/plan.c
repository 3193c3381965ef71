/* SPDX-License-Identifier: MIT
 *
 * plan.c - making a plan, giving it memory, asking where things are.
 */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

struct vit_tensor *vit_call_tensor(struct vit_call *c, int at)
{
	if (at < AT_OUT)
		return &c->in[at - AT_IN];
	if (at < AT_AUX)
		return &c->out[at - AT_OUT];
	if (at < AT_DIN)
		return &c->aux[at - AT_AUX];
	if (at < AT_DOUT)
		return &c->din[at - AT_DIN];
	return at < AT_WS ? &c->dout[at - AT_DOUT] : &c->ws;
}

/* ---- make --------------------------------------------------------------------------- */

static int check(const struct vit_plan_opt *o, const struct vit_graph *g, const struct vit_backend *b)
{
	if (g->rc)
		return g->rc;
	if (o->B < 1)
		return vit_fail(VIT_EUSAGE, "plan: a batch of %lld, at least 1 is wanted", (long long)o->B);
	if ((o->dtype == VIT_F64) != (b == &vit_backend_ref_f64) || (o->dtype != VIT_F32 && o->dtype != VIT_F64))
		return vit_fail(VIT_EUNSUPPORTED, "plan: %s does not compute in %s", b->name, vit_dtypes[o->dtype].name);
	VIT_TRY(vit_backend_check(b, o->amp, o->how));
	if (o->optim && (!o->train || !o->optim->lr || o->optim->steps < 1 || !o->optim->attr))
		return vit_fail(VIT_EUSAGE, "plan: an optimiser needs training, attributes and a table of learning rates");
	return 0;
}

static int allocate(struct vit_plan *p)
{
	size_t nv = (size_t)p->graph->n_value + 1, nn = (size_t)p->graph->n_node + 1;
	/* forward, again, backward of every node; one update per parameter, and the ends */
	size_t ni = 3 * nn + nv + 8;
	struct vit_plan_priv *q = p->priv = vit_calloc(1, sizeof *q);
	if (!q)
		return VIT_ENOMEM;
	q->n_slot = (int)(3 * nv + 2 + ni);
	p->instr = vit_calloc(ni, sizeof *p->instr);
	p->offset = vit_calloc(2 * nv, sizeof *p->offset);
	if (!p->instr || !p->offset)
		return VIT_ENOMEM;
	p->grad_offset = p->offset + nv;
	struct vit_arena *m = &q->mem;
	int ok = (q->param_at = vit_arena_alloc(m, nv * sizeof *q->param_at)) && (q->result = vit_arena_alloc(m, nv)) && (q->dtype = vit_arena_alloc(m, nv)) &&
	         (q->wants = vit_arena_alloc(m, nv)) && (q->has_grad = vit_arena_alloc(m, nv)) && (q->saved = vit_arena_alloc(m, nv)) &&
	         (q->inner = vit_arena_alloc(m, nv)) && (q->live = vit_arena_alloc(m, nn)) && (q->active = vit_arena_alloc(m, nn)) &&
	         (q->again = vit_arena_alloc(m, nn)) && (q->need = vit_arena_alloc(m, nn * sizeof *q->need)) &&
	         (q->add = vit_arena_alloc(m, nn * sizeof *q->add)) && (q->segment = vit_arena_alloc(m, nn * sizeof *q->segment)) &&
	         (q->place = vit_arena_alloc(m, ni * sizeof *q->place)) &&
	         (q->slot = vit_arena_alloc(m, (size_t)q->n_slot * sizeof *q->slot));
	return ok ? 0 : VIT_ENOMEM;
}

/* The caller's optimiser and results need not live as long as the plan. */
static int copy_optim(struct vit_plan *p)
{
	const struct vit_optim *from = p->opt.optim;
	struct vit_arena *m = &p->priv->mem;
	p->opt.results = NULL;
	if (!from)
		return 0;
	struct vit_optim *to = vit_arena_alloc(m, sizeof *to);
	struct vit_adamw_attr *attr = vit_arena_alloc(m, sizeof *attr);
	float *lr = vit_arena_alloc(m, (size_t)from->steps * sizeof *lr);
	if (!to || !attr || !lr)
		return VIT_ENOMEM;
	memcpy(attr, from->attr, sizeof *attr);
	memcpy(lr, from->lr, (size_t)from->steps * sizeof *lr);
	*to = (struct vit_optim){ .op = vit_arena_strdup(m, from->op), .attr = attr, .lr = lr, .steps = from->steps };
	p->opt.optim = to;
	return to->op ? 0 : VIT_ENOMEM;
}

int vit_plan_make(struct vit_plan *p, const struct vit_graph *g, const struct vit_plan_opt *opt, const struct vit_backend *backend, struct vit_dev *dev)
{
	memset(p, 0, sizeof *p);
	VIT_TRY(check(opt, g, backend));
	p->graph = g;
	p->opt = *opt;
	p->backend = backend;
	p->dev = dev;
	int rc = allocate(p);
	if (!rc)
		rc = vit_params_layout(g, p->priv->param_at, &p->priv->n, &p->priv->n_state);
	if (!rc)
		rc = vit_order(p);
	if (!rc)
		rc = vit_precision(p);
	if (!rc)
		rc = vit_list(p);
	if (!rc)
		rc = vit_place(p);
	if (!rc)
		rc = copy_optim(p);
	if (rc) {
		vit_plan_free(p);
		return rc;
	}
	for (int i = 0; i < g->n_value; i++) {
		p->offset[i] = p->priv->slot[slot_value(p, i)].offset;
		p->grad_offset[i] = p->priv->slot[slot_grad(p, i)].offset;
	}
	return 0;
}

void vit_plan_free(struct vit_plan *p)
{
	vit_tapes_erase(p);
	for (int i = 0; i < p->n_instr; i++)
		if (p->backend->drop && p->instr[i].call.state)
			p->backend->drop(p->dev, &p->instr[i].call);
	if (p->host)
		p->backend->free(p->dev, p->host, 1);
	if (p->priv) {
		if (p->priv->own_arena)
			p->backend->free(p->dev, p->arena, 0);
		vit_arena_release(&p->priv->mem);
		free(p->priv);
	}
	free(p->instr);
	free(p->offset);
	memset(p, 0, sizeof *p);
}

/* ---- bind --------------------------------------------------------------------------- */

enum { FIRST_SCALE = 65536 };   /* of f16's loss; it halves until the gradients fit */

static void *block_of(const struct vit_plan *p, int kind)
{
	const struct vit_params *w = p->params;
	int ema = p->priv->use_ema;
	switch (kind) {
	case PLACE_W:           return ema ? w->ema : w->w;
	case PLACE_W16:         return ema ? w->ema16 : w->w16;
	case PLACE_G:           return w->g;
	case PLACE_M:           return w->m;
	case PLACE_V:           return w->v;
	case PLACE_EMA:         return w->ema;
	case PLACE_STATE:       return ema && p->priv->n_state ? w->ema_state : w->state;
	case PLACE_STATE_LIVE:  return w->state;
	default:                return w->ema_state;
	}
}

static int resolve(struct vit_plan *p, struct vit_instr *in, const struct place *at)
{
	for (int k = 0; k < N_TENSOR; k++) {
		struct vit_tensor *t = vit_call_tensor(&in->call, k);
		t->data = NULL;
		if (at[k].kind == PLACE_NONE)
			continue;
		if (at[k].kind == PLACE_SLOT) {
			t->data = (char *)p->arena + p->priv->slot[at[k].at].offset;
			continue;
		}
		char *block = block_of(p, at[k].kind);
		if (!block)
			return vit_fail(VIT_EUSAGE, "plan: %s needs %s, which these parameters were made without", in->call.name,
			                at[k].kind == PLACE_G || at[k].kind == PLACE_M || at[k].kind == PLACE_V ? "gradients and moments" : "an EMA");
		t->data = block + (size_t)at[k].at * (size_t)vit_dtypes[t->dtype].size;
	}
	in->call.step = p->step;
	return 0;
}

static int send_const(const struct vit_plan *p, const struct vit_value *v)
{
	size_t bytes = (size_t)vit_shape_bytes(v->dtype, v->ndim, v->dim), n = bytes / sizeof(float);
	void *to = (char *)p->arena + p->offset[v->id];
	if (p->opt.dtype == VIT_F32 || v->dtype != VIT_F32)
		return p->backend->copy(p->dev, to, v->data, bytes, VIT_TO_DEVICE);
	for (size_t i = 0; i < n; i++)          /* f64 is the reference's: host memory */
		((double *)to)[i] = (double)((const float *)v->data)[i];
	return 0;
}

static int fill_arena(struct vit_plan *p)
{
	const struct vit_graph *g = p->graph;
	for (int i = 0; i < g->n_value; i++)
		if (g->value[i]->role == VIT_CONST && p->offset[i] >= 0)
			VIT_TRY(send_const(p, g->value[i]));
	if (p->lr)
		VIT_TRY(p->backend->copy(p->dev, p->lr, p->opt.optim->lr, (size_t)p->opt.optim->steps * sizeof(float), VIT_TO_DEVICE));
	struct vit_step first = { .n_valid = (int32_t)p->opt.B, .loss_scale = p->opt.amp == VIT_F16 && p->opt.train ? FIRST_SCALE : 1 };
	*p->host = first;
	VIT_TRY(vit_plan_step_put(p, &first));
	return p->backend->sync(p->dev);
}

int vit_plan_bind(struct vit_plan *p, void *arena, struct vit_params *params, int use_ema)
{
	if (params->n != p->priv->n || params->n_state != p->priv->n_state || params->dtype != p->opt.dtype)
		return vit_fail(VIT_EMISMATCH, "plan: the parameters belong to another model: %lld numbers, the graph has %lld",
		                (long long)(params->n + params->n_state), (long long)(p->priv->n + p->priv->n_state));
	if (use_ema && (p->opt.train || !params->ema))
		return vit_fail(VIT_EUSAGE, "plan: there is no EMA to evaluate");
	vit_tapes_erase(p);
	if (!p->host && !(p->host = p->backend->alloc(p->dev, sizeof *p->host, 1)))
		return VIT_ENOMEM;
	if (arena || !p->priv->own_arena) {
		if (p->priv->own_arena)
			p->backend->free(p->dev, p->arena, 0);
		p->priv->own_arena = !arena;
		p->arena = arena ? arena : p->backend->alloc(p->dev, p->arena_bytes, 0);
	}
	if (!p->arena) {
		p->priv->own_arena = 0;
		return vit_wrap(VIT_ENOMEM, "plan: %.1f MB for a batch of %lld", (double)p->arena_bytes / 1e6, (long long)p->opt.B);
	}
	VIT_TRY(vit_params_amp(params, p->opt.amp));
	p->params = params;
	p->priv->use_ema = use_ema;
	p->step = (struct vit_step *)(void *)((char *)p->arena + p->priv->slot[slot_step(p)].offset);
	int64_t lr = p->priv->slot[slot_lr(p)].offset;
	p->lr = lr < 0 ? NULL : (float *)(void *)((char *)p->arena + lr);
	for (int i = 0; i < p->n_instr; i++)
		VIT_TRY(resolve(p, &p->instr[i], p->priv->place[i]));
	return fill_arena(p);
}

struct vit_tensor vit_plan_value(const struct vit_plan *p, const struct vit_value *v, int grad)
{
	struct vit_tensor t = { .dtype = p->priv->dtype[v->id], .ndim = v->ndim };
	memcpy(t.dim, v->dim, sizeof t.dim);
	if (t.ndim && t.dim[0] == VIT_B)
		t.dim[0] = p->opt.B;
	if (!p->arena)
		return t;
	size_t es = (size_t)vit_dtypes[p->opt.dtype].size;
	if (v->role == VIT_PARAM || v->role == VIT_STATE) {
		char *block = v->role == VIT_STATE ? grad ? NULL : block_of(p, PLACE_STATE) : block_of(p, grad ? PLACE_G : PLACE_W);
		t.data = block ? block + (size_t)p->priv->param_at[v->id] * es : NULL;
		return t;
	}
	int64_t at = grad ? p->grad_offset[v->id] : p->offset[v->id];
	t.data = at < 0 ? NULL : (char *)p->arena + at;
	return t;
}
