/* SPDX-License-Identifier: MIT
 *
 * axis.h - a tensor seen as [outer, n, inner] around one axis.
 */
#ifndef VIT_OP_AXIS_H
#define VIT_OP_AXIS_H

#include "op/ref.h"

struct axis { int at; int64_t outer, n, inner; };

/* Negative axes count from the end; the batch is not an axis to cut. */
static inline int axis_infer(const struct vit_call *c, int *at)
{
	const struct vit_axis_attr *a = c->attr;
	const struct vit_tensor *x = &c->in[0];
	*at = a->axis < 0 ? a->axis + x->ndim : a->axis;
	if (*at < 0 || *at >= x->ndim || x->dim[*at] == VIT_B)
		return vit_fail(VIT_EMISMATCH, "%s %s: axis %d of %d dimensions, 1 to %d is possible", c->op, c->name, a->axis, x->ndim, x->ndim - 1);
	return vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim);
}

static inline struct axis axis_of(const struct vit_call *c, const struct vit_tensor *t)
{
	const struct vit_axis_attr *a = c->attr;
	struct axis s = { .at = a->axis < 0 ? a->axis + t->ndim : a->axis, .outer = 1 };
	s.n = t->dim[s.at];
	for (int i = 0; i < s.at; i++)
		s.outer *= t->dim[i];
	s.inner = vit_inner(t, s.at + 1);
	return s;
}

#endif
