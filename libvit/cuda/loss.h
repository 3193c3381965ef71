/* SPDX-License-Identifier: MIT
 *
 * loss.h - what the losses share. A block has a sample and walks along its row
 * several times: after the first it lies in the cache, 4 bytes an element come
 * from memory. One warp for short rows, so that no barrier costs anything; B
 * blocks of that fill a card, and a loss is a thousandth of a step.
 */
#ifndef VIT_CUDA_LOSS_H
#define VIT_CUDA_LOSS_H

#include "cuda/cuda.h"
#include "cuda/reduce.h"

enum { LOSS_SHORT = 1024, LOSS_BLOCK = 256 };

static inline int loss_block(int64_t n)
{
	return n <= LOSS_SHORT ? (int)WARP : (int)LOSS_BLOCK;
}

/* Shared memory of such a block: one number a warp. */
static inline size_t loss_smem(void)
{
	return LOSS_BLOCK / WARP * sizeof(double);
}

static __device__ __forceinline__ double loss_weight(const struct vit_step *s, const struct vit_loss_attr &a)
{
	const double k = cuda_knob(s, a.knob, a.complement ? 0.0f : 1.0f);
	return (double)a.weight * (a.complement ? 1 - k : k);
}

/* What every gradient of a loss is multiplied with. */
static __device__ __forceinline__ float loss_start(const struct vit_step *s, const struct vit_loss_attr &a)
{
	return (float)(loss_weight(s, a) * (double)s->loss_scale);
}

static __device__ __forceinline__ void loss_put(float *to, float v, int add)
{
	*to = add ? *to + v : v;
}

/* What a row of the batch is to the step; without marks a row counts if it is valid. */
enum { LOSS_COUNTS = 1, LOSS_HIT = 2 };

/* loss.cu: adds out[0] and the marks [B], NULL: none, to the step. */
int loss_finish(const struct vit_call *, const int32_t *mark) VIT_MUST_CHECK;

#endif
