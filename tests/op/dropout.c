/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_dropout_attr some = { 0.3f };
static const struct vit_dropout_attr none = { 0 };

static const struct op_case cases[] = {
	{ .unexpanded = 1, .label = "B=2,T=7,C=33", .attr = &some, .train = 1, .in = { IN_ACT(2, 7, 33) } },
	{ .unexpanded = 1, .label = "B=7,C=1", .attr = &some, .train = 1, .in = { IN_ACT(7, 1) } },
	{ .big = 1, .unexpanded = 1, .label = "B=3,T=65,C=192", .attr = &some, .train = 1, .in = { IN_ACT(3, 65, 192) } },
	{ .unexpanded = 1, .label = "B=5,T=3,C=40", .attr = &some, .train = 1, .in = { IN_ACT(5, 3, 40) } },
	{ .label = "infer,B=3,C=33", .attr = &some, .in = { IN_ACT(3, 33) } },
	{ .label = "none,B=3,C=8", .attr = &none, .train = 1, .in = { IN_ACT(3, 8) } },
};
OP_CASES(dropout, cases)
