/* SPDX-License-Identifier: MIT
 *
 * reduce.h - sums, maxima and minima over a warp and a block, in a fixed order.
 */
#ifndef VIT_CUDA_REDUCE_H
#define VIT_CUDA_REDUCE_H

#include "cuda/port.h"

enum { WARP = 32 };
#define ALL_LANES 0xffffffffu

/* Every lane gets the result; every lane of the warp must be there. */
template<class T> static __device__ __forceinline__ T warp_sum(T v)
{
#pragma unroll
	for (int o = WARP / 2; o; o /= 2)
		v += __shfl_xor_sync(ALL_LANES, v, o);
	return v;
}

static __device__ __forceinline__ float warp_max(float v)
{
#pragma unroll
	for (int o = WARP / 2; o; o /= 2)
		v = fmaxf(v, __shfl_xor_sync(ALL_LANES, v, o));
	return v;
}

static __device__ __forceinline__ int warp_min(int v)
{
#pragma unroll
	for (int o = WARP / 2; o; o /= 2) {
		const int other = __shfl_xor_sync(ALL_LANES, v, o);
		v = other < v ? other : v;
	}
	return v;
}

/* Every thread gets the result; every thread of the block, whole warps, must be
 * there. smem: one T a warp, free before and after. */
template<class T> static __device__ __forceinline__ T block_sum(T v, T *smem)
{
	const int warps = (int)blockDim.x / WARP, lane = (int)threadIdx.x % WARP;
	v = warp_sum(v);
	if (!lane)
		smem[threadIdx.x / WARP] = v;
	__syncthreads();
	v = warp_sum(lane < warps ? smem[lane] : T(0));
	__syncthreads();
	return v;
}

static __device__ __forceinline__ float block_max(float v, float *smem)
{
	const int warps = (int)blockDim.x / WARP, lane = (int)threadIdx.x % WARP;
	v = warp_max(v);
	if (!lane)
		smem[threadIdx.x / WARP] = v;
	__syncthreads();
	v = warp_max(lane < warps ? smem[lane] : -INFINITY);
	__syncthreads();
	return v;
}

static __device__ __forceinline__ int block_min(int v, int *smem)
{
	const int warps = (int)blockDim.x / WARP, lane = (int)threadIdx.x % WARP;
	v = warp_min(v);
	if (!lane)
		smem[threadIdx.x / WARP] = v;
	__syncthreads();
	v = warp_min(smem[lane < warps ? lane : 0]);
	__syncthreads();
	return v;
}

#endif
