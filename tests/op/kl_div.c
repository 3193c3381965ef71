/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_loss_attr plain = { .weight = 1, .knob = -1 };
static const struct vit_loss_attr knob = { .weight = 1, .knob = VIT_KNOB_ALPHA, .complement = 1 };

static const struct op_case cases[] = {
	{ .label = "T=3,B=7,K=10", .attr = &knob, .train = 1, .knob = { 0, 0.25f, 3 },
	  .in = { IN_ACT(7, 10), IN_RANGE(DATA, VIT_F32, -4, 4, 7, 10) } },
	{ .label = "B=33,K=33", .attr = &plain, .train = 1, .loss_scale = 8,
	  .in = { IN_RANGE(ACT, VIT_F32, -4, 4, 33, 33), IN_RANGE(DATA, VIT_F32, -4, 4, 33, 33) } },
	{ .big = 1, .label = "T=2,B=5,K=1000", .attr = &plain, .train = 1, .knob = { 0, 0, 2 },
	  .in = { IN_RANGE(ACT, VIT_F32, -8, 8, 5, 1000), IN_RANGE(DATA, VIT_F32, -8, 8, 5, 1000) } },
	{ .label = "T=4,B=300,K=10", .attr = &knob, .train = 1, .knob = { 0, 0.75f, 4 }, .loss_scale = 65536,
	  .in = { IN_RANGE(ACT, VIT_F32, -4, 4, 300, 10), IN_RANGE(DATA, VIT_F32, -4, 4, 300, 10) } },
	{ .label = "T=0.5,B=1,K=2", .attr = &plain, .train = 1, .knob = { 0, 0, 0.5f },
	  .in = { IN_ACT(1, 2), IN_RANGE(DATA, VIT_F32, -1, 1, 1, 2) } },
};
OP_CASES(kl_div, cases)
