/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_adamw_attr plain = { .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .lr_scale = 1 };
static const struct vit_adamw_attr all = { .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-6f, .weight_decay = 0.05f, .clip = 1, .ema_decay = 0.99f, .lr_scale = 0.5f };

static const struct op_case cases[] = {
	{ .label = "n=33", .attr = &plain, .train = 1, .inplace = 13, .in = { IN_RANGE(STATE, VIT_F32, -1, 1, 33), IN_RANGE(STATE, VIT_F32, -1, 1, 33), IN_RANGE(STATE, VIT_F32, -1, 1, 33), IN_RANGE(STATE, VIT_F32, 0, 1, 33),
	          IN_RANGE(STATE, VIT_F32, 0.0001, 0.01, 5) } },
	{ .label = "clip,ema,n=1031", .attr = &all, .train = 1, .inplace = 45, .loss_scale = 16, .in = { IN_RANGE(STATE, VIT_F32, -1, 1, 1031), IN_RANGE(STATE, VIT_F32, -1, 1, 1031), IN_RANGE(STATE, VIT_F32, -1, 1, 1031), IN_RANGE(STATE, VIT_F32, 0, 1, 1031),
	          IN_RANGE(STATE, VIT_F32, 0.0001, 0.01, 5), IN_RANGE(STATE, VIT_F32, -1, 1, 1031) } },
	{ .label = "n=1", .attr = &all, .train = 1, .inplace = 45, .in = { IN_RANGE(STATE, VIT_F32, -1, 1, 1), IN_RANGE(STATE, VIT_F32, -1, 1, 1), IN_RANGE(STATE, VIT_F32, -1, 1, 1), IN_RANGE(STATE, VIT_F32, 0, 1, 1),
	          IN_RANGE(STATE, VIT_F32, 0.0001, 0.01, 5), IN_RANGE(STATE, VIT_F32, -1, 1, 1) } },
};
OP_CASES(adamw, cases)
