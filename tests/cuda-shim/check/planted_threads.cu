/* SPDX-License-Identifier: MIT
 *
 * planted_threads.cu - bugs between threads: barriers and warp operations that
 * are missing, or not met by all.
 */
#include "planted.h"

enum { N = 64 };
#define ALL 0xffffffffu

static int run(void (*kernel)(float *), int blocks, int threads, int n, float (*want)(int))
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, n);
	LAUNCH(kernel, blocks, threads, N * sizeof(float), s, o);
	return planted_compare(s, o, n, want);
}

static float one(int)
{
	return 1;
}

/* ---- missing ---- */

/* threads run in their order, so each finds what it reads: only TSan sees the luck in that */
__global__ void no_barrier(float *o)
{
	DYN_SMEM(float, s);
	s[threadIdx.x] = 1;
	o[threadIdx.x] = s[threadIdx.x / 2];
}

__global__ void no_second_barrier(float *o)
{
	DYN_SMEM(float, s);
	for (int k = 0; k < 2; k++) {
		s[threadIdx.x] = 1;
		__syncthreads();
		o[threadIdx.x] = s[N - 1 - threadIdx.x];
	}
}

__global__ void no_syncwarp(float *o)
{
	DYN_SMEM(float, s);
	s[threadIdx.x] = 1;
	const float v = __shfl_xor_sync(ALL, 0.0f, 1);  /* meets, but orders no memory */
	o[threadIdx.x] = s[threadIdx.x ^ 1] + v;
}

/* overwrites what ldmatrix reads for other warps; the numbers stay the same */
__global__ void no_barrier_after_ldmatrix(float *o)
{
	DYN_SMEM(float, s);
	uint32_t r[4];
	s[threadIdx.x] = 1;
	__syncthreads();
	ldmatrix_x4(r, s + threadIdx.x % 16 * 4);
	s[threadIdx.x] = 1;
	o[threadIdx.x] = r[0] == 0x3f800000 ? 1.0f : 0.0f;
}

__global__ void blocks_share(float *o)
{
	o[threadIdx.x] = blockIdx.x ? o[threadIdx.x] : 1.0f;
}

static int missing_syncthreads(void) { return run(no_barrier, 1, N, N, one); }
static int missing_second_barrier(void) { return run(no_second_barrier, 1, N, N, one); }
static int missing_syncwarp(void) { return run(no_syncwarp, 1, N, N, one); }
static int missing_barrier_after_ldmatrix(void) { return run(no_barrier_after_ldmatrix, 1, N, N, one); }
static int race_of_blocks(void) { return run(blocks_share, 2, N, N, one); }

/* ---- barriers not met by all ---- */

__global__ void two_barriers(float *o)
{
	o[threadIdx.x] = 1;
	if (threadIdx.x < 32) __syncthreads(); else __syncthreads();
}

__global__ void one_side(float *o)
{
	o[threadIdx.x] = 1;
	if (threadIdx.x < 32)
		__syncthreads();
}

__global__ void return_first(float *o)
{
	o[threadIdx.x] = 1;
	if (threadIdx.x < 32)
		return;
	__syncthreads();
}

static int divergent_barrier(void) { return run(two_barriers, 1, N, N, one); }
static int barrier_on_one_side(void) { return run(one_side, 1, N, N, one); }
static int barrier_after_return(void) { return run(return_first, 1, N, N, one); }

/* ---- warp operations not met by all ---- */

__global__ void return_then_shuffle(float *o)
{
	o[threadIdx.x] = 1;
	if (threadIdx.x >= 40)
		return;
	o[threadIdx.x] = __shfl_xor_sync(ALL, 1.0f, 1);
}

__global__ void shuffle_in_branch(float *o)
{
	float v = 1;
	if (threadIdx.x % 2)
		v = __shfl_xor_sync(ALL, v, 2);
	__syncwarp();
	o[threadIdx.x] = v;
}

__global__ void shuffle_from_outside(float *o)
{
	float v = 1;
	if (threadIdx.x % 32 < 16)
		v = __shfl_down_sync(0x0000ffffu, v, 1);
	o[threadIdx.x] = v;
}

__global__ void mask_without_me(float *o)
{
	o[threadIdx.x] = __shfl_sync(0x0000ffffu, 1.0f, 0);
}

__global__ void half_warp(float *o)
{
	o[threadIdx.x] = __shfl_xor_sync(ALL, 1.0f, 1);
}

static int shuffle_after_return(void) { return run(return_then_shuffle, 1, N, N, one); }
static int shuffle_in_a_branch(void) { return run(shuffle_in_branch, 1, N, N, one); }
static int shuffle_outside_mask(void) { return run(shuffle_from_outside, 1, N, N, one); }
static int shuffle_not_in_mask(void) { return run(mask_without_me, 1, N, N, one); }
static int shuffle_in_half_a_warp(void) { return run(half_warp, 1, 48, 48, one); }

/* ---- blocks in an order that CUDA does not promise ---- */

__global__ void chain(float *o)
{
	if (!threadIdx.x)
		o[blockIdx.x] = blockIdx.x ? o[blockIdx.x - 1] : 1.0f;
}

static int blocks_in_order(void) { return run(chain, 4, 32, 4, one); }

#define CASE(name) { #name, name }
const struct planted planted_threads[] = {
	CASE(missing_syncthreads), CASE(missing_second_barrier), CASE(missing_syncwarp), CASE(missing_barrier_after_ldmatrix), CASE(race_of_blocks),
	CASE(divergent_barrier), CASE(barrier_on_one_side), CASE(barrier_after_return),
	CASE(shuffle_after_return), CASE(shuffle_in_a_branch), CASE(shuffle_outside_mask), CASE(shuffle_not_in_mask),
	CASE(shuffle_in_half_a_warp), CASE(blocks_in_order),
	{ NULL, NULL },
};
