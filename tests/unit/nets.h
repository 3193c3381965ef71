/* SPDX-License-Identifier: MIT
 *
 * nets.h - two small graphs, and a plan with all that belongs to it, for tests.
 */
#ifndef TESTS_UNIT_NETS_H
#define TESTS_UNIT_NETS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/plan.h"
#include "model/model.h"

/* A graph, its parameters and one plan, bound. */
struct net {
	struct vit_graph g;
	struct vit_params params;
	struct vit_plan plan;
};

static inline struct vit_value *net_param(struct vit_graph *g, const char *node, const char *what, int ndim, const int64_t *dim, struct vit_init init, int decay)
{
	char name[64];
	snprintf(name, sizeof name, "%s.%s", node, what);
	return vit_graph_param(g, name, ndim, dim, init, decay);
}

/* conv 3x3, batch norm, relu. */
static inline struct vit_value *net_block(struct vit_graph *g, const char *block, struct vit_value *x, int64_t out)
{
	char name[64];
	const struct vit_conv2d_attr conv = { .stride = 1, .pad = 1 };
	const struct vit_batchnorm_attr bn = { .eps = 1e-5f, .momentum = 0.1f };
	const struct vit_init zero = { VIT_INIT_ZERO, 0 }, one = { VIT_INIT_ONE, 0 };
	struct vit_value *in[5] = { x, net_param(g, block, "conv.weight", 4, (int64_t[]){ out, 3, 3, x->dim[3] }, (struct vit_init){ VIT_INIT_TRUNC_NORMAL, 0.3f }, 1) };
	snprintf(name, sizeof name, "%s.conv", block);
	in[0] = vit_graph_op(g, "conv2d", name, &conv, in, 2, NULL);
	in[1] = net_param(g, block, "bn.weight", 1, &out, one, 0);
	in[2] = net_param(g, block, "bn.bias", 1, &out, zero, 0);
	snprintf(name, sizeof name, "%s.bn.mean", block);
	in[3] = vit_graph_state(g, name, 1, &out, zero);
	snprintf(name, sizeof name, "%s.bn.var", block);
	in[4] = vit_graph_state(g, name, 1, &out, one);
	snprintf(name, sizeof name, "%s.bn", block);
	in[0] = vit_graph_op(g, "batchnorm", name, &bn, in, 5, NULL);
	snprintf(name, sizeof name, "%s.relu", block);
	return vit_graph_op(g, "relu", name, NULL, in, 1, NULL);
}

/* Images 5x4x2 through three blocks to 3 channels, against a target. */
static inline void net_conv(struct vit_graph *g)
{
	vit_graph_init(g);
	const struct vit_image_attr image = { .n_mean = 1, .mean = { 0.5f }, .std = { 0.25f } };
	const struct vit_loss_attr loss = { .weight = 1, .knob = -1 };
	struct vit_value *in[2] = { vit_graph_input(g, "image", VIT_U8, 4, (int64_t[]){ VIT_B, 5, 4, 2 }) };
	struct vit_value *x = vit_graph_op(g, "image", "pixels", &image, in, 1, NULL);
	x = net_block(g, "blocks.0", x, 4);
	x = net_block(g, "blocks.1", x, 4);
	x = net_block(g, "blocks.2", x, 3);
	x->keep = 1;
	in[0] = x;
	in[1] = vit_graph_input(g, "target", VIT_F32, 4, (int64_t[]){ VIT_B, 5, 4, 3 });
	vit_graph_op(g, "mse", "loss", &loss, in, 2, NULL);
	assert_int_equal(g->rc, 0);
}

/* The smallest ViT that has everything: 8x8x1 images, 3 classes. */
static inline void net_vit(struct vit_graph *g, const char *more, const struct vit_build *build)
{
	char spec[128];
	const struct vit_meta samples = { .n_class = 3, .shape = { 8, 8, 1 }, .count = -1 };
	struct vit_model m;
	snprintf(spec, sizeof spec, "vit:patch=4,dim=8,depth=3,heads=2,mlp=2,init=fan_in%s", more);
	assert_int_equal(vit_model_new(&m, spec, &samples), 0);
	vit_graph_init(g);
	assert_int_equal(m.arch->build(g, m.config, &m.preprocess, build), 0);
	vit_model_free(&m);
}

static inline void net_start(struct net *n, const struct vit_plan_opt *opt, const struct vit_backend *backend, int ema)
{
	assert_int_equal(vit_params_new(&n->params, &n->g, backend, NULL, opt->train, ema), 0);
	assert_int_equal(vit_params_init(&n->params, &n->g, 3), 0);
	assert_int_equal(vit_plan_make(&n->plan, &n->g, opt, backend, NULL), 0);
	assert_int_equal(vit_plan_bind(&n->plan, NULL, &n->params, 0), 0);
	n->plan.host->seed = 11;
}

static inline void net_stop(struct net *n)
{
	vit_plan_free(&n->plan);
	vit_params_free(&n->params);
	vit_graph_release(&n->g);
}

static inline void *net_at(const struct net *n, const char *name, int grad)
{
	const struct vit_value *v = vit_graph_find(&n->g, name);
	if (!v)
		fail_msg("no value %s", name);
	return vit_plan_value(&n->plan, v, grad).data;
}

/* Inputs whose row b is that of sample first + b; rows from `valid` on are
 * garbage number `garbage`. */
static inline void net_fill(const struct net *n, uint64_t first, int64_t valid, int garbage)
{
	for (int i = 0; i < n->g.n_value; i++) {
		const struct vit_value *v = n->g.value[i];
		struct vit_tensor t = vit_plan_value(&n->plan, v, 0);
		if (v->role != VIT_INPUT || !t.data || v->dim[0] != VIT_B)
			continue;
		int64_t per = vit_tensor_count(&t) / t.dim[0];
		for (int64_t e = 0; e < vit_tensor_count(&t); e++) {
			int64_t b = e / per;
			uint32_t x = vit_philox(b < valid ? vit_name_key(v->name) : (uint64_t)garbage, first + (uint64_t)b, (uint64_t)(e % per)).v[0];
			double number = (double)vit_uniform(x) * (b < valid ? 1 : garbage == 2 ? 1e30 : -7);
			if (t.dtype == VIT_U8)
				((uint8_t *)t.data)[e] = (uint8_t)(x >> 24);
			else if (t.dtype == VIT_I32)
				((int32_t *)t.data)[e] = b < valid ? (int32_t)(x % 3) : garbage * 1000;
			else if (t.dtype == VIT_F64)
				((double *)t.data)[e] = number;
			else
				((float *)t.data)[e] = (float)number;
		}
	}
	n->plan.host->sample0 = first;
	n->plan.host->n_valid = (int32_t)valid;
}

static inline void net_run(struct net *n, int flags)
{
	assert_int_equal(vit_plan_run(&n->plan, flags, NULL, NULL), 0);
}

static inline struct vit_step net_step(const struct net *n)
{
	struct vit_step s;
	assert_int_equal(vit_plan_step_get(&n->plan, &s), 0);
	return s;
}

static inline size_t net_bytes(const struct net *n, int64_t count)
{
	return (size_t)count * (size_t)vit_dtypes[n->params.dtype].size;
}

#endif
