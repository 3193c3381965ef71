/* SPDX-License-Identifier: MIT
 *
 * graph.c - values and nodes. The first error stays in g->rc, and NULL passes
 * through, so a builder reads like the formula it builds.
 */
#include "graph/graph.h"

#include <stdlib.h>
#include <string.h>

void vit_graph_init(struct vit_graph *g)
{
	memset(g, 0, sizeof *g);
}

void vit_graph_release(struct vit_graph *g)
{
	free(g->value);
	free(g->node);
	vit_arena_release(&g->arena);
	memset(g, 0, sizeof *g);
}

struct vit_value *vit_graph_find(const struct vit_graph *g, const char *name)
{
	for (int i = 0; i < g->n_value; i++)
		if (!strcmp(g->value[i]->name, name))
			return g->value[i];
	return NULL;
}

static int fail(struct vit_graph *g, int rc)
{
	if (!g->rc)
		g->rc = rc;
	return rc;
}

/* The list with room for one more pointer, NULL when memory is short. */
static void *grow(void *list, int n, int *cap)
{
	if (n < *cap)
		return list;
	int want = *cap ? 2 * *cap : 64;
	void *p = vit_realloc(list, (size_t)want * sizeof(void *));
	if (p)
		*cap = want;
	return p;
}

static struct vit_value *add_value(struct vit_graph *g, const char *name, enum vit_role role, int dtype, int ndim, const int64_t *dim)
{
	if (g->rc)
		return NULL;
	if (vit_graph_find(g, name)) {
		fail(g, vit_fail(VIT_EUSAGE, "graph: two values are called %s", name));
		return NULL;
	}
	int batch = (role == VIT_INPUT || role == VIT_ACT || role == VIT_AUX) && ndim > 0 && dim[0] == VIT_B;
	if (ndim < 0 || vit_shape_bytes(dtype, ndim - batch, dim + batch) < 0) {
		fail(g, vit_fail(VIT_EMISMATCH, "graph: %s has no valid shape", name));
		return NULL;
	}
	struct vit_value **list = grow(g->value, g->n_value, &g->cap_value);
	if (list)
		g->value = list;
	struct vit_value *v = list ? vit_arena_alloc(&g->arena, sizeof *v) : NULL;
	if (!v || !(v->name = vit_arena_strdup(&g->arena, name))) {
		fail(g, VIT_ENOMEM);
		return NULL;
	}
	v->role = role;
	v->dtype = dtype;
	v->ndim = ndim;
	if (ndim)
		memcpy(v->dim, dim, (size_t)ndim * sizeof *dim);
	v->lr_scale = 1;
	v->id = g->n_value;
	g->value[g->n_value++] = v;
	return v;
}

struct vit_value *vit_graph_input(struct vit_graph *g, const char *name, int dtype, int ndim, const int64_t *dim)
{
	return add_value(g, name, VIT_INPUT, dtype, ndim, dim);
}

struct vit_value *vit_graph_param(struct vit_graph *g, const char *name, int ndim, const int64_t *dim, struct vit_init init, int decay)
{
	struct vit_value *v = add_value(g, name, VIT_PARAM, VIT_F32, ndim, dim);
	if (v) {
		v->init = init;
		v->grad = 1;
		v->decay = decay != 0;
	}
	return v;
}

struct vit_value *vit_graph_state(struct vit_graph *g, const char *name, int ndim, const int64_t *dim, struct vit_init init)
{
	struct vit_value *v = add_value(g, name, VIT_STATE, VIT_F32, ndim, dim);
	if (v)
		v->init = init;
	return v;
}

struct vit_value *vit_graph_const(struct vit_graph *g, const char *name, int dtype, int ndim, const int64_t *dim, const void *data)
{
	struct vit_value *v = add_value(g, name, VIT_CONST, dtype, ndim, dim);
	if (!v)
		return NULL;
	size_t n = (size_t)vit_shape_bytes(dtype, ndim, dim);
	void *p = vit_arena_alloc(&g->arena, n ? n : 1);
	if (!p) {
		fail(g, VIT_ENOMEM);
		return NULL;
	}
	memcpy(p, data, n);
	v->data = p;
	return v;
}

static void view(struct vit_tensor *t, const struct vit_value *v, int64_t B)
{
	memset(t, 0, sizeof *t);
	t->dtype = v->dtype;
	t->ndim = v->ndim;
	for (int i = 0; i < v->ndim; i++)
		t->dim[i] = v->dim[i];
	if (v->ndim && v->dim[0] == VIT_B)
		t->dim[0] = B;
}

/* Names of a node's results: the first has the node's own name. */
static const char *result_name(struct vit_graph *g, const char *name, const char *kind, int i)
{
	if (!*kind && i == 0)
		return name;
	return vit_arena_printf(&g->arena, "%s:%s%d", name, kind, i);
}

