/* SPDX-License-Identifier: MIT
 *
 * plan.h - (graph, batch size, train or infer, backend) made into an explicit
 * list of instructions with every value placed in one arena by lifetime.
 *
 * Precision is decided here as well: with `amp` every activation is lowered to
 * 16 bits unless a slot that reads or writes it is f32 (op.h), and so are the
 * parameters where they are read; there are no cast nodes. Inputs, constants and
 * results that no node reads stay as they are.
 *
 * Making a plan is pure: sizes and order; nothing is allocated for data, so
 * --explain can do it. A run allocates nothing. Several plans (train,
 * validate, batch 1) share one struct vit_params.
 */
#ifndef VIT_GRAPH_PLAN_H
#define VIT_GRAPH_PLAN_H

#include "graph/backend.h"
#include "graph/graph.h"

enum vit_what { VIT_ZERO, VIT_FWD, VIT_REDO, VIT_BWD, VIT_UPDATE, VIT_LOWER };

struct vit_instr {
	enum vit_what what;
	const struct vit_node *node;    /* NULL for ZERO, UPDATE and LOWER */
	vit_kernel run;
	struct vit_call call;
};

/* Parameters of a model: flat f32 blocks with equal offsets in all of them.
 * Decayed parameters come first, so an optimiser runs over few ranges. */
struct vit_params {
	int64_t n, n_state;             /* floats */
	int dtype;                      /* VIT_F32; on the f64 reference VIT_F64: the blocks hold doubles */
	float *w, *g, *m, *v, *ema;     /* g, m, v NULL: inference; ema NULL: none */
	float *state, *ema_state;
	void *block;                    /* what params_free frees */
	int amp;                        /* dtype of w16; VIT_F32: there is none */
	void *w16, *ema16;              /* lowered copies, elements at the same offsets; an optimiser keeps w16 up to date */
	int stale;                      /* w was written by other means: the next run lowers it anew */
	const struct vit_backend *backend;
	struct vit_dev *dev;
};
/* The layout depends on the graph alone: offset of a VIT_PARAM or VIT_STATE
 * value in its block, in floats. */
int64_t vit_params_offset(const struct vit_graph *, const struct vit_value *);
int vit_params_new(struct vit_params *, const struct vit_graph *, const struct vit_backend *, struct vit_dev *, int train, int ema) VIT_MUST_CHECK;
/* The bytes of that and of vit_params_amp, without asking for any: what computing
 * reads (weights, state, lowered copies), and what training keeps beside it. */
struct vit_params_cost { size_t weights, update; };
int vit_params_cost(struct vit_params_cost *, const struct vit_graph *, int train, int ema, int amp) VIT_MUST_CHECK;
/* Fill w and state from each value's init, keyed by (seed, name): the same
 * numbers whatever else the graph holds. ema starts as w. */
int vit_params_init(struct vit_params *, const struct vit_graph *, uint64_t seed) VIT_MUST_CHECK;
/* Add lowered copies, if these are not there yet; vit_plan_bind does it for a plan
 * that has amp. All plans with amp over the same parameters have the same one. */
int vit_params_amp(struct vit_params *, int dtype) VIT_MUST_CHECK;
/* Host memory into w, state, the EMA or a moment: the one way to write these other
 * than by a plan, for it also tells that the lowered copies are stale. Waits. */
int vit_params_put(struct vit_params *, void *to, const void *from, size_t bytes) VIT_MUST_CHECK;
void vit_params_free(struct vit_params *);

/* The optimiser of a training plan: an op over ranges of the flat blocks. */
struct vit_optim {
	const char *op;                 /* "adamw" */
	const void *attr;               /* a struct vit_adamw_attr; weight_decay and lr_scale are set per range by the plan */
	const float *lr;                /* table of `steps` learning rates, host memory; copied */
	int64_t steps;
};

struct vit_plan_opt {
	int64_t B;                      /* rows per run */
	int train;
	int dtype;                      /* VIT_F32, or VIT_F64 on the f64 reference */
	int amp;                        /* VIT_F32: none; VIT_BF16, VIT_F16 (with a dynamic loss scale) */
	uint32_t how;                   /* enum vit_how, for every call */
	int recompute;                  /* 0 keep all; 1 run each block's forward again in backward; nodes named
	                                 * alike up to their first number ("blocks.3.") are a block */
	const struct vit_optim *optim;  /* train: NULL = gradients only */
	const char *const *results;     /* names of values to keep (logits), NULL-terminated; NULL: graph's keep bits */
};

struct vit_plan_priv;
struct vit_plan {
	const struct vit_graph *graph;
	const struct vit_backend *backend;
	struct vit_dev *dev;
	struct vit_plan_opt opt;
	struct vit_instr *instr;
	int n_instr;
	int64_t *offset, *grad_offset;  /* per value id: byte offset in the arena, -1: not in it */
	size_t arena_bytes;             /* values, gradients, scratch, step block */
	double flops;                   /* of one run */
	struct vit_params *params;      /* after bind */
	void *arena;
	struct vit_step *step;          /* the device's own, in the arena */
	struct vit_step *host;          /* after bind: set seed, sample0, n_valid (bind sets B) and knob here
	                                 * before a run, which sends them; micro is the plan's business */
	float *lr;                      /* in the arena */
	struct vit_plan_priv *priv;
};

int vit_plan_make(struct vit_plan *, const struct vit_graph *, const struct vit_plan_opt *, const struct vit_backend *, struct vit_dev *) VIT_MUST_CHECK;
/* Give it memory: `arena` of arena_bytes from backend->alloc, for this plan alone
 * (NULL: it allocates and frees its own), and the parameters. Evaluate the EMA: bind with
 * use_ema = 1. */
int vit_plan_bind(struct vit_plan *, void *arena, struct vit_params *, int use_ema) VIT_MUST_CHECK;
void vit_plan_free(struct vit_plan *);

/* The device's step block: get waits for the device; put replaces all of it
 * (resume: done, loss_scale). */
int vit_plan_step_get(const struct vit_plan *, struct vit_step *) VIT_MUST_CHECK;
int vit_plan_step_put(struct vit_plan *, const struct vit_step *) VIT_MUST_CHECK;

/* A value's memory, valid between runs for inputs and kept values; data NULL if
 * it has none. grad: of its gradient (train). Host pointers on the CPU. */
struct vit_tensor vit_plan_value(const struct vit_plan *, const struct vit_value *, int grad);

/* before = 1 and 0 around every instruction; non-zero return stops the run. */
typedef int (*vit_plan_hook)(void *arg, const struct vit_instr *, int before);
enum { VIT_RUN_FIRST = 1, VIT_RUN_LAST = 2 };   /* first micro-batch: zero the gradients; last: update */
int vit_plan_run(struct vit_plan *, int flags, vit_plan_hook, void *arg) VIT_MUST_CHECK;

#endif
