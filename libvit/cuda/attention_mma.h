/* SPDX-License-Identifier: MIT
 *
 * attention_mma.h - tiles of attention in 16-bit shared memory and in registers.
 *
 * A tile in shared memory has D columns, a multiple of 16, and rows of D + 8
 * elements: 16 (D / 8 + 1) bytes, an odd number of 16-byte columns, so the 8
 * rows of an 8x8 matrix lie in 8 different ones of the 8 that make up the banks
 * and ldmatrix has no conflicts. A head's own size d, a multiple of 8, may be
 * smaller than D: the columns between are zero and are never stored.
 *
 * In a 16-row tile of registers lane l holds, with g = l / 4 and t = l % 4, rows
 * g and g + 8 and of every 8 columns 2t and 2t + 1 (port.h). Global memory is
 * read and written 16 bytes a lane: quad_transpose goes between the two.
 */
#ifndef VIT_CUDA_ATTENTION_MMA_H
#define VIT_CUDA_ATTENTION_MMA_H

#include "cuda/attention.h"
#include "cuda/reduce.h"
#include "cuda/vec.h"

/* ---- host ---------------------------------------------------------------------------- */

/* BODY with E as bf16 or f16. */
#define ATTENTION_WITH_TYPE(dtype, E, ...) \
	do { \
		if ((dtype) == VIT_BF16) { typedef bf16 E; __VA_ARGS__; } \
		else { typedef f16 E; __VA_ARGS__; } \
	} while (0)

/* One 16-bit type throughout; rows of whole 16 bytes; offsets within a sample's
 * rows of a tile that fit 32 bits; as many blocks as a grid has. */
static inline int attention_mma_takes(const struct vit_call *c, const struct attention_shape *s, int back)
{
	const int E = c->in[0].dtype;
	if ((E != VIT_BF16 && E != VIT_F16) || c->out[0].dtype != E || c->aux[0].dtype != VIT_F32 || attention_drops(c))
		return 0;
	if (back && ((cuda_need(c, 0) && c->din[0].dtype != E) || c->dout[0].dtype != E))
		return 0;
	return s->D % 8 == 0 && s->T > 0 && s->C <= 1 << 20 && s->B * s->H * cuda_ceil(s->T, 32) <= INT32_MAX;
}

/* A tensor elsewhere than the arena puts it would be read across 16 bytes. */
static inline int attention_aligned(const struct vit_call *c, int back)
{
	uintptr_t p = (uintptr_t)c->in[0].data | (uintptr_t)c->out[0].data;
	if (back)
		p |= (uintptr_t)c->din[0].data | (uintptr_t)c->dout[0].data;
	return p % 16 ? vit_fail(VIT_EDEVICE, "%s %s: a tensor is not at a multiple of 16 bytes", c->op, c->name) : 0;
}

/* ---- tiles --------------------------------------------------------------------------- */

/* A twin tile has rows of queries and, D columns on, of their dout. */
template<int D> struct tile_of { enum { ld = D + 8, twin = 2 * D + 8, chunks = D / 8 }; };

#define LOG2_E 1.4426950408889634f

typedef vec<uint32_t, 4> bytes_16;

static __device__ __forceinline__ int lane_id(void) { return (int)threadIdx.x % WARP; }
static __device__ __forceinline__ int warp_id(void) { return (int)threadIdx.x / WARP; }

/* Fragments of a 16x16 part of a tile, named after what is multiplied: a is
 * [row][k] and b is [n][k] as they lie in memory; _t: the memory is [k][row],
 * [k][n]. b holds two 8-column fragments. */
template<class E> static __device__ __forceinline__ void frag_a(uint32_t *a, const E *tile, int ld)
{
	const int l = lane_id();
	ldmatrix_x4(a, tile + l % 16 * ld + l / 16 * 8);
}

template<class E> static __device__ __forceinline__ void frag_a_t(uint32_t *a, const E *tile, int ld)
{
	const int l = lane_id();
	ldmatrix_x4_t(a, tile + (l % 8 + l / 16 * 8) * ld + l / 8 % 2 * 8);
}

