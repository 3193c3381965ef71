/* SPDX-License-Identifier: MIT
 *
 * plain.cu - the product for what cublasLt refuses: 16-bit rows that do not
 * start at 16 bytes, mixed types. Tiles of 64 x 64 through shared memory in f32;
 * a thread keeps 4 x 4 sums. Where the tiles are too few to fill a card and k
 * is long, blocks share k, and a second kernel adds their sums in order.
 */
#include "cuda/any.h"
#include "cuda/product.h"

enum { TILE = 64, DEPTH = 16, SIDE = 4, THREADS = TILE / SIDE * (TILE / SIDE), PITCH = TILE + 4 };
enum { SMEM = 2 * DEPTH * PITCH * (int)sizeof(float) };

struct plain {
	struct product_spec s;
	int64_t tiles_n, depth; /* depth: of k per block */
	int parts;
	const void *a, *b;
	void *d;
	int add;
	float *part;            /* [parts][m][n] where there are several */
};

static int64_t tiles(const struct product_spec *s) { return cuda_ceil(s->m, TILE) * cuda_ceil(s->n, TILE); }

/* Elements of k for one block. */
static int64_t depth_of(const struct product_spec *s)
{
	const int64_t wanted = cuda_min(cuda_ceil(256, tiles(s)), cuda_ceil(s->k, 512));
	return cuda_ceil(cuda_ceil(s->k, wanted), DEPTH) * DEPTH;
}

static int64_t parts_of(const struct product_spec *s) { return cuda_ceil(s->k, depth_of(s)); }

int64_t plain_scratch(const struct product_spec *s)
{
	return parts_of(s) > 1 ? parts_of(s) * s->m * s->n * (int64_t)sizeof(float) : 0;
}

/* to[DEPTH][PITCH] = a tile of `count` rows from `row` on and of k from `at` on,
 * zero outside. Neighbouring threads read neighbouring memory. */
static __device__ __forceinline__ void load_tile(float *to, const void *from, int type, bool across, int64_t ld, int64_t row,
                                                 int64_t rows, int64_t at, int64_t end)
{
#pragma unroll
	for (int i = 0; i < TILE * DEPTH / THREADS; i++) {
		const int e = (int)threadIdx.x + i * THREADS;
		const int r = across ? e % TILE : e / DEPTH, k = across ? e / TILE : e % DEPTH;
		const bool in = row + r < rows && at + k < end;
		to[k * PITCH + r] = in ? any_get(from, type, across ? (at + k) * ld + row + r : (row + r) * ld + at + k) : 0.0f;
	}
}

static __device__ __forceinline__ void put(const struct plain &q, int64_t r, int64_t c, float v)
{
	const int64_t at = r * q.s.n + c;
	if (q.parts > 1)
		q.part[blockIdx.y * q.s.m * q.s.n + at] = v;
	else
		any_put(q.d, (int)q.s.d_type, at, q.add ? any_get(q.d, (int)q.s.d_type, at) + v : v);
}

static __global__ void __launch_bounds__(THREADS) plain_tile(struct plain q)
{
	DYN_SMEM(float, a);
	float *b = a + DEPTH * PITCH;
	const int64_t row = blockIdx.x / q.tiles_n * TILE, col = blockIdx.x % q.tiles_n * TILE;
	const int64_t from = blockIdx.y * q.depth, end = from + q.depth < q.s.k ? from + q.depth : q.s.k;
	const int ty = (int)threadIdx.x / (TILE / SIDE) * SIDE, tx = (int)threadIdx.x % (TILE / SIDE) * SIDE;
	float sum[SIDE][SIDE] = {}, x[SIDE], y[SIDE];
	for (int64_t at = from; at < end; at += DEPTH) {
		load_tile(a, q.a, (int)q.s.a_type, q.s.a_flip, q.s.a_ld, row, q.s.m, at, end);
		load_tile(b, q.b, (int)q.s.b_type, !q.s.b_flip, q.s.b_ld, col, q.s.n, at, end);
		__syncthreads();
#pragma unroll
		for (int k = 0; k < DEPTH; k++) {
			load_f32<SIDE>(x, a + k * PITCH + ty);
			load_f32<SIDE>(y, b + k * PITCH + tx);
#pragma unroll
			for (int i = 0; i < SIDE * SIDE; i++)
				sum[i / SIDE][i % SIDE] += x[i / SIDE] * y[i % SIDE];
		}
		__syncthreads();
	}
#pragma unroll
	for (int i = 0; i < SIDE * SIDE; i++)
		if (row + ty + i / SIDE < q.s.m && col + tx + i % SIDE < q.s.n)
			put(q, row + ty + i / SIDE, col + tx + i % SIDE, sum[i / SIDE][i % SIDE]);
}

static __global__ void __launch_bounds__(THREADS) plain_sum(struct plain q)
{
	const int64_t n = q.s.m * q.s.n;
	for (int64_t i = (int64_t)blockIdx.x * THREADS + threadIdx.x; i < n; i += (int64_t)gridDim.x * THREADS) {
		float v = q.add ? any_get(q.d, (int)q.s.d_type, i) : 0.0f;
		for (int p = 0; p < q.parts; p++)
			v += q.part[p * n + i];
		any_put(q.d, (int)q.s.d_type, i, v);
	}
}

int plain_run(cudaStream_t stream, const struct product_spec *s, const struct product_run *r)
{
	const int64_t parts = parts_of(s);
	const struct plain q = { *s, cuda_ceil(s->n, TILE), depth_of(s), (int)parts, r->a, r->b, r->d, r->add, static_cast<float *>(r->scratch) };
	LAUNCH(plain_tile, dim3((unsigned)tiles(s), (unsigned)parts), THREADS, SMEM, stream, q);
	if (parts > 1)
		LAUNCH(plain_sum, (unsigned)cuda_min(cuda_ceil(s->m * s->n, THREADS), 4096), THREADS, 0, stream, q);
	return cuda_launched();
}
