/* SPDX-License-Identifier: MIT
 *
 * flat.h - walking over the flat blocks: every thread takes `per` neighbours,
 * once, so the grid follows from the length and the same code serves any card.
 */
#ifndef VIT_CUDA_FLAT_H
#define VIT_CUDA_FLAT_H

#include "cuda/cuda.h"
#include "cuda/vec.h"

enum { FLAT_BLOCK = 256, FLAT_VEC = 4 };        /* threads; floats in 16 bytes */

static inline unsigned flat_grid(int64_t n, int per)
{
	return (unsigned)cuda_ceil(n, (int64_t)FLAT_BLOCK * per);
}

/* First element of this thread. */
static __device__ __forceinline__ int64_t flat_at(int per)
{
	return ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) * per;
}

static __device__ __forceinline__ bool is_finite(double x)
{
	return fabs(x) <= 1.7976931348623157e308;
}

/* Ranges start at multiples of 16 elements, so this holds but for foreign memory. */
static inline bool flat_aligned(const void *p)
{
	return (uintptr_t)p % 16 == 0;
}

#endif
