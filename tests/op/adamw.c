/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_adamw_attr plain = { .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .lr_scale = 1 };
static const struct vit_adamw_attr full = { .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-6f, .weight_decay = 0.05f, .clip = 1,
                                            .ema_decay = 0.99f, .lr_scale = 0.5f };

/* w, g, m, v (never negative), the learning rates of five steps */
#define ANY(n)   IN_RANGE(STATE, VIT_F32, -1, 1, n)
#define BLOCKS(n) ANY(n), ANY(n), ANY(n), IN_RANGE(STATE, VIT_F32, 0, 1, n), IN_RANGE(STATE, VIT_F32, 0.0001, 0.01, 5)

static const struct op_case cases[] = {
	{ .label = "n=33", .attr = &plain, .train = 1, .inplace = 1 | 4 | 8, .in = { BLOCKS(33) } },
	{ .label = "clip,ema,n=1031", .attr = &full, .train = 1, .inplace = 1 | 4 | 8 | 32, .loss_scale = 16, .in = { BLOCKS(1031), ANY(1031) } },
	{ .label = "skipped,n=33", .attr = &full, .train = 1, .found_inf = 1, .in = { BLOCKS(33), ANY(33) } },
	{ .label = "n=1", .attr = &full, .train = 1, .inplace = 1 | 4 | 8 | 32, .in = { BLOCKS(1), ANY(1) } },
};
OP_CASES(adamw, cases)
