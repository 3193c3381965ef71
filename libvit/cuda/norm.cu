/* SPDX-License-Identifier: MIT
 *
 * norm.cu - layernorm and add_layernorm: the calls, and forward.
 *
 * In memory: x and r read, s and y written, once each (8 bytes an element in 16
 * bits, layernorm 4); g, b and gamma come from the cache. A warp a row and four
 * rows a block: the lanes have 16-byte loads of a whole row under way at once,
 * and blocks as short as that leave no tail. The mean is known before the
 * differences are squared, so nothing cancels.
 */
#include "cuda/norm.h"

enum { ROWS = 4, BLOCK = ROWS * WARP };

/* Mean and rstd of a row from its sum and the sum of squared differences. */
static __device__ __forceinline__ void keep_stats(const struct norm_args &a, int64_t row, float mean, float rstd)
{
	if (a.mean)
		a.mean[row] = mean;
	if (a.rstd)
		a.rstd[row] = rstd;
}

/* v = x + scale gamma r of this lane. The norm takes it as it is, before s is
 * rounded: y is the nearer to what the formula says. */
template<class T, int N> static __device__ __forceinline__ void sum_row(const struct norm_args &a, int64_t row, int lane, float (*v)[vec_of<T>::n])
{
	enum { V = vec_of<T>::n };
	const int C = (int)a.C;
	const T *r = (const T *)a.r.p;
	T *s = (T *)a.s.p;
	vec<T, V> x[N], add[N];
	norm_load<T, N>(x, (const T *)a.x.p + row * a.C, C, lane);
	norm_load<T, N>(add, r ? r + row * a.C : NULL, C, lane);
	const float scale = r ? norm_scale<uint32_t>(a.drop, (uint32_t)row) : 0;
#pragma unroll
	for (int j = 0; j < N; j++) {
		const int k = (j * WARP + lane) * V;
		float f[V];
#pragma unroll
		for (int i = 0; i < V; i++)
			f[i] = 1;
		if (a.gamma && k < C)
			norm_load_f32<V>(f, a.gamma + k);
#pragma unroll
		for (int i = 0; i < V; i++)
			v[j][i] = r ? fmaf(scale * f[i], to_f32(add[j].v[i]), to_f32(x[j].v[i])) : to_f32(x[j].v[i]);
		if (s && k < C)
			store_f32<V>(s + row * a.C + k, v[j]);
	}
}

template<class T, int N> static __global__ void __launch_bounds__(BLOCK, 4) forward_fast(const struct norm_args a)
{
	enum { V = vec_of<T>::n };
	const int lane = (int)threadIdx.x % WARP, C = (int)a.C;
	const int64_t row = (int64_t)blockIdx.x * ROWS + threadIdx.x / WARP;
	if (row >= a.rows)
		return;
	float v[N][V], sum = 0, square = 0;
	sum_row<T, N>(a, row, lane, v);
	if (!a.y.p)
		return;
#pragma unroll
	for (int j = 0; j < N; j++)
#pragma unroll
		for (int i = 0; i < V; i++)
			sum += v[j][i];
	const float mean = warp_sum(sum) * a.inv_C;
#pragma unroll
	for (int j = 0; j < N; j++)
#pragma unroll
		for (int i = 0; i < V; i++)
			square += (j * WARP + lane) * V < C ? (v[j][i] - mean) * (v[j][i] - mean) : 0;
	const float rstd = rsqrtf(fmaf(warp_sum(square), a.inv_C, a.eps));
#pragma unroll
	for (int j = 0; j < N; j++) {
		const int k = (j * WARP + lane) * V;
		if (k >= C)
			break;
		float g[V], b[V];
		norm_load_f32<V>(g, a.g + k);
		norm_load_f32<V>(b, a.b + k);
#pragma unroll
		for (int i = 0; i < V; i++)
			v[j][i] = fmaf((v[j][i] - mean) * rstd, g[i], b[i]);
		store_f32<V>((T *)a.y.p + row * a.C + k, v[j]);
	}
	if (!lane)
		keep_stats(a, row, mean, rstd);
}

/* Element k of a row that begins at `row`. */
static __device__ __forceinline__ float sum_at(const struct norm_args &a, int64_t row, int64_t k, float scale)
{
	const float x = norm_get(a.x, row + k);
	return a.r.p ? fmaf(scale * (a.gamma ? a.gamma[k] : 1), norm_get(a.r, row + k), x) : x;
}

