/* SPDX-License-Identifier: MIT
 *
 * graph.h - what is computed: nodes of coarse ops over values. No batch size,
 * device or precision policy is in it. Builders make graphs; plans, exporters,
 * the quantiser and --explain visit them.
 */
#ifndef VIT_GRAPH_GRAPH_H
#define VIT_GRAPH_GRAPH_H

#include "core/mem.h"
#include "op/op.h"

enum vit_role {
	VIT_INPUT,              /* given per run: images, labels, teacher's logits */
	VIT_PARAM,              /* trained, one flat block */
	VIT_STATE,              /* kept, not trained: batchnorm statistics */
	VIT_CONST,              /* fixed numbers of the graph itself, `init` */
	VIT_ACT, VIT_AUX,
};

/* How a parameter starts. */
enum vit_init_kind {
	VIT_INIT_ZERO, VIT_INIT_ONE,
	VIT_INIT_TRUNC_NORMAL,  /* normal of deviation std, drawn again beyond 2 std: what is left deviates by 0.8796 std */
	VIT_INIT_NORMAL, VIT_INIT_UNIFORM,      /* uniform with deviation std */
	VIT_INIT_CONST,         /* every element is std */
};
struct vit_init { int kind; float std; };

struct vit_value {
	const char *name;       /* unique; parameters carry timm's names */
	enum vit_role role;
	int dtype, ndim;
	int64_t dim[VIT_MAXD];  /* dim[0] may be VIT_B */
	struct vit_node *by;    /* NULL: not computed */
	int n_use;              /* nodes that read it */
	unsigned grad : 1;      /* parameter: trained (not frozen) */
	unsigned decay : 1;     /* parameter: weight decay applies: by rank and role, never by name */
	unsigned keep : 1;      /* tapped or a result: its memory outlives the run */
	struct vit_init init;
	const void *data;       /* VIT_CONST: its numbers, in the arena */
	float lr_scale;         /* layer-wise learning rate; 1 */
	int id;                 /* index in graph->value */
};

struct vit_node {
	const char *name;       /* unique; its hash keys the random numbers */
	const struct vit_op *op;
	void *attr;
	int n_in, n_out, n_aux;
	struct vit_value *in[VIT_MAXIO], *out[VIT_MAXOUT], *aux[VIT_MAXOUT];
};

struct vit_graph {
	struct vit_arena arena;
	struct vit_value **value;
	struct vit_node **node; /* in the order added, which is topological */
	int n_value, n_node, cap_value, cap_node;
	int rc;                 /* first error: builders may chain calls and look once */
};

void vit_graph_init(struct vit_graph *);
void vit_graph_release(struct vit_graph *);

/* New values. On error they return NULL, the message is set and g->rc keeps the
 * code; NULL inputs pass through, so a builder checks g->rc once at its end. */
struct vit_value *vit_graph_input(struct vit_graph *, const char *name, int dtype, int ndim, const int64_t *dim);
struct vit_value *vit_graph_param(struct vit_graph *, const char *name, int ndim, const int64_t *dim, struct vit_init, int decay);
struct vit_value *vit_graph_state(struct vit_graph *, const char *name, int ndim, const int64_t *dim, struct vit_init);
/* data: dense, of that dtype (f32, or i8 for quantised weights); copied. */
struct vit_value *vit_graph_const(struct vit_graph *, const char *name, int dtype, int ndim, const int64_t *dim, const void *data);

/* Add a node: shapes are inferred, attr (op->attr_size bytes) is copied.
 * Returns its first output; the others are node->out[1], ... through *node. */
struct vit_value *vit_graph_op(struct vit_graph *, const char *op, const char *name, const void *attr,
                               struct vit_value *const *in, int n_in, struct vit_node **node);
struct vit_value *vit_graph_find(const struct vit_graph *, const char *name);     /* value by name, NULL */

/* Totals over the graph for batch size B. */
int64_t vit_graph_params(const struct vit_graph *);
double vit_graph_flops(const struct vit_graph *, int64_t B, int train);
/* Fill a call's shapes for a node at batch size B (no memory). */
int vit_graph_call(const struct vit_node *, int64_t B, struct vit_call *) VIT_MUST_CHECK;

#endif
