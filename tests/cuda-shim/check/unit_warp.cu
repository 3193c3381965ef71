/* SPDX-License-Identifier: MIT
 *
 * unit_warp.cu - operations of a warp against their definition in the PTX ISA.
 */
#include "unit.h"

#include "cuda/reduce.h"
#include "cuda/vec.h"

enum { LANES = 32 };
static cudaStream_t stream;

template<class T> static T *device(const T *from, int n)
{
	T *p = NULL;
	unit_check(!cudaMalloc(&p, (size_t)n * sizeof *p) && (!from || !cudaMemcpy(p, from, (size_t)n * sizeof *p, cudaMemcpyHostToDevice)),
	           "memory for a test");
	return p;
}

template<class T> static void fetch(T *to, T *p, int n)
{
	unit_check(!cudaGetLastError() && !cudaStreamSynchronize(stream) && !cudaMemcpy(to, p, (size_t)n * sizeof *p, cudaMemcpyDeviceToHost),
	           "a kernel of a test");
	cudaFree(p);
}

/* ---- shuffles ---- */

enum { IDX, XOR, DOWN, UP, KINDS };

__global__ void shuffles(int *o, int arg, int width)
{
	const int l = (int)threadIdx.x;
	o[IDX * LANES + l] = __shfl_sync(ALL_LANES, l, arg, width);
	o[XOR * LANES + l] = __shfl_xor_sync(ALL_LANES, l, arg, width);
	o[DOWN * LANES + l] = __shfl_down_sync(ALL_LANES, l, arg, width);
	o[UP * LANES + l] = __shfl_up_sync(ALL_LANES, l, arg, width);
}

/* The PTX ISA's shfl: j and whether it is in bounds; else the lane's own. */
static int source(int kind, int lane, int arg, int width)
{
	const int mask = LANES - width, last = (lane & mask) | (width - 1), first = lane & mask;
	const int j = kind == IDX ? first | (arg & ~mask & 31) : kind == XOR ? lane ^ arg : kind == DOWN ? lane + arg : lane - arg;
	return (kind == UP ? j >= first : j <= last) ? j : lane;
}

static void check_shuffles(void)
{
	int got[KINDS * LANES];
	for (int width = 1; width <= LANES; width *= 2)
		for (int arg = 0; arg < LANES; arg++) {
			int *o = device((const int *)NULL, KINDS * LANES), bad = 0;
			LAUNCH(shuffles, 1, LANES, 0, stream, o, arg, width);
			fetch(got, o, KINDS * LANES);
			for (int i = 0; i < KINDS * LANES; i++)
				bad += got[i] != source(i / LANES, i % LANES, arg, width);
			unit_check(!bad, "shuffles by %d in segments of %d: %d wrong", arg, width, bad);
		}
}

__global__ void votes(uint32_t *o, double *sum)
{
	const int l = (int)threadIdx.x;
	o[l] = __ballot_sync(ALL_LANES, l % 3 == 0);
	if (l < 5)
		o[LANES + l] = __ballot_sync(0x1fu, l & 1);
	sum[l] = warp_sum(1.0 + 0x1p-40 * l);           /* 64 bits cross whole */
}

static void check_votes(void)
{
	uint32_t *o = device((const uint32_t *)NULL, 2 * LANES), got[2 * LANES], want = 0;
	double *sum = device((const double *)NULL, LANES), got_sum[LANES];
	int bad = 0;
	LAUNCH(votes, 1, LANES, 0, stream, o, sum);
	fetch(got, o, 2 * LANES);
	fetch(got_sum, sum, LANES);
	for (int l = 0; l < LANES; l++)
		want |= (uint32_t)(l % 3 == 0) << l;
	for (int l = 0; l < LANES; l++)
		bad += got[l] != want || (l < 5 && got[LANES + l] != 0x0a) || got_sum[l] != 32.0 + 0x1p-40 * 496;
	unit_check(!bad, "votes and sums of doubles: %d lanes wrong", bad);
}

/* ---- mma and ldmatrix: D[16x8] = A[16x16] B[16x8] through shared memory ---- */

enum { M = 16, N = 8, K = 16 };

