/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,C=33", .in = { IN_RANGE(ACT, VIT_F32, 0.1, 4, 2, 7, 33) } },
	{ .label = "B=1,C=1", .in = { IN_RANGE(ACT, VIT_F32, 0.1, 4, 1, 1) } },
};
OP_CASES(sqrt, cases)
