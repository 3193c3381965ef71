/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_layernorm_attr small = { 1e-6f };
static const struct vit_layernorm_attr large = { 1e-5f };

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,C=33", .attr = &small, .in = { IN_ACT(2, 7, 33), IN_PARAM(33), IN_PARAM(33) } },
	{ .label = "B=7,C=1", .attr = &large, .in = { IN_ACT(7, 1), IN_PARAM(1), IN_PARAM(1) } },
	{ .label = "offset,B=1,T=33,C=64", .attr = &large, .in = { IN_RANGE(ACT, VIT_F32, 20, 22, 1, 33, 64), IN_PARAM(64), IN_PARAM(64) } },
	{ .big = 1, .label = "B=2,T=5,C=768", .attr = &small, .in = { IN_ACT(2, 5, 768), IN_PARAM(768), IN_PARAM(768) } },
	{ .label = "B=3,T=11,C=100", .attr = &small, .in = { IN_ACT(3, 11, 100), IN_PARAM(100), IN_PARAM(100) } },
	{ .label = "B=4,C=5", .attr = &large, .in = { IN_ACT(4, 5), IN_PARAM(5), IN_PARAM(5) } },
	{ .big = 1, .label = "B=1,T=3,C=1500", .attr = &large, .in = { IN_ACT(1, 3, 1500), IN_PARAM(1500), IN_PARAM(1500) } },
	/* near the largest f16: a sum in 16 bits would be infinite */
	{ .label = "large,B=2,T=3,C=72", .attr = &large, .in = { IN_RANGE(ACT, VIT_F32, 3e4, 6e4, 2, 3, 72), IN_PARAM(72), IN_PARAM(72) } },
	{ .big = 1, .label = "tiny,B=2,T=3,C=40", .attr = &small, .in = { IN_RANGE(ACT, VIT_F32, -1e-4, 1e-4, 2, 3, 40), IN_PARAM(40), IN_PARAM(40) } },
	{ .big = 1, .label = "B=2,T=300,C=64", .attr = &small, .in = { IN_ACT(2, 300, 64), IN_PARAM(64), IN_PARAM(64) } },
	{ .big = 1, .label = "B=65540,C=3", .attr = &large, .in = { IN_ACT(65540, 3), IN_PARAM(3), IN_PARAM(3) } },
	{ .label = "B=3,C=192", .attr = &small, .in = { IN_ACT(3, 192), IN_PARAM(192), IN_PARAM(192) } },
};
OP_CASES(layernorm, cases)
