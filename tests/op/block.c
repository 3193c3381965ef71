/* SPDX-License-Identifier: MIT
 *
 * block.c - what a backend does to flat blocks (graph/backend.h): "zero",
 * "ema_state" and "lower". They are found like ops, so here they are ops, with
 * a reference for f32 and f64 memory alike.
 */
#include "check.h"

static int infer(struct vit_call *c)
{
	(void)c;
	return 0;
}

static double get(const struct vit_call *c, int i, int64_t at)
{
	return element_get(c->in[i].data, c->in[i].dtype, at);
}

static void set(const struct vit_call *c, int i, int64_t at, double v)
{
	element_set(c->in[i].data, c->in[i].dtype, at, v);
}

static int zero(const struct vit_call *c)
{
	for (int64_t i = 0; c->n_in && i < c->in[0].dim[0]; i++)
		set(c, 0, i, 0);
	struct vit_step *s = c->step;
	s->wsum = s->loss = s->hits = s->gnorm2 = 0;
	s->found_inf = 0;
	return 0;
}

static int ema_state(const struct vit_call *c)
{
	const double d = (double)((const struct vit_adamw_attr *)c->attr)->ema_decay;
	for (int64_t i = 0; i < c->in[0].dim[0] && !c->step->found_inf; i++)
		set(c, 1, i, d * get(c, 1, i) + (1 - d) * get(c, 0, i));
	return 0;
}

static int lower(const struct vit_call *c)
{
	for (int64_t i = 0; i < c->in[0].dim[0]; i++)
		set(c, 1, i, get(c, 0, i));
	return 0;
}

static const struct vit_op ops[] = {
	{ .name = "zero", .infer = infer, .forward = zero },
	{ .name = "ema_state", .infer = infer, .forward = ema_state },
	{ .name = "lower", .infer = infer, .forward = lower },
};

#define ANY(n)         IN_RANGE(STATE, VIT_F32, -2, 2, n)
#define COPY(dtype, n) IN_RANGE(STATE, dtype, -1, 1, n)
/* from what becomes subnormal in f16 to what becomes infinite */
#define WIDE(n)        IN_RANGE(STATE, VIT_F32, -7e4, 7e4, n)
#define SMALL(n)       IN_RANGE(STATE, VIT_F32, -1e-5, 1e-5, n)
static const struct vit_adamw_attr ema = { .ema_decay = 0.75f };

static const struct { int op; struct op_case of; } cases[] = {
	{ 0, { .label = "n=0", .found_inf = 1 } },
	{ 0, { .label = "n=1", .inplace = 1, .in = { ANY(1) } } },
	{ 0, { .label = "n=70001", .inplace = 1, .found_inf = 1, .in = { ANY(70001) } } },
	{ 1, { .label = "n=33", .attr = &ema, .inplace = 2, .in = { ANY(33), ANY(33) } } },
	{ 1, { .label = "n=5003", .attr = &ema, .inplace = 2, .in = { ANY(5003), ANY(5003) } } },
	{ 1, { .label = "skipped,n=33", .attr = &ema, .found_inf = 1, .in = { ANY(33), ANY(33) } } },
	{ 2, { .label = "bf16,n=1", .inplace = 2, .in = { ANY(1), COPY(VIT_BF16, 1) } } },
	{ 2, { .label = "bf16,n=5003", .inplace = 2, .in = { WIDE(5003), COPY(VIT_BF16, 5003) } } },
	{ 2, { .label = "f16,n=5003", .inplace = 2, .in = { WIDE(5003), COPY(VIT_F16, 5003) } } },
	{ 2, { .label = "f16,small,n=70001", .inplace = 2, .in = { SMALL(70001), COPY(VIT_F16, 70001) } } },
};

int block_case(int i, struct ops *op, const struct op_case **of)
{
	if (i >= (int)(sizeof cases / sizeof cases[0]))
		return 0;
	*op = (struct ops){ &ops[cases[i].op], &ops[cases[i].op] };
	*of = &cases[i].of;
	return 1;
}
