/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_layernorm_attr small = { 1e-6f };
static const struct vit_layernorm_attr large = { 1e-5f };

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,C=33", .attr = &small, .in = { IN_ACT(2, 7, 33), IN_PARAM(33), IN_PARAM(33) } },
	{ .label = "B=7,C=1", .attr = &large, .in = { IN_ACT(7, 1), IN_PARAM(1), IN_PARAM(1) } },
	{ .label = "offset,B=1,T=33,C=64", .attr = &large, .in = { IN_RANGE(ACT, VIT_F32, 20, 22, 1, 33, 64), IN_PARAM(64), IN_PARAM(64) } },
	{ .label = "B=3,C=192", .attr = &small, .in = { IN_ACT(3, 192), IN_PARAM(192), IN_PARAM(192) } },
};
OP_CASES(layernorm, cases)