/* The same in walks along the row. */
static __global__ void __launch_bounds__(BLOCK, 4) forward_any(const struct norm_args a)
{
	const int lane = (int)threadIdx.x % WARP;
	const int64_t row = (int64_t)blockIdx.x * ROWS + threadIdx.x / WARP, at = row * a.C;
	if (row >= a.rows)
		return;
	const float scale = a.r.p ? norm_scale<int64_t>(a.drop, row) : 0;
	float sum = 0, square = 0;
	for (int64_t k = lane; k < a.C; k += WARP) {
		const float v = sum_at(a, at, k, scale);
		sum += v;
		if (a.s.p)
			norm_put(a.s, at + k, v);
	}
	if (!a.y.p)
		return;
	const float mean = warp_sum(sum) * a.inv_C;
	for (int64_t k = lane; k < a.C; k += WARP) {
		const float d = sum_at(a, at, k, scale) - mean;
		square = fmaf(d, d, square);
	}
	const float rstd = rsqrtf(fmaf(warp_sum(square), a.inv_C, a.eps));
	for (int64_t k = lane; k < a.C; k += WARP)
		norm_put(a.y, at + k, fmaf((sum_at(a, at, k, scale) - mean) * rstd, a.g[k], a.b[k]));
	if (!lane)
		keep_stats(a, row, mean, rstd);
}

template<class T> static void launch(const struct vit_call *c, const struct norm_args &a, int lane)
{
	const unsigned grid = (unsigned)cuda_ceil(a.rows, ROWS);
	enum { V = vec_of<T>::n };
	switch (lane) {
	case 8:  LAUNCH((forward_fast<T, 8 / V>), grid, BLOCK, 0, cuda_stream(c), a); break;
	case 16: LAUNCH((forward_fast<T, 16 / V>), grid, BLOCK, 0, cuda_stream(c), a); break;
	case 24: LAUNCH((forward_fast<T, 24 / V>), grid, BLOCK, 0, cuda_stream(c), a); break;
	case 32: LAUNCH((forward_fast<T, 32 / V>), grid, BLOCK, 0, cuda_stream(c), a); break;
	default: LAUNCH(forward_any, grid, BLOCK, 0, cuda_stream(c), a); break;
	}
}

static int run(const struct vit_call *c, const struct norm_args *a)
{
	const struct norm_any *const all[] = { &a->x, &a->r, &a->s, &a->y };
	const float *const param[] = { a->g, a->b, a->gamma };
	int dtype;
	const int lane = norm_lane(a->rows, a->C, all, 4, param, 3, &dtype);
	CUDA_WITH_TYPE(dtype, T, launch<T>(c, *a, lane));
	return cuda_launched();
}

/* ---- layernorm ------------------------------------------------------------------------ */

static int64_t channels(const struct vit_call *c)
{
	return c->in[0].dim[c->in[0].ndim - 1];
}

static int f32_from(const struct vit_call *c, int first)
{
	for (int i = first; i < c->n_in; i++)
		if (c->in[i].dtype != VIT_F32)
			return 0;
	for (int i = 0; i < c->n_aux; i++)
		if (c->aux[i].dtype != VIT_F32)
			return 0;
	return 1;
}

static void scratch(struct vit_call *c, int sums)
{
	const int64_t rows = cuda_rows(&c->in[0]);
	cuda_scratch(c, cuda_ceil(rows, norm_chunk(rows)) * sums * channels(c) * (int64_t)sizeof(float));
}

static int layernorm_fit(struct vit_dev *, struct vit_call *c, int back)
{
	if (!cuda_is_float(c->in[0].dtype) || !cuda_is_float(c->out[0].dtype) || !f32_from(c, 1))
		return 0;
	if (back)
		scratch(c, 2);
	return 1;
}

static int layernorm(const struct vit_call *c)
{
	struct norm_args a = {};
	a.x = norm_of(&c->in[0]);
	a.y = norm_of(&c->out[0]);
	a.g = (const float *)c->in[1].data;
	a.b = (const float *)c->in[2].data;
	a.mean = (float *)c->aux[0].data;
	a.rstd = (float *)c->aux[1].data;
	a.rows = cuda_rows(&c->in[0]);
	a.C = channels(c);
	a.inv_C = 1 / (float)a.C;
	a.eps = ((const struct vit_layernorm_attr *)c->attr)->eps;
	return run(c, &a);
}

static struct norm_any wanted(const struct vit_call *c, int i)
{
	const struct norm_any a = { cuda_need(c, i) ? c->din[i].data : NULL, c->in[i].dtype };
	return a;
}

