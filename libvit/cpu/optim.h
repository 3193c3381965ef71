/* SPDX-License-Identifier: MIT
 *
 * optim.h - the update over the flat blocks: one pass over memory each.
 */
#ifndef VIT_CPU_OPTIM_H
#define VIT_CPU_OPTIM_H

#include "cpu/cpu.h"
#include "cpu/vec.h"

enum { FLAT = 16384 };          /* elements per chunk */

static int64_t flat_chunks(int64_t n) { return cpu_ceil(n, FLAT); }

/* What is the same for all elements, worked out in double as the reference does. */
struct adamw { float scale, keep_w, b1, b2, nb1, nb2, lr, inv_fix2, eps, follow; };

static struct adamw adamw_of(const struct vit_call *c)
{
	const struct vit_adamw_attr *a = c->attr;
	const struct vit_step *s = c->step;
	double scale = 0;
	if (s->wsum > 0) {
		double inv = 1 / (s->wsum * (double)s->loss_scale), norm = sqrt(s->gnorm2) * inv;
		scale = a->clip > 0 ? inv * fmin(1, (double)a->clip / (norm + 1e-6)) : inv;
	}
	double t = (double)s->done + 1;
	double lr = (double)((const float *)c->in[4].data)[cpu_min(s->done, c->in[4].dim[0] - 1)] * (double)a->lr_scale;
	double b1 = (double)a->beta1, b2 = (double)a->beta2;
	return (struct adamw){
		.scale = (float)scale, .keep_w = (float)(1 - lr * (double)a->weight_decay), .b1 = a->beta1, .b2 = a->beta2,
		.nb1 = (float)(1 - b1), .nb2 = (float)(1 - b2), .lr = (float)(lr / (1 - pow(b1, t))),
		.inv_fix2 = (float)(1 / sqrt(1 - pow(b2, t))), .eps = a->eps, .follow = (float)(1 - (double)a->ema_decay),
	};
}

static void adamw_chunk(const struct adamw *q, float *w, const float *g, float *m, float *v, float *ema, int64_t n)
{
	for (int64_t i = 0; i < n; i += VL) {
		int64_t left = n - i;
		vf d = v_get(g + i, left) * q->scale, mi = v_get(m + i, left), wi = v_get(w + i, left);
		mi = v_fma(d - mi, v_set(q->nb1), mi);
		vf vi = v_fma(d * d, v_set(q->nb2), v_get(v + i, left) * q->b2);
		wi = wi * q->keep_w - q->lr * mi / v_fma(v_sqrt(vi), v_set(q->inv_fix2), v_set(q->eps));
		v_put(m + i, mi, left);
		v_put(v + i, vi, left);
		v_put(w + i, wi, left);
		if (ema) {
			/* a step towards w: keeps its last bits where decay * ema + ... loses them */
			vf e = v_get(ema + i, left);
			v_put(ema + i, v_fma(wi - e, v_set(q->follow), e), left);
		}
	}
}

static int adamw_forward(const struct vit_call *c)
{
	if (c->step->found_inf)
		return 0;
	const struct adamw q = adamw_of(c);
	const int64_t n = c->in[0].dim[0];
	float *w = c->in[0].data, *m = c->in[2].data, *v = c->in[3].data, *ema = c->n_in > 5 ? c->in[5].data : NULL;
	const float *g = c->in[1].data;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t t = 0; t < flat_chunks(n); t++) {
		int64_t i = t * FLAT;
		adamw_chunk(&q, w + i, g + i, m + i, v + i, ema ? ema + i : NULL, cpu_min(FLAT, n - i));
	}
	return 0;
}

/* Partial sums are doubles in a scratch counted in floats. */
static int grad_norm_fit(const struct vit_call *c, const struct vit_dev *d, int back, int64_t *floats)
{
	(void)d;
	(void)back;
	*floats = 2 * flat_chunks(c->in[0].dim[0]);
	return 1;
}

static double square_sum(const float *g, int64_t n)
{
	double s[16] = { 0 }, sum = 0;
	int64_t i = 0;
	for (; i + 16 <= n; i += 16)
		for (int k = 0; k < 16; k++)
			s[k] += (double)g[i + k] * (double)g[i + k];
	for (; i < n; i++)
		s[i % 16] += (double)g[i] * (double)g[i];
	for (int k = 0; k < 16; k++)
		sum += s[k];
	return sum;
}

static int grad_norm_forward(const struct vit_call *c)
{
	const int64_t n = c->in[0].dim[0], chunks = flat_chunks(n);
	const float *g = c->in[0].data;
	double *part = c->ws.data, sum = 0;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic)
	for (int64_t t = 0; t < chunks; t++)
		part[t] = square_sum(g + t * FLAT, cpu_min(FLAT, n - t * FLAT));
	for (int64_t t = 0; t < chunks; t++)
		sum += part[t];
	c->step->gnorm2 += sum;
	/* squares of finite floats cannot overflow a double */
	c->step->found_inf |= !isfinite(sum);
	return 0;
}

#endif
