/* SPDX-License-Identifier: MIT
 *
 * thread.h - what a CUDA thread sees and may do inside a kernel.
 *
 * Everything that lanes exchange goes by value through the runtime, which is
 * compiled without TSan, so only barriers and __syncwarp order memory in its
 * eyes. Memory that an instruction touches (ldmatrix, cp.async) is touched
 * here, in the kernel's own code, where the sanitizers see whose access it is.
 */
#ifndef SHIM_THREAD_H
#define SHIM_THREAD_H

#include "half.h"

#include <stdint.h>
#include <string.h>

struct shim_thread {
	uint3 index;
	int lane;
};
extern struct shim_thread *shim_self;
extern uint3 shim_block_index;
extern dim3 shim_block_dim, shim_grid_dim;
extern unsigned char *shim_smem;

#define threadIdx (shim_self->index)
#define blockIdx shim_block_index
#define blockDim shim_block_dim
#define gridDim shim_grid_dim
#define DYN_SMEM(type, name) type *name = reinterpret_cast<type *>(shim_smem)

/* Where a thread stands; id tells two on one line apart. */
struct shim_site {
	const char *what, *file;
	int line, id;
};
#define SHIM_SITE(what) (shim_site { what, __FILE__, __LINE__, __COUNTER__ })

void shim_barrier(struct shim_site);
void shim_syncwarp(struct shim_site, uint32_t mask);
/* The bits of lane `source`. */
uint64_t shim_shuffle(struct shim_site, uint32_t mask, uint64_t bits, int source);
uint32_t shim_ballot(struct shim_site, uint32_t mask, int vote);
void shim_mma(float *d, const uint32_t *a, const uint32_t *b, int is_bf16);
struct shim_16 {
	uint32_t v[4];
} __attribute__((aligned(16), may_alias));
void shim_ldmatrix(uint32_t *r, shim_16 row, int transposed);
/* Abort unless 16 bytes at p are aligned and (in_smem) in the block's shared memory. */
void shim_check_16(const char *what, const void *p, int in_smem);
void shim_cp_async(void *to, shim_16);
void shim_cp_commit(void);
int shim_cp_arrived(int leave, void **to, shim_16 *);   /* one at a time; 0: no more */

#define __syncthreads() shim_barrier(SHIM_SITE("__syncthreads"))
#define SHIM_SYNCWARP(mask, ...) shim_syncwarp(SHIM_SITE("__syncwarp"), mask)
#define __syncwarp(...) SHIM_SYNCWARP(__VA_ARGS__ __VA_OPT__(,) 0xffffffffu)
#define __ballot_sync(mask, vote) shim_ballot(SHIM_SITE("__ballot_sync"), mask, (vote) != 0)
#define __shfl_sync(mask, ...) shim_shfl(SHIM_SITE("__shfl_sync"), mask, __VA_ARGS__)
#define __shfl_xor_sync(mask, ...) shim_shfl_xor(SHIM_SITE("__shfl_xor_sync"), mask, __VA_ARGS__)
#define __shfl_down_sync(mask, ...) shim_shfl_down(SHIM_SITE("__shfl_down_sync"), mask, __VA_ARGS__)
#define __shfl_up_sync(mask, ...) shim_shfl_up(SHIM_SITE("__shfl_up_sync"), mask, __VA_ARGS__)

template<class T> static inline T shim_shuffle_as(struct shim_site site, uint32_t mask, T v, int source)
{
	static_assert(sizeof v == 4 || sizeof v == 8, "CUDA shuffles 4 or 8 bytes");
	uint64_t bits = 0;
	memcpy(&bits, &v, sizeof v);
	bits = shim_shuffle(site, mask, bits, source);
	memcpy(&v, &bits, sizeof v);
	return v;
}

/* Sources as the PTX ISA has them for segments of `width` lanes, a power of two. */
template<class T> static inline T shim_shfl(struct shim_site site, uint32_t mask, T v, int source, int width = 32)
{
	return shim_shuffle_as(site, mask, v, (shim_self->lane & ~(width - 1)) | (source & (width - 1)));
}

/* xor may reach into lower segments, not into higher ones: the upper bound alone is checked */
template<class T> static inline T shim_shfl_xor(struct shim_site site, uint32_t mask, T v, int x, int width = 32)
{
	const int lane = shim_self->lane, source = lane ^ x;
	return shim_shuffle_as(site, mask, v, source > (lane | (width - 1)) ? lane : source);
}

template<class T> static inline T shim_shfl_down(struct shim_site site, uint32_t mask, T v, int by, int width = 32)
{
	const int lane = shim_self->lane, source = lane + by;
	return shim_shuffle_as(site, mask, v, source > (lane | (width - 1)) ? lane : source);
}

template<class T> static inline T shim_shfl_up(struct shim_site site, uint32_t mask, T v, int by, int width = 32)
{
	const int lane = shim_self->lane, source = lane - by;
	return shim_shuffle_as(site, mask, v, source < (lane & ~(width - 1)) ? lane : source);
}

static inline float rsqrtf(float x)
{
	return 1 / sqrtf(x);
}

/* ---- port.h's wrappers of instructions ---- */

static inline void mma_16816(float *d, const uint32_t *a, const uint32_t *b, bf16)
{
	shim_mma(d, a, b, 1);
}

static inline void mma_16816(float *d, const uint32_t *a, const uint32_t *b, f16)
{
	shim_mma(d, a, b, 0);
}

/* Word by word: gcc's TSan does not see a struct that goes from memory straight
 * into a call. */
static inline shim_16 shim_read_16(const void *p)
{
	const shim_16 *from = static_cast<const shim_16 *>(p);
	shim_16 x;
	for (int i = 0; i < 4; i++)
		x.v[i] = from->v[i];
	return x;
}

static inline void ldmatrix_x4(uint32_t *r, const void *row)
{
	shim_check_16("ldmatrix", row, 1);
	shim_ldmatrix(r, shim_read_16(row), 0);
}

static inline void ldmatrix_x4_t(uint32_t *r, const void *row)
{
	shim_check_16("ldmatrix", row, 1);
	shim_ldmatrix(r, shim_read_16(row), 1);
}

/* The hardware may write the target at any time from here to the wait: it is
 * NaN meanwhile. */
static inline void cp_async_16(void *smem, const void *from)
{
	shim_check_16("cp.async to", smem, 1);
	shim_check_16("cp.async from", from, 0);
	const shim_16 x = *static_cast<const shim_16 *>(from);
	*static_cast<shim_16 *>(smem) = shim_16 { { ~0u, ~0u, ~0u, ~0u } };
	shim_cp_async(smem, x);
}

static inline void cp_async_commit(void)
{
	shim_cp_commit();
}

template<int n> static inline void cp_async_wait(void)
{
	void *to;
	shim_16 x;
	while (shim_cp_arrived(n, &to, &x))
		*static_cast<shim_16 *>(to) = x;
}

#endif
