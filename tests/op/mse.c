/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_loss_attr plain = { .weight = 1, .knob = -1 };
static const struct vit_loss_attr half = { .weight = 0.5f, .knob = -1 };

static const struct op_case cases[] = {
	{ .label = "B=7,T=3,C=11", .attr = &plain, .train = 1, .in = { IN_ACT(7, 3, 11), IN_ACT(7, 3, 11) } },
	{ .label = "scaled,B=1,C=1", .attr = &plain, .train = 1, .loss_scale = 64, .in = { IN_ACT(1, 1), IN_ACT(1, 1) } },
	{ .big = 1, .label = "B=3,T=17,C=192", .attr = &half, .train = 1, .in = { IN_ACT(3, 17, 192), IN_ACT(3, 17, 192) } },
	{ .label = "target,B=5,C=1001", .attr = &plain, .train = 1, .in = { IN_ACT(5, 1001), IN_RANGE(DATA, VIT_F32, -1, 1, 5, 1001) } },
	{ .label = "B=33,C=7", .attr = &half, .train = 1, .in = { IN_ACT(33, 7), IN_ACT(33, 7) } },
};
OP_CASES(mse, cases)
