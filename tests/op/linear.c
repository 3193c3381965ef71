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
	{ .big = 1, .label = "B=2,T=17,K=192,N=576", .attr = &none, .in = { IN_ACT(2, 17, 192), IN_PARAM(576, 192), IN_PARAM(576) } },
	{ .big = 1, .label = "gelu,B=2,T=17,K=64,N=256", .attr = &gelu, .in = { IN_ACT(2, 17, 64), IN_PARAM(256, 64), IN_PARAM(256) } },
	{ .big = 1, .label = "gelu_tanh,B=2,T=17,K=64,N=256", .attr = &gelu_tanh, .in = { IN_ACT(2, 17, 64), IN_PARAM(256, 64), IN_PARAM(256) } },
	{ .big = 1, .label = "relu,B=2,T=17,K=64,N=256", .attr = &relu, .in = { IN_ACT(2, 17, 64), IN_PARAM(256, 64), IN_PARAM(256) } },
	{ .big = 1, .label = "B=4,K=192,N=1000", .attr = &none, .in = { IN_ACT(4, 192), IN_PARAM(1000, 192), IN_PARAM(1000) } },
	{ .big = 1, .label = "B=5,K=768,N=100", .attr = &none, .in = { IN_ACT(5, 768), IN_PARAM(100, 768), IN_PARAM(100) } },
	{ .label = "B=8,K=64,N=10", .attr = &none, .in = { IN_ACT(8, 64), IN_PARAM(10, 64), IN_PARAM(10) } },
	{ .label = "no bias,B=2,T=4,K=48,N=64", .attr = &none, .in = { IN_ACT(2, 4, 48), IN_PARAM(64, 48) } },
	{ .label = "gelu,no bias,B=2,T=4,K=48,N=64", .attr = &gelu, .in = { IN_ACT(2, 4, 48), IN_PARAM(64, 48) } },
	{ .big = 1, .label = "gelu,B=1,T=300,K=16,N=24", .attr = &gelu, .in = { IN_ACT(1, 300, 16), IN_PARAM(24, 16), IN_PARAM(24) } },
	{ .big = 1, .label = "wide gelu,B=1,T=4,K=8,N=16", .attr = &gelu, .in = { IN_RANGE(ACT, VIT_F32, -8, 8, 1, 4, 8), IN_PARAM(16, 8), IN_PARAM(16) } },
	{ .big = 1, .label = "wide gelu_tanh,B=1,T=4,K=8,N=16", .attr = &gelu_tanh,
	  .in = { IN_RANGE(ACT, VIT_F32, -8, 8, 1, 4, 8), IN_PARAM(16, 8), IN_PARAM(16) } },
	{ .big = 1, .label = "B=65540,K=8,N=1", .attr = &none, .in = { IN_ACT(65540, 8), IN_PARAM(1, 8), IN_PARAM(1) } },
	{ .label = "B=3,T=65,K=300,N=140", .attr = &none, .in = { IN_ACT(3, 65, 300), IN_PARAM(140, 300), IN_PARAM(140) } },
};
OP_CASES(linear, cases)
