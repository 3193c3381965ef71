/* SPDX-License-Identifier: MIT
 *
 * expand.c - an op against the primitives that it expands to, forward and
 * backward, in f64. The little graph runs node by node: no plan, no lifetimes.
 */
#include "check.h"

#include "graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Constants of an expansion are f32, such as 1 / sqrt(D). */
static const double TOLERANCE = 2e-6;

struct little {
	struct vit_graph graph;
	struct vit_node node;           /* the op that is expanded, its inputs in the graph */
	struct vit_value *out[VIT_MAXOUT];
	struct buffer *value, *grad;    /* by value id */
};

static struct vit_value *add_input(struct little *l, const struct setup *s, int i)
{
	const struct op_input *in = &s->of->in[i];
	char name[16];
	snprintf(name, sizeof name, "in%d", i);
	int64_t dim[VIT_MAXD];
	memcpy(dim, s->call.in[i].dim, sizeof dim);
	const int batched = in->kind == ACT || in->kind == DATA;
	if (!batched && in->dtype == VIT_F32)
		return vit_graph_param(&l->graph, name, s->call.in[i].ndim, dim, (struct vit_init){ 0 }, 0);
	if (batched)
		dim[0] = VIT_B;
	return vit_graph_input(&l->graph, name, in->dtype, s->call.in[i].ndim, dim);
}

static int build(struct little *l, const struct setup *s)
{
	vit_graph_init(&l->graph);
	l->node = (struct vit_node){ .name = "op", .op = vit_op_by_name(s->op->name), .attr = (void *)(uintptr_t)s->of->attr,
	                             .n_in = s->call.n_in, .n_out = s->call.n_out };
	for (int i = 0; i < s->call.n_in; i++)
		l->node.in[i] = add_input(l, s, i);
	VIT_TRY(l->graph.rc);
	VIT_TRY(l->node.op->expand(&l->graph, &l->node, l->out));
	return l->graph.rc;
}

static int new_values(struct little *l, const struct setup *s)
{
	const size_t n = (size_t)l->graph.n_value;
	l->value = vit_calloc(n, sizeof *l->value);
	l->grad = vit_calloc(n, sizeof *l->grad);
	if (!l->value || !l->grad)
		return VIT_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct vit_value *v = l->graph.value[i];
		struct vit_tensor t = { 0 };
		vit_shape_set(&t, v->dtype == VIT_F32 ? VIT_F64 : v->dtype, v->ndim, v->dim);
		if (t.ndim && t.dim[0] == VIT_B)
			t.dim[0] = s->B;
		VIT_TRY(buffer_alloc(&l->value[i], &t));
		VIT_TRY(buffer_alloc(&l->grad[i], &t));
		for (int64_t k = 0; v->data && k < l->value[i].n; k++)
			buffer_set(&l->value[i], k, (double)((const float *)v->data)[k]);
	}
	return 0;
}

static const struct vit_op *wide(const struct vit_op *op)
{
	for (int i = 0; vit_ops[i]; i++)
		if (vit_ops[i] == op)
			return vit_ops_f64[i];
	return NULL;
}

/* The call of a node on the little graph's memory. Every gradient adds: all of
 * them were zeroed. */
static int call_of(const struct little *l, const struct setup *s, const struct vit_node *n, struct vit_call *c)
{
	VIT_TRY(vit_graph_call(n, s->B, c));
	struct vit_tensor *const group[] = { c->in, c->out, c->aux, c->din, c->dout };
	struct vit_value *const *const value[] = { n->in, n->out, n->aux, n->in, n->out };
	const int count[] = { n->n_in, n->n_out, n->n_aux, n->n_in, n->n_out };
	for (int g = 0; g < 5; g++)
		for (int i = 0; i < count[g]; i++) {
			const struct buffer *b = g < 3 ? &l->value[value[g][i]->id] : &l->grad[value[g][i]->id];
			group[g][i].data = buffer_data(b);
			group[g][i].dtype = b->dtype;
		}
	for (int i = 0; i < n->n_in; i++)
		c->need |= (unsigned)vit_dtypes[c->in[i].dtype].is_float << i;
	c->add = c->need;
	c->train = s->of->train;
	c->step = setup_step(s);
	return 0;
}

static int run_little(struct little *l, struct setup *s)
{
	for (int i = 0; i < s->call.n_in; i++)
		memcpy(buffer_data(&l->value[l->node.in[i]->id]), buffer_data(&s->in[i]), s->in[i].bytes);
	struct vit_call c;
	for (int i = 0; i < l->graph.n_node; i++) {
		VIT_TRY(call_of(l, s, l->graph.node[i], &c));
		VIT_TRY(wide(l->graph.node[i]->op)->forward(&c));
	}
	for (int o = 0; s->op->backward && o < s->call.n_out; o++)
		memcpy(buffer_data(&l->grad[l->out[o]->id]), buffer_data(&s->dout[o]), s->dout[o].bytes);
	for (int i = l->graph.n_node - 1; s->op->backward && i >= 0; i--) {
		const struct vit_op *op = wide(l->graph.node[i]->op);
		if (!op->backward)
			return vit_fail(VIT_EUNSUPPORTED, "its expansion holds %s, which has no backward", op->name);
		VIT_TRY(call_of(l, s, l->graph.node[i], &c));
		VIT_TRY(op->backward(&c));
	}
	return 0;
}

static int compare(struct little *l, struct setup *s)
{
	setup_fill(s, &(struct variant){ .n_valid = -1 });
	/* both start from zero */
	for (int i = 0; i < s->call.n_in; i++)
		for (int64_t k = 0; k < s->din[i].n; k++)
			buffer_set(&s->din[i], k, 0);
	VIT_TRY(setup_forward(s, s->op->forward));
	if (s->op->backward)
		VIT_TRY(setup_backward(s, s->op->backward));
	VIT_TRY(run_little(l, s));
	char what[64];
	for (int o = 0; o < s->call.n_out; o++) {
		snprintf(what, sizeof what, "expanded: output %d", o);
		check_near(s->name, what, &l->value[l->out[o]->id], &s->out[o], s->out[o].n, TOLERANCE);
	}
	for (int i = 0; i < s->call.n_in; i++) {
		snprintf(what, sizeof what, "expanded: gradient of input %d", i);
		if (s->call.need >> i & 1)
			check_near(s->name, what, &l->grad[l->node.in[i]->id], &s->din[i], s->din[i].n, TOLERANCE);
	}
	return 0;
}

static void primitives_only(const struct little *l, const struct setup *s)
{
	for (int i = 0; i < l->graph.n_node; i++)
		check(!l->graph.node[i]->op->expand, s->name, "its expansion holds %s, which is no primitive", l->graph.node[i]->op->name);
}

void check_expand(const struct vit_op *f64, const struct op_case *of)
{
	if (!f64->expand || of->unexpanded)
		return;
	struct little l = { 0 };
	struct setup s;
	int rc = setup_new(&s, f64, of, (struct target){ .wide = 1 });
	if (!rc)
		rc = build(&l, &s);
	if (!rc)
		rc = new_values(&l, &s);
	if (!rc)
		rc = compare(&l, &s);
	check(!rc, s.name, "expanded: %s", vit_errmsg());
	primitives_only(&l, &s);
	for (int i = 0; i < l.graph.n_value; i++) {
		free(l.value ? l.value[i].block : NULL);
		free(l.grad ? l.grad[i].block : NULL);
	}
	free(l.value);
	free(l.grad);
	vit_graph_release(&l.graph);
	setup_free(&s);
}
