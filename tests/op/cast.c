/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct op_case cases[] = {
	{ .label = "u8,B=2,H=7,W=33", .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 2, 7, 33) } },
	{ .label = "i8,7x5", .in = { IN_RANGE(STATE, VIT_I8, -127, 127, 7, 5) } },
	{ .label = "i32,B=7", .in = { IN_RANGE(DATA, VIT_I32, -1000, 1000, 7) } },
};
OP_CASES(cast, cases)
