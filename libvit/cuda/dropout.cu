/* SPDX-License-Identifier: MIT
 *
 * dropout: a draw of the generator gives four neighbours; backward draws again.
 */
#include "cuda/sample.h"

struct drop {
	struct any from, to;            /* may be the same memory */
	const struct vit_step *step;
	uint64_t key;
	int64_t size;                   /* elements of a sample */
	uint32_t blocks;
	float p, scale;                 /* p 0: all stay */
	int add;
};

static __device__ __forceinline__ void drop_draw(float *m, const struct drop &d, int64_t b, uint64_t four)
{
	if (d.p <= 0) {
#pragma unroll
		for (int i = 0; i < 4; i++)
			m[i] = 1;
		return;
	}
	const struct vit_rand4 r = vit_philox(vit_key(d.step->seed, d.key), d.step->sample0 + (uint64_t)b, four);
#pragma unroll
	for (int i = 0; i < 4; i++)
		m[i] = vit_uniform(r.v[i]) < d.p ? 0 : d.scale;
}

/* n 4: four at once, 1: one by one, as a sample may end within four. */
template<int n>
static __global__ void __launch_bounds__(SAMPLE_THREADS) drop_kernel(const struct drop d)
{
	const int64_t b = sample_row(d.blocks), e = (int64_t)sample_item(d.blocks) * 4, at = b * d.size + e;
	if (e >= d.size)
		return;
	float m[4];
	drop_draw(m, d, b, (uint64_t)e / 4);
#pragma unroll
	for (int i = 0; i < 4; i += n) {
		if (e + i >= d.size)
			break;
		float v[n];
		any_load<n>(v, d.from, at + i);
#pragma unroll
		for (int j = 0; j < n; j++)
			v[j] *= m[i + j];
		any_put<n>(d.to, at + i, v, d.add);
	}
}

static int64_t drop_size(const struct vit_call *c)
{
	int64_t n = 1;
	for (int i = 1; i < c->in[0].ndim; i++)
		n *= c->in[0].dim[i];
	return n;
}

static int drop_launch(const struct vit_call *c, struct any from, struct any to, int add)
{
	const float p = ((const struct vit_dropout_attr *)c->attr)->p;
	struct drop d = {};
	d.from = from;
	d.to = to;
	d.step = c->step;
	d.key = c->key;
	d.size = drop_size(c);
	d.blocks = sample_blocks(cuda_ceil(d.size, 4));
	d.p = c->train && p > 0 ? p : 0;
	d.scale = (float)(1 / (1 - (double)d.p));
	d.add = add;
	const uint32_t grid = (uint32_t)(c->in[0].dim[0] * d.blocks);
	if (d.size % 4 == 0 && any_fits(from, 4) && any_fits(to, 4))
		LAUNCH(drop_kernel<4>, grid, SAMPLE_THREADS, 0, cuda_stream(c), d);
	else
		LAUNCH(drop_kernel<1>, grid, SAMPLE_THREADS, 0, cuda_stream(c), d);
	return cuda_launched();
}

static int drop_forward(const struct vit_call *c)
{
	return drop_launch(c, any_of(&c->in[0]), any_of(&c->out[0]), 0);
}

static int drop_backward(const struct vit_call *c)
{
	return cuda_need(c, 0) ? drop_launch(c, any_of(&c->dout[0]), any_of(&c->din[0]), cuda_adds(c, 0)) : 0;
}

/* Shared memory of in and out: both must have one dtype then, as they do where
 * the plan shares them. */
static int drop_fit(struct vit_dev *, struct vit_call *c, int)
{
	return cuda_is_float(c->in[0].dtype) && cuda_is_float(c->out[0].dtype) && sample_fits(c->in[0].dim[0], drop_size(c));
}

extern "C" const struct cuda_op CUDA_OP(dropout) = { "dropout", drop_fit, drop_forward, drop_backward };
