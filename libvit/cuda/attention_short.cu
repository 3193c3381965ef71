/* SPDX-License-Identifier: MIT
 *
 * attention of 16-bit qkv with few tokens: a block has a sample's head and all
 * of its keys in shared memory, a warp has 16 rows at a time.
 */
#include "cuda/attention.h"
#include "cuda/attention_mma.h"

enum { MAX_TILES = 16 };        /* of 16 tokens */

/* ---- forward ------------------------------------------------------------------------- */

enum { CHUNK = 5 };             /* tiles of keys at once: T = 65 takes one pass */

/* Keys and values of the head whole in shared memory, 16 rows of queries a warp,
 * scores of 16 rows and 80 keys in registers; the next 16 rows are on their way
 * while a warp works. 2 products; q, k, v read once: 8 T D bytes with out.
 *                     D = 64: T = 65      T = 197
 *   shared memory     34,560 bytes        71,424
 *   registers, warps  128, 5              128, 5
 *   blocks on sm_90   3                   3 (sm_80: 2)
 * Four blocks an SM would leave 96 registers, which is too few not to spill. */
template<class E, int D> static __global__ void __launch_bounds__(160)
short_forward(E *out, float *lse, const E *qkv, int T, int H, int d, float scale)
{
	DYN_SMEM(E, keys);
	const int ld = tile_of<D>::ld, wide = (T + 15) / 16 * 16, C = H * d, first = warp_id() * 16, step = (int)blockDim.x / 2;
	const int64_t head = blockIdx.x, b = head / H, h = head % H;
	const E *q = qkv + b * T * 3 * C + h * d;
	E *values = keys + wide * ld, *queries = values + (wide + first) * ld;
	stage_rows<E, D>(keys, q + C, 3 * C, T, wide, d / 8, (int)threadIdx.x, (int)blockDim.x);
	stage_rows<E, D>(values, q + 2 * C, 3 * C, T, wide, d / 8, (int)threadIdx.x, (int)blockDim.x);
	q += first * 3 * C;
	out += (b * T + first) * C + h * d;
	lse = lse ? lse + head * T + first : NULL;
	stage_rows<E, D>(queries, q, 3 * C, T - first, 16, d / 8, lane_id(), WARP);
	cp_async_commit();
	cp_async_wait<0>();
	__syncthreads();
	for (int rows = T - first; rows > 0; rows -= step) {
		uint32_t a[D / 16][4];
#pragma unroll
		for (int k = 0; k < D / 16; k++)
			frag_a(a[k], queries + k * 16, ld);
		__syncwarp();
		q += step * 3 * C;
		if (rows > step)
			stage_rows<E, D>(queries, q, 3 * C, rows - step, 16, d / 8, lane_id(), WARP);
		cp_async_commit();
		struct rows_so_far<D> r;
		rows_begin(&r);
		for (int k0 = 0; k0 < T; k0 += CHUNK * 16)
			rows_next<E, D, CHUNK>(&r, a, keys + k0 * ld, values + k0 * ld, T - k0, scale * LOG2_E);
		rows_end<E, D>(&r, out, lse, C, rows, d / 8, scale);
		out += step * C;
		lse = lse ? lse + step : NULL;
		cp_async_wait<0>();
		__syncwarp();
	}
}

/* ---- backward ------------------------------------------------------------------------ */

/* Rows of dO, and lse in base 2 and delta = rowsum(dO * O) of each; a row past
 * the end has lse inf: its probabilities are 0. */
