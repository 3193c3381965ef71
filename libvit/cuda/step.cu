/* SPDX-License-Identifier: MIT
 *
 * step.cu - how an optimiser step begins and ends: zero, step_done.
 *
 * zero writes 4 bytes an element, 16 a thread; its first thread clears the sums
 * as well, which saves a launch. step_done is one thread: it moves some 30
 * numbers that nobody else touches meanwhile.
 */
#include "cuda/flat.h"

static __device__ void clear_sums(struct vit_step *s)
{
	s->wsum = s->loss = s->hits = s->gnorm2 = 0;
	s->found_inf = 0;
}

template<int V> static __global__ void zero_kernel(float *g, int64_t n, struct vit_step *s)
{
	int64_t i = flat_at(V);
	if (i == 0)
		clear_sums(s);
	if (i + V <= n) {
		float none[V] = { 0 };
		store_f32<V>(g + i, none);
		return;
	}
	for (; i < n; i++)
		g[i] = 0;
}

static int zero_fit(struct vit_dev *, struct vit_call *c, int back)
{
	return !back && (!c->n_in || c->in[0].dtype == VIT_F32);
}

static int zero(const struct vit_call *c)
{
	float *g = c->n_in ? (float *)c->in[0].data : NULL;
	const int64_t n = g ? vit_tensor_count(&c->in[0]) : 0, threads = n ? n : 1;
	if (flat_aligned(g))
		LAUNCH((zero_kernel<FLAT_VEC>), flat_grid(threads, FLAT_VEC), FLAT_BLOCK, 0, cuda_stream(c), g, n, c->step);
	else
		LAUNCH((zero_kernel<1>), flat_grid(threads, 1), FLAT_BLOCK, 0, cuda_stream(c), g, n, c->step);
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(zero) = { "zero", zero_fit, zero, NULL };

/* ---- step_done -------------------------------------------------------------------- */

#define LEAST_SCALE 0x1p-14f    /* as op/step_done.c: what overflows even so, no scale mends */

/* The dynamic loss scale: Micikevicius et al., 2018. */
static __device__ void move_scale(struct vit_step *s, struct vit_step_attr a)
{
	if (s->found_inf) {
		s->loss_scale *= a.backoff;
		s->good = 0;
	} else if (++s->good >= a.interval) {
		if (s->loss_scale * a.growth < INFINITY)
			s->loss_scale *= a.growth;
		s->good = 0;
	}
}

static __global__ void step_done_kernel(struct vit_step *s, struct vit_step_attr a)
{
	const double scale = s->loss_scale;
	const bool dynamic = a.growth > 0;
	s->last_wsum = s->wsum;
	s->last_loss = s->loss;
	s->last_hits = s->hits;
	s->last_gnorm2 = s->gnorm2 / (scale * scale);
	s->last_inf = s->found_inf;
	s->total_wsum += s->wsum;
	s->total_loss += s->loss;
	s->total_hits += s->hits;
	s->closed++;
	s->done += !s->found_inf;
	s->skipped += s->found_inf != 0;
	if (dynamic)
		move_scale(s, a);
	if (!s->bad && (!is_finite(s->loss) || (dynamic ? s->loss_scale < LEAST_SCALE : s->found_inf != 0)))
		s->bad = s->closed;
	clear_sums(s);
}

static int step_done_fit(struct vit_dev *, struct vit_call *, int back)
{
	return !back;
}

static int step_done(const struct vit_call *c)
{
	LAUNCH(step_done_kernel, 1, 1, 0, cuda_stream(c), c->step, *(const struct vit_step_attr *)c->attr);
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(step_done) = { "step_done", step_done_fit, step_done, NULL };
