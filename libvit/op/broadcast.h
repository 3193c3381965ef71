/* SPDX-License-Identifier: MIT
 *
 * broadcast.h - z = f(x, y) element by element, with numpy's broadcasting:
 * shapes are aligned at their last dimension, and 1 repeats.
 */
#ifndef VIT_OP_BROADCAST_H
#define VIT_OP_BROADCAST_H

#include "op/ref.h"

static inline int broadcast_infer(struct vit_call *c)
{
	VIT_TRY(vit_want_n(c, 2, 2));
	const struct vit_tensor *x = &c->in[0], *y = &c->in[1];
	for (int i = 0; i < 2; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, c->in[i].ndim, c->in[i].dim));
	const int n = x->ndim > y->ndim ? x->ndim : y->ndim;
	int64_t dim[VIT_MAXD];
	for (int i = 0; i < n; i++) {
		const int ix = i - n + x->ndim, iy = i - n + y->ndim;
		const int64_t dx = ix < 0 ? 1 : x->dim[ix], dy = iy < 0 ? 1 : y->dim[iy];
		if (dx != dy && dx != 1 && dy != 1) {
			char a[128], b[128];
			return vit_fail(VIT_EMISMATCH, "%s %s: %s does not broadcast with %s", c->op, c->name,
			                vit_shape_str(a, sizeof a, x), vit_shape_str(b, sizeof b, y));
		}
		dim[i] = dx == 1 ? dy : dx;
	}
	c->n_out = 1;
	vit_shape_set(&c->out[0], x->dtype, n, dim);
	return 0;
}

/* Element of t that out element `at` reads. */
static inline int64_t broadcast_at(const struct vit_tensor *t, const struct vit_tensor *out, int64_t at)
{
	int64_t offset = 0, stride = 1;
	for (int i = out->ndim - 1; i >= 0; i--) {
		const int64_t k = at % out->dim[i];
		const int j = i - out->ndim + t->ndim;
		at /= out->dim[i];
		if (j < 0)
			continue;
		if (t->dim[j] > 1)
			offset += k * stride;
		stride *= t->dim[j];
	}
	return offset;
}

/* The first out element that reads element `at` of t: repeated dimensions at 0. */
static inline int64_t broadcast_first(const struct vit_tensor *t, const struct vit_tensor *out, int64_t at)
{
	int64_t offset = 0, stride = 1;
	for (int i = out->ndim - 1; i >= 0; i--) {
		const int j = i - out->ndim + t->ndim;
		if (j >= 0) {
			offset += at % t->dim[j] * stride;
			at /= t->dim[j];
		}
		stride *= out->dim[i];
	}
	return offset;
}

/* Offset from the first to the r-th out element that reads the same one of t. */
static inline int64_t broadcast_repeat(const struct vit_tensor *t, const struct vit_tensor *out, int64_t r)
{
	int64_t offset = 0, stride = 1;
	for (int i = out->ndim - 1; i >= 0; i--) {
		const int j = i - out->ndim + t->ndim;
		if (j < 0 || t->dim[j] != out->dim[i]) {
			offset += r % out->dim[i] * stride;
			r /= out->dim[i];
		}
		stride *= out->dim[i];
	}
	return offset;
}

static inline int broadcast_forward(const struct vit_call *c, double (*f)(double x, double y))
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	for (int64_t i = 0; i < n; i++)
		ref_out(c, 0)[i] = (real)f((double)ref_in(c, 0)[broadcast_at(&c->in[0], &c->out[0], i)],
		                           (double)ref_in(c, 1)[broadcast_at(&c->in[1], &c->out[0], i)]);
	return 0;
}

/* An input that backward was not promised (keep_in) may be gone; df then ignores it. */
static inline double broadcast_value(const struct vit_call *c, int i, int64_t at)
{
	return c->in[i].data ? (double)ref_in(c, i)[broadcast_at(&c->in[i], &c->out[0], at)] : 0;
}

/* df: derivative of f by x (which 0) or y (which 1). */
static inline int broadcast_backward(const struct vit_call *c, double (*df)(int which, double x, double y))
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	for (int which = 0; which < 2; which++) {
		if (!ref_need(c, which))
			continue;
		const struct vit_tensor *t = &c->in[which];
		const int64_t own = vit_tensor_count(t);
		for (int64_t i = 0; i < own; i++) {
			const int64_t first = broadcast_first(t, &c->out[0], i);
			double sum = 0;
			for (int64_t r = 0; r < n / own; r++) {
				const int64_t at = first + broadcast_repeat(t, &c->out[0], r);
				sum += (double)ref_dout(c, 0)[at] * df(which, broadcast_value(c, 0, at), broadcast_value(c, 1, at));
			}
			ref_put(c, which, i, sum);
		}
	}
	return 0;
}

static inline double broadcast_flops(const struct vit_call *c, int back)
{
	return (back ? 2.0 : 1.0) * (double)vit_tensor_count(&c->out[0]);
}

#endif
