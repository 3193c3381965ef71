/* SPDX-License-Identifier: MIT
 *
 * adamw.cu - the update of a range of the flat blocks in one pass: w, g, m, v
 * read, w, m, v written, 28 bytes an element, 36 with EMA, 2 more with the 16-bit
 * copy. A thread has 16 bytes of each block, so four or five loads are under way
 * at once; the grid follows from the length.
 *
 * What is the same for all elements takes powers in double: one thread works it
 * out, before the pass.
 */
#include "cuda/flat.h"

struct adamw_rate {
	float scale, keep_w, nb1, b2, nb2, lr, inv_fix2, eps, follow;
	int skip;                       /* a gradient was not finite */
};

/* w, m, v, ema NULL, copy NULL: absent. */
struct adamw_blocks {
	float *w, *m, *v, *ema;
	const float *g;
	void *copy;
	int64_t n;
};

/* What every gradient is multiplied with: no weight, no gradient. */
static __device__ double gradient_scale(const struct vit_step *s, double clip)
{
	if (!(s->wsum > 0))
		return 0;
	const double inv = 1 / (s->wsum * (double)s->loss_scale), norm = sqrt(s->gnorm2) * inv;
	return clip > 0 ? inv * fmin(1.0, clip / (norm + 1e-6)) : inv;
}

static __global__ void rate_kernel(const struct vit_adamw_attr a, const struct vit_step *s, const float *table, int64_t steps, struct adamw_rate *r)
{
	const double t = (double)s->done + 1, b1 = (double)a.beta1, b2 = (double)a.beta2;
	const double lr = (double)table[s->done < steps ? s->done : steps - 1] * (double)a.lr_scale;
	r->skip = s->found_inf;
	r->scale = (float)gradient_scale(s, (double)a.clip);
	r->keep_w = (float)(1 - lr * (double)a.weight_decay);
	r->nb1 = (float)(1 - b1);
	r->b2 = a.beta2;
	r->nb2 = (float)(1 - b2);
	r->lr = (float)(lr / (1 - pow(b1, t)));
	r->inv_fix2 = (float)(1 / sqrt(1 - pow(b2, t)));
	r->eps = a.eps;
	r->follow = (float)(1 - (double)a.ema_decay);
}

/* Elements i .. i + V. The EMA makes a step towards w, which keeps the last bits
 * that decay * ema + ... loses. */
template<class T, int V> static __device__ __forceinline__ void update(const struct adamw_blocks &p, const struct adamw_rate &r, int64_t i)
{
	float w[V], g[V], m[V], v[V], ema[V];
	load_f32<V>(w, p.w + i);
	load_f32<V>(g, p.g + i);
	load_f32<V>(m, p.m + i);
	load_f32<V>(v, p.v + i);
	if (p.ema)
		load_f32<V>(ema, p.ema + i);
#pragma unroll
	for (int k = 0; k < V; k++) {
		const float d = g[k] * r.scale;
		m[k] = fmaf(d - m[k], r.nb1, m[k]);
		v[k] = fmaf(d * d, r.nb2, v[k] * r.b2);
		w[k] = w[k] * r.keep_w - r.lr * m[k] / fmaf(sqrtf(v[k]), r.inv_fix2, r.eps);
		if (p.ema)
			ema[k] = fmaf(w[k] - ema[k], r.follow, ema[k]);
	}
	store_f32<V>(p.m + i, m);
	store_f32<V>(p.v + i, v);
	store_f32<V>(p.w + i, w);
	if (p.ema)
		store_f32<V>(p.ema + i, ema);
	if (p.copy)
		store_f32<V>((T *)p.copy + i, w);
}

template<class T, int V> static __global__ void __launch_bounds__(FLAT_BLOCK) update_kernel(const struct adamw_blocks p, const struct adamw_rate *rate)
{
	const struct adamw_rate r = *rate;
	int64_t i = flat_at(V);
	if (r.skip)
		return;
	if (i + V <= p.n) {
		update<T, V>(p, r, i);
		return;
	}
	for (; i < p.n; i++)
		update<T, 1>(p, r, i);
}

static int adamw_fit(struct vit_dev *, struct vit_call *c, int back)
{
	if (back)
		return 0;
	for (int i = 0; i < c->n_in && i < 6; i++)
		if (c->in[i].dtype != VIT_F32)
			return 0;
	if (c->n_in > 6 && c->in[6].dtype != VIT_BF16 && c->in[6].dtype != VIT_F16)
		return 0;
	cuda_scratch(c, sizeof(struct adamw_rate));
	return 1;
}

template<class T> static void launch(const struct vit_call *c, const struct adamw_blocks &p, const struct adamw_rate *r)
{
	const void *const all[] = { p.w, p.g, p.m, p.v, p.ema, p.copy };
	bool aligned = true;
	for (int i = 0; i < 6; i++)
		aligned = aligned && flat_aligned(all[i]);
	if (aligned)
		LAUNCH((update_kernel<T, FLAT_VEC>), flat_grid(p.n, FLAT_VEC), FLAT_BLOCK, 0, cuda_stream(c), p, r);
	else
		LAUNCH((update_kernel<T, 1>), flat_grid(p.n, 1), FLAT_BLOCK, 0, cuda_stream(c), p, r);
}

static int adamw(const struct vit_call *c)
{
	struct adamw_rate *r = (struct adamw_rate *)c->ws.data;
	struct adamw_blocks p = {};
	p.w = (float *)c->in[0].data;
	p.g = (const float *)c->in[1].data;
	p.m = (float *)c->in[2].data;
	p.v = (float *)c->in[3].data;
	p.ema = c->n_in > 5 ? (float *)c->in[5].data : NULL;
	p.copy = c->n_in > 6 ? c->in[6].data : NULL;
	p.n = vit_tensor_count(&c->in[0]);
	if (!p.n)
		return 0;
	LAUNCH(rate_kernel, 1, 1, 0, cuda_stream(c), *(const struct vit_adamw_attr *)c->attr, c->step, (const float *)c->in[4].data, c->in[4].dim[0], r);
	if (p.copy && c->in[6].dtype == VIT_F16)
		launch<f16>(c, p, r);
	else
		launch<bf16>(c, p, r);
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(adamw) = { "adamw", adamw_fit, adamw, NULL };
