/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_batchnorm_attr plain = { .eps = 1e-5f, .momentum = 0.1f };

/* gain, bias, running mean and variance */
#define NORM(C) IN_PARAM(C), IN_PARAM(C), IN_RANGE(STATE, VIT_F32, -1, 1, C), IN_RANGE(STATE, VIT_F32, 0.5, 2, C)

static const struct op_case cases[] = {
	{ .label = "B=7,H=3,W=5,C=33", .attr = &plain, .train = 1, .in = { IN_ACT(7, 3, 5, 33), NORM(33) } },
	{ .label = "B=33,C=1", .attr = &plain, .train = 1, .in = { IN_ACT(33, 1), NORM(1) } },
	{ .label = "infer,B=3,H=2,W=2,C=7", .attr = &plain, .in = { IN_ACT(3, 2, 2, 7), NORM(7) } },
};
OP_CASES(batchnorm, cases)
