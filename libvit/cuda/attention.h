/* SPDX-License-Identifier: MIT
 *
 * attention.h - the kernels that op `attention` chooses among: in a file of its
 * own each, tried in the order of attention.cu's table. A kernel that saves lse
 * and one that reads it need not be of the same kind: out and lse are the
 * interface, as op/attention.c has them.
 */
#ifndef VIT_CUDA_ATTENTION_H
#define VIT_CUDA_ATTENTION_H

#include "cuda/cuda.h"

#include <math.h>

/* As in struct cuda_op, but that fit leaves call->state alone. Before backward
 * runs, attention.cu has seen that dx is wanted and that there is a dout. */
struct attention_kind {
	int (*fit)(struct vit_dev *, struct vit_call *, int back);
	vit_kernel forward, backward;
};
extern const struct attention_kind attention_short;     /* 16 bits, T <= 272, D <= 64 */
extern const struct attention_kind attention_long;      /* 16 bits, any T, D <= 128 */
extern const struct attention_kind attention_any;       /* any dtype and T, D <= 256, dropout */

/* qkv [B,T,3,H,D], out [B,T,H,D], lse [B,H,T] f32, the natural log. */
struct attention_shape {
	int64_t B, T, C, H, D;
	float scale;            /* 1 / sqrt(D) */
};

static inline struct attention_shape attention_shape_of(const struct vit_call *c)
{
	const struct vit_attention_attr *a = (const struct vit_attention_attr *)c->attr;
	struct attention_shape s;
	s.B = c->in[0].dim[0];
	s.T = c->in[0].dim[1];
	s.C = c->in[0].dim[2] / 3;
	s.H = a->heads;
	s.D = s.C / s.H;
	s.scale = (float)(1 / sqrt((double)s.D));
	return s;
}

static inline int attention_drops(const struct vit_call *c)
{
	return c->train && ((const struct vit_attention_attr *)c->attr)->dropout > 0;
}

#endif
