/* SPDX-License-Identifier: MIT
 *
 * expand.h - how ops build themselves from primitives. New nodes are called
 * NAME/SUFFIX: a dot would meet the names of parameters. Errors stay in the
 * graph's rc: look once, at the end.
 */
#ifndef VIT_OP_EXPAND_H
#define VIT_OP_EXPAND_H

#include "graph/graph.h"

#include <math.h>
#include <stdio.h>

struct expand {
	struct vit_graph *g;
	const struct vit_node *node;
};

static inline const char *ex_name(struct expand *e, const char *suffix)
{
	const char *name = vit_arena_printf(&e->g->arena, "%s/%s", e->node->name, suffix);
	if (!name && !e->g->rc)
		e->g->rc = VIT_ENOMEM;
	return name;
}

static inline struct vit_value *ex_op(struct expand *e, const char *op, const char *suffix, const void *attr, struct vit_value *const *in, int n)
{
	const char *name = ex_name(e, suffix);
	return name ? vit_graph_op(e->g, op, name, attr, in, n, NULL) : NULL;
}

static inline struct vit_value *ex_unary(struct expand *e, const char *op, const char *suffix, struct vit_value *x)
{
	return ex_op(e, op, suffix, NULL, &x, 1);
}

static inline struct vit_value *ex_binary(struct expand *e, const char *op, const char *suffix, struct vit_value *x, struct vit_value *y)
{
	return ex_op(e, op, suffix, NULL, (struct vit_value *[]){ x, y }, 2);
}

static inline struct vit_value *ex_const(struct expand *e, const char *suffix, int64_t n, const float *data)
{
	const char *name = ex_name(e, suffix);
	return name ? vit_graph_const(e->g, name, VIT_F32, 1, &n, data) : NULL;
}

/* x op number */
static inline struct vit_value *ex_scalar(struct expand *e, const char *op, const char *suffix, struct vit_value *x, double number)
{
	const char *name = ex_name(e, suffix);
	if (!name)
		return NULL;
	char constant[32];
	snprintf(constant, sizeof constant, "%s_c", suffix);
	return ex_binary(e, op, suffix, x, ex_const(e, constant, 1, &(float){ (float)number }));
}

static inline struct vit_value *ex_slice(struct expand *e, const char *suffix, struct vit_value *x, int axis, int64_t start, int64_t stop)
{
	return ex_op(e, "slice", suffix, &(struct vit_axis_attr){ axis, start, stop }, &x, 1);
}

static inline struct vit_value *ex_mean(struct expand *e, const char *suffix, struct vit_value *x, int axis)
{
	return ex_op(e, "reduce_mean", suffix, &(struct vit_axis_attr){ .axis = axis }, &x, 1);
}

static inline struct vit_value *ex_reshape(struct expand *e, const char *suffix, struct vit_value *x, struct vit_reshape_attr a)
{
	return ex_op(e, "reshape", suffix, &a, &x, 1);
}

static inline struct vit_value *ex_transpose(struct expand *e, const char *suffix, struct vit_value *x, struct vit_perm_attr a)
{
	return ex_op(e, "transpose", suffix, &a, &x, 1);
}

static inline struct vit_value *ex_act(struct expand *e, int act, struct vit_value *x)
{
	struct vit_value *t = x;
	if (act == VIT_ACT_NONE)
		return x;
	if (act == VIT_ACT_RELU)
		return ex_unary(e, "relu", "act", x);
	if (act == VIT_ACT_GELU) {
		t = ex_unary(e, "erf", "erf", ex_scalar(e, "mul", "scaled", x, 0.70710678118654752440));
	} else {
		t = ex_binary(e, "mul", "cube", ex_binary(e, "mul", "square", x, x), x);
		t = ex_binary(e, "add", "poly", x, ex_scalar(e, "mul", "cubic", t, 0.044715));
		t = ex_unary(e, "tanh", "tanh", ex_scalar(e, "mul", "scaled", t, 0.79788456080286535588));
	}
	t = ex_binary(e, "mul", "gate", x, ex_scalar(e, "add", "one", t, 1));
	return ex_scalar(e, "mul", "act", t, 0.5);
}

static inline struct vit_value *ex_layernorm(struct expand *e, struct vit_value *x, struct vit_value *g, struct vit_value *b, double eps)
{
	struct vit_value *d = ex_binary(e, "sub", "centred", x, ex_mean(e, "mean", x, -1));
	struct vit_value *var = ex_mean(e, "var", ex_binary(e, "mul", "squares", d, d), -1);
	struct vit_value *h = ex_binary(e, "div", "unit", d, ex_unary(e, "sqrt", "std", ex_scalar(e, "add", "var_eps", var, eps)));
	return ex_binary(e, "add", "norm", ex_binary(e, "mul", "gain", h, g), b);
}

/* Q K^T / sqrt(D) after softmax, [B,H,T,T]; v [B,H,T,D] too where asked for. */
static inline struct vit_value *ex_probs(struct expand *e, struct vit_value *qkv, int heads, struct vit_value **v)
{
	static const char *const part[] = { "q", "k", "v" }, *const split[] = { "q_heads", "k_heads", "v_heads" }, *const turned[] = { "q_t", "k_t", "v_t" };
	const int64_t C = qkv ? qkv->dim[2] / 3 : 0;
	struct vit_value *x[3] = { NULL };
	for (int i = 0; i < (v ? 3 : 2); i++) {
		x[i] = ex_slice(e, part[i], qkv, 2, i * C, (i + 1) * C);
		x[i] = ex_reshape(e, split[i], x[i], (struct vit_reshape_attr){ 4, { VIT_B, 0, heads, C / heads } });
		/* k as [B,H,D,T], the others as [B,H,T,D] */
		x[i] = ex_transpose(e, turned[i], x[i], i == 1 ? (struct vit_perm_attr){ 4, { 0, 2, 3, 1 } } : (struct vit_perm_attr){ 4, { 0, 2, 1, 3 } });
	}
	if (v)
		*v = x[2];
	struct vit_value *s = ex_scalar(e, "div", "scores", ex_binary(e, "matmul", "qk", x[0], x[1]), sqrt((double)(C / heads)));
	return ex_unary(e, "softmax", "probs", s);
}

/* Normalised pixels: cast, / 255, - mean, / std. */
static inline struct vit_value *ex_pixels(struct expand *e, const struct vit_image_attr *a)
{
	struct vit_value *x = ex_scalar(e, "div", "unit", ex_unary(e, "cast", "float", e->node->in[0]), 255);
	if (!a->n_mean)
		return x;
	x = ex_binary(e, "sub", "centred", x, ex_const(e, "mean", a->n_mean, a->mean));
	return ex_binary(e, "div", "normal", x, ex_const(e, "std", a->n_mean, a->std));
}

#endif
