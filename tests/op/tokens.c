/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_tokens_attr none = { 0, 1 };
static const struct vit_tokens_attr cls = { 1, 1 };
static const struct vit_tokens_attr registers = { 2, 0 };

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,C=33", .attr = &cls, .in = { IN_ACT(2, 7, 33), IN_PARAM(8, 33), IN_PARAM(33) } },
	{ .label = "B=1,T=1,C=1", .attr = &none, .in = { IN_ACT(1, 1, 1), IN_PARAM(1, 1) } },
	{ .label = "registers,B=7,T=4,C=32", .attr = &registers, .in = { IN_ACT(7, 4, 32), IN_PARAM(4, 32), IN_PARAM(32), IN_PARAM(32) } },
};
OP_CASES(tokens, cases)
