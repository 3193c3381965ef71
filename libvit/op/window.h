/* SPDX-License-Identifier: MIT
 *
 * window.h - square windows over an NHWC image, shared by maxpool and avgpool.
 */
#ifndef VIT_OP_WINDOW_H
#define VIT_OP_WINDOW_H

#include "op/ref.h"

struct window { int64_t y0, y1, x0, x1; };      /* the part of a window that lies in the image */

static inline int window_infer(struct vit_call *c)
{
	const struct vit_window_attr *a = c->attr;
	const int64_t *d = c->in[0].dim;
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, 4, (int64_t[]){ d[0], VIT_ANY_DIM, VIT_ANY_DIM, VIT_ANY_DIM }));
	/* more padding would make windows that hold nothing else */
	if (a->size < 1 || a->stride < 1 || a->pad < 0 || 2 * a->pad > a->size || d[1] + 2 * a->pad < a->size || d[2] + 2 * a->pad < a->size)
		return vit_fail(VIT_EMISMATCH, "%s %s: a window of %d with stride %d and padding %d does not fit %lldx%lld", c->op, c->name, a->size,
		                a->stride, a->pad, (long long)d[1], (long long)d[2]);
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, 4, (int64_t[]){ d[0], (d[1] + 2 * a->pad - a->size) / a->stride + 1,
	              (d[2] + 2 * a->pad - a->size) / a->stride + 1, d[3] });
	return 0;
}

static inline struct window window_at(const struct vit_call *c, int64_t oy, int64_t ox)
{
	const struct vit_window_attr *a = c->attr;
	const int64_t y = oy * a->stride - a->pad, x = ox * a->stride - a->pad;
	return (struct window){ y < 0 ? 0 : y, ref_min(y + a->size, c->in[0].dim[1]), x < 0 ? 0 : x, ref_min(x + a->size, c->in[0].dim[2]) };
}

/* Call f for every output element; at: its index. */
static inline void window_each(const struct vit_call *c, void (*f)(const struct vit_call *, const struct window *, int64_t b, int64_t k, int64_t at))
{
	const int64_t *o = c->out[0].dim;
	int64_t at = 0;
	for (int64_t b = 0; b < o[0]; b++)
		for (int64_t y = 0; y < o[1]; y++)
			for (int64_t x = 0; x < o[2]; x++) {
				const struct window w = window_at(c, y, x);
				for (int64_t k = 0; k < o[3]; k++)
					f(c, &w, b, k, at++);
			}
}

static inline int64_t window_pixel(const struct vit_call *c, int64_t b, int64_t y, int64_t x, int64_t k)
{
	const int64_t *d = c->in[0].dim;
	return ((b * d[1] + y) * d[2] + x) * d[3] + k;
}

/* Windows overlap, so gradients are added one by one: start from zero unless
 * the add bit says to start from what is there. */
static inline void window_start(const struct vit_call *c)
{
	real *dx = c->din[0].data;
	for (int64_t i = 0; !ref_adds(c, 0) && i < vit_tensor_count(&c->in[0]); i++)
		dx[i] = 0;
}

static inline double window_flops(const struct vit_call *c, int back)
{
	const struct vit_window_attr *a = c->attr;
	(void)back;
	return (double)vit_tensor_count(&c->out[0]) * a->size * a->size;
}

#endif
