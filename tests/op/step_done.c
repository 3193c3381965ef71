/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct op_case cases[] = {
	{ .label = "", .train = 1 },
};
OP_CASES(step_done, cases)
