/* SPDX-License-Identifier: MIT
 *
 * pool: one vector out of a sample's tokens. Eight warps sum every eighth token
 * of 32 neighbouring runs of channels, then their sums in order.
 */
#include "cuda/reduce.h"
#include "cuda/sample.h"

enum { WARPS = SAMPLE_THREADS / WARP, RUN = 8 };

struct pool {
	struct any y, dx;               /* y, or in backward dy */
	int64_t T, C, from, to;         /* the tokens that count */
	struct divide by_row;
	uint32_t blocks, items;         /* of a sample */
	float scale;
	int add;
};

static struct pool pool_of(const struct vit_call *c)
{
	const struct vit_pool_attr *a = (const struct vit_pool_attr *)c->attr;
	struct pool p = {};
	p.T = c->in[0].dim[1];
	p.C = c->in[0].dim[2];
	p.from = a->mean ? a->n_prefix : a->index;
	p.to = a->mean ? p.T : p.from + 1;
	p.scale = 1 / (float)(p.to - p.from);
	return p;
}

template<class T, int n>
static __global__ void __launch_bounds__(SAMPLE_THREADS) pool_kernel(const T *x, const struct pool p)
{
	DYN_SMEM(float, part);          /* [warp][i][lane] */
	const int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP;
	const int64_t b = sample_row(p.blocks), at = ((int64_t)(blockIdx.x % p.blocks) * WARP + lane) * n;
	float sum[n] = {};
	if (at < p.C) {
#pragma unroll 4
		for (int64_t t = p.from + warp; t < p.to; t += WARPS) {
			float v[n];
			load_f32<n>(v, x + (b * p.T + t) * p.C + at);
#pragma unroll
			for (int i = 0; i < n; i++)
				sum[i] += v[i];
		}
	}
#pragma unroll
	for (int i = 0; i < n; i++)
		part[(warp * n + i) * WARP + lane] = sum[i];
	__syncthreads();
	if (warp || at >= p.C)
		return;
#pragma unroll
	for (int i = 0; i < n; i++) {
		for (int w = 1; w < WARPS; w++)
			sum[i] += part[(w * n + i) * WARP + lane];
		sum[i] *= p.scale;
	}
	any_store<n>(p.y, b * p.C + at, sum);
}

template<class T>
static int pool_launch(const struct vit_call *c, struct pool *p)
{
	const T *x = (const T *)c->in[0].data;
	const void *const from[] = { x };
	const bool wide = vec_fits<T>(p->C, from, 1) && any_fits(p->y, vec_of<T>::n);
	const int n = wide ? (int)vec_of<T>::n : 1;
	p->blocks = (uint32_t)cuda_ceil(p->C, WARP * n);
	const uint32_t grid = (uint32_t)(c->in[0].dim[0] * p->blocks);
	const size_t smem = sizeof(float) * SAMPLE_THREADS * n;
	if (wide)
		LAUNCH((pool_kernel<T, vec_of<T>::n>), grid, SAMPLE_THREADS, smem, cuda_stream(c), x, *p);
	else
		LAUNCH((pool_kernel<T, 1>), grid, SAMPLE_THREADS, smem, cuda_stream(c), x, *p);
	return cuda_launched();
}

static int pool_forward(const struct vit_call *c)
{
	struct pool p = pool_of(c);
	p.y = any_of(&c->out[0]);
	CUDA_WITH_TYPE(c->in[0].dtype, T, return pool_launch<T>(c, &p));
}

template<int n>
static __global__ void __launch_bounds__(SAMPLE_THREADS) pool_dx(const struct pool p)
{
	const int64_t b = sample_row(p.blocks);
	const uint32_t item = sample_item(p.blocks);
	if (item >= p.items)
		return;
	const int64_t t = divide(item, p.by_row), at = (int64_t)(item - t * p.by_row.d) * n;
	const bool counts = t >= p.from && t < p.to;
	if (p.add && !counts)
		return;
	float v[n] = {};
	if (counts)
		any_load<n>(v, p.y, b * p.C + at);
#pragma unroll
	for (int i = 0; i < n; i++)
		v[i] *= p.scale;
	any_put<n>(p.dx, (b * p.T + t) * p.C + at, v, p.add);
}

static int pool_backward(const struct vit_call *c)
{
	struct pool p = pool_of(c);
	if (!cuda_need(c, 0))
		return 0;
	p.y = any_of(&c->dout[0]);
	p.dx = any_of(&c->din[0]);
	p.add = cuda_adds(c, 0);
	const bool wide = p.C % RUN == 0 && any_fits(p.y, RUN) && any_fits(p.dx, RUN);
	const int n = wide ? RUN : 1;
	p.by_row = divide_by(p.C / n);
	p.items = (uint32_t)(p.T * (p.C / n));
	p.blocks = sample_blocks(p.items);
	const uint32_t grid = (uint32_t)(c->in[0].dim[0] * p.blocks);
	if (wide)
		LAUNCH(pool_dx<RUN>, grid, SAMPLE_THREADS, 0, cuda_stream(c), p);
	else
		LAUNCH(pool_dx<1>, grid, SAMPLE_THREADS, 0, cuda_stream(c), p);
	return cuda_launched();
}

static int pool_fit(struct vit_dev *, struct vit_call *c, int)
{
	const int64_t B = c->in[0].dim[0], T = c->in[0].dim[1], C = c->in[0].dim[2];
	return cuda_is_float(c->in[0].dtype) && cuda_is_float(c->out[0].dtype) && sample_fits(B, T * C) && sample_fits(B, C * WARPS);
}

extern "C" const struct cuda_op CUDA_OP(pool) = { "pool", pool_fit, pool_forward, pool_backward };
