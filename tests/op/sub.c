/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,C=33", .in = { IN_ACT(2, 7, 33), IN_ACT(2, 7, 33) } },
	{ .label = "row,B=7,T=3,C=5", .in = { IN_ACT(7, 3, 5), IN_PARAM(5) } },
	{ .label = "middle,B=3,T=4,C=5", .in = { IN_ACT(3, 4, 5), IN_PARAM(4, 1) } },
	{ .label = "both,B=3,T=4,C=5", .in = { IN_ACT(3, 1, 5), IN_ACT(3, 4, 1) } },
	{ .label = "B=1,C=1", .in = { IN_ACT(1, 1), IN_PARAM(1, 1) } },
};
OP_CASES(sub, cases)
