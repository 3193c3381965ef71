/* SPDX-License-Identifier: MIT
 *
 * tokens: prefix tokens and positions; their gradients are sums over the batch,
 * in two stages: chunks of samples, then the chunks in order.
 */
#include "cuda/sample.h"

enum { RUN = 8, PREFIXES = VIT_MAXIO - 2 };

struct tokens {
	struct any x, pos, out, prefix[PREFIXES];       /* backward: their gradients */
	int n_prefix, first_pos;                        /* the first token with a position */
	int64_t T, C;                                   /* T: all tokens */
	struct divide by_row;                           /* by a row's runs */
	uint32_t blocks, items;                         /* of a sample, in runs */
	int add;
};

static struct tokens tokens_of(const struct vit_call *c)
{
	const struct vit_tokens_attr *a = (const struct vit_tokens_attr *)c->attr;
	struct tokens k = {};
	k.n_prefix = a->n_prefix;
	k.first_pos = a->pos_prefix ? 0 : a->n_prefix;
	k.T = a->n_prefix + c->in[0].dim[1];
	k.C = c->in[0].dim[2];
	return k;
}

static void tokens_deal(struct tokens *k, int64_t rows, int n)
{
	k->by_row = divide_by(k->C / n);
	k->items = (uint32_t)(rows * (k->C / n));
	k->blocks = sample_blocks(k->items);
}

/* ---- forward -------------------------------------------------------------- */

template<int n>
static __global__ void __launch_bounds__(SAMPLE_THREADS) tokens_kernel(const struct tokens k)
{
	const int64_t b = sample_row(k.blocks);
	const uint32_t item = sample_item(k.blocks);
	if (item >= k.items)
		return;
	const int t = (int)divide(item, k.by_row);
	const int64_t at = (int64_t)(item - t * k.by_row.d) * n;
	float v[n];
	if (t < k.n_prefix)
		any_load<n>(v, k.prefix[t], at);
	else
		any_load<n>(v, k.x, (b * (k.T - k.n_prefix) + t - k.n_prefix) * k.C + at);
	if (t >= k.first_pos) {
		float pos[n];
		any_load<n>(pos, k.pos, (t - k.first_pos) * k.C + at);
#pragma unroll
		for (int i = 0; i < n; i++)
			v[i] += pos[i];
	}
	any_store<n>(k.out, (b * k.T + t) * k.C + at, v);
}

static int tokens_forward(const struct vit_call *c)
{
	struct tokens k = tokens_of(c);
	const int64_t B = c->in[0].dim[0];
	k.x = any_of(&c->in[0]);
	k.pos = any_of(&c->in[1]);
	k.out = any_of(&c->out[0]);
	bool wide = k.C % RUN == 0 && any_fits(k.x, RUN) && any_fits(k.pos, RUN) && any_fits(k.out, RUN);
	for (int i = 0; i < k.n_prefix; i++) {
		k.prefix[i] = any_of(&c->in[2 + i]);
		wide = wide && any_fits(k.prefix[i], RUN);
	}
	tokens_deal(&k, k.T, wide ? RUN : 1);
	if (wide)
		LAUNCH(tokens_kernel<RUN>, (uint32_t)(B * k.blocks), SAMPLE_THREADS, 0, cuda_stream(c), k);
	else
		LAUNCH(tokens_kernel<1>, (uint32_t)(B * k.blocks), SAMPLE_THREADS, 0, cuda_stream(c), k);
	return cuda_launched();
}

/* ---- backward: the patches -------------------------------------------------- */

/* A sample's patches are neighbours in x and in out: one block, moved. */
template<int n>
static __global__ void __launch_bounds__(SAMPLE_THREADS) tokens_dx(const struct tokens k)
{
	const int64_t b = sample_row(k.blocks);
	const uint32_t item = sample_item(k.blocks);
	if (item >= k.items)
		return;
	const int64_t at = (int64_t)item * n;
	float v[n];
	any_load<n>(v, k.out, (b * k.T + k.n_prefix) * k.C + at);
	any_put<n>(k.x, b * (k.T - k.n_prefix) * k.C + at, v, k.add);
}

/* ---- backward: positions and prefix tokens ------------------------------------ */

/* How the batch is cut, by the shape alone: enough threads to keep a large
 * device busy, no chunk below 16 samples. */
static int64_t tokens_chunk(const struct vit_call *c, const struct tokens *k)
{
	const int64_t B = c->in[0].dim[0], runs = cuda_ceil(k->T * k->C, RUN);
	const int64_t chunks = cuda_min(cuda_ceil(1 << 18, runs), cuda_ceil(B, 16));
	return cuda_ceil(B, chunks);
}