/* A by ldmatrix of its four 8x8 quarters; B [K][N] transposed on the way. */
template<class T> __global__ void product(float *d, const T *a, const T *b)
{
	DYN_SMEM(T, s);
	const int l = (int)threadIdx.x, g = l / 4, t = l % 4;
	for (int i = l; i < M * K + K * N; i += LANES)
		s[i] = i < M * K ? a[i] : b[i - M * K];
	__syncwarp();
	uint32_t fa[4], fb[4];
	ldmatrix_x4(fa, s + (l % 8 + l / 8 % 2 * 8) * K + l / 16 * 8);
	ldmatrix_x4_t(fb, s + M * K + l % 16 * N);
	float f[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
	mma_16816(f, fa, fb, T());
	for (int e = 0; e < 4; e++)
		d[(g + e / 2 * 8) * N + 2 * t + e % 2] = f[e];
}

/* Fragments loaded by hand, as port.h describes them. */
template<class T> __global__ void product_by_hand(float *d, const T *a, const T *b)
{
	const int l = (int)threadIdx.x, g = l / 4, t = l % 4;
	const auto two = [](T x, T y) { return pack_2<T>(to_f32(x), to_f32(y)); };
	uint32_t fa[4], fb[2];
	for (int r = 0; r < 4; r++) {
		const T *row = a + (g + r % 2 * 8) * K + 2 * t + r / 2 * 8;
		fa[r] = two(row[0], row[1]);
	}
	for (int r = 0; r < 2; r++)
		fb[r] = two(b[(2 * t + r * 8) * N + g], b[(2 * t + r * 8 + 1) * N + g]);
	float f[4] = { 0.5f, 0.5f, 0.5f, 0.5f };
	mma_16816(f, fa, fb, T());
	for (int e = 0; e < 4; e++)
		d[(g + e / 2 * 8) * N + 2 * t + e % 2] = f[e];
}

template<class T> static void check_product(void (*kernel)(float *, const T *, const T *), const char *what)
{
	T a[M * K], b[K * N];
	float got[M * N];
	int bad = 0;
	for (int i = 0; i < M * K; i++)
		a[i] = from_f32<T>(unit_value((uint32_t)i));
	for (int i = 0; i < K * N; i++)
		b[i] = from_f32<T>(unit_value(1000 + (uint32_t)i));
	T *da = device(a, M * K), *db = device(b, K * N);
	float *d = device((const float *)NULL, M * N);
	LAUNCH(kernel, 1, LANES, sizeof a + sizeof b, stream, d, da, db);
	fetch(got, d, M * N);
	for (int i = 0; i < M; i++)
		for (int j = 0; j < N; j++) {
			double want = 0.5;
			for (int k = 0; k < K; k++)
				want += (double)to_f32(a[i * K + k]) * to_f32(b[k * N + j]);
			bad += fabs(got[i * N + j] - want) > 1e-6;
		}
	unit_check(!bad, "mma, %s: %d elements wrong", what, bad);
	cudaFree(da);
	cudaFree(db);
}

/* ---- cp.async: groups arrive in order, the youngest may stay away ---- */

__global__ void stages(float *o, const float *x)
{
	DYN_SMEM(float, s);
	const int l = (int)threadIdx.x;
	for (int k = 0; k < 3; k++) {
		cp_async_16(s + (k * LANES + l) * 4, x + (k * LANES + l) * 4);
		cp_async_commit();
	}
	cp_async_wait<1>();
	o[l] = s[l * 4] + s[(LANES + l) * 4 + 3];
	o[LANES + l] = s[(2 * LANES + l) * 4];
	cp_async_wait<0>();
	o[2 * LANES + l] = s[(2 * LANES + l) * 4];
}

static void check_stages(void)
{
	enum { X = 3 * LANES * 4 };
	float x[X], got[3 * LANES];
	int bad = 0;
	for (int i = 0; i < X; i++)
		x[i] = (float)i;
	float *dx = device(x, X), *o = device((const float *)NULL, 3 * LANES);
	LAUNCH(stages, 1, LANES, sizeof x, stream, o, dx);
	fetch(got, o, 3 * LANES);
	for (int l = 0; l < LANES; l++) {
		const float late = got[LANES + l];
		bad += got[l] != x[l * 4] + x[(LANES + l) * 4 + 3] || late == late || got[2 * LANES + l] != x[(2 * LANES + l) * 4];
	}
	unit_check(!bad, "cp.async in groups: %d lanes wrong", bad);
	cudaFree(dx);
}

void unit_warp(void)
{
	unit_check(!cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "a stream");
	check_shuffles();
	check_votes();
	check_product(product<bf16>, "bf16 through ldmatrix");
	check_product(product<f16>, "f16 through ldmatrix");
	check_product(product_by_hand<bf16>, "bf16 by hand");
	check_product(product_by_hand<f16>, "f16 by hand");
	check_stages();
	cudaStreamDestroy(stream);
}
