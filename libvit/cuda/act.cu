/* SPDX-License-Identifier: MIT
 *
 * act.cu - activations over rows, and sums of columns.
 *
 * A block takes a slab of columns and a piece of the rows: its 8 warps walk the
 * rows of the piece, so each lane stays in its columns and can keep their sums in
 * registers. Columns are taken 16 bytes at a time where all
 * types agree and n allows it, else one by one; the cut by rows is the same
 * both ways, and fixed by the shape.
 */
#include "cuda/act.h"
#include "cuda/any.h"
#include "cuda/reduce.h"

enum { WARPS = 8, THREADS = WARPS * WARP, GROUPS = 16 };

/* ---- the functions: op/ref.h in f32 --------------------------------------------- */

static __device__ __forceinline__ float gelu(float x)
{
	return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}

static __device__ __forceinline__ float gelu_grad(float x)
{
	return 0.5f * (1.0f + erff(x * 0.70710678f)) + x * 0.39894228f * expf(-0.5f * x * x);
}

static __device__ __forceinline__ float gelu_tanh(float x)
{
	return 0.5f * x * (1.0f + tanhf(0.79788456f * (x + 0.044715f * x * x * x)));
}

static __device__ __forceinline__ float gelu_tanh_grad(float x)
{
	const float t = tanhf(0.79788456f * (x + 0.044715f * x * x * x));
	return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * 0.79788456f * (1.0f + 3.0f * 0.044715f * x * x);
}

template<int n> static __device__ __forceinline__ void apply(float *v, int act)
{
#pragma unroll
	for (int i = 0; i < n; i++)
		v[i] = act == VIT_ACT_GELU ? gelu(v[i]) : act == VIT_ACT_GELU_TANH ? gelu_tanh(v[i]) :
		       act == VIT_ACT_RELU ? fmaxf(v[i], 0.0f) : v[i];
}

template<int n> static __device__ __forceinline__ void apply_grad(float *d, const float *p, int act)
{
#pragma unroll
	for (int i = 0; i < n; i++)
		d[i] *= act == VIT_ACT_GELU ? gelu_grad(p[i]) : act == VIT_ACT_GELU_TANH ? gelu_tanh_grad(p[i]) : p[i] > 0.0f ? 1.0f : 0.0f;
}

/* ---- the cut -------------------------------------------------------------------- */

struct cut { int64_t rows, n, per; };           /* per: rows of a piece */

static struct cut cut_of(struct act_rows s)
{
	const struct cut c = { s.rows, s.n, cuda_ceil(s.rows, act_parts(s)) };
	return c;
}

/* About a thousand blocks of 256 columns, none with less than two rows a warp. */
int64_t act_parts(struct act_rows s)
{
	const int64_t most = cuda_ceil(1024, cuda_ceil(s.n, 256)), wanted = cuda_min(cuda_ceil(s.rows, 2 * WARPS), most);
	/* counted from the rounded size: a piece without rows would leave its sums unset */
	return cuda_ceil(s.rows, cuda_ceil(s.rows, wanted));
}

static dim3 grid_of(struct act_rows s, int width)
{
	return dim3((unsigned)cuda_ceil(s.n, (int64_t)WARP * width), (unsigned)act_parts(s));
}

/* ---- forward ---------------------------------------------------------------------- */

template<class T> static __global__ void __launch_bounds__(THREADS) forward_vec(struct cut c, struct act_forward q)
{
	enum { V = vec_of<T>::n };
	const int64_t col = ((int64_t)blockIdx.x * WARP + threadIdx.x % WARP) * V;
	const int64_t from = blockIdx.y * c.per, end = from + c.per < c.rows ? from + c.per : c.rows;
	float v[V];
	if (col >= c.n)
		return;
	for (int64_t r = from + threadIdx.x / WARP; r < end; r += WARPS) {
		load_f32<V>(v, static_cast<const T *>(q.p) + r * c.n + col);
		apply<V>(v, q.act);
		store_f32<V>(static_cast<T *>(q.y) + r * c.n + col, v);
	}
}

