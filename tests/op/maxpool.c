/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_window_attr two = { .size = 2, .stride = 2 }, overlap = { .size = 3, .stride = 2, .pad = 1 };

static const struct op_case cases[] = {
	{ .label = "B=2,H=7,W=8,C=33", .attr = &two, .in = { IN_ACT(2, 7, 8, 33) } },
	{ .label = "overlap,B=7,H=5,W=7,C=1", .attr = &overlap, .in = { IN_ACT(7, 5, 7, 1) } },
};
OP_CASES(maxpool, cases)
