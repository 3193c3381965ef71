/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_conv2d_attr same = { .stride = 1, .pad = 1 };
static const struct vit_conv2d_attr stride = { .stride = 2, .pad = 1 };
static const struct vit_conv2d_attr patch = { .stride = 4 };
static const struct vit_conv2d_attr relu = { .stride = 1, .act = VIT_ACT_RELU };

static const struct op_case cases[] = {
	{ .label = "B=2,H=7,W=9,I=3,O=5,k=3", .attr = &same, .in = { IN_ACT(2, 7, 9, 3), IN_PARAM(5, 3, 3, 3), IN_PARAM(5) } },
	{ .label = "stride,B=3,H=8,W=7,I=4,O=7,k=3", .attr = &stride, .in = { IN_ACT(3, 8, 7, 4), IN_PARAM(7, 3, 3, 4) } },
	{ .label = "patch,B=1,H=8,W=8,I=3,O=33,k=4", .attr = &patch, .in = { IN_ACT(1, 8, 8, 3), IN_PARAM(33, 4, 4, 3), IN_PARAM(33) } },
	{ .label = "relu,B=2,H=5,W=5,I=8,O=8,k=1", .attr = &relu, .in = { IN_ACT(2, 5, 5, 8), IN_PARAM(8, 1, 1, 8), IN_PARAM(8) } },
};
OP_CASES(conv2d, cases)
