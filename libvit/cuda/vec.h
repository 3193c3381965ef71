/* SPDX-License-Identifier: MIT
 *
 * vec.h - elements and short vectors of the three floating types of a kernel:
 * float, bf16, f16. All arithmetic is f32.
 */
#ifndef VIT_CUDA_VEC_H
#define VIT_CUDA_VEC_H

#include "cuda/port.h"

static __device__ __forceinline__ float to_f32(float x) { return x; }
static __device__ __forceinline__ float to_f32(bf16 x) { return __bfloat162float(x); }
static __device__ __forceinline__ float to_f32(f16 x) { return __half2float(x); }

template<class T> static __device__ __forceinline__ T from_f32(float x);
template<> __device__ __forceinline__ float from_f32<float>(float x) { return x; }
template<> __device__ __forceinline__ bf16 from_f32<bf16>(float x) { return __float2bfloat16(x); }
template<> __device__ __forceinline__ f16 from_f32<f16>(float x) { return __float2half(x); }

/* n elements that are loaded and stored at once; the address must be a multiple
 * of their size. */
template<class T, int n> struct __align__(sizeof(T) * n) vec {
	T v[n];
};
template<class T> struct vec_of { enum { n = 16 / sizeof(T) }; };        /* elements in 16 bytes */

template<int n, class T> static __device__ __forceinline__ void load_f32(float *to, const T *from)
{
	const vec<T, n> x = *reinterpret_cast<const vec<T, n> *>(from);
#pragma unroll
	for (int i = 0; i < n; i++)
		to[i] = to_f32(x.v[i]);
}

template<int n, class T> static __device__ __forceinline__ void store_f32(T *to, const float *from)
{
	vec<T, n> x;
#pragma unroll
	for (int i = 0; i < n; i++)
		x.v[i] = from_f32<T>(from[i]);
	*reinterpret_cast<vec<T, n> *>(to) = x;
}

/* Two neighbours as a register of a fragment; the first in the lower half. */
template<class T> static __device__ __forceinline__ uint32_t pack_2(float lo, float hi)
{
	return pack_16(lo, hi, T());
}

/* Can rows of C elements at these addresses be read n at a time? */
template<class T> static inline bool vec_fits(int64_t C, const void *const *p, int n_p)
{
	bool ok = C % vec_of<T>::n == 0;
	for (int i = 0; i < n_p; i++)
		ok = ok && (uintptr_t)p[i] % 16 == 0;
	return ok;
}

#endif
