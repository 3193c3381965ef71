/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct op_case cases[] = {
	{ .label = "B=2,H=3,M=7,K=33,N=5", .in = { IN_ACT(2, 3, 7, 33), IN_ACT(2, 3, 33, 5) } },
	{ .label = "shared,B=7,M=3,K=33,N=1", .in = { IN_ACT(7, 3, 33), IN_PARAM(33, 1) } },
	{ .label = "flat,B=7,K=5,N=33", .in = { IN_ACT(7, 5), IN_PARAM(5, 33) } },
	{ .label = "B=1,M=1,K=1,N=1", .in = { IN_ACT(1, 1, 1), IN_ACT(1, 1, 1) } },
};
OP_CASES(matmul, cases)
