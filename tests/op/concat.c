/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_axis_attr last = { .axis = -1 };
static const struct vit_axis_attr tokens = { .axis = 1 };

static const struct op_case cases[] = {
	{ .label = "last,B=2,T=7,C=33+1", .attr = &last, .in = { IN_ACT(2, 7, 33), IN_ACT(2, 7, 1) } },
	{ .label = "tokens,B=7,T=1+1+3,C=5", .attr = &tokens, .in = { IN_ACT(7, 1, 5), IN_ACT(7, 1, 5), IN_ACT(7, 3, 5) } },
};
OP_CASES(concat, cases)
