/* SPDX-License-Identifier: MIT
 *
 * attention of 16-bit qkv with any number of tokens and heads of up to 128
 * columns: a block has 64 rows of a sample's head, a warp 16 of them, and goes
 * through the other side in tiles of 64 rows, of which the next is on its way
 * while the warps work on one (Dao, 2023). Rows past the end are staged as zero.
 *
 * D = 64, any T: bytes of shared memory, registers, blocks of 4 warps on sm_90
 *   forward        36,864   133   3    2 products
 *   dq             36,864   126   4    3
 *   dk, dv         45,056   132   3    4
 * D = 128: 69,632 and 86,016 bytes, up to 244 registers, 2 blocks. Every 64 rows
 * of one side read all of the other, nearly always from the L2 cache, since
 * neighbouring blocks work on the same head: 8 T D (T / 128 + 1) bytes forward.
 */
#include "cuda/attention.h"
#include "cuda/attention_mma.h"

enum { ROWS = 64, THREADS = 128 };

/* Where a block stands: a sample's head and the first of its 64 rows. */
struct place {
	int64_t head, qkv, out;         /* b H + h; elements before the head's row 0 */
	int row;
};

static __device__ __forceinline__ struct place place_of(int T, int H, int d)
{
	const int tiles = (T + ROWS - 1) / ROWS;
	const int64_t head = blockIdx.x / (unsigned)tiles, b = head / H, h = head % H, C = (int64_t)H * d;
	struct place p;
	p.head = head;
	p.qkv = b * T * 3 * C + h * d;
	p.out = b * T * C + h * d;
	p.row = (int)(blockIdx.x % (unsigned)tiles) * ROWS;
	return p;
}

template<class E, int D, int LD = tile_of<D>::ld> static __device__ __forceinline__ void stage_tile(E *tile, const E *from, int ld, int row, int T, int d)
{
	stage_rows<E, D, LD>(tile, from + (int64_t)row * ld, ld, T - row, ROWS, d / 8, (int)threadIdx.x, THREADS);
}

template<class E, int D> static __device__ __forceinline__ void own_rows(uint32_t (*a)[4], const E *tile)
{
#pragma unroll
	for (int i = 0; i < D; i += 16)
		frag_a(a[i / 16], tile + warp_id() * 16 * tile_of<D>::ld + i, tile_of<D>::ld);
}

/* ---- forward ------------------------------------------------------------------------- */

template<class E, int D> static __global__ void __launch_bounds__(THREADS, D == 96 ? 3 : 1)
long_forward(E *out, float *lse, const E *qkv, int T, int H, int d, float scale)
{
	DYN_SMEM(E, tiles);
	enum { TILE = ROWS * tile_of<D>::ld };
	const struct place at = place_of(T, H, d);
	const int C = H * d, row = at.row + warp_id() * 16;
	const E *q = qkv + at.qkv;
	E *now = tiles, *then = tiles + 2 * TILE;
	stage_tile<E, D>(then, q, 3 * C, at.row, T, d);
	stage_tile<E, D>(now, q + C, 3 * C, 0, T, d);
	stage_tile<E, D>(now + TILE, q + 2 * C, 3 * C, 0, T, d);
	cp_async_commit();
	cp_async_wait<0>();
	__syncthreads();
	uint32_t a[D / 16][4];
	own_rows<E, D>(a, then);
	struct rows_so_far<D> r;
	rows_begin(&r);
	for (int k0 = 0; k0 < T; k0 += ROWS) {
		/* the tile has arrived, and nobody reads the other one any more */
		cp_async_wait<0>();
		__syncthreads();
		if (k0 + ROWS < T) {
			stage_tile<E, D>(then, q + C, 3 * C, k0 + ROWS, T, d);
			stage_tile<E, D>(then + TILE, q + 2 * C, 3 * C, k0 + ROWS, T, d);
		}
		cp_async_commit();
		rows_next<E, D, ROWS / 16>(&r, a, now, now + TILE, T - k0, scale * LOG2_E);
		E *x = now;
		now = then;
		then = x;
	}
	rows_end<E, D>(&r, out + at.out + (int64_t)row * C, lse ? lse + at.head * T + row : NULL, C, T - row, d / 8, scale);
}

