/* SPDX-License-Identifier: MIT
 *
 * attention of any dtype, head size up to 256 and number of tokens, with
 * dropout: f32 throughout, online softmax (Milakov & Gimelshein, 2018), a block
 * a tile of rows. Backward (Dao et al., 2022): delta = do . o first, then dq by
 * tiles of rows and dk, dv by tiles of keys, each with sums of its own: scores
 * are computed twice, nothing is added by two blocks.
 */
#include "cuda/attention_tile.h"

struct heads {
	struct attention_shape s;
	struct any qkv, out, dout, din;
	float *lse, *delta;             /* [B,H,T] */
	const struct vit_step *step;
	uint64_t key;
	float p, keep;                  /* of dropout, 1 / (1 - p); p 0: none */
	int wide, add;                  /* four channels may be moved at once */
};

/* ---- dropout -------------------------------------------------------------------- */

/* m_ij of rows i0..., columns j0... to m[i * down + j * right]. A draw gives four
 * neighbours of a row, which begins anywhere within four. */
template<int rows>
static __device__ void draw_tile(float *m, int down, int right, const struct heads &a, const struct tiles &at, int64_t i0, int64_t j0)
{
	enum { fours = rows / 4 + 1 };
	const uint64_t key = vit_key(a.step->seed, a.key), sample = a.step->sample0 + (uint64_t)at.b;
	for (int n = (int)threadIdx.x; n < rows * fours; n += TILE_THREADS) {
		const int i = n / fours;
		const uint64_t first = (uint64_t)((at.h * a.s.T + i0 + i) * a.s.T + j0), four = first / 4 + (uint64_t)(n % fours);
		const struct vit_rand4 r = vit_philox(key, sample, four);
		const int j = (int)((int64_t)(four * 4) - (int64_t)first);
#pragma unroll
		for (int k = 0; k < 4; k++)
			if (j + k >= 0 && j + k < rows)
				m[i * down + (j + k) * right] = vit_uniform(r.v[k]) < a.p ? 0 : a.keep;
	}
}

/* ---- forward ---------------------------------------------------------------------- */

template<int W>
static __global__ void __launch_bounds__(TILE_THREADS, 2) any_forward(const struct heads a)
{
	enum { per = tile<W>::per, rows = tile<W>::rows, scores = tile<W>::scores };
	DYN_SMEM(float, q);
	float *k = q + tile<W>::size, *v = k + tile<W>::size, *p = v + tile<W>::size;
	const struct tiles at = tiles_mine(a.s, rows);
	const int D = (int)a.s.D, own = tile_tokens(a.s.T, at.t0, rows);
	float o[per][W / SIDE] = {}, max[per], sum[per] = {}, *mine = p + tile_y() * scores + tile_x();
#pragma unroll
	for (int i = 0; i < per; i++)
		max[i] = -INFINITY;
	tile_load<W>(q, head_part(a.qkv, a.s, at, 0), at.t0, a.s.T, D, a.wide);
	for (int64_t j0 = 0; j0 < a.s.T; j0 += rows) {
		const int n = tile_tokens(a.s.T, j0, rows);
		tile_load<W>(k, head_part(a.qkv, a.s, at, 1), j0, a.s.T, D, a.wide);
		tile_load<W>(v, head_part(a.qkv, a.s, at, 2), j0, a.s.T, D, a.wide);
		if (a.p > 0)
			draw_tile<rows>(p, scores, 1, a, at, at.t0, j0);
		__syncthreads();
		float s[per][per];
		tile_dot<W>(s, q, k, D, own, n);
#pragma unroll
		for (int i = 0; i < per; i++) {
			float top = -INFINITY, part = 0;
#pragma unroll
			for (int j = 0; j < per; j++) {
				s[i][j] = tile_x() + j * SIDE < n ? s[i][j] * a.s.scale : -INFINITY;
				top = fmaxf(top, s[i][j]);
			}
			top = fmaxf(max[i], side_max(top));
			const float shrink = expf(max[i] - top);
#pragma unroll
			for (int j = 0; j < per; j++) {
				float *to = mine + i * SIDE * scores + j * SIDE;
				const float e = expf(s[i][j] - top);
				part += e;
				*to = a.p > 0 ? e * *to : e;
			}
			sum[i] = sum[i] * shrink + side_sum(part);
			max[i] = top;
#pragma unroll
			for (int d = 0; d < W / SIDE; d++)
				o[i][d] *= shrink;
		}
		__syncwarp();
		tile_mul<W>(o, p, v, own, n);
		__syncthreads();
	}
#pragma unroll
	for (int i = 0; i < per; i++) {
		const int64_t t = at.t0 + tile_y() + i * SIDE;
		if (a.lse && !tile_x() && t < a.s.T)
			a.lse[(at.b * a.s.H + at.h) * a.s.T + t] = max[i] + logf(sum[i]);
		sum[i] = 1 / sum[i];
	}
	tile_put<W>(q, o, sum, head_out(a.out, a.s, at), at.t0, own, D, a.wide, 0);
}

