/* SPDX-License-Identifier: MIT
 *
 * attention_tile.h - products of tiles in shared memory on plain FMAs, for the
 * attention kernels that take any dtype and head size.
 *
 * A block is 16 x 16 threads; a tile has `rows` tokens of W floats, W the head
 * size D rounded up, zeros beyond D and beyond the last token. Thread (y, x) has
 * rows y + 16 i and columns x + 16 j of a tile of scores, so that a warp alone
 * has whole rows: what it wrote of them it may read after __syncwarp. The last
 * tile of 197 or 65 tokens has five or one: where SIDE or fewer are left, only the
 * first row or column of a thread is worked on.
 */
#ifndef VIT_CUDA_ATTENTION_TILE_H
#define VIT_CUDA_ATTENTION_TILE_H

#include "cuda/attention.h"
#include "cuda/sample.h"

enum { SIDE = 16, TILE_THREADS = SIDE * SIDE, TILE_HEAD = 256 };

/* A backward needs four tiles and one of scores: at most 87 KB, which every device has. */
template<int W> struct tile {
	enum {
		rows = W <= 64 ? 64 : W <= 128 ? 32 : 16,
		per = rows / SIDE,              /* rows, and columns of scores, a thread has */
		stride = W + 4,                 /* floats; + 4: reads 16 rows apart meet different banks */
		size = rows * stride,
		scores = rows + 4,              /* stride of a tile of scores */
		scores_size = rows * scores,
		wide = W / SIDE < 4 ? W / SIDE : 4,     /* neighbouring columns of a result a thread has */
		chunks = W / SIDE / wide,               /* so many times, SIDE * wide apart */
	};
};

/* BODY with W for a head size up to TILE_HEAD. */
#define WITH_TILE(D, W, ...) \
	do { \
		if ((D) <= 32) { enum { W = 32 }; __VA_ARGS__; } \
		else if ((D) <= 64) { enum { W = 64 }; __VA_ARGS__; } \
		else if ((D) <= 128) { enum { W = 128 }; __VA_ARGS__; } \
		else { enum { W = 256 }; __VA_ARGS__; } \
	} while (0)

/* Tokens from t0 on, of T, that a tile of so many rows holds. */
static __device__ __forceinline__ int tile_tokens(int64_t T, int64_t t0, int rows) { return T - t0 < rows ? (int)(T - t0) : rows; }
static __device__ __forceinline__ int tile_x(void) { return (int)threadIdx.x % SIDE; }
static __device__ __forceinline__ int tile_y(void) { return (int)threadIdx.x / SIDE; }

/* Tokens of one head: token t begins at element at + t * stride of x. */
struct tokens_of_head { struct any x; int64_t at, stride; };

template<int W, class T>
static __device__ __forceinline__ void tile_load_wide(float *to, const T *from, int64_t stride, int n, int D)
{
	for (int k = 0; k < tile<W>::rows * (W / 4); k += TILE_THREADS) {
		const int r = (k + (int)threadIdx.x) / (W / 4), d = (k + (int)threadIdx.x) % (W / 4) * 4;
		float v[4] = {};
		if (r < n && d < D)
			load_f32<4>(v, from + r * stride + d);
		store_f32<4>(to + r * tile<W>::stride + d, v);
	}
}

/* Rows t0... of T tokens with D channels; wide: four channels may be read at once. */
template<int W>
static __device__ __forceinline__ void tile_load(float *to, const struct tokens_of_head &h, int64_t t0, int64_t T, int D, int wide)
{
	const int n = tile_tokens(T, t0, tile<W>::rows);
	const int64_t at = h.at + t0 * h.stride;
	if (wide && h.x.dtype == VIT_F32) {
		tile_load_wide<W>(to, (const float *)h.x.p + at, h.stride, n, D);
	} else if (wide && h.x.dtype == VIT_BF16) {
		tile_load_wide<W>(to, (const bf16 *)h.x.p + at, h.stride, n, D);
	} else if (wide) {
		tile_load_wide<W>(to, (const f16 *)h.x.p + at, h.stride, n, D);
	} else {
#pragma unroll 1
		for (int k = (int)threadIdx.x; k < tile<W>::rows * W; k += TILE_THREADS) {
			const int r = k / W, d = k % W;
			float v = 0;
			if (r < n && d < D)
				any_load<1>(&v, h.x, at + r * h.stride + d);
			to[r * tile<W>::stride + d] = v;
		}
	}
}

template<int W, int groups, int columns>
static __device__ __forceinline__ void tile_dot_part(float (&s)[tile<W>::per][tile<W>::per], const float *a, const float *b, int D)
{
	enum { stride = tile<W>::stride };
#pragma unroll 1
	for (int d = 0; d < D; d += 4) {
		float u[groups][4], v[columns][4];
#pragma unroll
		for (int i = 0; i < groups; i++)
			load_f32<4>(u[i], a + (tile_y() + i * SIDE) * stride + d);
#pragma unroll
		for (int j = 0; j < columns; j++)
			load_f32<4>(v[j], b + (tile_x() + j * SIDE) * stride + d);
#pragma unroll
		for (int k = 0; k < 4; k++)
#pragma unroll
			for (int i = 0; i < groups; i++)
#pragma unroll
				for (int j = 0; j < columns; j++)
					s[i][j] = fmaf(u[i][k], v[j][k], s[i][j]);
	}
}