/* ---- backward ------------------------------------------------------------------------ */

/* stat [B,H,ceil(T / 64) * 64,2]: lse in base 2 and delta = rowsum(dO * O); past
 * the end inf and 0, so that probabilities there are 0. Eight lanes a row. */
template<class E> static __global__ void __launch_bounds__(256)
long_delta(float *stat, const E *dout, const E *out, const float *lse, int T, int H, int d)
{
	const int wide = (T + ROWS - 1) / ROWS * ROWS, n = (int)threadIdx.x % 8;
	const int64_t i = (int64_t)blockIdx.x * 32 + threadIdx.x / 8, head = i / wide, t = i % wide;
	const int64_t at = ((head / H * T + t) * H + head % H) * d;
	float sum = 0;
	for (int c = n * 8; c < d && t < T; c += 64) {
		float y[8], dy[8];
		load_f32<8>(y, out + at + c);
		load_f32<8>(dy, dout + at + c);
#pragma unroll
		for (int e = 0; e < 8; e++)
			sum = fmaf(y[e], dy[e], sum);
	}
#pragma unroll
	for (int o = 4; o; o /= 2)
		sum += __shfl_xor_sync(ALL_LANES, sum, o);
	if (!n) {
		stat[2 * i] = t < T ? lse[head * T + t] * LOG2_E : INFINITY;
		stat[2 * i + 1] = sum;
	}
}

template<class E, int D> static __global__ void __launch_bounds__(THREADS)
long_dq(E *dqkv, const float *stat, const E *dout, const E *qkv, int T, int H, int d, float scale, int add)
{
	DYN_SMEM(E, tiles);
	enum { LD = tile_of<D>::ld, TILE = ROWS * LD };
	const struct place at = place_of(T, H, d);
	const int C = H * d, row = at.row + warp_id() * 16, g = lane_id() / 4, t = lane_id() % 4;
	const E *q = qkv + at.qkv;
	E *now = tiles, *then = tiles + 2 * TILE;
	stage_tile<E, D>(then, q, 3 * C, at.row, T, d);
	stage_tile<E, D>(then + TILE, dout + at.out, C, at.row, T, d);
	stage_tile<E, D>(now, q + C, 3 * C, 0, T, d);
	stage_tile<E, D>(now + TILE, q + 2 * C, 3 * C, 0, T, d);
	cp_async_commit();
	stat += 2 * (at.head * ((T + ROWS - 1) / ROWS * ROWS) + row + g);
	const float lse[2] = { stat[0], stat[16] }, delta[2] = { stat[1], stat[17] };
	cp_async_wait<0>();
	__syncthreads();
	uint32_t a[D / 16][4], dy[D / 16][4];
	own_rows<E, D>(a, then);
	own_rows<E, D>(dy, then + TILE);
	float dq[D / 8][4];
	clear<D / 8>(dq);
	for (int k0 = 0; k0 < T; k0 += ROWS) {
		cp_async_wait<0>();
		__syncthreads();
		if (k0 + ROWS < T) {
			stage_tile<E, D>(then, q + C, 3 * C, k0 + ROWS, T, d);
			stage_tile<E, D>(then + TILE, q + 2 * C, 3 * C, k0 + ROWS, T, d);
		}
		cp_async_commit();
		const int left = T - k0;
#pragma unroll 1
		for (int j = 0; j < ROWS && j < left; j += 16) {
			float s[2][4], dp[2][4];
			uint32_t b[4], ds[4];
			clear<2>(s);
			clear<2>(dp);
#pragma unroll
			for (int i = 0; i < D; i += 16) {
				frag_b(b, now + j * LD + i, LD);
				mma_pair<E>(s, a[i / 16], b);
				frag_b(b, now + TILE + j * LD + i, LD);
				mma_pair<E>(dp, dy[i / 16], b);
			}
#pragma unroll
			for (int e = 0; e < 8; e++) {
				float *x = &s[e / 4][e % 4];
				*x = j + e / 4 * 8 + 2 * t + e % 2 < left ? exp2_fast(fmaf(*x, scale * LOG2_E, -lse[e % 4 / 2])) : 0.0f;
				*x *= dp[e / 4][e % 4] - delta[e % 4 / 2];
			}
			sums_to_a<E>(ds, s);
#pragma unroll
			for (int i = 0; i < D; i += 16) {
				frag_b_t(b, now + j * LD + i, LD);
				mma_pair<E>(dq + i / 8, ds, b);
			}
		}
		E *x = now;
		now = then;
		then = x;
	}
	rows_store<E, D / 8>(dqkv + at.qkv + (int64_t)row * 3 * C, 3 * C, T - row, d / 8, dq, scale, scale, add);
}

