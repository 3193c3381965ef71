/* SPDX-License-Identifier: MIT
 *
 * norm_back.cu - backward of layernorm and add_layernorm. With h = (s - mean) rstd:
 *   ds = d0 + rstd (dy g - mean(dy g) - h mean(dy g h))
 *   dx = ds,  dr = scale_b gamma ds;  dg = sum dy h,  db = sum dy,  dgamma = sum scale_b r ds
 *
 * In memory: s, dy, d0 read, dx, dr written, once each (10 bytes an element in 16
 * bits; r with layer scale, and what is added to, on top). Sums over rows: a block has a
 * chunk of rows, its warps take them in turn and add to columns of their own in
 * shared memory, which leaves the registers to the rows; the block adds its warps up
 * to a part, a second kernel the parts. How many there are follows from the rows
 * alone, at most PARTS: more blocks than any card runs at once, and at 50,432 x 768
 * 5 % more traffic.
 */
#include "cuda/norm.h"

enum { WARPS = 4, BLOCK = WARPS * WARP, PARTS = 1024, SUMMERS = 32 };

int64_t norm_chunk(int64_t rows)
{
	const int64_t n = cuda_ceil(rows, PARTS);
	return n < 4 * WARPS ? 4 * WARPS : n;
}

/* A group of a gradient of an activation. */
template<class T, int V> static __device__ __forceinline__ void put(T *to, const float *v, int add)
{
	float old[V];
	if (!add) {
		store_f32<V>(to, v);
		return;
	}
	load_f32<V>(old, to);
#pragma unroll
	for (int i = 0; i < V; i++)
		old[i] += v[i];
	store_f32<V>(to, old);
}

/* A warp's sums of dg, db, dgamma. Lane l's columns lie four by four, WARP * 4
 * apart, so that a warp meets every bank once. */
template<int E> struct warp_sums {
	float v[3][E / 4][WARP][4];
};

static __device__ __forceinline__ void bump(float *to, const float *v)
{
	float old[4];
	load_f32<4>(old, to);
#pragma unroll
	for (int i = 0; i < 4; i++)
		old[i] += v[i];
	store_f32<4>(to, old);
}

template<int V, int E> static __device__ __forceinline__ void add_group(struct warp_sums<E> *to, int which, int j, int lane, const float *v)
{
#pragma unroll
	for (int q = 0; q < V / 4; q++)
		bump(to->v[which][j * (V / 4) + q][lane], v + 4 * q);
}

template<class T, int N>
static __device__ __forceinline__ void back_row(const struct norm_back_args &a, int64_t row, int lane, struct warp_sums<N * vec_of<T>::n> *sum)
{
	enum { V = vec_of<T>::n };
	const int C = (int)a.C;
	const int64_t at = row * a.C;
	const bool norm = a.dy.p;
	vec<T, V> s[N], dy[N], d0[N], r[N];
	norm_load<T, N>(dy, norm ? (const T *)a.dy.p + at : NULL, C, lane);
	norm_load<T, N>(s, norm ? (const T *)a.s.p + at : NULL, C, lane);
	norm_load<T, N>(d0, a.d0.p ? (const T *)a.d0.p + at : NULL, C, lane);
	norm_load<T, N>(r, a.gamma ? (const T *)a.r.p + at : NULL, C, lane);
	const float mean = norm ? a.mean[row] : 0, rstd = norm ? a.rstd[row] : 0, scale = norm_scale<uint32_t>(a.drop, (uint32_t)row);
	float m1 = 0, m2 = 0;
#pragma unroll
	for (int j = 0; j < N; j++) {
		const int k = (j * WARP + lane) * V;
		if (!norm || k >= C)
			break;
		float g[V], d[V], dh[V];
		norm_load_f32<V>(g, a.g + k);
#pragma unroll
		for (int i = 0; i < V; i++) {
			d[i] = to_f32(dy[j].v[i]);
			dh[i] = d[i] * ((to_f32(s[j].v[i]) - mean) * rstd);
			m1 = fmaf(d[i], g[i], m1);
			m2 = fmaf(dh[i], g[i], m2);
		}
		add_group<V>(sum, 0, j, lane, dh);
		add_group<V>(sum, 1, j, lane, d);
	}
	m1 = warp_sum(m1) * a.inv_C;
	m2 = warp_sum(m2) * a.inv_C;
#pragma unroll
	for (int j = 0; j < N; j++) {
		const int k = (j * WARP + lane) * V;
		if (k >= C)
			break;
		float ds[V], f[V];
		if (norm)
			norm_load_f32<V>(f, a.g + k);
#pragma unroll
		for (int i = 0; i < V; i++) {
			ds[i] = to_f32(d0[j].v[i]);
			if (norm)
				ds[i] += rstd * (to_f32(dy[j].v[i]) * f[i] - m1 - (to_f32(s[j].v[i]) - mean) * rstd * m2);
			f[i] = 1;
		}
		if (a.dx.p)
			put<T, V>((T *)a.dx.p + at + k, ds, a.add_x);
		if (a.gamma)
			norm_load_f32<V>(f, a.gamma + k);
#pragma unroll
		for (int i = 0; i < V; i++) {
			const float scaled = scale * ds[i];
			ds[i] = scaled * f[i];
			f[i] = scaled * to_f32(r[j].v[i]);
		}
		if (a.gamma)
			add_group<V>(sum, 2, j, lane, f);
		if (a.dr.p)
			put<T, V>((T *)a.dr.p + at + k, ds, a.add_r);
	}
}