/* ---- backward ---------------------------------------------------------------------- */

/* delta[b,h,t] = do . o, a warp each. */
static __global__ void __launch_bounds__(TILE_THREADS) any_delta(const struct heads a)
{
	const int64_t row = (int64_t)blockIdx.x * (TILE_THREADS / 32) + threadIdx.x / 32;      /* over [B,T,H] */
	const int lane = (int)threadIdx.x % 32;
	const int64_t h = row % a.s.H, bt = row / a.s.H, b = bt / a.s.T, t = bt % a.s.T;
	float sum = 0;
	if (b < a.s.B)
		for (int64_t d = lane; d < a.s.D; d += 32) {
			float x, y;
			any_load<1>(&x, a.out, row * a.s.D + d);
			any_load<1>(&y, a.dout, row * a.s.D + d);
			sum = fmaf(x, y, sum);
		}
	sum = side_sum(sum);
	sum += __shfl_xor_sync(0xffffffffu, sum, 16);
	if (b < a.s.B && !lane)
		a.delta[(b * a.s.H + h) * a.s.T + t] = sum;
}

template<int W>
static __global__ void __launch_bounds__(TILE_THREADS, 2) any_dq(const struct heads a)
{
	enum { per = tile<W>::per, rows = tile<W>::rows, scores = tile<W>::scores };
	DYN_SMEM(float, q);
	float *dy = q + tile<W>::size, *k = dy + tile<W>::size, *v = k + tile<W>::size, *p = v + tile<W>::size;
	const struct tiles at = tiles_mine(a.s, rows);
	const int D = (int)a.s.D, own = tile_tokens(a.s.T, at.t0, rows);
	float dq[per][W / SIDE] = {}, lse[per], delta[per], factor[per], *mine = p + tile_y() * scores + tile_x();
#pragma unroll
	for (int i = 0; i < per; i++) {
		const int64_t t = at.t0 + tile_y() + i * SIDE, row = (at.b * a.s.H + at.h) * a.s.T + t;
		lse[i] = t < a.s.T ? a.lse[row] : 0;
		delta[i] = t < a.s.T ? a.delta[row] : 0;
		factor[i] = a.s.scale;
	}
	tile_load<W>(q, head_part(a.qkv, a.s, at, 0), at.t0, a.s.T, D, a.wide);
	tile_load<W>(dy, head_out(a.dout, a.s, at), at.t0, a.s.T, D, a.wide);
	for (int64_t j0 = 0; j0 < a.s.T; j0 += rows) {
		const int n = tile_tokens(a.s.T, j0, rows);
		tile_load<W>(k, head_part(a.qkv, a.s, at, 1), j0, a.s.T, D, a.wide);
		tile_load<W>(v, head_part(a.qkv, a.s, at, 2), j0, a.s.T, D, a.wide);
		if (a.p > 0)
			draw_tile<rows>(p, scores, 1, a, at, at.t0, j0);
		__syncthreads();
		float s[per][per], dp[per][per];
		tile_dot<W>(s, q, k, D, own, n);
		tile_dot<W>(dp, dy, v, D, own, n);
#pragma unroll
		for (int i = 0; i < per; i++)
#pragma unroll
			for (int j = 0; j < per; j++) {
				float *to = mine + i * SIDE * scores + j * SIDE;
				const float e = tile_x() + j * SIDE < n ? expf(s[i][j] * a.s.scale - lse[i]) : 0;
				*to = e * ((a.p > 0 ? dp[i][j] * *to : dp[i][j]) - delta[i]);
			}
		__syncwarp();
		tile_mul<W>(dq, p, k, own, n);
		__syncthreads();
	}
	tile_put<W>(q, dq, factor, head_part(a.din, a.s, at, 0), at.t0, own, D, a.wide, a.add);
}