/* The queries from `row` on with their dout, and stat, which has whole tiles. */
template<class E, int D> static __device__ __forceinline__ void stage_queries(E *tile, const E *q, const E *dout, const float *stat, int C, int row, int T, int d)
{
	enum { TWIN = tile_of<D>::twin };
	stage_tile<E, D, TWIN>(tile, q, 3 * C, row, T, d);
	stage_tile<E, D, TWIN>(tile + D, dout, C, row, T, d);
	if (threadIdx.x < ROWS * 2 * sizeof(float) / 16)
		cp_async_16(reinterpret_cast<float *>(tile + ROWS * TWIN) + threadIdx.x * 4, stat + 2 * (int64_t)row + threadIdx.x * 4);
}

template<class E, int D> static __global__ void __launch_bounds__(THREADS)
long_dkv(E *dqkv, const float *stat, const E *dout, const E *qkv, int T, int H, int d, float scale, int add)
{
	DYN_SMEM(E, keys);
	enum { LD = tile_of<D>::ld, TWIN = tile_of<D>::twin, STAT = ROWS * 2 * sizeof(float) / sizeof(E) };
	const struct place at = place_of(T, H, d);
	const int C = H * d, k0 = at.row + warp_id() * 16;
	const E *q = qkv + at.qkv;
	E *now = keys + ROWS * LD, *then = now + ROWS * TWIN + STAT;
	dout += at.out;
	stat += 2 * at.head * ((T + ROWS - 1) / ROWS * ROWS);
	stage_tile<E, D>(keys, q + C, 3 * C, at.row, T, d);
	stage_tile<E, D>(then, q + 2 * C, 3 * C, at.row, T, d);
	stage_queries<E, D>(now, q, dout, stat, C, 0, T, d);
	cp_async_commit();
	cp_async_wait<0>();
	__syncthreads();
	uint32_t v[D / 16][4];
	own_rows<E, D>(v, then);
	float dk[D / 8][4], dv[D / 8][4];
	clear<D / 8>(dk);
	clear<D / 8>(dv);
	for (int q0 = 0; q0 < T; q0 += ROWS) {
		cp_async_wait<0>();
		__syncthreads();
		if (q0 + ROWS < T)
			stage_queries<E, D>(then, q, dout, stat, C, q0 + ROWS, T, d);
		cp_async_commit();
#pragma unroll 1
		for (int i = 0; i < ROWS && q0 + i < T; i += 16) {
			uint32_t ds[4];
			backward_keys<E, D>(dk, dv, ds, keys + warp_id() * 16 * LD, v, now + i * TWIN,
			                    reinterpret_cast<const float *>(now + ROWS * TWIN) + 2 * i, scale * LOG2_E, T - k0);
		}
		E *x = now;
		now = then;
		then = x;
	}
	E *to = dqkv + at.qkv + (int64_t)k0 * 3 * C;
	rows_store<E, D / 8>(to + C, 3 * C, T - k0, d / 8, dk, scale, scale, add);
	rows_store<E, D / 8>(to + 2 * C, 3 * C, T - k0, d / 8, dv, 1, 1, add);
}

/* ---- host ---------------------------------------------------------------------------- */

template<class E, int D> static size_t four_tiles(void) { return (size_t)4 * ROWS * tile_of<D>::ld * sizeof(E); }
template<class E, int D> static size_t dkv_smem(void) { return (size_t)ROWS * (tile_of<D>::ld + 2 * tile_of<D>::twin) * sizeof(E) + 2 * ROWS * 2 * sizeof(float); }

