/* SPDX-License-Identifier: MIT
 *
 * lowered.c - a reference on 16-bit memory: widen what is lowered, run the op's
 * own f32 code, round what it wrote. One honest rounding, for checking the
 * tolerances and the machinery where no card is.
 */
#include "check.h"

#include <stdlib.h>

enum { TENSORS = 2 * VIT_MAXIO + 3 * VIT_MAXOUT };

static struct vit_tensor *nth(struct vit_call *c, int i)
{
	struct vit_tensor *const group[] = { c->in, c->out, c->aux, c->din, c->dout };
	const int size[] = { VIT_MAXIO, VIT_MAXOUT, VIT_MAXOUT, VIT_MAXIO, VIT_MAXOUT };
	int g = 0;
	for (; i >= size[g]; g++)
		i -= size[g];
	return group[g] + i;
}

static void convert(struct vit_tensor *to, const struct vit_tensor *from)
{
	for (int64_t i = 0; i < vit_tensor_count(from); i++)
		element_set(to->data, to->dtype, i, element_get(from->data, from->dtype, i));
}

static int run(const struct vit_call *low, vit_kernel kernel)
{
	struct vit_call given = *low, wide = *low;
	int rc = 0;
	for (int i = 0; i < TENSORS && !rc; i++) {
		struct vit_tensor *t = nth(&wide, i);
		if (!t->data || (t->dtype != VIT_BF16 && t->dtype != VIT_F16))
			continue;
		t->dtype = VIT_F32;
		t->data = vit_aligned_alloc(vit_tensor_bytes(t));
		if (t->data)
			convert(t, nth(&given, i));
		else
			rc = VIT_ENOMEM;
	}
	if (!rc)
		rc = kernel(&wide);
	for (int i = 0; i < TENSORS; i++) {
		struct vit_tensor *t = nth(&wide, i), *to = nth(&given, i);
		if (t->data == to->data)
			continue;
		if (!rc)
			convert(to, t);
		free(t->data);
	}
	return rc;
}

int lowered_forward(const struct vit_call *c)
{
	return run(c, vit_op_by_name(c->op)->forward);
}

int lowered_backward(const struct vit_call *c)
{
	return run(c, vit_op_by_name(c->op)->backward);
}
