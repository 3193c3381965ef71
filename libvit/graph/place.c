/* SPDX-License-Identifier: MIT
 *
 * place.c - one arena for everything a run touches.
 *
 * A slot lives from the first to the last instruction that names it; inputs,
 * results and constants live always. Large slots are placed first, each into
 * the tightest gap between those already placed that live at the same time.
 */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 256 };            /* bytes: what vector loads, DMA and cublasLt like */

static int64_t round_up(int64_t n)
{
	return (n + LINE - 1) / LINE * LINE;
}

/* ---- lifetimes -------------------------------------------------------------------- */

static void touch(struct vit_plan *p, int slot, int when, const struct vit_tensor *t)
{
	struct slot *s = &p->priv->slot[slot];
	int64_t bytes = vit_shape_bytes(t->dtype, t->ndim, t->dim);
	if (bytes > s->bytes)
		s->bytes = bytes;
	if (s->first > s->last)
		s->first = s->last = when;
	if (when < s->first)
		s->first = when;
	if (when > s->last)
		s->last = when;
}

static void always(struct vit_plan *p, int slot)
{
	struct slot *s = &p->priv->slot[slot];
	if (s->first > s->last)
		return;
	s->first = 0;
	s->last = p->n_instr;
}

static void lifetimes(struct vit_plan *p)
{
	struct vit_plan_priv *q = p->priv;
	const struct vit_graph *g = p->graph;
	for (int i = 0; i < q->n_slot; i++)
		q->slot[i] = (struct slot){ .first = 1, .last = 0, .same = -1, .offset = -1 };
	for (int i = 0; i < p->n_instr; i++)
		for (int k = 0; k < N_TENSOR; k++)
			if (q->place[i][k].kind == PLACE_SLOT)
				touch(p, (int)q->place[i][k].at, i, vit_call_tensor(&p->instr[i].call, k));
	for (int i = 0; i < g->n_value; i++) {
		const struct vit_value *v = g->value[i];
		if (q->result[i] || v->role == VIT_INPUT || v->role == VIT_CONST)
			always(p, slot_value(p, i));
		if (q->result[i])
			always(p, slot_grad(p, i));
	}
	const struct vit_tensor step = { .dtype = VIT_U8, .ndim = 1, .dim = { sizeof(struct vit_step) } };
	touch(p, slot_step(p), 0, &step);
	always(p, slot_step(p));
	always(p, slot_lr(p));
}

/* out[0] takes over in[i]'s memory where the op allows it and nobody reads
 * in[i] afterwards. */
static void share(struct vit_plan *p)
{
	struct vit_plan_priv *q = p->priv;
	for (int i = 0; i < p->n_instr; i++) {
		const struct vit_instr *in = &p->instr[i];
		if ((in->what != VIT_FWD && in->what != VIT_REDO) || !in->node->op->alias)
			continue;
		int out = (int)q->place[i][AT_OUT].at;
		for (int k = 0; k < in->node->n_in && q->slot[out].same < 0; k++) {
			if (!(in->node->op->alias >> k & 1) || q->place[i][AT_IN + k].kind != PLACE_SLOT || in->call.in[k].dtype != in->call.out[0].dtype)
				continue;
			int from = (int)q->place[i][AT_IN + k].at;
			while (q->slot[from].same >= 0)
				from = q->slot[from].same;
			struct slot *a = &q->slot[from], *b = &q->slot[out];
			if (a->last == i && b->first == i && round_up(a->bytes) == round_up(b->bytes)) {
				a->last = b->last;
				b->same = from;
			}
		}
	}
}

/* ---- offsets ----------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const struct slot *x = *(struct slot *const *)a, *y = *(struct slot *const *)b;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x < y ? -1 : x > y;      /* qsort is not stable, offsets must be */
}

/* `placed` is sorted by offset; the new slot is inserted. */
static int64_t fit(struct slot **placed, int *n, struct slot *s)
{
	int64_t room = round_up(s->bytes), end = 0, best = -1, best_gap = INT64_MAX;
	for (int i = 0; i < *n; i++) {
		const struct slot *o = placed[i];
		if (o->last < s->first || s->last < o->first)
			continue;
		int64_t gap = o->offset - end;
		if (gap >= room && gap < best_gap) {
			best = end;
			best_gap = gap;
		}
		int64_t o_end = o->offset + round_up(o->bytes);
		if (o_end > end)
			end = o_end;
	}
	s->offset = best >= 0 ? best : end;
	int at = *n;
	for (; at > 0 && placed[at - 1]->offset > s->offset; at--)
		placed[at] = placed[at - 1];
	placed[at] = s;
	(*n)++;
	return s->offset + room;
}

int vit_place(struct vit_plan *p)
{
	struct vit_plan_priv *q = p->priv;
	struct slot **list = vit_calloc((size_t)q->n_slot * 2, sizeof *list);
	if (!list)
		return VIT_ENOMEM;
	struct slot **placed = list + q->n_slot;
	int n = 0, n_placed = 0, rc = 0;
	int64_t total = 0, sum = 0;
	lifetimes(p);
	share(p);
	for (int i = 0; i < q->n_slot; i++) {
		struct slot *s = &q->slot[i];
		if (s->first > s->last || s->same >= 0)
			continue;
		if (sum > INT64_MAX / 2 - s->bytes) {
			rc = vit_fail(VIT_EUSAGE, "plan: a batch of %lld does not fit in memory", (long long)p->opt.B);
			goto out;
		}
		sum += round_up(s->bytes);
		list[n++] = s;
	}
	qsort(list, (size_t)n, sizeof *list, by_size);
	for (int i = 0; i < n; i++) {
		int64_t end = fit(placed, &n_placed, list[i]);
		if (end > total)
			total = end;
	}
	for (int i = 0; i < q->n_slot; i++) {
		int own = i;
		while (q->slot[own].same >= 0)
			own = q->slot[own].same;
		q->slot[i].offset = q->slot[own].offset;
	}
	p->arena_bytes = (size_t)total;
out:
	free(list);
	return rc;
}
