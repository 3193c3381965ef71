/* SPDX-License-Identifier: MIT
 *
 * reshape: the same numbers in the same order, another shape. A primitive.
 *
 *   dim[0] VIT_B: as the input's; dim 0: as the input's; one -2: what is left
 *
 * in   x;  out  y
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	const struct vit_reshape_attr *a = c->attr;
	const struct vit_tensor *x = &c->in[0];
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim));
	int64_t dim[VIT_MAXD], known = 1;
	int rest = -1;
	for (int i = 0; i < a->n; i++) {
		dim[i] = a->dim[i];
		if ((dim[i] == 0 || (i == 0 && dim[i] == VIT_B)) && i < x->ndim)
			dim[i] = x->dim[i];
		if (dim[i] == -2)
			rest = i;
		else
			known *= dim[i];
	}
	const int64_t all = vit_inner(x, 0);    /* both count the batch as VIT_B */
	if (rest >= 0 && known && all % known == 0)
		known *= dim[rest] = all / known;
	if (a->n < 1 || a->n > VIT_MAXD || known != all) {
		char text[128];
		return vit_fail(VIT_EMISMATCH, "%s %s: %s does not fit the %d dimensions asked for", c->op, c->name, vit_shape_str(text, sizeof text, x), a->n);
	}
	c->n_out = 1;
	vit_shape_set(&c->out[0], x->dtype, a->n, dim);
	return 0;
}

static int forward(const struct vit_call *c)
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	for (int64_t i = 0; i < n; i++)
		ref_out(c, 0)[i] = ref_in(c, 0)[i];
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t n = vit_tensor_count(&c->out[0]);
	for (int64_t i = 0; i < n && ref_need(c, 0); i++)
		ref_put(c, 0, i, (double)ref_dout(c, 0)[i]);
	return 0;
}

const struct vit_op VIT_OP(reshape) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "reshape", .help = "the same numbers in another shape",
	.attr_size = sizeof(struct vit_reshape_attr),
	.infer = infer, .forward = forward, .backward = backward,
	.alias = 1,
};
