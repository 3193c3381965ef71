/* SPDX-License-Identifier: MIT
 *
 * attention: which kernels, by dtype, tokens and head size (attention.h).
 */
#include "cuda/attention.h"

#include <stdlib.h>

/* The first that fits. */
static const struct attention_kind *const kinds[] = {
	&attention_short, &attention_long, &attention_any, NULL
};

struct chosen {
	struct cuda_state base;
	const struct attention_kind *kind;
};

static const struct attention_kind *kind_of(const struct vit_call *c)
{
	return ((const struct chosen *)c->state)->kind;
}

static int fit(struct vit_dev *dev, struct vit_call *c, int back)
{
	const struct attention_kind *const *k = kinds;
	while (*k && !(*k)->fit(dev, c, back))
		k++;
	struct chosen *s = *k ? (struct chosen *)calloc(1, sizeof *s) : NULL;
	if (!s)
		return 0;
	s->base.dev = dev;
	s->kind = *k;
	c->state = s;
	return 1;
}

static int forward(const struct vit_call *c)
{
	return kind_of(c)->forward(c);
}

static int backward(const struct vit_call *c)
{
	if (!cuda_need(c, 0))
		return 0;
	if (c->dout[0].data)
		return kind_of(c)->backward(c);
	if (cuda_adds(c, 0))
		return 0;
	return cuda_check(cudaMemsetAsync(c->din[0].data, 0, vit_tensor_bytes(&c->din[0]), cuda_stream(c)));
}

extern "C" const struct cuda_op CUDA_OP(attention) = { "attention", fit, forward, backward };
