/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_attention_attr one = { .heads = 1 };
static const struct vit_attention_attr two = { .heads = 2 };
static const struct vit_attention_attr twelve = { .heads = 12 };
static const struct vit_attention_attr three = { .heads = 3 };
static const struct vit_attention_attr dropout = { .heads = 3, .dropout = 0.3f };
static const struct vit_attention_attr half = { .heads = 2, .dropout = 0.5f };

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,H=3,D=11", .attr = &three, .in = { IN_ACT(2, 7, 99) } },
	{ .label = "B=1,T=1,H=1,D=1", .attr = &one, .in = { IN_ACT(1, 1, 3) } },
	{ .label = "B=3,T=33,H=1,D=32", .attr = &one, .in = { IN_ACT(3, 33, 96) } },
	{ .label = "peaked,B=1,T=17,H=3,D=8", .attr = &three, .in = { IN_RANGE(ACT, VIT_F32, -4, 4, 1, 17, 72) } },
	{ .label = "B=1,T=5,H=1,D=72", .attr = &one, .in = { IN_ACT(1, 5, 216) } },
	{ .label = "B=2,T=65,H=3,D=64", .attr = &three, .in = { IN_ACT(2, 65, 576) } },
	{ .big = 1, .label = "B=2,T=50,H=12,D=64", .attr = &twelve, .in = { IN_ACT(2, 50, 2304) } },
	{ .big = 1, .label = "B=1,T=16,H=2,D=128", .attr = &two, .in = { IN_ACT(1, 16, 768) } },
	{ .label = "B=3,T=48,H=2,D=24", .attr = &two, .in = { IN_ACT(3, 48, 144) } },
	{ .label = "B=1,T=49,H=1,D=20", .attr = &one, .in = { IN_ACT(1, 49, 60) } },
	{ .big = 1, .label = "B=1,T=65,H=1,D=80", .attr = &one, .in = { IN_ACT(1, 65, 240) } },
	{ .big = 1, .label = "B=1,T=129,H=1,D=8", .attr = &one, .in = { IN_ACT(1, 129, 24) } },
	{ .big = 1, .label = "peaked,B=1,T=197,H=1,D=64", .attr = &one, .in = { IN_RANGE(ACT, VIT_F32, -2, 2, 1, 197, 192) } },
	{ .big = 1, .label = "B=1,T=208,H=2,D=16", .attr = &two, .in = { IN_ACT(1, 208, 96) } },
	{ .big = 1, .label = "B=1,T=256,H=1,D=32", .attr = &one, .in = { IN_ACT(1, 256, 96) } },
	{ .big = 1, .label = "B=2,T=257,H=1,D=64", .attr = &one, .in = { IN_ACT(2, 257, 192) } },
	{ .big = 1, .label = "peaked,B=1,T=300,H=1,D=80", .attr = &one, .in = { IN_RANGE(ACT, VIT_F32, -2, 2, 1, 300, 240) } },
	{ .big = 1, .label = "B=1,T=513,H=1,D=16", .attr = &one, .in = { IN_ACT(1, 513, 48) } },
	{ .big = 1, .label = "B=1,T=35,H=1,D=160", .attr = &one, .in = { IN_ACT(1, 35, 480) } },
	{ .big = 1, .label = "B=1,T=17,H=1,D=255", .attr = &one, .in = { IN_ACT(1, 17, 765) } },
	{ .big = 1, .unexpanded = 1, .label = "dropout,B=2,T=37,H=2,D=96", .attr = &half, .train = 1, .in = { IN_ACT(2, 37, 576) } },
	{ .big = 1, .unexpanded = 1, .label = "dropout,B=2,T=65,H=3,D=32", .attr = &dropout, .train = 1, .in = { IN_ACT(2, 65, 288) } },
	{ .unexpanded = 1, .label = "dropout,B=3,T=7,H=3,D=8", .attr = &dropout, .train = 1, .in = { IN_ACT(3, 7, 72) } },
	{ .label = "dropout,infer,B=2,T=3,H=3,D=4", .attr = &dropout, .in = { IN_ACT(2, 3, 36) } },
};
OP_CASES(attention, cases)
