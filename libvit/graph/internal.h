/* SPDX-License-Identifier: MIT
 *
 * internal.h - what the files that make plans share; nobody else includes it.
 *
 *   order.c      which nodes run, which have a backward, which run again
 *   precision.c  what is f32, what is lowered to 16 bits
 *   list.c       the instruction list
 *   place.c      lifetimes and offsets in the arena
 *   plan.c       make, bind, free
 */
#ifndef VIT_GRAPH_INTERNAL_H
#define VIT_GRAPH_INTERNAL_H

#include "graph/plan.h"

/* Where a tensor of a call lives: a slot of the arena, or a float offset in a
 * block of the parameters. */
enum place_kind { PLACE_NONE, PLACE_SLOT, PLACE_W, PLACE_W16, PLACE_G, PLACE_M, PLACE_V, PLACE_EMA, PLACE_STATE, PLACE_STATE_LIVE, PLACE_EMA_STATE };
struct place {
	int kind;
	int64_t at;
};

/* Index of a call's tensors in one list. */
enum {
	AT_IN = 0, AT_OUT = VIT_MAXIO, AT_AUX = AT_OUT + VIT_MAXOUT, AT_DIN = AT_AUX + VIT_MAXOUT,
	AT_DOUT = AT_DIN + VIT_MAXIO, AT_WS = AT_DOUT + VIT_MAXOUT, N_TENSOR = AT_WS + 1
};
struct vit_tensor *vit_call_tensor(struct vit_call *, int at);

/* Memory with a lifetime: first to last instruction that touches it. */
struct slot {
	int64_t bytes, offset;
	int first, last;        /* first > last: never touched */
	int same;               /* shares the memory of this slot; -1: its own */
};

struct vit_plan_priv {
	struct vit_arena mem;           /* all of the below */
	int64_t *param_at;              /* per value: offset in its block, -1 */
	unsigned char *result;          /* per value: outlives the run */
	unsigned char *dtype;           /* per value; a parameter's is that of its master */
	unsigned char *wants, *has_grad; /* per value: a gradient is asked for; somebody writes one */
	unsigned char *live, *active;   /* per node: runs; has a backward */
	uint32_t *need, *add;           /* per node */
	int *segment;                   /* per node: first node of its recomputed segment, -1 */
	unsigned char *again, *saved, *inner;   /* per node: REDO runs it; per value: a backward reads it; only its block does */
	int64_t n, n_state;             /* floats of the parameters and of the state */
	struct place (*place)[N_TENSOR]; /* per instruction */
	struct slot *slot;
	int n_slot;
	int own_arena, use_ema;
	struct tape {
		int ran;                /* once plainly: everything is loaded */
		void *tape;             /* NULL: not recorded yet */
	} tape[4];                      /* by VIT_RUN_ flags */
};

/* Slots: three per value, then the step block, the lr table, and scratch. */
static inline int slot_value(const struct vit_plan *p, int v) { (void)p; return v; }
static inline int slot_again(const struct vit_plan *p, int v) { return p->graph->n_value + v; }
static inline int slot_grad(const struct vit_plan *p, int v) { return 2 * p->graph->n_value + v; }
static inline int slot_step(const struct vit_plan *p) { return 3 * p->graph->n_value; }
static inline int slot_lr(const struct vit_plan *p) { return 3 * p->graph->n_value + 1; }
static inline int slot_ws(const struct vit_plan *p, int instr) { return 3 * p->graph->n_value + 2 + instr; }

int vit_order(struct vit_plan *) VIT_MUST_CHECK;
/* precision.c, after the order: fills dtype. vit_plan_call: a node's call with the
 * shapes and dtypes of this plan (no memory). */
int vit_precision(struct vit_plan *) VIT_MUST_CHECK;
int vit_plan_call(const struct vit_plan *, const struct vit_node *, struct vit_call *) VIT_MUST_CHECK;
int vit_list(struct vit_plan *) VIT_MUST_CHECK;
/* run.c: addresses are about to change. */
void vit_tapes_erase(struct vit_plan *);
/* place.c: from the places of all instructions to offsets and arena_bytes. */
int vit_place(struct vit_plan *) VIT_MUST_CHECK;

/* params.c: offsets of all values at once (-1: neither parameter nor state). */
int vit_params_layout(const struct vit_graph *, int64_t *at, int64_t *n, int64_t *n_state) VIT_MUST_CHECK;
int64_t vit_params_room(const struct vit_value *);      /* floats it takes in its block, padding included */

/* ref.c: "zero", "ema_state" and "lower" on host memory, in f32 and f64; NULL: an op. */
vit_kernel vit_ref_block_kernel(const char *name, int dtype);

#endif