/* Blocks of a multiprocessor at once: what fits without spilling, by elements a
 * thread. From sm_100 on the compiler takes a few registers more. */
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 1000
#define BACK_BLOCKS(elements) 2
#else
#define BACK_BLOCKS(elements) ((elements) <= 24 ? 3 : 2)
#endif
template<class T, int N> static __global__ void __launch_bounds__(BLOCK, BACK_BLOCKS(N * vec_of<T>::n)) back_fast(const struct norm_back_args a)
{
	enum { V = vec_of<T>::n, E = N * V };
	DYN_SMEM(struct warp_sums<E>, sum);
	const int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP, sums = a.gamma ? 3 : 2;
	const int64_t first = (int64_t)blockIdx.x * a.chunk, end = first + a.chunk < a.rows ? first + a.chunk : a.rows;
	const float none[4] = { 0, 0, 0, 0 };
	for (int i = 0; i < 3 * E / 4; i++)
		store_f32<4>(sum[warp].v[i / (E / 4)][i % (E / 4)][lane], none);
	for (int64_t row = first + warp; row < end; row += WARPS)
		back_row<T, N>(a, row, lane, &sum[warp]);
	if (!a.part)
		return;
	__syncthreads();
	for (int i = warp; i < sums * (E / 4); i += WARPS) {
		const int which = i / (E / 4), quad = i % (E / 4), k = (quad / (V / 4) * WARP + lane) * V + quad % (V / 4) * 4;
		float v[4];
		load_f32<4>(v, sum[0].v[which][quad][lane]);
		for (int w = 1; w < WARPS; w++)
#pragma unroll
			for (int e = 0; e < 4; e++)
				v[e] += sum[w].v[which][quad][lane][e];
		if (k < a.C)
			store_f32<4>(a.part + ((int64_t)blockIdx.x * sums + which) * a.C + k, v);
	}
}

/* Any C, any types: a warp has a chunk, and its part in memory, where a lane adds
 * to columns of its own. */
static __global__ void __launch_bounds__(BLOCK) back_any(const struct norm_back_args a, int64_t parts)
{
	const int lane = (int)threadIdx.x % WARP;
	const int64_t p = (int64_t)blockIdx.x * WARPS + threadIdx.x / WARP, first = p * a.chunk;
	if (p >= parts)
		return;
	float *part = a.part ? a.part + p * (a.gamma ? 3 : 2) * a.C : NULL;
	for (int64_t k = lane; part && k < (a.gamma ? 3 : 2) * a.C; k += WARP)
		part[k] = 0;
	__syncwarp();
	for (int64_t row = first; row < first + a.chunk && row < a.rows; row++) {
		const int64_t at = row * a.C;
		const float mean = a.dy.p ? a.mean[row] : 0, rstd = a.dy.p ? a.rstd[row] : 0, scale = norm_scale<int64_t>(a.drop, row);
		float m1 = 0, m2 = 0;
		for (int64_t k = lane; a.dy.p && k < a.C; k += WARP) {
			const float d = norm_get(a.dy, at + k), h = (norm_get(a.s, at + k) - mean) * rstd;
			m1 = fmaf(d, a.g[k], m1);
			m2 = fmaf(d * a.g[k], h, m2);
			if (part) {
				part[k] += d * h;
				part[a.C + k] += d;
			}
		}
		m1 = warp_sum(m1) * a.inv_C;
		m2 = warp_sum(m2) * a.inv_C;
		for (int64_t k = lane; k < a.C; k += WARP) {
			float ds = a.d0.p ? norm_get(a.d0, at + k) : 0;
			if (a.dy.p)
				ds += rstd * (norm_get(a.dy, at + k) * a.g[k] - m1 - (norm_get(a.s, at + k) - mean) * rstd * m2);
			const float dr = scale * (a.gamma ? a.gamma[k] : 1) * ds;
			if (part && a.gamma)
				part[2 * a.C + k] += scale * norm_get(a.r, at + k) * ds;
			if (a.dx.p)
				norm_put(a.dx, at + k, a.add_x ? norm_get(a.dx, at + k) + ds : ds);
			if (a.dr.p)
				norm_put(a.dr, at + k, a.add_r ? norm_get(a.dr, at + k) + dr : dr);
		}
	}
}

