/* SPDX-License-Identifier: MIT
 *
 * grid.cpp - a launch: its blocks one after the other, the threads of a block
 * as fibers that run until they must wait for one another.
 *
 * TSan: what the host did before is ordered before every block, and every block
 * before what the host does after; two blocks are not ordered, so a race
 * between them is seen. Neighbouring blocks use different fibers for that, and
 * each gets shared memory that TSan knows nothing of.
 */
#include "block.h"

#include <stdlib.h>
#include <string.h>

struct shim_thread *shim_self;
uint3 shim_block_index;
dim3 shim_block_dim, shim_grid_dim;
unsigned char *shim_smem;

struct shim_block shim_block;
static struct shim_lane *bank[2][SHIM_MAX_THREADS];
static char at_start, at_end;           /* for TSan */

/* ---- a thread ---- */

static void body(void *arg)
{
	struct shim_lane *me = (struct shim_lane *)arg;
	for (;;) {
		shim_acquire(&at_start);
		shim_block.launch->thread(shim_block.args);
		shim_release(&at_end);
		me->n_copy = 0;
		shim_thread_exit(me);
	}
}

static struct shim_lane *lane_of(int which, int i)
{
	struct shim_lane **at = &bank[which][i];
	if (!*at) {
		*at = (struct shim_lane *)calloc(1, sizeof **at);
		if (!*at)
			shim_die("no memory for a CUDA thread");
		(*at)->fiber = shim_fiber_new(body, *at);
	}
	return *at;
}

/* ---- order ---- */

static uint64_t seed;

enum shim_order shim_order(void)
{
	const char *s = getenv("VIT_SHIM_ORDER");
	if (!s || !strcmp(s, "forward"))
		return SHIM_FORWARD;
	if (!strcmp(s, "reverse"))
		return SHIM_REVERSE;
	if (strncmp(s, "shuffled", 8))
		shim_die("VIT_SHIM_ORDER=%s: use forward, reverse or shuffled[:SEED]", s);
	seed = s[8] == ':' ? strtoull(s + 9, NULL, 10) : 1;
	return SHIM_SHUFFLED;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	return b ? common_divisor(b, a % b) : a;
}

/* The i-th of n in the order asked for: a permutation of 0..n-1 without a table. */
static uint64_t ordered(enum shim_order order, uint64_t i, uint64_t n)
{
	if (order == SHIM_FORWARD)
		return i;
	if (order == SHIM_REVERSE)
		return n - 1 - i;
	uint64_t step = (uint64_t)((double)n * 0.618) + seed % 7 + 1;
	while (common_divisor(step, n) != 1)
		step++;
	return (i % n * (step % n) + seed) % n;
}

/* ---- shared memory ---- */

enum { CANARY = 128, CANARY_BYTE = 0xc5 };
#if defined(__SANITIZE_ADDRESS__) || defined(SHIM_TSAN)
static const size_t canary = 0;         /* they see one byte too many where it happens */
#else
static const size_t canary = CANARY;
#endif

/* Poisoned anew for every block: no block finds what another left. */
static void smem_new(size_t bytes)
{
	void *p;
	shim_unseen(1);
	free(shim_smem);
	free(shim_block.sync);
	shim_block.sync = (char *)malloc(SHIM_SYNC_BYTES);
	if (!shim_block.sync || posix_memalign(&p, 128, bytes + canary ? bytes + canary : 1))
		shim_die("no memory for shared memory");
	memset(p, 0xff, bytes);
	memset((char *)p + bytes, CANARY_BYTE, canary);
	shim_unseen(0);
	shim_smem = (unsigned char *)p;
}

static void smem_check(size_t bytes)
{
	for (size_t i = 0; i < canary; i++)
		if (shim_smem[bytes + i] != CANARY_BYTE)
			shim_die("wrote past its %zu bytes of shared memory, at byte %zu", bytes, bytes + i);
}

/* ---- blocks ---- */

static void block_run(const struct shim_launch *l, uint64_t number)
{
	struct shim_block *b = &shim_block;
	b->n = b->live = (int)(l->block.x * l->block.y * l->block.z);
	b->exited = b->at_barrier = 0;
	b->barriers = 0;
	memset(b->warp, 0, sizeof b->warp);
	for (int i = 0; i < b->n; i++) {
		struct shim_lane *t = b->thread[i] = lane_of((int)(number & 1), i);
		const unsigned u = (unsigned)i, x = l->block.x, y = l->block.y;
		t->self.index = uint3 { u % x, u / x % y, u / (x * y) };
		t->self.lane = i % 32;
		t->number = i;
		t->state = SHIM_READY;
		b->warp[i / 32].live |= 1u << i % 32;
	}
	smem_new(l->smem);
	shim_release(&at_start);
	shim_block_start();
	smem_check(l->smem);
}

void shim_grid_run(const struct shim_launch *l, const void *args)
{
	const enum shim_order order = shim_order();
	const uint64_t x = l->grid.x, y = l->grid.y, n = x * y * l->grid.z;
	if (shim_block.launch)
		shim_die("two threads of the host are in the shim at once; it is for one");
	shim_block.launch = l;
	shim_block.args = args;
	shim_block.backward = order == SHIM_REVERSE;
	shim_block_dim = l->block;
	shim_grid_dim = l->grid;
	for (uint64_t i = 0; i < n; i++) {
		const uint64_t k = ordered(order, i, n);
		shim_block_index = uint3 { (unsigned)(k % x), (unsigned)(k / x % y), (unsigned)(k / (x * y)) };
		block_run(l, i);
	}
	shim_acquire(&at_end);
	shim_block.launch = NULL;
}

/* ---- the launch ---- */

static cudaError_t refused(const struct shim_launch *l)
{
	const uint64_t threads = (uint64_t)l->block.x * l->block.y * l->block.z;
	if (!threads || threads > SHIM_MAX_THREADS || l->block.z > 64)
		return cudaErrorInvalidConfiguration;
	if (!l->grid.x || !l->grid.y || !l->grid.z || l->grid.x > 0x7fffffffu || l->grid.y > 65535 || l->grid.z > 65535)
		return cudaErrorInvalidConfiguration;
	return l->smem > shim_allowed_smem(l->kernel) ? cudaErrorInvalidValue : cudaSuccess;
}

struct queued {
	struct shim_launch launch;
	alignas(16) unsigned char args[];
};

static void run_queued(const void *data)
{
	const struct queued *q = (const struct queued *)data;
	shim_memory_open();
	shim_grid_run(&q->launch, q->args);
	shim_memory_close();
}

void shim_launch(const struct shim_launch *l, const void *args, size_t bytes, cudaStream_t stream)
{
	cudaError_t e = shim_stream_check(stream);
	if (!e)
		e = refused(l);
	if (e) {
		shim_fail(e);
		return;
	}
	struct queued *q = (struct queued *)malloc(sizeof *q + bytes);
	if (!q)
		shim_die("no memory for a launch");
	q->launch = *l;
	memcpy(q->args, args, bytes);
	shim_queue(stream, SHIM_WORK, run_queued, q, sizeof *q + bytes);
	free(q);
}