template<class E> static __device__ __forceinline__ void frag_b(uint32_t *b, const E *tile, int ld)
{
	const int l = lane_id();
	ldmatrix_x4(b, tile + (l % 8 + l / 16 * 8) * ld + l / 8 % 2 * 8);
}

template<class E> static __device__ __forceinline__ void frag_b_t(uint32_t *b, const E *tile, int ld)
{
	const int l = lane_id();
	ldmatrix_x4_t(b, tile + l % 16 * ld + l / 16 * 8);
}

/* Two neighbouring 8-column tiles of sums += a b. */
template<class E> static __device__ __forceinline__ void mma_pair(float (*d)[4], const uint32_t *a, const uint32_t *b)
{
	mma_16816(d[0], a, b, E());
	mma_16816(d[1], a, b + 2, E());
}

template<int N> static __device__ __forceinline__ void clear(float (*x)[4])
{
#pragma unroll
	for (int i = 0; i < N; i++)
		x[i][0] = x[i][1] = x[i][2] = x[i][3] = 0;
}

/* Two 8-column tiles of sums as the a of the next product. */
template<class E> static __device__ __forceinline__ void sums_to_a(uint32_t *a, const float (*x)[4])
{
	a[0] = pack_2<E>(x[0][0], x[0][1]);
	a[1] = pack_2<E>(x[0][2], x[0][3]);
	a[2] = pack_2<E>(x[1][0], x[1][1]);
	a[3] = pack_2<E>(x[1][2], x[1][3]);
}

/* Over the four lanes that share a row. */
static __device__ __forceinline__ float quad_max(float v)
{
	v = fmaxf(v, __shfl_xor_sync(ALL_LANES, v, 1));
	return fmaxf(v, __shfl_xor_sync(ALL_LANES, v, 2));
}

static __device__ __forceinline__ float quad_sum(float v)
{
	v += __shfl_xor_sync(ALL_LANES, v, 1);
	return v + __shfl_xor_sync(ALL_LANES, v, 2);
}

/* Of four lanes and their r[0..3], a 4x4 matrix: its transpose. */
static __device__ __forceinline__ void quad_transpose(uint32_t *r)
{
	const int odd = (int)threadIdx.x & 1, high = (int)threadIdx.x & 2;
#pragma unroll
	for (int i = 0; i < 4; i += 2) {
		const uint32_t x = __shfl_xor_sync(ALL_LANES, odd ? r[i] : r[i + 1], 1);
		r[i] = odd ? x : r[i];
		r[i + 1] = odd ? r[i + 1] : x;
	}
#pragma unroll
	for (int i = 0; i < 2; i++) {
		const uint32_t x = __shfl_xor_sync(ALL_LANES, high ? r[i] : r[i + 2], 2);
		r[i] = high ? x : r[i];
		r[i + 2] = high ? r[i + 2] : x;
	}
}

/* 16 rows of N 8-column tiles of sums to global memory: rows g times f0, rows
 * g + 8 times f1. add: what is there is added in f32. */
template<class E, int N> static __device__ __forceinline__ void rows_store(E *to, int ld, int rows, int chunks, const float (*x)[4], float f0, float f1, int add)
{
	const int g = lane_id() / 4, t = lane_id() % 4;
#pragma unroll
	for (int i = 0; i < 2 * N; i += 4) {
		uint32_t w[4];
#pragma unroll
		for (int e = 0; e < 4; e++) {
			const int half = (i + e) / N, n = (i + e) % N;
			float v[2] = { 0, 0 };
			if (add && g + 8 * half < rows && n < chunks)
				load_f32<2>(v, to + (g + 8 * half) * ld + n * 8 + 2 * t);
			v[0] = fmaf(x[n][2 * half], half ? f1 : f0, v[0]);
			v[1] = fmaf(x[n][2 * half + 1], half ? f1 : f0, v[1]);
			w[e] = pack_2<E>(v[0], v[1]);
		}
		quad_transpose(w);
		if (add)
			__syncwarp();   /* others have read what this lane overwrites */
		const int c = i % N + t, row = g + 8 * (i / N + (c >= N)), n = c < N ? c : c - N;
		const bytes_16 y = { { w[0], w[1], w[2], w[3] } };
		if (row < rows && n < chunks)
			*reinterpret_cast<bytes_16 *>(to + row * ld + n * 8) = y;
	}
}