/* The parts, WARP columns a block: its warps share them out, the first one then
 * adds the warps' sums. Up to SUMMERS warps: little is read, but from far away. */
static __global__ void __launch_bounds__(SUMMERS * WARP) params_kernel(const struct norm_params p, const float *part, int64_t parts, int64_t C, int sums)
{
	DYN_SMEM(float, smem);
	const int lane = (int)threadIdx.x % WARP, warp = (int)threadIdx.x / WARP, warps = (int)blockDim.x / WARP;
	const int64_t k = (int64_t)blockIdx.x * WARP + lane;
	float v = 0;
#pragma unroll 8
	for (int64_t i = warp; i < (k < sums * C ? parts : 0); i += warps)
		v += part[i * sums * C + k];
	smem[threadIdx.x] = v;
	__syncthreads();
	if (warp || k >= sums * C)
		return;
	for (int w = 1; w < warps; w++)
		v += smem[w * WARP + lane];
	const int which = (int)(k / C);
	float *to = which == 0 ? p.to[0] : which == 1 ? p.to[1] : p.to[2];
	const int add = which == 0 ? p.add[0] : which == 1 ? p.add[1] : p.add[2];
	if (to)
		to[k - which * C] = add ? to[k - which * C] + v : v;
}

template<class T, int E> static void launch_fast(const struct vit_call *c, const struct norm_back_args &a, int64_t parts)
{
	LAUNCH((back_fast<T, E / vec_of<T>::n>), (unsigned)parts, BLOCK, WARPS * sizeof(struct warp_sums<E>), cuda_stream(c), a);
}

template<class T> static void launch(const struct vit_call *c, const struct norm_back_args &a, int64_t parts, int lane)
{
	switch (lane) {
	case 8:  launch_fast<T, 8>(c, a, parts); break;
	case 16: launch_fast<T, 16>(c, a, parts); break;
	case 24: launch_fast<T, 24>(c, a, parts); break;
	case 32: launch_fast<T, 32>(c, a, parts); break;
	default: LAUNCH(back_any, (unsigned)cuda_ceil(parts, WARPS), BLOCK, 0, cuda_stream(c), a, parts); break;
	}
}

int norm_back_run(const struct vit_call *c, const struct norm_back_args *args, const struct norm_params *p)
{
	struct norm_back_args a = *args;
	const int sums = a.gamma ? 3 : 2, wanted = p->to[0] || p->to[1] || p->to[2];
	a.chunk = norm_chunk(a.rows);
	a.part = wanted ? (float *)c->ws.data : NULL;
	const int64_t parts = cuda_ceil(a.rows, a.chunk);
	const struct norm_any *const all[] = { &a.s, &a.dy, &a.d0, &a.r, &a.dx, &a.dr };
	const float *const param[] = { a.g, a.gamma, a.part };
	int dtype;
	const int lane = norm_lane(a.rows, a.C, all, 6, param, 3, &dtype);
	CUDA_WITH_TYPE(dtype, T, launch<T>(c, a, parts, lane));
	if (wanted) {
		const unsigned block = (unsigned)cuda_min(SUMMERS, parts) * WARP;
		LAUNCH(params_kernel, (unsigned)cuda_ceil(sums * a.C, WARP), block, block * sizeof(float), cuda_stream(c), *p, a.part, parts, a.C, sums);
	}
	return cuda_launched();
}
