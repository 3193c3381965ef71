/* SPDX-License-Identifier: MIT
 *
 * attention_probs: a block has a tile of rows and goes over all keys twice,
 * first for the sum of each row.
 */
#include "cuda/attention_tile.h"

struct probs {
	struct attention_shape s;
	struct any qkv, out;
	int wide;               /* four channels may be read at once */
};

/* Scores of keys j0..., -inf beyond the last; k is free before and after. */
template<int W>
static __device__ __forceinline__ void probs_scores(float (&s)[tile<W>::per][tile<W>::per], const float *q, float *k,
                                                    const struct probs &a, const struct tiles &at, int64_t j0)
{
	tile_load<W>(k, head_part(a.qkv, a.s, at, 1), j0, a.s.T, (int)a.s.D, a.wide);
	__syncthreads();
	tile_dot<W>(s, q, k, (int)a.s.D, tile_tokens(a.s.T, at.t0, tile<W>::rows), tile_tokens(a.s.T, j0, tile<W>::rows));
	__syncthreads();
#pragma unroll
	for (int i = 0; i < tile<W>::per; i++)
#pragma unroll
		for (int j = 0; j < tile<W>::per; j++)
			s[i][j] = j0 + tile_x() + j * SIDE < a.s.T ? s[i][j] * a.s.scale : -INFINITY;
}

/* Row sums of exp(s - max), max the largest so far. */
template<int W>
static __device__ __forceinline__ void probs_sum(float (&max)[tile<W>::per], float (&sum)[tile<W>::per], const float (&s)[tile<W>::per][tile<W>::per])
{
#pragma unroll
	for (int i = 0; i < tile<W>::per; i++) {
		float top = max[i], part = 0;
#pragma unroll
		for (int j = 0; j < tile<W>::per; j++)
			top = fmaxf(top, s[i][j]);
		top = side_max(top);
#pragma unroll
		for (int j = 0; j < tile<W>::per; j++)
			part += expf(s[i][j] - top);
		sum[i] = sum[i] * expf(max[i] - top) + side_sum(part);
		max[i] = top;
	}
}

template<int W>
static __device__ __forceinline__ void probs_put(const float (&s)[tile<W>::per][tile<W>::per], const float (&max)[tile<W>::per], const float (&sum)[tile<W>::per],
                                                 const struct probs &a, const struct tiles &at, int64_t j0)
{
#pragma unroll
	for (int i = 0; i < tile<W>::per; i++)
#pragma unroll
		for (int j = 0; j < tile<W>::per; j++) {
			const int64_t row = at.t0 + tile_y() + i * SIDE, column = j0 + tile_x() + j * SIDE;
			const float p = expf(s[i][j] - max[i]) / sum[i];
			if (row < a.s.T && column < a.s.T)
				any_store<1>(a.out, ((at.b * a.s.H + at.h) * a.s.T + row) * a.s.T + column, &p);
		}
}

template<int W>
static __global__ void __launch_bounds__(TILE_THREADS, 2) probs_kernel(const struct probs a)
{
	enum { per = tile<W>::per, rows = tile<W>::rows };
	DYN_SMEM(float, q);
	float *k = q + tile<W>::size, max[per], sum[per] = {}, s[per][per];
	const struct tiles at = tiles_mine(a.s, rows);
#pragma unroll
	for (int i = 0; i < per; i++)
		max[i] = -INFINITY;
	tile_load<W>(q, head_part(a.qkv, a.s, at, 0), at.t0, a.s.T, (int)a.s.D, a.wide);
	const int64_t tiles = (a.s.T + rows - 1) / rows;
	for (int64_t n = 0; n < 2 * tiles; n++) {
		const int64_t j0 = n % tiles * rows;
		probs_scores<W>(s, q, k, a, at, j0);
		if (n < tiles)
			probs_sum<W>(max, sum, s);
		else
			probs_put<W>(s, max, sum, a, at, j0);
	}
}

template<int W> static size_t probs_smem(void) { return sizeof(float) * 2 * tile<W>::size; }

static int probs_forward(const struct vit_call *c)
{
	struct probs a = {};
	a.s = attention_shape_of(c);
	a.qkv = any_of(&c->in[0]);
	a.out = any_of(&c->out[0]);
	a.wide = a.s.D % 4 == 0 && any_fits(a.qkv, 4);
	WITH_TILE(a.s.D, W,
		LAUNCH(probs_kernel<W>, (uint32_t)tiles_count(&a.s, tile<W>::rows), TILE_THREADS, probs_smem<W>(), cuda_stream(c), a));
	return cuda_launched();
}

static int probs_fit(struct vit_dev *dev, struct vit_call *c, int back)
{
	const struct attention_shape s = attention_shape_of(c);
	int ok = 0;
	if (back || !cuda_is_float(c->in[0].dtype) || !cuda_is_float(c->out[0].dtype) || s.D > TILE_HEAD || tiles_count(&s, SIDE) > INT32_MAX)
		return 0;
	WITH_TILE(s.D, W, ok = cuda_allow_smem(dev, (const void *)probs_kernel<W>, probs_smem<W>()));
	return ok;
}

extern "C" const struct cuda_op CUDA_OP(attention_probs) = { "attention_probs", probs_fit, probs_forward, NULL };
