/* SPDX-License-Identifier: MIT
 *
 * params.c - the flat blocks of a model: layout, memory, first numbers.
 */
#include "graph/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16 };            /* floats: every parameter starts a cache line */
enum { BORDER = 256 };          /* bytes: where a lowered block starts */

int64_t vit_params_room(const struct vit_value *v)
{
	int64_t n = vit_shape_bytes(VIT_F32, v->ndim, v->dim) / 4;
	return (n + ALIGN - 1) / ALIGN * ALIGN;
}

static int take(int64_t *n, const struct vit_value *v, int64_t *at)
{
	int64_t room = vit_params_room(v);
	if (room < 0 || *n > INT64_MAX / 64 - room)
		return vit_fail(VIT_EUSAGE, "%s: the parameters do not fit in memory", v->name);
	*at = *n;
	*n += room;
	return 0;
}

/* Whether a value is trained plays no part: plans that freeze differently share
 * the blocks. */
int vit_params_layout(const struct vit_graph *g, int64_t *at, int64_t *n, int64_t *n_state)
{
	*n = *n_state = 0;
	for (int i = 0; i < g->n_value; i++)
		at[i] = -1;
	for (int decay = 1; decay >= 0; decay--)
		for (int i = 0; i < g->n_value; i++)
			if (g->value[i]->role == VIT_PARAM && g->value[i]->decay == decay)
				VIT_TRY(take(n, g->value[i], &at[i]));
	for (int i = 0; i < g->n_value; i++)
		if (g->value[i]->role == VIT_STATE)
			VIT_TRY(take(n_state, g->value[i], &at[i]));
	return 0;
}

int64_t vit_params_offset(const struct vit_graph *g, const struct vit_value *v)
{
	if (v->role != VIT_PARAM && v->role != VIT_STATE)
		return -1;
	int64_t at = 0;
	for (int i = 0; i < g->n_value; i++) {
		const struct vit_value *u = g->value[i];
		if (u->role == v->role && (u->decay > v->decay || (u->decay == v->decay && i < v->id)))
			at += vit_params_room(u);
	}
	return at;
}

static int layout(const struct vit_graph *g, int64_t *n, int64_t *n_state)
{
	int64_t *at = vit_calloc((size_t)g->n_value + 1, sizeof *at);
	if (!at)
		return VIT_ENOMEM;
	int rc = vit_params_layout(g, at, n, n_state);
	free(at);
	return rc;
}

/* Floats of w, g, m, v, ema, state and ema_state. */
enum { W, STATE = 5, N_BLOCK = 7 };
struct rooms { int64_t of[N_BLOCK]; };

static struct rooms rooms(int64_t n, int64_t n_state, int train, int ema)
{
	return (struct rooms){ { n, train ? n : 0, train ? n : 0, train ? n : 0, ema ? n : 0, n_state, ema ? n_state : 0 } };
}

static size_t lowered_bytes(int64_t n, int dtype)
{
	size_t bytes = ((size_t)n * (size_t)vit_dtypes[dtype].size + BORDER - 1) / BORDER * BORDER;
	return bytes ? bytes : BORDER;
}

int vit_params_new(struct vit_params *p, const struct vit_graph *g, const struct vit_backend *backend, struct vit_dev *dev, int train, int ema)
{
	memset(p, 0, sizeof *p);
	VIT_TRY(layout(g, &p->n, &p->n_state));
	p->dtype = backend == &vit_backend_ref_f64 ? VIT_F64 : VIT_F32;
	p->backend = backend;
	p->dev = dev;

	float **block[N_BLOCK] = { &p->w, &p->g, &p->m, &p->v, &p->ema, &p->state, &p->ema_state };
	const struct rooms room = rooms(p->n, p->n_state, train, ema);
	size_t bytes = 0, es = (size_t)vit_dtypes[p->dtype].size;
	for (int i = 0; i < N_BLOCK; i++)
		bytes += (size_t)room.of[i] * es;
	p->block = backend->alloc(dev, bytes ? bytes : 64, 0);
	if (!p->block)
		return vit_wrap(VIT_ENOMEM, "parameters");
	char *next = p->block;
	for (int i = 0; i < N_BLOCK; i++) {
		/* an empty state block still has an address: NULL means "not asked for" */
		if (room.of[i] || i == W || i == STATE)
			*block[i] = (float *)(void *)next;
		next += (size_t)room.of[i] * es;
	}
	return 0;
}

int vit_params_cost(struct vit_params_cost *c, const struct vit_graph *g, int train, int ema, int amp)
{
	int64_t n, n_state;
	VIT_TRY(layout(g, &n, &n_state));
	const struct rooms room = rooms(n, n_state, train, ema);
	*c = (struct vit_params_cost){ .weights = amp != VIT_F32 ? lowered_bytes(n, amp) * (ema ? 2 : 1) : 0 };
	for (int i = 0; i < N_BLOCK; i++)
		*(i == W || i == STATE ? &c->weights : &c->update) += (size_t)room.of[i] * sizeof(float);
	return 0;
}

