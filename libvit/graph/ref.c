/* SPDX-License-Identifier: MIT
 *
 * ref.c - the reference backends: host memory and every op's own code, in f32
 * and in f64. They have no kernels to find, so a plan takes the ops'.
 */
#include "graph/internal.h"

#include <stdlib.h>
#include <string.h>

static int ref_open(struct vit_dev **dev, const char *spec, int threads)
{
	(void)threads;
	*dev = NULL;
	return *spec ? vit_fail(VIT_EUSAGE, "device ref takes no argument, not \"%s\"", spec) : 0;
}

static void ref_close(struct vit_dev *dev)
{
	(void)dev;
}

static const char *ref_describe(struct vit_dev *dev)
{
	(void)dev;
	return "reference kernels, 1 thread";
}

static void *ref_alloc(struct vit_dev *dev, size_t n, int pinned)
{
	(void)dev;
	(void)pinned;
	return vit_aligned_alloc(n);
}

static void ref_free(struct vit_dev *dev, void *p, int pinned)
{
	(void)dev;
	(void)pinned;
	free(p);
}

static int ref_copy(struct vit_dev *dev, void *to, const void *from, size_t n, int dir)
{
	(void)dev;
	(void)dir;
	if (n)
		memcpy(to, from, n);
	return 0;
}

static int ref_sync(struct vit_dev *dev)
{
	(void)dev;
	return 0;
}

static vit_kernel ref_find(struct vit_dev *dev, struct vit_call *c, int back)
{
	(void)dev;
	(void)c;
	(void)back;
	return NULL;
}

#define REFERENCE(label) { \
	.module = { .size = sizeof(struct vit_backend) }, .name = label, .open = ref_open, .close = ref_close, \
	.describe = ref_describe, .alloc = ref_alloc, .free = ref_free, .copy = ref_copy, .sync = ref_sync, \
	.find = ref_find, .host = 1, \
}
const struct vit_backend vit_backend_ref = REFERENCE("ref");
const struct vit_backend vit_backend_ref_f64 = REFERENCE("ref_f64");

/* ---- what touches flat blocks ---------------------------------------------------------- */

static int zero(const struct vit_call *c)
{
	if (c->n_in && c->in[0].data)
		memset(c->in[0].data, 0, vit_tensor_bytes(&c->in[0]));
	struct vit_step *s = c->step;
	s->wsum = s->loss = s->hits = s->gnorm2 = 0;
	s->found_inf = 0;
	return 0;
}

/* A step that the optimiser skips moves no average either. */
static int ema_f32(const struct vit_call *c)
{
	const struct vit_adamw_attr *a = c->attr;
	const float *state = c->in[0].data, d = a->ema_decay;
	float *ema = c->in[1].data;
	for (int64_t i = 0; i < c->in[0].dim[0] && !c->step->found_inf; i++)
		ema[i] = d * ema[i] + (1 - d) * state[i];
	return 0;
}

static int ema_f64(const struct vit_call *c)
{
	const struct vit_adamw_attr *a = c->attr;
	const double *state = c->in[0].data, d = (double)a->ema_decay;
	double *ema = c->in[1].data;
	for (int64_t i = 0; i < c->in[0].dim[0] && !c->step->found_inf; i++)
		ema[i] = d * ema[i] + (1 - d) * state[i];
	return 0;
}

static int lower(const struct vit_call *c)
{
	const float *w = c->in[0].data;
	uint16_t *copy = c->in[1].data;
	for (int64_t i = 0; i < c->in[0].dim[0]; i++)
		copy[i] = c->in[1].dtype == VIT_BF16 ? vit_f32_to_bf16(w[i]) : vit_f32_to_f16(w[i]);
	return 0;
}

vit_kernel vit_ref_block_kernel(const char *name, int dtype)
{
	if (!strcmp(name, "zero"))
		return zero;
	if (!strcmp(name, "ema_state"))
		return dtype == VIT_F64 ? ema_f64 : ema_f32;
	if (!strcmp(name, "lower") && dtype == VIT_F32)
		return lower;
	return NULL;
}
