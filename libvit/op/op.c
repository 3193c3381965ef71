/* SPDX-License-Identifier: MIT
 *
 * op.c - look-up by name, and what infer functions share.
 */
#include "op/op.h"

#include <string.h>

const struct vit_op *vit_op_by_name(const char *name)
{
	for (const struct vit_op *const *op = vit_ops; *op; op++)
		if (!strcmp((*op)->name, name))
			return *op;
	return NULL;
}

void vit_shape_set(struct vit_tensor *t, int dtype, int ndim, const int64_t *dim)
{
	int64_t copy[VIT_MAXD];         /* dim may be t's own */
	for (int i = 0; i < ndim; i++)
		copy[i] = dim[i];
	memset(t->dim, 0, sizeof t->dim);
	memcpy(t->dim, copy, (size_t)ndim * sizeof copy[0]);
	t->dtype = dtype;
	t->ndim = ndim;
}

int64_t vit_inner(const struct vit_tensor *t, int from)
{
	int64_t n = 1;
	for (int i = from; i < t->ndim; i++)
		n *= t->dim[i];
	return n;
}

float vit_knob(const struct vit_step *step, int knob, float constant)
{
	return knob < 0 || knob >= VIT_MAXKNOB || !step ? constant : step->knob[knob];
}

int vit_want_n(const struct vit_call *c, int least, int most)
{
	if (c->n_in < least || c->n_in > most)
		return vit_fail(VIT_EMISMATCH, "%s %s: %d inputs, %d to %d are wanted", c->op, c->name, c->n_in, least, most);
	return 0;
}

int vit_want(const struct vit_call *c, int i, int dtype, int ndim, const int64_t *dim)
{
	const struct vit_tensor *t = &c->in[i];
	int ok = t->ndim == ndim && (dtype == VIT_ANY_FLOAT ? vit_dtypes[t->dtype].is_float : t->dtype == dtype);
	for (int k = 0; ok && k < ndim; k++)
		ok = dim[k] == VIT_ANY_DIM || dim[k] == t->dim[k];
	if (ok)
		return 0;
	struct vit_tensor want = { .dtype = dtype == VIT_ANY_FLOAT ? VIT_F32 : dtype };
	vit_shape_set(&want, want.dtype, ndim, dim);
	char have[128], need[128];
	return vit_fail(VIT_EMISMATCH, "%s %s: input %d is %s, wanted is %s (%d: the batch, %d: any)", c->op, c->name, i,
	                vit_shape_str(have, sizeof have, t), vit_shape_str(need, sizeof need, &want), VIT_B, VIT_ANY_DIM);
}