template<class E, int D> static __device__ __forceinline__ void stage_dout(E *tile, float *stat, const E *dout, const E *out, const float *lse,
	int ld, int rows, int total, int chunks)
{
	const int N = tile_of<D>::chunks;
#pragma unroll 1
	for (int i = (int)threadIdx.x; i < total * N; i += (int)blockDim.x) {
		const int row = i / N, n = i % N;
		float sum = 0;
		bytes_16 x = { { 0, 0, 0, 0 } };
		if (row < rows && n < chunks) {
			float y[8], dy[8];
			x = *reinterpret_cast<const bytes_16 *>(dout + row * ld + n * 8);
			load_f32<8>(y, out + row * ld + n * 8);
			load_f32<8>(dy, reinterpret_cast<const E *>(&x));
#pragma unroll
			for (int e = 0; e < 8; e++)
				sum = fmaf(y[e], dy[e], sum);
		}
		*reinterpret_cast<bytes_16 *>(tile + row * tile_of<D>::twin + n * 8) = x;
#pragma unroll
		for (int o = N / 2; o; o /= 2)
			sum += __shfl_xor_sync(ALL_LANES, sum, o);
		if (!n) {
			stat[2 * row] = row < rows ? lse[row] * LOG2_E : INFINITY;
			stat[2 * row + 1] = sum;
		}
	}
}

/* All of the head in shared memory, a warp has 16 keys. It goes through the
 * queries, summing dk and dv in registers, and leaves its rows of ds^T in shared
 * memory; after the barrier it sums the dq of 16 queries over them: 5 products,
 * and no two warps add to one number. The values are read as fragments before
 * ds^T takes their place. q, k, v, out, dout read once: 16 T D bytes with dqkv.
 *                     D = 64: T = 65      T = 197
 *   shared memory     48,000 bytes        178,048
 *   registers, warps  128, 5              128, 13
 *   blocks on sm_90   3                   1
 * With 227 KB this takes T <= 240, with 163 KB 192, with 99 KB 128; above that:
 * attention_long. */
template<class E, int D> static __global__ void __launch_bounds__(MAX_TILES * WARP)
short_backward(E *dqkv, const E *dout, const E *out, const float *lse, const E *qkv, int T, int H, int d, float scale, int add)
{
	DYN_SMEM(E, keys);
	const int ld = tile_of<D>::ld, wide = (int)blockDim.x / 2, ldp = wide + 8, C = H * d, k0 = warp_id() * 16;
	const int64_t head = blockIdx.x, at = head / H * T * C, column = head % H * d;
	E *queries = keys + wide * ld;
	float *stat = reinterpret_cast<float *>(queries + wide * tile_of<D>::twin);
	E *ds = reinterpret_cast<E *>(stat + 2 * wide), *values = ds;
	qkv += 3 * at + column;
	stage_rows<E, D>(keys, qkv + C, 3 * C, T, wide, d / 8, (int)threadIdx.x, (int)blockDim.x);
	stage_rows<E, D>(values, qkv + 2 * C, 3 * C, T, wide, d / 8, (int)threadIdx.x, (int)blockDim.x);
	stage_rows<E, D, tile_of<D>::twin>(queries, qkv, 3 * C, T, wide, d / 8, (int)threadIdx.x, (int)blockDim.x);
	cp_async_commit();
	stage_dout<E, D>(queries + D, stat, dout + at + column, out + at + column, lse + head * T, C, T, wide, d / 8);
	cp_async_wait<0>();
	__syncthreads();
	uint32_t v[D / 16][4];
#pragma unroll
	for (int i = 0; i < D; i += 16)
		frag_a(v[i / 16], values + k0 * ld + i, ld);
	__syncthreads();                /* from here on ds^T is written where the values were */
	float dk[D / 8][4], dv[D / 8][4];
	clear<D / 8>(dk);
	clear<D / 8>(dv);
#pragma unroll 1
	for (int i = 0; i < wide; i += 16) {
		uint32_t x[4];
		backward_keys<E, D>(dk, dv, x, keys + k0 * ld, v, queries + i * tile_of<D>::twin, stat + 2 * i, scale * LOG2_E, T - k0);
		uint32_t *to = reinterpret_cast<uint32_t *>(ds + (k0 + lane_id() / 4) * ldp + i + lane_id() % 4 * 2);
		to[0] = x[0];
		to[4] = x[2];
		to[4 * ldp] = x[1];
		to[4 * ldp + 4] = x[3];
	}
	const int64_t same = afresh((int)blockIdx.x);
	dqkv += same / H * T * 3 * C + same % H * d + k0 * 3 * C;
	rows_store<E, D / 8>(dqkv + C, 3 * C, T - k0, d / 8, dk, scale, scale, add);
	rows_store<E, D / 8>(dqkv + 2 * C, 3 * C, T - k0, d / 8, dv, 1, 1, add);
	__syncthreads();
	float dq[D / 8][4];
	clear<D / 8>(dq);
#pragma unroll 1
	for (int j = 0; j < wide; j += 16) {
		uint32_t a[4], x[4];
		frag_a_t(a, ds + j * ldp + k0, ldp);
#pragma unroll
		for (int i = 0; i < D; i += 16) {
			frag_b_t(x, keys + j * ld + i, ld);
			mma_pair<E>(dq + i / 8, a, x);
		}
	}
	rows_store<E, D / 8>(dqkv, 3 * C, T - k0, d / 8, dq, scale, scale, add);
}

