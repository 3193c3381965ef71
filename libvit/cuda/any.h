/* SPDX-License-Identifier: MIT
 *
 * any.h - elements of a floating type that only the call knows. For odd shapes
 * and mixed types: one kernel instead of one per combination. All threads take
 * the same branch.
 */
#ifndef VIT_CUDA_ANY_H
#define VIT_CUDA_ANY_H

#include "cuda/cuda.h"
#include "cuda/vec.h"

static __device__ __forceinline__ float any_get(const void *p, int dtype, int64_t i)
{
	if (dtype == VIT_F32)
		return static_cast<const float *>(p)[i];
	return dtype == VIT_BF16 ? to_f32(static_cast<const bf16 *>(p)[i]) : to_f32(static_cast<const f16 *>(p)[i]);
}

static __device__ __forceinline__ void any_put(void *p, int dtype, int64_t i, float v)
{
	if (dtype == VIT_F32)
		static_cast<float *>(p)[i] = v;
	else if (dtype == VIT_BF16)
		static_cast<bf16 *>(p)[i] = from_f32<bf16>(v);
	else
		static_cast<f16 *>(p)[i] = from_f32<f16>(v);
}

#endif
