/* SPDX-License-Identifier: MIT
 *
 * block.h - the block that runs: its threads and what they wait for.
 */
#ifndef SHIM_BLOCK_H
#define SHIM_BLOCK_H

#include "fiber.h"
#include "runtime.h"

enum { SHIM_MAX_THREADS = 1024, SHIM_MAX_COPIES = 512 };
enum shim_state { SHIM_READY, SHIM_AT_BARRIER, SHIM_AT_WARP, SHIM_DONE };

/* What a lane gives to and gets from a warp operation. */
struct shim_slot {
	uint64_t bits;          /* of a shuffle; a vote */
	int source;
	uint32_t in[6];         /* fragments of mma; a row of ldmatrix */
	uint32_t out[4];
	float d[4];
};

/* A cp.async on its way. */
struct shim_copy {
	void *to;
	shim_16 bytes;
	int64_t group;
};

struct shim_lane {
	struct shim_thread self;        /* first: what the kernel sees */
	struct shim_fiber *fiber;
	int number;
	enum shim_state state;
	struct shim_site site;          /* where it waits */
	uint32_t mask;                  /* AT_WARP: with whom */
	struct shim_slot slot;
	struct shim_copy *copy;         /* SHIM_MAX_COPIES, from the first on: lanes lie close together */
	int n_copy;
	int64_t group;                  /* that commit closes next */
};

/* Lanes that wait for one another. Several can be under way, and their masks may
 * overlap: 0..4 among themselves, while the rest waits for all. */
struct shim_meeting {
	uint32_t mask, arrived;         /* arrived 0: nobody meets here */
	int site;
	unsigned turn;                  /* of its objects for TSan */
};

struct shim_warp {
	uint32_t live, waiting;         /* lanes */
	struct shim_meeting meeting[32];
};

struct shim_block {
	const struct shim_launch *launch;
	const void *args;
	int n, live, exited, at_barrier, backward;
	unsigned barriers;
	char *sync;                     /* objects for TSan: 2 of the block, 2 of each possible meeting */
	struct shim_lane *thread[SHIM_MAX_THREADS];
	struct shim_warp warp[SHIM_MAX_THREADS / 32];
};
enum { SHIM_SYNC_BYTES = 8 * (2 + 2 * SHIM_MAX_THREADS) };
extern struct shim_block shim_block;

static inline struct shim_lane *shim_me(void) { return (struct shim_lane *)shim_self; }
static inline struct shim_warp *shim_my_warp(void) { return &shim_block.warp[shim_me()->number / 32]; }
/* The calling thread's warp, by lane. */
static inline struct shim_lane **shim_mates(void) { return shim_block.thread + (shim_me()->number & ~31); }

enum shim_order shim_order(void);
size_t shim_allowed_smem(const void *kernel);   /* card.cpp */

/* block.cpp */
void shim_block_start(void);            /* on the host: returns when all threads have exited */
void shim_thread_exit(struct shim_lane *);      /* returns when the thread runs again, in another block */
/* Wait until every lane of mask is here; the last to come calls act for all.
 * act NULL: memory is what they meet for (__syncwarp). */
void shim_meet(struct shim_site, uint32_t mask, void (*act)(uint32_t mask));

#endif
