/* SPDX-License-Identifier: MIT
 *
 * sample.h - what kernels share that touch every element of a sample once:
 * blocks dealt by samples, division without dividing, tensors whose dtype is
 * looked at when they are read. Such kernels wait for memory: the branch on a
 * dtype is the same in every thread and costs less than nine copies of a kernel.
 */
#ifndef VIT_CUDA_SAMPLE_H
#define VIT_CUDA_SAMPLE_H

#include "cuda/cuda.h"
#include "cuda/vec.h"

enum { SAMPLE_THREADS = 256 };

/* ---- a sample's blocks ---------------------------------------------------- */

/* Blocks of one sample of this many items, a thread each. */
static inline uint32_t sample_blocks(int64_t items)
{
	return (uint32_t)cuda_ceil(items, SAMPLE_THREADS);
}

/* Can B samples of so many elements be dealt, and elements of one be counted in 32 bits? */
static inline int sample_fits(int64_t B, int64_t elements)
{
	return elements > 0 && elements < INT32_MAX - 64 * SAMPLE_THREADS && B > 0 && B <= INT32_MAX / cuda_ceil(elements, SAMPLE_THREADS);
}

static __device__ __forceinline__ int64_t sample_row(uint32_t blocks) { return blockIdx.x / blocks; }
static __device__ __forceinline__ uint32_t sample_item(uint32_t blocks) { return blockIdx.x % blocks * blockDim.x + threadIdx.x; }

/* ---- division ---------------------------------------------------------------- */

/* n / d for n < 2^31 and a d known on the host, by the high half of a product
 * (Granlund & Montgomery, 1994). */
struct divide { uint32_t d, mul, shift; };

static inline struct divide divide_by(int64_t d)
{
	struct divide x = { (uint32_t)d, 0, 0 };
	while (((uint64_t)1 << x.shift) < (uint64_t)d)
		x.shift++;
	x.mul = (uint32_t)((((uint64_t)1 << 32) * (((uint64_t)1 << x.shift) - (uint64_t)d)) / (uint64_t)d + 1);
	return x;
}

static __device__ __forceinline__ uint32_t divide(uint32_t n, struct divide by)
{
	return ((uint32_t)((uint64_t)n * by.mul >> 32) + n) >> by.shift;
}

/* ---- tensors of any floating dtype --------------------------------------------- */

struct any { void *p; int dtype; };

static inline struct any any_of(const struct vit_tensor *t)
{
	struct any x = { t->data, t->dtype };
	return x;
}

/* Can n elements be taken at once, where offsets are multiples of n? */
static inline bool any_fits(struct any x, int n)
{
	const int size = x.dtype == VIT_F32 ? 4 : 2;
	return (uintptr_t)x.p % (uintptr_t)(n * size < 16 ? n * size : 16) == 0;
}

template<int n, class T> static __device__ __forceinline__ void any_read(float *to, const T *from)
{
	enum { m = n * sizeof(T) < 16 ? n : 16 / sizeof(T) };
#pragma unroll
	for (int i = 0; i < n; i += m)
		load_f32<m>(to + i, from + i);
}

template<int n, class T> static __device__ __forceinline__ void any_write(T *to, const float *from)
{
	enum { m = n * sizeof(T) < 16 ? n : 16 / sizeof(T) };
#pragma unroll
	for (int i = 0; i < n; i += m)
		store_f32<m>(to + i, from + i);
}

/* n elements from `at` on; a tensor without memory is zeros, as a missing dout is. */
template<int n> static __device__ __forceinline__ void any_load(float *to, struct any x, int64_t at)
{
	if (!x.p) {
#pragma unroll
		for (int i = 0; i < n; i++)
			to[i] = 0;
	} else if (x.dtype == VIT_F32) {
		any_read<n>(to, (const float *)x.p + at);
	} else if (x.dtype == VIT_BF16) {
		any_read<n>(to, (const bf16 *)x.p + at);
	} else {
		any_read<n>(to, (const f16 *)x.p + at);
	}
}

template<int n> static __device__ __forceinline__ void any_store(struct any x, int64_t at, const float *from)
{
	if (x.dtype == VIT_F32)
		any_write<n>((float *)x.p + at, from);
	else if (x.dtype == VIT_BF16)
		any_write<n>((bf16 *)x.p + at, from);
	else
		any_write<n>((f16 *)x.p + at, from);
}

/* The add bit. */
template<int n> static __device__ __forceinline__ void any_put(struct any x, int64_t at, float *v, int add)
{
	if (add) {
		float old[n];
		any_load<n>(old, x, at);
#pragma unroll
		for (int i = 0; i < n; i++)
			v[i] += old[i];
	}
	any_store<n>(x, at, v);
}

#endif
