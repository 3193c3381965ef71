/* SPDX-License-Identifier: MIT
 *
 * grad_norm.cu - |g|^2 of a range of the gradients, 4 bytes an element. A block
 * sums a chunk in double (a square of f32 neither overflows nor vanishes there),
 * one more block the chunks; their number follows from the length alone, enough
 * of them that every multiprocessor holds as many threads as it can.
 *
 * Squares of finite floats add up to a finite double: a sum that is not is a
 * gradient that was not.
 */
#include "cuda/flat.h"
#include "cuda/reduce.h"

enum { PARTS = 1024, LEAST = 4096 };            /* chunks at most; elements in one at least */

static int64_t chunk_of(int64_t n)
{
	const int64_t even = cuda_ceil(cuda_ceil(n, PARTS), FLAT_VEC) * FLAT_VEC;
	return even < LEAST ? (int64_t)LEAST : even;
}

template<int V> static __device__ __forceinline__ double square_sum(const float *g)
{
	float x[V];
	double sum = 0;
	load_f32<V>(x, g);
#pragma unroll
	for (int k = 0; k < V; k++)
		sum += (double)x[k] * (double)x[k];
	return sum;
}

template<int V> static __global__ void __launch_bounds__(FLAT_BLOCK) parts_kernel(const float *g, int64_t n, int64_t chunk, double *part)
{
	DYN_SMEM(double, smem);
	const int64_t first = (int64_t)blockIdx.x * chunk, end = first + chunk < n ? first + chunk : n;
	int64_t i = first + (int64_t)threadIdx.x * V;
	double sum = 0;
#pragma unroll 4
	for (; i + V <= end; i += (int64_t)FLAT_BLOCK * V)
		sum += square_sum<V>(g + i);
	for (; i < end; i++)            /* what a thread begins but the range does not fill: fewer than V */
		sum += square_sum<1>(g + i);
	sum = block_sum(sum, smem);
	if (!threadIdx.x)
		part[blockIdx.x] = sum;
}

static __global__ void __launch_bounds__(FLAT_BLOCK) total_kernel(const double *part, int64_t parts, struct vit_step *s)
{
	DYN_SMEM(double, smem);
	double sum = 0;
	for (int64_t i = threadIdx.x; i < parts; i += FLAT_BLOCK)
		sum += part[i];
	sum = block_sum(sum, smem);
	if (threadIdx.x)
		return;
	s->gnorm2 += sum;
	if (!is_finite(sum))
		s->found_inf = 1;
}

static int fit(struct vit_dev *, struct vit_call *c, int back)
{
	const int64_t n = vit_tensor_count(&c->in[0]);
	if (back || c->in[0].dtype != VIT_F32)
		return 0;
	cuda_scratch(c, cuda_ceil(n, chunk_of(n)) * (int64_t)sizeof(double));
	return 1;
}

static int grad_norm(const struct vit_call *c)
{
	const float *g = (const float *)c->in[0].data;
	const int64_t n = vit_tensor_count(&c->in[0]), chunk = chunk_of(n), parts = cuda_ceil(n, chunk);
	const size_t smem = FLAT_BLOCK / WARP * sizeof(double);
	double *part = (double *)c->ws.data;
	if (!n)
		return 0;
	if (flat_aligned(g))
		LAUNCH((parts_kernel<FLAT_VEC>), (unsigned)parts, FLAT_BLOCK, smem, cuda_stream(c), g, n, chunk, part);
	else
		LAUNCH((parts_kernel<1>), (unsigned)parts, FLAT_BLOCK, smem, cuda_stream(c), g, n, chunk, part);
	LAUNCH(total_kernel, 1, FLAT_BLOCK, smem, cuda_stream(c), part, parts, c->step);
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(grad_norm) = { "grad_norm", fit, grad_norm, NULL };
