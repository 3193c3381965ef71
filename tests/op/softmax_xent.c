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
	{ .big = 1, .label = "smooth,B=3,K=1000", .attr = &smooth, .train = 1,
	  .in = { IN_RANGE(ACT, VIT_F32, -8, 8, 3, 1000), IN_RANGE(DATA, VIT_I32, 0, 999, 3) } },
	{ .label = "soft,scaled,B=9,K=100", .attr = &smooth, .train = 1, .loss_scale = 65536,
	  .in = { IN_ACT(9, 100), IN_RANGE(DATA, VIT_F32, 0, 0.02, 9, 100) } },
	/* largest logits are equal: the first one counts */
	{ .label = "ties,B=33,K=7", .attr = &plain, .train = 1, .in = { IN_RANGE(ACT, VIT_F32, 1, 1.0000003, 33, 7), IN_RANGE(DATA, VIT_I32, 0, 1, 33) } },
	/* and of those that one lane of a warp meets */
	{ .label = "ties,B=33,K=100", .attr = &plain, .train = 1, .in = { IN_RANGE(ACT, VIT_F32, 1, 1.0000003, 33, 100), IN_RANGE(DATA, VIT_I32, 0, 1, 33) } },
	{ .label = "soft,ties,B=9,K=40", .attr = &plain, .train = 1,
	  .in = { IN_RANGE(ACT, VIT_F32, 1, 1.0000003, 9, 40), IN_RANGE(DATA, VIT_F32, 0, 0.05, 9, 40) } },
	{ .label = "tied labels,B=9,K=40", .attr = &plain, .train = 1,
	  .in = { IN_RANGE(ACT, VIT_F32, -2, 2, 9, 40), IN_RANGE(DATA, VIT_F32, 0.03, 0.03000001, 9, 40) } },
	{ .label = "wide,B=5,K=10", .attr = &plain, .train = 1, .in = { IN_RANGE(ACT, VIT_F32, -500, 500, 5, 10), IN_RANGE(DATA, VIT_I32, 0, 9, 5) } },
	{ .big = 1, .label = "B=1030,K=10", .attr = &plain, .train = 1, .in = { IN_ACT(1030, 10), IN_RANGE(DATA, VIT_I32, -1, 9, 1030) } },
	{ .big = 1, .label = "B=65540,K=2", .attr = &plain, .train = 1, .in = { IN_ACT(65540, 2), IN_RANGE(DATA, VIT_I32, 0, 1, 65540) } },
	{ .label = "knob,B=3,K=2", .attr = &knob, .train = 1, .knob = { 0, 0.25f },
	  .in = { IN_ACT(3, 2), IN_RANGE(DATA, VIT_I32, 0, 1, 3) } },
	{ .label = "B=1,K=1", .attr = &plain, .train = 1, .in = { IN_ACT(1, 1), IN_RANGE(DATA, VIT_I32, 0, 0.5, 1) } },
};
OP_CASES(softmax_xent, cases)
