/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <math.h>

#define ANY(n) IN_RANGE(STATE, VIT_F32, -1, 1, n)

static const struct op_case cases[] = {
	{ .label = "n=33", .in = { IN_RANGE(STATE, VIT_F32, -1, 1, 33) } },
	{ .label = "n=1", .in = { IN_RANGE(STATE, VIT_F32, -1, 1, 1) } },
	{ .label = "n=5003", .in = { IN_RANGE(STATE, VIT_F32, -100, 100, 5003) } },
	{ .label = "n=300001", .in = { ANY(300001) } },
	{ .label = "tiny,n=33", .in = { IN_RANGE(STATE, VIT_F32, -1e-25, 1e-25, 33) } },
	{ .label = "large,n=257", .in = { IN_RANGE(STATE, VIT_F32, -1e25, 1e25, 257) } },
	{ .label = "infinite,n=5003", .odd = -INFINITY, .in = { ANY(5003) } },
	{ .label = "nan,n=1031", .odd = NAN, .in = { ANY(1031) } },
	{ .label = "seen before,n=33", .found_inf = 1, .in = { ANY(33) } },
};
OP_CASES(grad_norm, cases)
