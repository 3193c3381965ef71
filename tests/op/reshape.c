/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_reshape_attr split = { 4, { VIT_B, 0, 3, 11 } };
static const struct vit_reshape_attr rest = { 2, { VIT_B, -2 } };

static const struct op_case cases[] = {
	{ .label = "split,B=2,T=7,C=33", .attr = &split, .in = { IN_ACT(2, 7, 33) } },
	{ .label = "rest,B=7,T=3,C=5", .attr = &rest, .in = { IN_ACT(7, 3, 5) } },
};
OP_CASES(reshape, cases)