/* ---- host ---------------------------------------------------------------------------- */

/* At most 5 warps, with rows dealt as evenly as that allows. */
static int64_t forward_warps(int64_t tiles)
{
	return cuda_ceil(tiles, cuda_ceil(tiles, 5));
}

static size_t forward_smem(int64_t T, int ld)
{
	const int64_t tiles = cuda_ceil(T, 16);
	return (size_t)((2 * tiles + forward_warps(tiles)) * 16 * ld) * 2;
}

static size_t backward_smem(int64_t T, int ld)
{
	const int64_t wide = cuda_ceil(T, 16) * 16;
	return (size_t)(wide * (3 * ld - 8) + wide * (wide + 8 > ld ? wide + 8 : ld)) * 2 + (size_t)wide * 8;
}

/* BODY with E the dtype of qkv and D the tile that a head of d columns takes. */
#define WITH_TILE(c, d, ...) \
	do { \
		if ((d) > 32) { enum { D = 64 }; ATTENTION_WITH_TYPE((c)->in[0].dtype, E, __VA_ARGS__); } \
		else { enum { D = 32 }; ATTENTION_WITH_TYPE((c)->in[0].dtype, E, __VA_ARGS__); } \
	} while (0)

static int fit(struct vit_dev *dev, struct vit_call *c, int back)
{
	const struct attention_shape s = attention_shape_of(c);
	if (!attention_mma_takes(c, &s, back) || s.D > 64 || s.T > MAX_TILES * 16)
		return 0;
	int ok = 0;
	WITH_TILE(c, s.D,
		ok = back ? cuda_allow_smem(dev, (const void *)short_backward<E, D>, backward_smem(s.T, tile_of<D>::ld))
		          : cuda_allow_smem(dev, (const void *)short_forward<E, D>, forward_smem(s.T, tile_of<D>::ld)));
	return ok;
}

static int forward(const struct vit_call *c)
{
	const struct attention_shape s = attention_shape_of(c);
	VIT_TRY(attention_aligned(c, 0));
	WITH_TILE(c, s.D,
		LAUNCH((short_forward<E, D>), (unsigned)(s.B * s.H), (unsigned)forward_warps(cuda_ceil(s.T, 16)) * WARP, forward_smem(s.T, tile_of<D>::ld),
		       cuda_stream(c), (E *)c->out[0].data, (float *)c->aux[0].data, (const E *)c->in[0].data, (int)s.T, (int)s.H, (int)s.D, s.scale));
	return cuda_launched();
}

static int backward(const struct vit_call *c)
{
	const struct attention_shape s = attention_shape_of(c);
	VIT_TRY(attention_aligned(c, 1));
	WITH_TILE(c, s.D,
		LAUNCH((short_backward<E, D>), (unsigned)(s.B * s.H), (unsigned)cuda_ceil(s.T, 16) * WARP, backward_smem(s.T, tile_of<D>::ld), cuda_stream(c),
		       (E *)c->din[0].data, (const E *)c->dout[0].data, (const E *)c->out[0].data, (const float *)c->aux[0].data, (const E *)c->in[0].data,
		       (int)s.T, (int)s.H, (int)s.D, s.scale, cuda_adds(c, 0)));
	return cuda_launched();
}

const struct attention_kind attention_short = { fit, forward, backward };
