/* SPDX-License-Identifier: MIT
 *
 * lower.cu - blocks beside the parameters: lower, the 16-bit copy of a flat f32
 * block (6 bytes an element), and ema_state, the average of the state
 * (12 bytes an element). A thread takes 16 bytes of f32.
 */
#include "cuda/flat.h"

template<class T, int V> static __global__ void lower_kernel(T *to, const float *from, int64_t n)
{
	int64_t i = flat_at(V);
	if (i + V <= n) {
		float x[V];
		load_f32<V>(x, from + i);
		store_f32<V>(to + i, x);
		return;
	}
	for (; i < n; i++)
		to[i] = from_f32<T>(from[i]);
}

static int lower_fit(struct vit_dev *, struct vit_call *c, int back)
{
	return !back && c->in[0].dtype == VIT_F32 && (c->in[1].dtype == VIT_BF16 || c->in[1].dtype == VIT_F16);
}

template<class T> static void lower_to(const struct vit_call *c, T *to)
{
	const float *from = (const float *)c->in[0].data;
	const int64_t n = vit_tensor_count(&c->in[0]);
	if (flat_aligned(from) && flat_aligned(to))
		LAUNCH((lower_kernel<T, FLAT_VEC>), flat_grid(n, FLAT_VEC), FLAT_BLOCK, 0, cuda_stream(c), to, from, n);
	else
		LAUNCH((lower_kernel<T, 1>), flat_grid(n, 1), FLAT_BLOCK, 0, cuda_stream(c), to, from, n);
}

static int lower(const struct vit_call *c)
{
	if (!vit_tensor_count(&c->in[0]))
		return 0;
	if (c->in[1].dtype == VIT_BF16)
		lower_to(c, (bf16 *)c->in[1].data);
	else
		lower_to(c, (f16 *)c->in[1].data);
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(lower) = { "lower", lower_fit, lower, NULL };

/* ---- ema_state -------------------------------------------------------------------- */

template<int V> static __global__ void ema_kernel(float *ema, const float *state, int64_t n, float keep, const struct vit_step *s)
{
	int64_t i = flat_at(V);
	if (s->found_inf)
		return;
	if (i + V <= n) {
		float e[V], x[V];
		load_f32<V>(e, ema + i);
		load_f32<V>(x, state + i);
#pragma unroll
		for (int k = 0; k < V; k++)
			e[k] = keep * e[k] + (1 - keep) * x[k];
		store_f32<V>(ema + i, e);
		return;
	}
	for (; i < n; i++)
		ema[i] = keep * ema[i] + (1 - keep) * state[i];
}

static int ema_state_fit(struct vit_dev *, struct vit_call *c, int back)
{
	return !back && c->in[0].dtype == VIT_F32 && c->in[1].dtype == VIT_F32;
}

static int ema_state(const struct vit_call *c)
{
	const struct vit_adamw_attr *a = (const struct vit_adamw_attr *)c->attr;
	const float *state = (const float *)c->in[0].data;
	float *ema = (float *)c->in[1].data;
	const int64_t n = vit_tensor_count(&c->in[0]);
	if (!n)
		return 0;
	if (flat_aligned(state) && flat_aligned(ema))
		LAUNCH((ema_kernel<FLAT_VEC>), flat_grid(n, FLAT_VEC), FLAT_BLOCK, 0, cuda_stream(c), ema, state, n, a->ema_decay, c->step);
	else
		LAUNCH((ema_kernel<1>), flat_grid(n, 1), FLAT_BLOCK, 0, cuda_stream(c), ema, state, n, a->ema_decay, c->step);
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(ema_state) = { "ema_state", ema_state_fit, ema_state, NULL };
