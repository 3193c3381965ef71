/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_dropout_attr some = { 0.3f };
static const struct vit_dropout_attr none = { 0 };

static const struct op_case cases[] = {
	{ .unexpanded = 1, .label = "B=2,T=7,C=33", .attr = &some, .train = 1, .in = { IN_ACT(2, 7, 33) } },
	{ .unexpanded = 1, .label = "B=7,C=1", .attr = &some, .train = 1, .in = { IN_ACT(7, 1) } },
	{ .label = "infer,B=3,C=33", .attr = &some, .in = { IN_ACT(3, 33) } },
	{ .label = "none,B=3,C=8", .attr = &none, .train = 1, .in = { IN_ACT(3, 8) } },
};
OP_CASES(dropout, cases)
