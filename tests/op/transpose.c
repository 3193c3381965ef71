/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_perm_attr heads = { 4, { 0, 2, 1, 3 } };
static const struct vit_perm_attr keys = { 4, { 0, 2, 3, 1 } };
static const struct vit_perm_attr matrix = { 2, { 1, 0 } };

static const struct op_case cases[] = {
	{ .label = "heads,B=2,T=7,H=3,D=11", .attr = &heads, .in = { IN_ACT(2, 7, 3, 11) } },
	{ .label = "keys,B=3,T=7,H=1,D=5", .attr = &keys, .in = { IN_ACT(3, 7, 1, 5) } },
	{ .label = "matrix,5x33", .attr = &matrix, .in = { IN_PARAM(5, 33) } },
};
OP_CASES(transpose, cases)
