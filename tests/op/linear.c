/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_linear_attr none = { VIT_ACT_NONE };
static const struct vit_linear_attr gelu = { VIT_ACT_GELU };
static const struct vit_linear_attr gelu_tanh = { VIT_ACT_GELU_TANH };
static const struct vit_linear_attr relu = { VIT_ACT_RELU };

static const struct op_case cases[] = {
	{ .label = "none,B=2,T=7,K=33,N=5", .attr = &none, .in = { IN_ACT(2, 7, 33), IN_PARAM(5, 33), IN_PARAM(5) } },
	{ .label = "none,B=7,K=1,N=33", .attr = &none, .in = { IN_ACT(7, 1), IN_PARAM(33, 1) } },
	{ .label = "gelu,B=2,T=7,K=33,N=5", .attr = &gelu, .in = { IN_ACT(2, 7, 33), IN_PARAM(5, 33), IN_PARAM(5) } },
	{ .label = "gelu,B=7,K=1,N=33", .attr = &gelu, .in = { IN_ACT(7, 1), IN_PARAM(33, 1) } },
	{ .label = "gelu_tanh,B=2,T=7,K=33,N=5", .attr = &gelu_tanh, .in = { IN_ACT(2, 7, 33), IN_PARAM(5, 33), IN_PARAM(5) } },
	{ .label = "gelu_tanh,B=7,K=1,N=33", .attr = &gelu_tanh, .in = { IN_ACT(7, 1), IN_PARAM(33, 1) } },
	{ .label = "relu,B=2,T=7,K=33,N=5", .attr = &relu, .in = { IN_ACT(2, 7, 33), IN_PARAM(5, 33), IN_PARAM(5) } },
	{ .label = "relu,B=7,K=1,N=33", .attr = &relu, .in = { IN_ACT(7, 1), IN_PARAM(33, 1) } },
	{ .label = "B=1,K=1,N=1", .attr = &none, .in = { IN_ACT(1, 1), IN_PARAM(1, 1), IN_PARAM(1) } },
	{ .label = "B=3,T=17,K=64,N=96", .attr = &none, .in = { IN_ACT(3, 17, 64), IN_PARAM(96, 64), IN_PARAM(96) } },
	{ .label = "gelu,B=4,T=9,K=96,N=130", .attr = &gelu, .in = { IN_ACT(4, 9, 96), IN_PARAM(130, 96), IN_PARAM(130) } },
	{ .label = "B=3,T=65,K=300,N=140", .attr = &none, .in = { IN_ACT(3, 65, 300), IN_PARAM(140, 300), IN_PARAM(140) } },
};
OP_CASES(linear, cases)
