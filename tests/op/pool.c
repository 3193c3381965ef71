/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_pool_attr cls = { 0 };
static const struct vit_pool_attr last = { .index = 2 };
static const struct vit_pool_attr mean = { .mean = 1 };
static const struct vit_pool_attr prefix = { .mean = 1, .n_prefix = 2 };

static const struct op_case cases[] = {
	{ .label = "cls,B=7,T=3,C=33", .attr = &cls, .in = { IN_ACT(7, 3, 33) } },
	{ .big = 1, .label = "mean,B=3,T=197,C=192", .attr = &mean, .in = { IN_ACT(3, 197, 192) } },
	{ .big = 1, .label = "cls,B=3,T=65,C=768", .attr = &cls, .in = { IN_ACT(3, 65, 768) } },
	{ .label = "mean,prefix,B=2,T=9,C=40", .attr = &prefix, .in = { IN_ACT(2, 9, 40) } },
	{ .big = 1, .label = "mean,B=65540,T=2,C=1", .attr = &mean, .in = { IN_ACT(65540, 2, 1) } },
	{ .label = "last,B=1,T=3,C=7", .attr = &last, .in = { IN_ACT(1, 3, 7) } },
	{ .label = "mean,B=2,T=7,C=33", .attr = &mean, .in = { IN_ACT(2, 7, 33) } },
	{ .label = "mean,prefix,B=3,T=7,C=1", .attr = &prefix, .in = { IN_ACT(3, 7, 1) } },
};
OP_CASES(pool, cases)
