/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_attention_attr one = { .heads = 1 };
static const struct vit_attention_attr three = { .heads = 3 };

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,H=3,D=11", .attr = &three, .in = { IN_ACT(2, 7, 99) } },
	{ .label = "B=1,T=1,H=1,D=1", .attr = &one, .in = { IN_ACT(1, 1, 3) } },
	{ .label = "B=3,T=33,H=1,D=32", .attr = &one, .in = { IN_ACT(3, 33, 96) } },
	{ .label = "peaked,B=1,T=17,H=3,D=8", .attr = &three, .in = { IN_RANGE(ACT, VIT_F32, -4, 4, 1, 17, 72) } },
	{ .big = 1, .label = "B=1,T=65,H=3,D=64", .attr = &three, .in = { IN_ACT(1, 65, 576) } },
	{ .big = 1, .label = "B=1,T=257,H=1,D=32", .attr = &one, .in = { IN_ACT(1, 257, 96) } },
	{ .big = 1, .label = "B=1,T=35,H=1,D=160", .attr = &one, .in = { IN_ACT(1, 35, 480) } },
	{ .big = 1, .label = "B=2,T=49,H=1,D=126", .attr = &one, .in = { IN_ACT(2, 49, 378) } },
	{ .label = "B=1,T=5,H=1,D=72", .attr = &one, .in = { IN_ACT(1, 5, 216) } },
};
OP_CASES(attention_probs, cases)