static int add_results(struct vit_graph *g, struct vit_node *n, enum vit_role role, const char *kind,
                       const struct vit_tensor *t, int count, struct vit_value **list)
{
	for (int i = 0; i < count; i++) {
		const char *name = result_name(g, n->name, kind, i);
		if (!name)
			return fail(g, VIT_ENOMEM);
		list[i] = add_value(g, name, role, t[i].dtype, t[i].ndim, t[i].dim);
		if (!list[i])
			return g->rc;
		list[i]->by = n;
	}
	return 0;
}

static struct vit_node *new_node(struct vit_graph *g, const struct vit_op *op, const char *name, const void *attr)
{
	struct vit_node **list = grow(g->node, g->n_node, &g->cap_node);
	if (list)
		g->node = list;
	struct vit_node *n = list ? vit_arena_alloc(&g->arena, sizeof *n) : NULL;
	if (!n || !(n->name = vit_arena_strdup(&g->arena, name)))
		return NULL;
	n->op = op;
	if (op->attr_size) {
		if (!(n->attr = vit_arena_alloc(&g->arena, op->attr_size)))
			return NULL;
		if (attr)
			memcpy(n->attr, attr, op->attr_size);
	}
	return n;
}

struct vit_value *vit_graph_op(struct vit_graph *g, const char *op_name, const char *name, const void *attr,
                               struct vit_value *const *in, int n_in, struct vit_node **node)
{
	if (node)
		*node = NULL;
	if (g->rc)
		return NULL;
	const struct vit_op *op = vit_op_by_name(op_name);
	if (!op) {
		fail(g, vit_fail(VIT_EUNSUPPORTED, "graph: node %s wants op %s, which this build does not have", name, op_name));
		return NULL;
	}
	if (n_in < 0 || n_in > VIT_MAXIO) {
		fail(g, vit_fail(VIT_EMISMATCH, "graph: node %s has %d inputs, at most %d", name, n_in, VIT_MAXIO));
		return NULL;
	}
	struct vit_node *n = new_node(g, op, name, attr);
	if (!n) {
		fail(g, VIT_ENOMEM);
		return NULL;
	}
	struct vit_call call = { .op = op->name, .name = n->name, .attr = n->attr, .n_in = n_in };
	for (int i = 0; i < n_in; i++) {
		if (!in[i]) {
			fail(g, vit_fail(VIT_EMISMATCH, "graph: node %s has no input %d", name, i));
			return NULL;
		}
		n->in[i] = in[i];
		view(&call.in[i], in[i], VIT_B);
	}
	int rc = op->infer(&call);
	if (rc) {
		fail(g, vit_wrap(rc, "%s (%s)", name, op_name));
		return NULL;
	}
	n->n_in = n_in;
	n->n_out = call.n_out;
	n->n_aux = call.n_aux;
	if (add_results(g, n, VIT_ACT, "", call.out, n->n_out, n->out) || add_results(g, n, VIT_AUX, "aux", call.aux, n->n_aux, n->aux))
		return NULL;
	for (int i = 0; i < n_in; i++)
		in[i]->n_use++;
	g->node[g->n_node++] = n;
	if (node)
		*node = n;
	return n->out[0];
}

int vit_graph_call(const struct vit_node *n, int64_t B, struct vit_call *call)
{
	memset(call, 0, sizeof *call);
	if (B < 1)
		return vit_fail(VIT_EUSAGE, "a batch has at least one row");
	call->op = n->op->name;
	call->name = n->name;
	call->attr = n->attr;
	call->key = vit_name_key(n->name);
	call->n_in = n->n_in;
	call->n_out = n->n_out;
	call->n_aux = n->n_aux;
	for (int i = 0; i < n->n_in; i++)
		view(&call->in[i], n->in[i], B);
	for (int i = 0; i < n->n_out; i++)
		view(&call->out[i], n->out[i], B);
	for (int i = 0; i < n->n_aux; i++)
		view(&call->aux[i], n->aux[i], B);
	for (int i = 0; i < n->n_in + n->n_out + n->n_aux; i++) {
		const struct vit_tensor *t = i < n->n_in ? &call->in[i] : i < n->n_in + n->n_out ? &call->out[i - n->n_in] : &call->aux[i - n->n_in - n->n_out];
		if (vit_shape_bytes(t->dtype, t->ndim, t->dim) < 0)
			return vit_fail(VIT_EUSAGE, "%s: a batch of %lld is too large", n->name, (long long)B);
	}
	return 0;
}

int64_t vit_graph_params(const struct vit_graph *g)
{
	int64_t sum = 0;
	for (int i = 0; i < g->n_value; i++) {
		const struct vit_value *v = g->value[i];
		int64_t n = 1;
		for (int d = 0; d < v->ndim; d++)
			n *= v->dim[d];
		if (v->role == VIT_PARAM)
			sum += n;
	}
	return sum;
}

double vit_graph_flops(const struct vit_graph *g, int64_t B, int train)
{
	double sum = 0;
	for (int i = 0; i < g->n_node; i++) {
		const struct vit_node *n = g->node[i];
		struct vit_call call;
		if (!n->op->flops || vit_graph_call(n, B, &call))
			continue;
		sum += n->op->flops(&call, 0);
		if (train && n->op->backward)
			sum += n->op->flops(&call, 1);
	}
	return sum;
}