/* s[i][j] = a_i . b_j of n_a and n_b tokens; 0 for others, or anything beyond the next SIDE. */
template<int W>
static __device__ __forceinline__ void tile_dot(float (&s)[tile<W>::per][tile<W>::per], const float *a, const float *b, int D, int n_a, int n_b)
{
	enum { per = tile<W>::per };
#pragma unroll
	for (int i = 0; i < per; i++)
#pragma unroll
		for (int j = 0; j < per; j++)
			s[i][j] = 0;
	if (per == 1 || (n_a > SIDE && n_b > SIDE))
		tile_dot_part<W, per, per>(s, a, b, D);
	else if (n_a > SIDE)
		tile_dot_part<W, per, 1>(s, a, b, D);
	else
		tile_dot_part<W, 1, per>(s, a, b, D);
}

template<int W, int groups>
static __device__ __forceinline__ void tile_mul_part(float (&o)[tile<W>::per][W / SIDE], const float *p, const float *b, int n)
{
	enum { wide = tile<W>::wide, scores = tile<W>::scores };
	p += tile_y() * scores;
	b += tile_x() * wide;
#pragma unroll 1
	for (int j = 0; j < n; j += 4) {
		float w[groups][4];
#pragma unroll
		for (int i = 0; i < groups; i++)
			load_f32<4>(w[i], p + i * SIDE * scores + j);
#pragma unroll
		for (int k = 0; k < 4; k++)
#pragma unroll
			for (int c = 0; c < tile<W>::chunks; c++) {
				float v[wide];
				load_f32<wide>(v, b + (j + k) * tile<W>::stride + c * SIDE * wide);
#pragma unroll
				for (int i = 0; i < groups; i++)
#pragma unroll
					for (int d = 0; d < wide; d++)
						o[i][c * wide + d] = fmaf(w[i][k], v[d], o[i][c * wide + d]);
			}
	}
}

/* o_i += sum over j of p_ij b_j, for n_o tokens over n; n is rounded up to a multiple of 4. */
template<int W>
static __device__ __forceinline__ void tile_mul(float (&o)[tile<W>::per][W / SIDE], const float *p, const float *b, int n_o, int n)
{
	if (tile<W>::per == 1 || n_o > SIDE)
		tile_mul_part<W, tile<W>::per>(o, p, b, n);
	else
		tile_mul_part<W, 1>(o, p, b, n);
}

/* A result, row i times factor[i], to n tokens from t0 on, by way of a tile in
 * shared memory that nobody needs any more. */
template<int W>
static __device__ __forceinline__ void tile_put(float *by, float (&o)[tile<W>::per][W / SIDE], const float (&factor)[tile<W>::per],
                                                const struct tokens_of_head &h, int64_t t0, int n, int D, int all, int add)
{
	enum { wide = tile<W>::wide };
#pragma unroll
	for (int i = 0; i < tile<W>::per; i++)
#pragma unroll
		for (int c = 0; c < tile<W>::chunks; c++) {
			float v[wide];
#pragma unroll
			for (int k = 0; k < wide; k++)
				v[k] = o[i][c * wide + k] * factor[i];
			store_f32<wide>(by + (tile_y() + i * SIDE) * tile<W>::stride + (c * SIDE + tile_x()) * wide, v);
		}
	__syncthreads();
	const int run = all ? 4 : 1;
#pragma unroll 1
	for (int k = (int)threadIdx.x * run; k < n * W; k += TILE_THREADS * run) {
		const int r = k / W, d = k % W;
		float v[4];
		if (all && d < D) {
			load_f32<4>(v, by + r * tile<W>::stride + d);
			any_put<4>(h.x, h.at + (t0 + r) * h.stride + d, v, add);
		} else if (d < D) {
			v[0] = by[r * tile<W>::stride + d];
			any_put<1>(h.x, h.at + (t0 + r) * h.stride + d, v, add);
		}
	}
}

/* Over the 16 threads that share rows. */
static __device__ __forceinline__ float side_sum(float v)
{
#pragma unroll
	for (int o = SIDE / 2; o; o /= 2)
		v += __shfl_xor_sync(0xffffffffu, v, o);
	return v;
}

static __device__ __forceinline__ float side_max(float v)
{
#pragma unroll
	for (int o = SIDE / 2; o; o /= 2)
		v = fmaxf(v, __shfl_xor_sync(0xffffffffu, v, o));
	return v;
}

/* ---- which tile a block has --------------------------------------------------- */

struct tiles { int64_t b, h, t0; };

static inline int64_t tiles_count(const struct attention_shape *s, int rows)
{
	return s->B * s->H * cuda_ceil(s->T, rows);
}

static __device__ __forceinline__ struct tiles tiles_mine(const struct attention_shape &s, int rows)
{
	const int64_t n = (s.T + rows - 1) / rows, bh = blockIdx.x / n;
	struct tiles m = { bh / s.H, bh % s.H, (blockIdx.x % n) * rows };
	return m;
}

/* Part 0, 1, 2 = q, k, v of packed qkv. */
static __device__ __forceinline__ struct tokens_of_head head_part(struct any x, const struct attention_shape &s, const struct tiles &m, int part)
{
	struct tokens_of_head h = { x, (m.b * s.T * 3 + part) * s.C + m.h * s.D, 3 * s.C };
	return h;
}

static __device__ __forceinline__ struct tokens_of_head head_out(struct any x, const struct attention_shape &s, const struct tiles &m)
{
	struct tokens_of_head h = { x, m.b * s.T * s.C + m.h * s.D, s.C };
	return h;
}

#endif