static __global__ void __launch_bounds__(THREADS) forward_any(struct cut c, struct act_forward q)
{
	const int64_t col = (int64_t)blockIdx.x * WARP + threadIdx.x % WARP;
	const int64_t from = blockIdx.y * c.per, end = from + c.per < c.rows ? from + c.per : c.rows;
	if (col >= c.n)
		return;
	for (int64_t r = from + threadIdx.x / WARP; r < end; r += WARPS) {
		float v = any_get(q.p, q.p_type, r * c.n + col);
		apply<1>(&v, q.act);
		any_put(q.y, q.y_type, r * c.n + col, v);
	}
}

template<class T> static void forward_of(cudaStream_t stream, struct act_rows s, const struct act_forward *q)
{
	LAUNCH((forward_vec<T>), grid_of(s, vec_of<T>::n), THREADS, 0, stream, cut_of(s), *q);
}

int act_forward(cudaStream_t stream, struct act_rows s, const struct act_forward *q)
{
	const void *const p[] = { q->p, q->y };
	int fits = q->p_type == q->y_type;
	CUDA_WITH_TYPE(q->y_type, T, fits = fits && vec_fits<T>(s.n, p, 2));
	if (fits)
		CUDA_WITH_TYPE(q->y_type, T, forward_of<T>(stream, s, q));
	else
		LAUNCH(forward_any, grid_of(s, 1), THREADS, 0, stream, cut_of(s), *q);
	return cuda_launched();
}

static __global__ void __launch_bounds__(THREADS) fill(struct cut c, struct act_fill q)
{
	const int64_t col = (int64_t)blockIdx.x * WARP + threadIdx.x % WARP;
	const int64_t from = blockIdx.y * c.per, end = from + c.per < c.rows ? from + c.per : c.rows;
	if (col >= c.n)
		return;
	const float v = any_get(q.row, q.row_type, col);
	for (int64_t r = from + threadIdx.x / WARP; r < end; r += WARPS)
		any_put(q.to, q.to_type, r * c.n + col, v);
}

int act_fill(cudaStream_t stream, struct act_rows s, const struct act_fill *q)
{
	LAUNCH(fill, grid_of(s, 1), THREADS, 0, stream, cut_of(s), *q);
	return cuda_launched();
}

/* ---- backward --------------------------------------------------------------------- */

/* The warps' sums of this block's columns to its row of `part`. */
template<int V> static __device__ __forceinline__ void put_part(float *smem, const float *sum, float *part, int64_t n)
{
	const int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP;
#pragma unroll
	for (int i = 0; i < V; i++)
		smem[warp * WARP * V + lane * V + i] = sum[i];
	__syncthreads();
	for (int i = (int)threadIdx.x; i < WARP * V; i += THREADS) {
		const int64_t col = (int64_t)blockIdx.x * WARP * V + i;
		float total = 0.0f;
		for (int w = 0; w < WARPS; w++)
			total += smem[w * WARP * V + i];
		if (col < n)
			part[blockIdx.y * n + col] = total;
	}
}

template<class T> static __global__ void __launch_bounds__(THREADS) backward_vec(struct cut c, struct act_backward q)
{
	enum { V = vec_of<T>::n };
	DYN_SMEM(float, smem);
	const int64_t col = ((int64_t)blockIdx.x * WARP + threadIdx.x % WARP) * V;
	const int64_t from = blockIdx.y * c.per, end = col < c.n ? from + c.per < c.rows ? from + c.per : c.rows : 0;
	float sum[V] = {}, d[V], p[V];
	for (int64_t r = from + threadIdx.x / WARP; r < end; r += WARPS) {
		load_f32<V>(d, static_cast<const T *>(q.dy) + r * c.n + col);
		if (q.act != VIT_ACT_NONE) {
			load_f32<V>(p, static_cast<const T *>(q.p) + r * c.n + col);
			apply_grad<V>(d, p, q.act);
		}
		if (q.dp)
			store_f32<V>(static_cast<T *>(q.dp) + r * q.ld + col, d);
#pragma unroll
		for (int i = 0; i < V; i++)
			sum[i] += d[i];
	}
	if (q.part)
		put_part<V>(smem, sum, q.part, c.n);
}

