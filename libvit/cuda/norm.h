/* SPDX-License-Identifier: MIT
 *
 * norm.h - what the kernels of layernorm and add_layernorm share. layernorm is
 * the other without a residual, so both are one kernel forward (norm.cu) and one
 * backward (norm_back.cu):
 *   s = x + scale_b gamma r,  h = (s - mean) rstd,  y = h g + b
 * A warp has a row. Rows of up to NORM_FAST channels, 16 bytes at a time, of one
 * type for all tensors, stay in its registers; any other row is read again from
 * the cache, element by element, whatever its types.
 */
#ifndef VIT_CUDA_NORM_H
#define VIT_CUDA_NORM_H

#include "cuda/any.h"
#include "cuda/reduce.h"

enum { NORM_FAST = 1024 };

/* Drop path: probability p times the knob, one draw per sample of `per` rows; p 0: off. */
struct norm_drop {
	const struct vit_step *step;
	uint64_t key;
	int64_t per;
	float p;
	int knob;
};

/* A tensor whose type is known when the kernel runs. */
struct norm_any {
	void *p;
	int dtype;
};

struct norm_args {
	struct norm_any x, r, s, y;     /* r and s NULL: layernorm, y NULL: no norm */
	const float *g, *b, *gamma;     /* gamma NULL: ones */
	float *mean, *rstd;             /* NULL: nobody reads them */
	int64_t rows, C;
	float inv_C, eps;
	struct norm_drop drop;
};

struct norm_back_args {
	struct norm_any s, dy, d0, r;   /* dy, d0 NULL: zero; r only with gamma */
	struct norm_any dx, dr;         /* NULL: not wanted */
	int add_x, add_r;
	const float *g, *gamma, *mean, *rstd;
	float *part;                    /* [parts][2, or 3 with gamma][C]: sums of dg, db, dgamma; NULL: none are wanted */
	int64_t rows, C, chunk;         /* chunk: rows of a part */
	float inv_C;
	struct norm_drop drop;
};

/* norm_back.cu. to: dg, db, dgamma, NULL where not wanted; add: their bits. */
struct norm_params { float *to[3]; int add[3]; };
int norm_back_run(const struct vit_call *, const struct norm_back_args *, const struct norm_params *) VIT_MUST_CHECK;
int64_t norm_chunk(int64_t rows);

static inline struct norm_any norm_of(const struct vit_tensor *t)
{
	const struct norm_any a = { t->data, t->dtype };
	return a;
}

/* Elements of a lane, in steps of 8, where all of these (NULL aside) are of one
 * type, which goes to *dtype, and they and the parameters can be read 16 bytes at
 * a time; 0: the slow way. */
static inline int norm_lane(int64_t rows, int64_t C, const struct norm_any *const *t, int n, const float *const *param, int n_param, int *dtype)
{
	*dtype = -1;
	for (int i = 0; i < n_param; i++)
		if ((uintptr_t)param[i] % 16)
			return 0;
	for (int i = 0; i < n; i++) {
		if (!t[i]->p)
			continue;
		if ((*dtype >= 0 && *dtype != t[i]->dtype) || (uintptr_t)t[i]->p % 16)
			return 0;
		*dtype = t[i]->dtype;
	}
	if (C > NORM_FAST || rows > UINT32_MAX || C % (*dtype == VIT_F32 ? 4 : 8))
		return 0;
	return (int)cuda_ceil(C, 8 * WARP) * 8;
}

/* A sample's factor: 0 or 1 / (1 - p). p in double, as in the reference: a draw
 * must not fall on its other side. Index: 32 bits where the rows allow, for the division. */
template<class Index> static __device__ __forceinline__ float norm_scale(const struct norm_drop &d, Index row)
{
	if (!(d.p > 0))
		return 1;
	const double p = (double)d.p * (double)cuda_knob(d.step, d.knob, 1);
	if (p <= 0)
		return 1;
	const int64_t b = (int64_t)(row / (Index)d.per);
	return (double)cuda_draw(d.step, d.key, b, 0) < p ? 0 : 1 / (float)(1 - p);
}

static __device__ __forceinline__ float norm_get(const struct norm_any &t, int64_t i) { return any_get(t.p, t.dtype, i); }
static __device__ __forceinline__ void norm_put(const struct norm_any &t, int64_t i, float v) { any_put(t.p, t.dtype, i, v); }

/* A lane's part of a row, as it lies in memory: N groups of 16 bytes, WARP groups
 * apart. Past the end, and of a tensor that is not there: zeros. */
template<class T, int N> static __device__ __forceinline__ void norm_load(vec<T, vec_of<T>::n> *to, const T *row, int C, int lane)
{
	enum { V = vec_of<T>::n };
#pragma unroll
	for (int j = 0; j < N; j++) {
		const int k = (j * WARP + lane) * V;
		if (row && k < C)
			to[j] = *reinterpret_cast<const vec<T, V> *>(row + k);
		else
#pragma unroll
			for (int i = 0; i < V; i++)
				to[j].v[i] = from_f32<T>(0);
	}
}

/* One group of a row of f32, which the lanes take in the groups of T. */
template<int V> static __device__ __forceinline__ void norm_load_f32(float *to, const float *from)
{
#pragma unroll
	for (int i = 0; i < V; i += 4)
		load_f32<4>(to + i, from + i);
}

#endif