static void want_params(const struct vit_call *c, struct norm_params *p, int at, int i)
{
	p->to[at] = (float *)wanted(c, i).p;
	p->add[at] = cuda_adds(c, i);
}

static int layernorm_back(const struct vit_call *c)
{
	struct norm_back_args a = {};
	struct norm_params p = {};
	a.s = norm_of(&c->in[0]);
	a.dy = norm_of(&c->dout[0]);
	a.dx = wanted(c, 0);
	a.add_x = cuda_adds(c, 0);
	a.g = (const float *)c->in[1].data;
	a.mean = (const float *)c->aux[0].data;
	a.rstd = (const float *)c->aux[1].data;
	a.rows = cuda_rows(&c->in[0]);
	a.C = channels(c);
	a.inv_C = 1 / (float)a.C;
	want_params(c, &p, 0, 1);
	want_params(c, &p, 1, 2);
	return norm_back_run(c, &a, &p);
}

extern "C" const struct cuda_op CUDA_OP(layernorm) = { "layernorm", layernorm_fit, layernorm, layernorm_back };

/* ---- add_layernorm -------------------------------------------------------------------- */

static int gamma_at(const struct vit_call *c)
{
	const struct vit_add_layernorm_attr *a = (const struct vit_add_layernorm_attr *)c->attr;
	return !a->layer_scale ? 0 : a->norm ? 4 : 2;
}

static struct norm_drop drop_of(const struct vit_call *c)
{
	const struct vit_add_layernorm_attr *a = (const struct vit_add_layernorm_attr *)c->attr;
	const struct norm_drop d = { c->step, c->key, cuda_rows(&c->in[0]) / c->in[0].dim[0], c->train ? a->drop_path : 0, a->knob };
	return d;
}

static int add_layernorm_fit(struct vit_dev *, struct vit_call *c, int back)
{
	for (int i = 0; i < 2; i++)
		if (!cuda_is_float(c->in[i].dtype))
			return 0;
	for (int i = 0; i < c->n_out; i++)
		if (!cuda_is_float(c->out[i].dtype))
			return 0;
	if (!f32_from(c, 2))
		return 0;
	if (back)
		scratch(c, gamma_at(c) ? 3 : 2);
	return 1;
}

static int add_layernorm(const struct vit_call *c)
{
	const struct vit_add_layernorm_attr *attr = (const struct vit_add_layernorm_attr *)c->attr;
	struct norm_args a = {};
	a.x = norm_of(&c->in[0]);
	a.r = norm_of(&c->in[1]);
	a.s = norm_of(&c->out[0]);
	a.gamma = gamma_at(c) ? (const float *)c->in[gamma_at(c)].data : NULL;
	if (attr->norm) {
		a.y = norm_of(&c->out[1]);
		a.g = (const float *)c->in[2].data;
		a.b = (const float *)c->in[3].data;
		a.mean = (float *)c->aux[0].data;
		a.rstd = (float *)c->aux[1].data;
	}
	a.rows = cuda_rows(&c->in[0]);
	a.C = channels(c);
	a.inv_C = 1 / (float)a.C;
	a.eps = attr->eps;
	a.drop = drop_of(c);
	return run(c, &a);
}

static int add_layernorm_back(const struct vit_call *c)
{
	const int norm = ((const struct vit_add_layernorm_attr *)c->attr)->norm, ig = gamma_at(c);
	struct norm_back_args a = {};
	struct norm_params p = {};
	a.s = norm_of(&c->out[0]);
	a.d0 = norm_of(&c->dout[0]);
	a.dx = wanted(c, 0);
	a.dr = wanted(c, 1);
	a.add_x = cuda_adds(c, 0);
	a.add_r = cuda_adds(c, 1);
	if (norm && c->dout[1].data) {
		a.dy = norm_of(&c->dout[1]);
		a.g = (const float *)c->in[2].data;
		a.mean = (const float *)c->aux[0].data;
		a.rstd = (const float *)c->aux[1].data;
		want_params(c, &p, 0, 2);
		want_params(c, &p, 1, 3);
	}
	if (ig) {
		a.r = norm_of(&c->in[1]);
		a.gamma = (const float *)c->in[ig].data;
		want_params(c, &p, 2, ig);
	}
	a.rows = cuda_rows(&c->in[0]);
	a.C = channels(c);
	a.inv_C = 1 / (float)a.C;
	a.drop = drop_of(c);
	return norm_back_run(c, &a, &p);
}

extern "C" const struct cuda_op CUDA_OP(add_layernorm) = { "add_layernorm", add_layernorm_fit, add_layernorm, add_layernorm_back };
