/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_tokens_attr none = { 0, 1 };
static const struct vit_tokens_attr cls = { 1, 1 };
static const struct vit_tokens_attr six = { 6, 1 };
static const struct vit_tokens_attr registers = { 2, 0 };

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,C=33", .attr = &cls, .in = { IN_ACT(2, 7, 33), IN_PARAM(8, 33), IN_PARAM(33) } },
	{ .label = "B=1,T=1,C=1", .attr = &none, .in = { IN_ACT(1, 1, 1), IN_PARAM(1, 1) } },
	{ .big = 1, .label = "B=3,T=64,C=192", .attr = &cls, .in = { IN_ACT(3, 64, 192), IN_PARAM(65, 192), IN_PARAM(192) } },
	{ .label = "six,B=2,T=5,C=40", .attr = &six, .in = { IN_ACT(2, 5, 40), IN_PARAM(11, 40), IN_PARAM(40), IN_PARAM(40), IN_PARAM(40),
	  IN_PARAM(40), IN_PARAM(40), IN_PARAM(40) } },
	{ .label = "no prefix,B=33,T=3,C=8", .attr = &none, .in = { IN_ACT(33, 3, 8), IN_PARAM(3, 8) } },
	{ .big = 1, .label = "B=65540,T=1,C=2", .attr = &cls, .in = { IN_ACT(65540, 1, 2), IN_PARAM(2, 2), IN_PARAM(2) } },
	{ .label = "registers,B=7,T=4,C=32", .attr = &registers, .in = { IN_ACT(7, 4, 32), IN_PARAM(4, 32), IN_PARAM(32), IN_PARAM(32) } },
};
OP_CASES(tokens, cases)
