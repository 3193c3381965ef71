/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct op_case cases[] = {
	{ .label = "n=33", .in = { IN_RANGE(STATE, VIT_F32, -1, 1, 33) } },
	{ .label = "n=1", .in = { IN_RANGE(STATE, VIT_F32, -1, 1, 1) } },
	{ .label = "n=5003", .in = { IN_RANGE(STATE, VIT_F32, -100, 100, 5003) } },
};
OP_CASES(grad_norm, cases)