/* part[s][j] = sum over the samples of chunk s of dy[b][j], j over tokens and channels. */
template<class T, int n>
static __global__ void __launch_bounds__(SAMPLE_THREADS) tokens_sum(float *part, const T *dy, int64_t B, int64_t chunk, int64_t size, uint32_t blocks)
{
	const int64_t s = sample_row(blocks), at = (int64_t)sample_item(blocks) * n;
	const int64_t end = (s + 1) * chunk < B ? (s + 1) * chunk : B;
	if (at >= size)
		return;
	float sum[n] = {};
#pragma unroll 4
	for (int64_t b = s * chunk; b < end; b++) {
		float v[n];
		load_f32<n>(v, dy + b * size + at);
#pragma unroll
		for (int i = 0; i < n; i++)
			sum[i] += v[i];
	}
	any_write<n>(part + s * size + at, sum);
}

static __device__ __forceinline__ void tokens_give(struct any to, int64_t at, float sum, uint32_t add, int i)
{
	if (to.p)
		any_put<1>(to, at, &sum, (int)(add >> i & 1));
}

static __global__ void __launch_bounds__(SAMPLE_THREADS) tokens_params(const struct tokens k, const float *part, int64_t chunks, uint32_t add)
{
	const uint32_t j = blockIdx.x * blockDim.x + threadIdx.x;
	const int64_t size = k.T * k.C;
	if (j >= size)
		return;
	float sum = 0;
	for (int64_t s = 0; s < chunks; s++)
		sum += part[s * size + j];
	const int t = (int)divide(j, k.by_row), at = (int)(j - t * k.by_row.d);
	if (t >= k.first_pos)
		tokens_give(k.pos, (t - k.first_pos) * k.C + at, sum, add, 1);
	if (t < k.n_prefix)
		tokens_give(k.prefix[t], at, sum, add, 2 + t);
}

template<class T>
static void tokens_sums(const struct vit_call *c, int64_t size, int64_t chunk)
{
	enum { n = vec_of<T>::n };
	const T *dy = (const T *)c->dout[0].data;
	float *part = (float *)c->ws.data;
	const void *const p[] = { dy, part };
	const int64_t B = c->in[0].dim[0];
	const bool wide = vec_fits<T>(size, p, 2);
	const uint32_t blocks = sample_blocks(wide ? size / n : size), grid = (uint32_t)(cuda_ceil(B, chunk) * blocks);
	if (wide)
		LAUNCH((tokens_sum<T, n>), grid, SAMPLE_THREADS, 0, cuda_stream(c), part, dy, B, chunk, size, blocks);
	else
		LAUNCH((tokens_sum<T, 1>), grid, SAMPLE_THREADS, 0, cuda_stream(c), part, dy, B, chunk, size, blocks);
}

static int tokens_backward(const struct vit_call *c)
{
	struct tokens k = tokens_of(c);
	const int64_t B = c->in[0].dim[0], size = k.T * k.C, chunk = tokens_chunk(c, &k);
	k.out = any_of(&c->dout[0]);
	if (cuda_need(c, 0)) {
		k.x = any_of(&c->din[0]);
		k.add = cuda_adds(c, 0);
		const bool wide = k.C % RUN == 0 && any_fits(k.x, RUN) && any_fits(k.out, RUN);
		tokens_deal(&k, k.T - k.n_prefix, wide ? RUN : 1);
		if (wide)
			LAUNCH(tokens_dx<RUN>, (uint32_t)(B * k.blocks), SAMPLE_THREADS, 0, cuda_stream(c), k);
		else
			LAUNCH(tokens_dx<1>, (uint32_t)(B * k.blocks), SAMPLE_THREADS, 0, cuda_stream(c), k);
		VIT_TRY(cuda_launched());
	}
	if (!(c->need >> 1))
		return 0;
	/* without dout: sums of no samples */
	if (k.out.p)
		CUDA_WITH_TYPE(k.out.dtype, T, tokens_sums<T>(c, size, chunk));
	VIT_TRY(cuda_launched());
	if (cuda_need(c, 1))
		k.pos = any_of(&c->din[1]);
	for (int i = 0; i < k.n_prefix; i++)
		if (cuda_need(c, 2 + i))
			k.prefix[i] = any_of(&c->din[2 + i]);
	tokens_deal(&k, k.T, 1);
	LAUNCH(tokens_params, sample_blocks(size), SAMPLE_THREADS, 0, cuda_stream(c), k, (const float *)c->ws.data,
	       k.out.p ? cuda_ceil(B, chunk) : 0, c->add);
	return cuda_launched();
}

static int tokens_fit(struct vit_dev *, struct vit_call *c, int back)
{
	const struct tokens k = tokens_of(c);
	const int64_t B = c->in[0].dim[0];
	for (int i = 0; i < c->n_in; i++)
		if (!cuda_is_float(c->in[i].dtype) || (back && cuda_need(c, i) && !cuda_is_float(c->din[i].dtype)))
			return 0;
	if (!cuda_is_float(c->out[0].dtype) || !sample_fits(B, k.T * k.C))
		return 0;
	if (back && c->need >> 1)
		cuda_scratch(c, cuda_ceil(B, tokens_chunk(c, &k)) * k.T * k.C * (int64_t)sizeof(float));
	return 1;
}

extern "C" const struct cuda_op CUDA_OP(tokens) = { "tokens", tokens_fit, tokens_forward, tokens_backward };