/* Thread `me` of `n_threads` stages `total` rows; those from `rows` on are zero:
 * what lies there meets probabilities of 0, and 0 times NaN is no 0. */
template<class E, int D, int LD = tile_of<D>::ld> static __device__ __forceinline__ void stage_rows(E *tile, const E *from, int ld, int rows, int total, int chunks,
	int me, int n_threads)
{
	const int N = tile_of<D>::chunks;
#pragma unroll 1 /* unrolled it takes as many registers as the products */
	for (int i = me; i < total * N; i += n_threads) {
		const int row = i / N, n = i % N;
		E *to = tile + row * LD + n * 8;
		const bytes_16 zero = { { 0, 0, 0, 0 } };
		if (row < rows && n < chunks)
			cp_async_16(to, from + row * ld + n * 8);
		else
			*reinterpret_cast<bytes_16 *>(to) = zero;
	}
}

/* What a warp knows of its 16 rows: sums of p v, and of rows g and g + 8 the
 * largest score and the sum of p = exp2(scale2 (score - largest)). */
template<int D> struct rows_so_far {
	float o[D / 8][4], top[2], sum[2];
};

template<int D> static __device__ __forceinline__ void rows_begin(struct rows_so_far<D> *r)
{
	clear<D / 8>(r->o);
	r->top[0] = r->top[1] = -INFINITY;
	r->sum[0] = r->sum[1] = 0;
}

/* Scores of 16 rows and 16 TILES keys; keys from `left` on are -inf. Tiles past
 * `left` are not read. */
template<class E, int D, int TILES> static __device__ __forceinline__ void scores(float (*s)[4], const uint32_t (*a)[4], const E *keys, int left)
{
	const int ld = tile_of<D>::ld, first = 2 * (lane_id() % 4);
#pragma unroll
	for (int j = 0; j < TILES; j++) {
		clear<2>(s + 2 * j);
		if (j * 16 < left) {
#pragma unroll
			for (int k = 0; k < D / 16; k++) {
				uint32_t x[4];
				frag_b(x, keys + j * 16 * ld + k * 16, ld);
				mma_pair<E>(s + 2 * j, a[k], x);
			}
		}
	}
	if (left >= TILES * 16)
		return;
#pragma unroll
	for (int j = 0; j < 8 * TILES; j++) {
		if (j / 4 * 8 + j % 2 >= left - first)
			s[j / 4][j % 4] = -INFINITY;
	}
}

/* The next 16 TILES keys, of which `left` >= 1 exist: a softmax in one pass that
 * corrects what came before when the largest score grows (Milakov & Gimelshein,
 * 2018; Dao, 2023). The first keys are never all absent, so the largest score is
 * finite from then on and -inf - -inf does not arise. */
