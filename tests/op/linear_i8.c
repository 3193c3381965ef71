/* SPDX-License-Identifier: MIT */
#include "check.h"

#define WEIGHT(N, K) IN_RANGE(STATE, VIT_I8, -127, 127, N, K), IN_RANGE(STATE, VIT_F32, 0.001, 0.01, N)

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,K=33,N=5", .in = { IN_ACT(2, 7, 33), WEIGHT(5, 33), IN_PARAM(5) } },
	{ .label = "B=7,K=1,N=33", .in = { IN_ACT(7, 1), WEIGHT(33, 1) } },
	{ .label = "B=3,K=768,N=64", .in = { IN_RANGE(ACT, VIT_F32, -30, 30, 3, 768), WEIGHT(64, 768), IN_PARAM(64) } },
	{ .label = "zero,B=1,K=8,N=8", .in = { IN_RANGE(ACT, VIT_F32, 0, 1e-33, 1, 8), WEIGHT(8, 8), IN_PARAM(8) } },
};
OP_CASES(linear_i8, cases)