static int64_t blocks(const struct attention_shape *s)
{
	return s->B * s->H * cuda_ceil(s->T, ROWS);
}

/* BODY with E the dtype of qkv and D the tile that a head of d columns takes. */
#define WITH_TILE(c, d, ...) \
	do { \
		if ((d) <= 32) { enum { D = 32 }; ATTENTION_WITH_TYPE((c)->in[0].dtype, E, __VA_ARGS__); } \
		else if ((d) <= 64) { enum { D = 64 }; ATTENTION_WITH_TYPE((c)->in[0].dtype, E, __VA_ARGS__); } \
		else if ((d) <= 80) { enum { D = 80 }; ATTENTION_WITH_TYPE((c)->in[0].dtype, E, __VA_ARGS__); } \
		else if ((d) <= 96) { enum { D = 96 }; ATTENTION_WITH_TYPE((c)->in[0].dtype, E, __VA_ARGS__); } \
		else { enum { D = 128 }; ATTENTION_WITH_TYPE((c)->in[0].dtype, E, __VA_ARGS__); } \
	} while (0)

template<class E, int D> static int allow(const struct vit_dev *dev, int back)
{
	if (!back)
		return cuda_allow_smem(dev, (const void *)long_forward<E, D>, four_tiles<E, D>());
	return cuda_allow_smem(dev, (const void *)long_dq<E, D>, four_tiles<E, D>())
	       && cuda_allow_smem(dev, (const void *)long_dkv<E, D>, dkv_smem<E, D>());
}

static int fit(struct vit_dev *dev, struct vit_call *c, int back)
{
	const struct attention_shape s = attention_shape_of(c);
	int ok = 0;
	if (!attention_mma_takes(c, &s, back) || s.D > 128 || s.T > INT32_MAX - ROWS)
		return 0;
	WITH_TILE(c, s.D, ok = allow<E, D>(dev, back));
	if (ok && back)
		cuda_scratch(c, blocks(&s) * ROWS * 2 * (int64_t)sizeof(float));
	return ok;
}

static int forward(const struct vit_call *c)
{
	const struct attention_shape s = attention_shape_of(c);
	VIT_TRY(attention_aligned(c, 0));
	WITH_TILE(c, s.D,
		LAUNCH((long_forward<E, D>), (unsigned)blocks(&s), THREADS, (four_tiles<E, D>()), cuda_stream(c),
		       (E *)c->out[0].data, (float *)c->aux[0].data, (const E *)c->in[0].data, (int)s.T, (int)s.H, (int)s.D, s.scale));
	return cuda_launched();
}

template<class E, int D> static void backward_of(const struct vit_call *c, const struct attention_shape *s)
{
	const int T = (int)s->T, H = (int)s->H, d = (int)s->D, add = cuda_adds(c, 0);
	const unsigned n = (unsigned)blocks(s);
	const cudaStream_t stream = cuda_stream(c);
	const E *qkv = (const E *)c->in[0].data, *dout = (const E *)c->dout[0].data;
	E *dqkv = (E *)c->din[0].data;
	float *stat = (float *)c->ws.data;
	LAUNCH(long_delta<E>, n * (ROWS / 32), 256, 0, stream, stat, dout, (const E *)c->out[0].data, (const float *)c->aux[0].data, T, H, d);
	LAUNCH((long_dq<E, D>), n, THREADS, (four_tiles<E, D>()), stream, dqkv, stat, dout, qkv, T, H, d, s->scale, add);
	LAUNCH((long_dkv<E, D>), n, THREADS, (dkv_smem<E, D>()), stream, dqkv, stat, dout, qkv, T, H, d, s->scale, add);
}

static int backward(const struct vit_call *c)
{
	const struct attention_shape s = attention_shape_of(c);
	VIT_TRY(attention_aligned(c, 1));
	WITH_TILE(c, s.D, (backward_of<E, D>(c, &s)));
	return cuda_launched();
}

const struct attention_kind attention_long = { fit, forward, backward };