/* Rows of scores are keys here, columns are rows of q. */
template<int W>
static __global__ void __launch_bounds__(TILE_THREADS, 2) any_dkv(const struct heads a)
{
	enum { per = tile<W>::per, rows = tile<W>::rows, scores = tile<W>::scores };
	DYN_SMEM(float, k);
	float *v = k + tile<W>::size, *q = v + tile<W>::size, *dy = q + tile<W>::size, *p = dy + tile<W>::size;
	const struct tiles at = tiles_mine(a.s, rows);
	const int D = (int)a.s.D, own = tile_tokens(a.s.T, at.t0, rows);
	const int64_t row = (at.b * a.s.H + at.h) * a.s.T;
	float dk[per][W / SIDE] = {}, dv[per][W / SIDE] = {}, factor[per], *mine = p + tile_y() * scores + tile_x();
	tile_load<W>(k, head_part(a.qkv, a.s, at, 1), at.t0, a.s.T, D, a.wide);
	tile_load<W>(v, head_part(a.qkv, a.s, at, 2), at.t0, a.s.T, D, a.wide);
	for (int64_t i0 = 0; i0 < a.s.T; i0 += rows) {
		const int n = tile_tokens(a.s.T, i0, rows);
		tile_load<W>(q, head_part(a.qkv, a.s, at, 0), i0, a.s.T, D, a.wide);
		tile_load<W>(dy, head_out(a.dout, a.s, at), i0, a.s.T, D, a.wide);
		if (a.p > 0)
			draw_tile<rows>(p, 1, scores, a, at, i0, at.t0);
		__syncthreads();
		float s[per][per], dp[per][per];
		tile_dot<W>(s, k, q, D, own, n);
		tile_dot<W>(dp, v, dy, D, own, n);
#pragma unroll
		for (int j = 0; j < per; j++) {
			const int column = tile_x() + j * SIDE;
			const float lse = column < n ? a.lse[row + i0 + column] : INFINITY, delta = column < n ? a.delta[row + i0 + column] : 0;
#pragma unroll
			for (int i = 0; i < per; i++) {
				float *to = mine + i * SIDE * scores + j * SIDE;
				const float e = expf(s[i][j] * a.s.scale - lse), m = a.p > 0 ? *to : 1;
				s[i][j] = e * (m * dp[i][j] - delta);
				*to = m * e;
			}
		}
		__syncwarp();
		tile_mul<W>(dv, p, dy, own, n);
		__syncwarp();
#pragma unroll
		for (int i = 0; i < per; i++)
#pragma unroll
			for (int j = 0; j < per; j++)
				mine[i * SIDE * scores + j * SIDE] = s[i][j];
		__syncwarp();
		tile_mul<W>(dk, p, q, own, n);
		__syncthreads();
	}
#pragma unroll
	for (int i = 0; i < per; i++)
		factor[i] = a.s.scale;
	tile_put<W>(k, dk, factor, head_part(a.din, a.s, at, 1), at.t0, own, D, a.wide, a.add);
#pragma unroll
	for (int i = 0; i < per; i++)
		factor[i] = 1;
	tile_put<W>(v, dv, factor, head_part(a.din, a.s, at, 2), at.t0, own, D, a.wide, a.add);
}

