/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,K=33", .in = { IN_RANGE(ACT, VIT_F32, -5, 5, 2, 7, 33) } },
	{ .label = "B=7,K=1", .in = { IN_ACT(7, 1) } },
};
OP_CASES(softmax, cases)
