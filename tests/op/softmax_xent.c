/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_loss_attr plain = { .weight = 1, .knob = -1 };
static const struct vit_loss_attr smooth = { .weight = 0.5f, .smoothing = 0.1f, .knob = -1 };
static const struct vit_loss_attr knob = { .weight = 1, .knob = VIT_KNOB_ALPHA, .complement = 1 };

static const struct op_case cases[] = {
	{ .label = "B=7,K=10", .attr = &plain, .train = 1, .in = { IN_ACT(7, 10), IN_RANGE(DATA, VIT_I32, 0, 9, 7) } },
	{ .label = "unlabelled,B=7,K=10", .attr = &plain, .train = 1, .in = { IN_ACT(7, 10), IN_RANGE(DATA, VIT_I32, -3, 5, 7) } },
	{ .label = "smooth,scaled,B=33,K=33", .attr = &smooth, .train = 1, .loss_scale = 128,
	  .in = { IN_RANGE(ACT, VIT_F32, -8, 8, 33, 33), IN_RANGE(DATA, VIT_I32, 0, 32, 33) } },
	{ .label = "soft,B=5,K=7", .attr = &smooth, .train = 1, .in = { IN_ACT(5, 7), IN_RANGE(DATA, VIT_F32, 0, 0.5, 5, 7) } },
	{ .label = "knob,B=3,K=2", .attr = &knob, .train = 1, .knob = { 0, 0.25f },
	  .in = { IN_ACT(3, 2), IN_RANGE(DATA, VIT_I32, 0, 1, 3) } },
	{ .label = "B=1,K=1", .attr = &plain, .train = 1, .in = { IN_ACT(1, 1), IN_RANGE(DATA, VIT_I32, 0, 0.5, 1) } },
};
OP_CASES(softmax_xent, cases)