/* ---- the host's side ------------------------------------------------------------------ */

template<int W> static size_t forward_smem(void) { return sizeof(float) * (3 * tile<W>::size + tile<W>::scores_size); }
template<int W> static size_t backward_smem(void) { return sizeof(float) * (4 * tile<W>::size + tile<W>::scores_size); }

static struct heads heads_of(const struct vit_call *c)
{
	const double p = (double)((const struct vit_attention_attr *)c->attr)->dropout;
	struct heads a = {};
	a.s = attention_shape_of(c);
	a.qkv = any_of(&c->in[0]);
	a.out = any_of(&c->out[0]);
	a.lse = (float *)c->aux[0].data;
	a.step = c->step;
	a.key = c->key;
	a.p = attention_drops(c) ? (float)p : 0;
	a.keep = (float)(1 / (1 - p));
	a.wide = a.s.D % 4 == 0 && any_fits(a.qkv, 4) && any_fits(a.out, 4);
	return a;
}

static int forward(const struct vit_call *c)
{
	const struct heads a = heads_of(c);
	WITH_TILE(a.s.D, W,
		LAUNCH(any_forward<W>, (uint32_t)tiles_count(&a.s, tile<W>::rows), TILE_THREADS, forward_smem<W>(), cuda_stream(c), a));
	return cuda_launched();
}

template<int W>
static void launch_backward(const struct vit_call *c, const struct heads *a)
{
	const uint32_t grid = (uint32_t)tiles_count(&a->s, tile<W>::rows);
	LAUNCH(any_dq<W>, grid, TILE_THREADS, backward_smem<W>(), cuda_stream(c), *a);
	LAUNCH(any_dkv<W>, grid, TILE_THREADS, backward_smem<W>(), cuda_stream(c), *a);
}

static int backward(const struct vit_call *c)
{
	struct heads a = heads_of(c);
	a.dout = any_of(&c->dout[0]);
	a.din = any_of(&c->din[0]);
	a.delta = (float *)c->ws.data;
	a.add = cuda_adds(c, 0);
	a.wide = a.wide && any_fits(a.dout, 4) && any_fits(a.din, 4);
	LAUNCH(any_delta, (uint32_t)cuda_ceil(a.s.B * a.s.T * a.s.H, TILE_THREADS / 32), TILE_THREADS, 0, cuda_stream(c), a);
	VIT_TRY(cuda_launched());
	WITH_TILE(a.s.D, W, launch_backward<W>(c, &a));
	return cuda_launched();
}

template<int W>
static int allow(const struct vit_dev *dev, int back)
{
	if (!back)
		return cuda_allow_smem(dev, (const void *)any_forward<W>, forward_smem<W>());
	return cuda_allow_smem(dev, (const void *)any_dq<W>, backward_smem<W>()) && cuda_allow_smem(dev, (const void *)any_dkv<W>, backward_smem<W>());
}

static int fit(struct vit_dev *dev, struct vit_call *c, int back)
{
	const struct attention_shape s = attention_shape_of(c);
	if (!cuda_is_float(c->in[0].dtype) || !cuda_is_float(c->out[0].dtype) || c->aux[0].dtype != VIT_F32)
		return 0;
	if (s.D > TILE_HEAD || tiles_count(&s, SIDE) > INT32_MAX || s.B * s.T * s.H > INT32_MAX)
		return 0;
	int ok = 0;
	WITH_TILE(s.D, W, ok = allow<W>(dev, back));
	if (ok && back)
		cuda_scratch(c, s.B * s.H * s.T * (int64_t)sizeof(float));
	return ok;
}

extern const struct attention_kind attention_any = { fit, forward, backward };