template<class E, int D, int TILES> static __device__ __forceinline__ void rows_next(struct rows_so_far<D> *r, const uint32_t (*a)[4],
	const E *keys, const E *values, int left, float scale2)
{
	const int ld = tile_of<D>::ld;
	float s[2 * TILES][4];
	scores<E, D, TILES>(s, a, keys, left);
#pragma unroll
	for (int half = 0; half < 2; half++) {
		float top = r->top[half], sum = 0;
#pragma unroll
		for (int j = 0; j < 2 * TILES; j++)
			top = fmaxf(top, fmaxf(s[j][2 * half], s[j][2 * half + 1]));
		top = quad_max(top);
#pragma unroll
		for (int j = 0; j < 2 * TILES; j++) {
#pragma unroll
			for (int e = 2 * half; e < 2 * half + 2; e++) {
				s[j][e] = exp2_fast(fmaf(s[j][e], scale2, -top * scale2));
				sum += s[j][e];
			}
		}
		const float fade = exp2_fast((r->top[half] - top) * scale2);
		r->top[half] = top;
		r->sum[half] = fmaf(r->sum[half], fade, sum);
#pragma unroll
		for (int n = 0; n < D / 8; n++) {
			r->o[n][2 * half] *= fade;
			r->o[n][2 * half + 1] *= fade;
		}
	}
#pragma unroll
	for (int j = 0; j < TILES; j++) {
		if (j * 16 < left) {
			uint32_t p[4];
			sums_to_a<E>(p, s + 2 * j);
#pragma unroll
			for (int n = 0; n < D / 16; n++) {
				uint32_t x[4];
				frag_b_t(x, values + j * 16 * ld + n * 16, ld);
				mma_pair<E>(r->o + 2 * n, p, x);
			}
		}
	}
}

/* All keys seen: the rows of out, and lse (NULL: not wanted) of `rows` of them.
 * Each lane has summed its own columns. */
template<class E, int D> static __device__ __forceinline__ void rows_end(const struct rows_so_far<D> *r, E *out, float *lse, int ld, int rows, int chunks,
	float scale)
{
	const float sum0 = quad_sum(r->sum[0]), sum1 = quad_sum(r->sum[1]);
	const int g = lane_id() / 4, t = lane_id() % 4;
	rows_store<E, D / 8>(out, ld, rows, chunks, r->o, 1 / sum0, 1 / sum1, 0);
	if (lse && !t && g < rows)
		lse[g] = fmaf(r->top[0], scale, logf(sum0));
	if (lse && !t && g + 8 < rows)
		lse[g + 8] = fmaf(r->top[1], scale, logf(sum1));
}

/* One step of backward for a warp's 16 keys and 16 queries, everything
 * transposed, [key][query]:
 *   p = exp2(k q scale2 - lse),  dv += p do,  ds = p (v do - delta),  dk += ds q
 * k: the keys in shared memory (as fragments they would take registers that the
 * sums need), v: the values as a; q: 16 rows of a twin tile; stat: of each
 * query lse in base 2 and delta. Key rows from `live` on do not exist. ds
 * comes back as an a, for whoever wants ds^T. */
template<class E, int D> static __device__ __forceinline__ void backward_keys(float (*dk)[4], float (*dv)[4], uint32_t *ds,
	const E *k, const uint32_t (*v)[4], const E *q, const float *stat, float scale2, int live)
{
	const int ld = tile_of<D>::ld, twin = tile_of<D>::twin, g = lane_id() / 4, t = lane_id() % 4;
	float s[2][4], dp[2][4];
	uint32_t a[4], b[4];
	clear<2>(s);
	clear<2>(dp);
#pragma unroll
	for (int i = 0; i < D; i += 16) {
		frag_a(a, k + i, ld);
		frag_b(b, q + i, twin);
		mma_pair<E>(s, a, b);
		frag_b(b, q + D + i, twin);
		mma_pair<E>(dp, v[i / 16], b);
	}
#pragma unroll
	for (int u = 0; u < 2; u++) {
		const vec<float, 4> st = *reinterpret_cast<const vec<float, 4> *>(stat + 2 * (8 * u + 2 * t));
#pragma unroll
		for (int e = 0; e < 4; e++) {
			s[u][e] = g + e / 2 * 8 < live ? exp2_fast(fmaf(s[u][e], scale2, -st.v[e % 2 * 2])) : 0.0f;
			dp[u][e] = s[u][e] * (dp[u][e] - st.v[e % 2 * 2 + 1]);
		}
	}
	sums_to_a<E>(a, s);
	sums_to_a<E>(ds, dp);
#pragma unroll
	for (int i = 0; i < D; i += 16) {
		frag_b_t(b, q + D + i, twin);
		mma_pair<E>(dv + i / 8, a, b);
		frag_b_t(b, q + i, twin);
		mma_pair<E>(dk + i / 8, ds, b);
	}
}

#endif
