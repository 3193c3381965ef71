/* SPDX-License-Identifier: MIT
 *
 * transpose: y's dimension i is x's dimension perm[i]. A primitive.
 *
 * in   x;  out  y. The batch stays first.
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	const struct vit_perm_attr *a = c->attr;
	const struct vit_tensor *x = &c->in[0];
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim));
	unsigned seen = 0;
	for (int i = 0; i < a->n && i < VIT_MAXD; i++)
		seen |= a->perm[i] >= 0 && a->perm[i] < VIT_MAXD ? 1u << a->perm[i] : 0;
	if (a->n != x->ndim || seen != (1u << a->n) - 1 || (x->dim[0] == VIT_B && a->perm[0]))
		return vit_fail(VIT_EMISMATCH, "%s %s: not a permutation of %d dimensions that keeps the batch first", c->op, c->name, x->ndim);
	int64_t dim[VIT_MAXD];
	for (int i = 0; i < a->n; i++)
		dim[i] = x->dim[a->perm[i]];
	c->n_out = 1;
	vit_shape_set(&c->out[0], x->dtype, a->n, dim);
	return 0;
}

/* Element of x that element `at` of y is. */
static int64_t source(const struct vit_call *c, int64_t at)
{
	const struct vit_perm_attr *a = c->attr;
	int64_t offset = 0;
	for (int i = a->n - 1; i >= 0; i--) {
		offset += at % c->out[0].dim[i] * vit_inner(&c->in[0], a->perm[i] + 1);
		at /= c->out[0].dim[i];
	}
	return offset;
}

static int forward(const struct vit_call *c)
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	for (int64_t i = 0; i < n; i++)
		ref_out(c, 0)[i] = ref_in(c, 0)[source(c, i)];
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	for (int64_t i = 0; i < n && ref_need(c, 0); i++)
		ref_put(c, 0, source(c, i), (double)ref_dout(c, 0)[i]);
	return 0;
}

const struct vit_op VIT_OP(transpose) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "transpose", .help = "dimensions in another order",
	.attr_size = sizeof(struct vit_perm_attr),
	.infer = infer, .forward = forward, .backward = backward,
};
