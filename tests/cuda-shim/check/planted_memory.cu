/* SPDX-License-Identifier: MIT
 *
 * planted_memory.cu - bugs of memory: past its end, not aligned, never written.
 */
#include "planted.h"

#include "cuda/vec.h"

enum { N = 64 };

static float minus(int i)
{
	return (float)-i;
}

/* ---- nothing wrong: all that a kernel may do, once ---- */

__global__ void clean(float *o, const float *x)
{
	DYN_SMEM(float, s);
	const int i = (int)threadIdx.x;
	cp_async_16(s + 4 * i, x + 4 * (i % 4));
	cp_async_commit();
	cp_async_wait<0>();
	__syncthreads();
	float v = s[(4 * i + 4) % (4 * N)];
	__syncthreads();
	s[i] = v;
	__syncwarp();
	v = s[i ^ 1] + __shfl_xor_sync(0xffffffffu, v, 1);
	if (__ballot_sync(0xffffffffu, 1) == 0xffffffffu)
		o[blockIdx.x * N + (unsigned)i] = v;
}

static int run_clean(void)
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, 3 * N), *x = planted_zeros(s, 16);
	LAUNCH(clean, 3, N, 4 * N * sizeof(float), s, o, x);
	if (cudaGetLastError())
		abort();
	return planted_compare(s, o, 3 * N, [](int) { return 0.0f; });
}

/* ---- shared memory ---- */

__global__ void reverse(float *o, int n, int write_to, int read_from)
{
	DYN_SMEM(float, s);
	const int i = (int)threadIdx.x;
	if (i != write_to)
		s[i] = (float)-i;
	if (i == 0 && write_to >= n)
		s[write_to] = 1;
	__syncthreads();
	o[i] = s[i == 0 ? read_from : i];
}

static int run_reverse(int write_to, int read_from)
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, N);
	LAUNCH(reverse, 1, N, N * sizeof(float), s, o, N, write_to, read_from);
	const int bad = planted_compare(s, o + 1, N - 1, [](int i) { return minus(i + 1); });
	return bad || read_from == N ? bad : planted_compare(s, o, 1, minus);
}

static int shared_write_over(void) { return run_reverse(N, 0); }
static int shared_read_over(void) { return run_reverse(-1, N); }
static int shared_unwritten(void) { return run_reverse(5, 0); }

/* ---- global memory ---- */

__global__ void fill(float *o)
{
	o[blockIdx.x * blockDim.x + threadIdx.x] = 1;
}

static int global_over(void)
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, N + 1);
	LAUNCH(fill, 2, N, 0, s, o);
	return planted_refused(cudaStreamSynchronize(s));
}

static int global_freed(void)
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, N);
	cudaFree(o);
	LAUNCH(fill, 1, N, 0, s, o);
	return planted_refused(cudaStreamSynchronize(s));
}

static int global_unwritten(void)
{
	cudaStream_t s = planted_stream();
	float *o;
	if (cudaMalloc(&o, N * sizeof *o))
		abort();
	return planted_compare(s, o, N, minus);
}

static int host_reads_device(void)
{
	cudaStream_t s = planted_stream();
	const volatile float *o = planted_zeros(s, N);
	printf("%g\n", o[0]);
	return 0;
}

/* ---- alignment ---- */

__global__ void vectors(float *o)
{
	float v[4] = { 1, 1, 1, 1 };
	store_f32<4>(o + 4 * threadIdx.x, v);
}

static int vector_misaligned(void)
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, 4 * N + 4);
	LAUNCH(vectors, 1, N, 0, s, o + 1);
	return planted_refused(cudaStreamSynchronize(s));
}

__global__ void fragments(float *o, int shift)
{
	DYN_SMEM(uint16_t, s);
	uint32_t r[4];
	for (int i = (int)threadIdx.x; i < 512; i += 32)
		s[i] = 0;
	__syncthreads();
	ldmatrix_x4(r, s + 8 * threadIdx.x + shift);
	o[threadIdx.x] = (float)r[0];
}

static int run_fragments(int shift)
{
	cudaStream_t s = planted_stream();
	LAUNCH(fragments, 1, 32, 512 * sizeof(uint16_t), s, planted_zeros(s, 32), shift);
	return planted_refused(cudaStreamSynchronize(s));
}

static int ldmatrix_misaligned(void) { return run_fragments(4); }
static int ldmatrix_outside(void) { return run_fragments(512); }

/* ---- cp.async ---- */

__global__ void copy_late(float *o, const float *x, int commit, int wait, int barrier, int shift)
{
	DYN_SMEM(float, s);
	const int i = (int)threadIdx.x;
	cp_async_16(s + 4 * i, x + 4 * i + shift);
	if (commit)
		cp_async_commit();
	if (wait)
		cp_async_wait<0>();
	if (barrier)
		__syncthreads();
	o[i] = s[4 * (N - 1 - i)];
}

static int run_copy_late(int commit, int wait, int barrier, int shift)
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, N), *x = planted_zeros(s, 4 * N + 4);
	LAUNCH(copy_late, 1, N, 4 * N * sizeof(float), s, o, x, commit, wait, barrier, shift);
	return planted_compare(s, o, N, [](int) { return 0.0f; });
}

static int cp_async_uncommitted(void) { return run_copy_late(0, 1, 1, 0); }
static int cp_async_no_wait(void) { return run_copy_late(1, 0, 1, 0); }
static int cp_async_no_barrier(void) { return run_copy_late(1, 1, 0, 0); }
static int cp_async_misaligned(void) { return run_copy_late(1, 1, 1, 1); }

#define CASE(name) { #name, name }
const struct planted planted_memory[] = {
	{ "clean", run_clean },
	CASE(shared_write_over), CASE(shared_read_over), CASE(shared_unwritten),
	CASE(global_over), CASE(global_freed), CASE(global_unwritten), CASE(host_reads_device),
	CASE(vector_misaligned), CASE(ldmatrix_misaligned), CASE(ldmatrix_outside),
	CASE(cp_async_uncommitted), CASE(cp_async_no_wait), CASE(cp_async_no_barrier), CASE(cp_async_misaligned),
	{ NULL, NULL },
};