int vit_params_amp(struct vit_params *p, int dtype)
{
	if (dtype == VIT_F32 || dtype == p->amp)
		return 0;
	if (p->amp != VIT_F32)
		return vit_fail(VIT_EUSAGE, "plan: the parameters are lowered to %s already, all plans over them take the same; %s is wanted",
		                vit_dtypes[p->amp].name, vit_dtypes[dtype].name);
	size_t one = lowered_bytes(p->n, dtype);
	p->w16 = p->backend->alloc(p->dev, p->ema ? 2 * one : one, 0);
	if (!p->w16)
		return vit_wrap(VIT_ENOMEM, "lowered parameters");
	p->ema16 = p->ema ? (char *)p->w16 + one : NULL;
	p->amp = dtype;
	p->stale = 1;
	return 0;
}

void vit_params_free(struct vit_params *p)
{
	if (p->block)
		p->backend->free(p->dev, p->block, 0);
	if (p->w16)
		p->backend->free(p->dev, p->w16, 0);
	memset(p, 0, sizeof *p);
}

int vit_params_put(struct vit_params *p, void *to, const void *from, size_t bytes)
{
	p->stale = 1;
	VIT_TRY(p->backend->copy(p->dev, to, from, bytes, VIT_TO_DEVICE));
	return p->backend->sync(p->dev);
}

/* A standard normal cut at +-2: the first of the draws (i, 0), (i, 1), ... of
 * this key that lies inside, four Box-Muller values a draw. Each element has
 * counters of its own, so rejecting shifts nobody else's numbers. */
static double trunc_normal(uint64_t key, uint64_t i, double cut)
{
	for (uint64_t try = 0;; try++) {
		struct vit_rand4 r = vit_philox(key, i, try);
		for (int k = 0; k < 4; k += 2) {
			double radius = sqrt(-2 * log(((double)r.v[k] + 1) * 0x1p-32));
			double angle = 6.283185307179586 * (double)r.v[k + 1] * 0x1p-32;
			double z[2] = { radius * cos(angle), radius * sin(angle) };
			for (int j = 0; j < 2; j++)
				if (fabs(z[j]) <= cut)
					return z[j];
		}
	}
}

static float first_number(const struct vit_init *init, uint64_t key, uint64_t i)
{
	double std = (double)init->std;
	switch (init->kind) {
	case VIT_INIT_ONE:
		return 1;
	case VIT_INIT_CONST:
		return init->std;
	case VIT_INIT_TRUNC_NORMAL:
		return (float)(std * trunc_normal(key, i, 2));
	case VIT_INIT_NORMAL:
		return (float)(std * trunc_normal(key, i, INFINITY));
	case VIT_INIT_UNIFORM:          /* between +-std sqrt(3), whose deviation is std */
		return (float)(std * 1.7320508075688772 * (2 * ((double)vit_philox(key, i, 0).v[0] + 0.5) * 0x1p-32 - 1));
	default:
		return 0;
	}
}

static int fill(struct vit_params *p, const struct vit_value *v, uint64_t seed, int64_t at, void *host)
{
	int64_t n = vit_shape_bytes(VIT_F32, v->ndim, v->dim) / 4;
	size_t es = (size_t)vit_dtypes[p->dtype].size;
	uint64_t key = vit_key(seed, vit_name_key(v->name));
	for (int64_t i = 0; i < n; i++) {
		float x = first_number(&v->init, key, (uint64_t)i);
		if (p->dtype == VIT_F64)
			((double *)host)[i] = (double)x;
		else
			((float *)host)[i] = x;
	}
	char *block = (char *)(v->role == VIT_PARAM ? p->w : p->state);
	char *ema = (char *)(v->role == VIT_PARAM ? p->ema : p->ema_state);
	VIT_TRY(vit_params_put(p, block + (size_t)at * es, host, (size_t)n * es));
	return ema ? vit_params_put(p, ema + (size_t)at * es, host, (size_t)n * es) : 0;
}

int vit_params_init(struct vit_params *p, const struct vit_graph *g, uint64_t seed)
{
	int64_t most = 1;
	for (int i = 0; i < g->n_value; i++)
		if ((g->value[i]->role == VIT_PARAM || g->value[i]->role == VIT_STATE) && vit_params_room(g->value[i]) > most)
			most = vit_params_room(g->value[i]);
	void *host = vit_calloc((size_t)most, (size_t)vit_dtypes[p->dtype].size);
	if (!host)
		return VIT_ENOMEM;
	int rc = 0;
	for (int i = 0; i < g->n_value && !rc; i++) {
		const struct vit_value *v = g->value[i];
		if (v->role == VIT_PARAM || v->role == VIT_STATE)
			rc = fill(p, v, seed, vit_params_offset(g, v), host);
	}
	free(host);
	return rc;
}
