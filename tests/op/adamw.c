/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_adamw_attr plain = { .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .lr_scale = 1 };
static const struct vit_adamw_attr full = { .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-6f, .weight_decay = 0.05f, .clip = 1,
                                            .ema_decay = 0.99f, .lr_scale = 0.5f };

/* w, g, m, v (never negative), the learning rates of five steps */
#define ANY(n)   IN_RANGE(STATE, VIT_F32, -1, 1, n)
#define BLOCKS(n) ANY(n), ANY(n), ANY(n), IN_RANGE(STATE, VIT_F32, 0, 1, n), IN_RANGE(STATE, VIT_F32, 0.0001, 0.01, 5)

#define SMALL(n) IN_RANGE(STATE, VIT_F32, -1e-5, 1e-5, n), ANY(n), ANY(n), IN_RANGE(STATE, VIT_F32, 0, 1, n), IN_RANGE(STATE, VIT_F32, 1e-7, 1e-6, 5)
#define COPY(dtype, n) IN_RANGE(STATE, dtype, -1, 1, n)
enum { IN_PLACE = 1 | 4 | 8, EMA = 32, LOW = 64 };

static const struct vit_step weightless = { .done = 1, .loss_scale = 2, .gnorm2 = 4 };
static const struct vit_step late = { .done = 900, .wsum = 4, .loss_scale = 1, .gnorm2 = 1e-4 };

static const struct op_case cases[] = {
	{ .label = "n=33", .attr = &plain, .train = 1, .inplace = IN_PLACE, .in = { BLOCKS(33) } },
	{ .label = "clip,ema,n=1031", .attr = &full, .train = 1, .inplace = IN_PLACE | EMA, .loss_scale = 16, .in = { BLOCKS(1031), ANY(1031) } },
	{ .label = "skipped,n=33", .attr = &full, .train = 1, .found_inf = 1, .in = { BLOCKS(33), ANY(33) } },
	{ .label = "n=1", .attr = &full, .train = 1, .inplace = IN_PLACE | EMA, .in = { BLOCKS(1), ANY(1) } },
	{ .label = "no weight,n=33", .attr = &full, .train = 1, .inplace = IN_PLACE | EMA, .step = &weightless, .in = { BLOCKS(33), ANY(33) } },
	{ .label = "late,n=70001", .attr = &full, .train = 1, .inplace = IN_PLACE | EMA, .step = &late, .in = { BLOCKS(70001), ANY(70001) } },
	{ .label = "bf16,n=1031", .attr = &plain, .train = 1, .inplace = IN_PLACE | LOW, .absent = EMA,
	  .in = { BLOCKS(1031), ANY(1031), COPY(VIT_BF16, 1031) } },
	{ .label = "bf16,ema,n=5003", .attr = &full, .train = 1, .inplace = IN_PLACE | EMA | LOW,
	  .in = { BLOCKS(5003), ANY(5003), COPY(VIT_BF16, 5003) } },
	{ .label = "f16,ema,n=1031", .attr = &full, .train = 1, .inplace = IN_PLACE | EMA | LOW, .loss_scale = 1024,
	  .in = { SMALL(1031), ANY(1031), COPY(VIT_F16, 1031) } },
	{ .label = "f16,n=7", .attr = &full, .train = 1, .inplace = IN_PLACE | LOW, .absent = EMA, .in = { BLOCKS(7), ANY(7), COPY(VIT_F16, 7) } },
	{ .label = "f16,skipped,n=33", .attr = &full, .train = 1, .found_inf = 1, .in = { BLOCKS(33), ANY(33), COPY(VIT_F16, 33) } },
	{ .label = "copy absent,n=33", .attr = &full, .train = 1, .inplace = IN_PLACE | EMA, .absent = LOW,
	  .in = { BLOCKS(33), ANY(33), COPY(VIT_F16, 33) } },
};
OP_CASES(adamw, cases)