static __global__ void __launch_bounds__(THREADS) backward_any(struct cut c, struct act_backward q)
{
	DYN_SMEM(float, smem);
	const int64_t col = (int64_t)blockIdx.x * WARP + threadIdx.x % WARP;
	const int64_t from = blockIdx.y * c.per, end = col < c.n ? from + c.per < c.rows ? from + c.per : c.rows : 0;
	float sum = 0.0f;
	for (int64_t r = from + threadIdx.x / WARP; r < end; r += WARPS) {
		float d = any_get(q.dy, q.dy_type, r * c.n + col);
		if (q.act != VIT_ACT_NONE) {
			const float p = any_get(q.p, q.p_type, r * c.n + col);
			apply_grad<1>(&d, &p, q.act);
		}
		if (q.dp)
			any_put(q.dp, q.dp_type, r * q.ld + col, d);
		sum += d;
	}
	if (q.part)
		put_part<1>(smem, &sum, q.part, c.n);
}

template<class T> static void backward_of(cudaStream_t stream, struct act_rows s, const struct act_backward *q)
{
	LAUNCH((backward_vec<T>), grid_of(s, vec_of<T>::n), THREADS, sizeof(float) * THREADS * vec_of<T>::n, stream, cut_of(s), *q);
}

int act_backward(cudaStream_t stream, struct act_rows s, const struct act_backward *q)
{
	const void *const p[] = { q->dy, q->p, q->dp };
	int fits = (!q->p || q->p_type == q->dy_type) && (!q->dp || (q->dp_type == q->dy_type && q->ld == s.n));
	CUDA_WITH_TYPE(q->dy_type, T, fits = fits && vec_fits<T>(s.n, p, 3));
	if (fits)
		CUDA_WITH_TYPE(q->dy_type, T, backward_of<T>(stream, s, q));
	else
		LAUNCH(backward_any, grid_of(s, 1), THREADS, sizeof(float) * THREADS, stream, cut_of(s), *q);
	return cuda_launched();
}

/* ---- sums of parts ------------------------------------------------------------------ */

struct sum_args { const float *part; int64_t parts, n; void *to; int type, add; };

/* 32 columns a block; group g sums parts g, g + 16, ... of them. */
static __global__ void __launch_bounds__(GROUPS *WARP) sum_parts(struct sum_args q)
{
	DYN_SMEM(float, smem);
	const int lane = (int)threadIdx.x % WARP, group = (int)threadIdx.x / WARP;
	const int64_t col = (int64_t)blockIdx.x * WARP + lane;
	float sum = 0.0f;
	if (col < q.n)
#pragma unroll 4
		for (int64_t i = group; i < q.parts; i += GROUPS)
			sum += q.part[i * q.n + col];
	smem[threadIdx.x] = sum;
	__syncthreads();
	if (group || col >= q.n)
		return;
	for (int g = 1; g < GROUPS; g++)
		sum += smem[g * WARP + lane];
	any_put(q.to, q.type, col, q.add ? any_get(q.to, q.type, col) + sum : sum);
}

int act_sum(cudaStream_t stream, const float *part, int64_t parts, int64_t n, void *to, int to_type, int add)
{
	const struct sum_args q = { part, parts, n, to, to_type, add };
	LAUNCH(sum_parts, (unsigned)cuda_ceil(n, WARP), GROUPS * WARP, sizeof(float) * GROUPS * WARP, stream, q);
	return cuda_launched();
}
