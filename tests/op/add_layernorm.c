/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_add_layernorm_attr plain = { .eps = 1e-6f, .knob = -1, .norm = 1 };
static const struct vit_add_layernorm_attr scale = { .eps = 1e-6f, .knob = -1, .norm = 1, .layer_scale = 1 };
static const struct vit_add_layernorm_attr drop = { .eps = 1e-5f, .drop_path = 0.4f, .knob = -1, .norm = 1 };
static const struct vit_add_layernorm_attr knob = { .eps = 1e-5f, .drop_path = 0.8f,
	.knob = VIT_KNOB_DROP_PATH, .norm = 1, .layer_scale = 1 };
static const struct vit_add_layernorm_attr bare = { .knob = -1 };
static const struct vit_add_layernorm_attr bare_scale = { .drop_path = 0.5f, .knob = -1, .layer_scale = 1 };

static const struct op_case cases[] = {
	{ .label = "B=2,T=7,C=33", .attr = &plain, .in = { IN_ACT(2, 7, 33), IN_ACT(2, 7, 33), IN_PARAM(33), IN_PARAM(33) } },
	{ .label = "scale,B=7,T=1,C=100", .attr = &scale, .train = 1,
	  .in = { IN_ACT(7, 1, 100), IN_ACT(7, 1, 100), IN_PARAM(100), IN_PARAM(100), IN_PARAM(100) } },
	{ .unexpanded = 1, .label = "drop,B=9,T=3,C=32", .attr = &drop, .train = 1,
	  .in = { IN_ACT(9, 3, 32), IN_ACT(9, 3, 32), IN_PARAM(32), IN_PARAM(32) } },
	{ .unexpanded = 1, .label = "knob,B=9,T=3,C=32", .attr = &knob, .train = 1, .knob = { 0.5f },
	  .in = { IN_ACT(9, 3, 32), IN_ACT(9, 3, 32), IN_PARAM(32), IN_PARAM(32), IN_PARAM(32) } },
	{ .big = 1, .unexpanded = 1, .label = "knob,B=3,T=17,C=192", .attr = &knob, .train = 1, .knob = { 0.25f },
	  .in = { IN_ACT(3, 17, 192), IN_ACT(3, 17, 192), IN_PARAM(192), IN_PARAM(192), IN_PARAM(192) } },
	{ .big = 1, .label = "scale,B=1,T=50,C=768", .attr = &scale, .train = 1,
	  .in = { IN_ACT(1, 50, 768), IN_ACT(1, 50, 768), IN_PARAM(768), IN_PARAM(768), IN_PARAM(768) } },
	{ .big = 1, .label = "scale,B=1,T=19,C=384", .attr = &scale, .train = 1,
	  .in = { IN_ACT(1, 19, 384), IN_ACT(1, 19, 384), IN_PARAM(384), IN_PARAM(384), IN_PARAM(384) } },
	{ .big = 1, .label = "scale,B=1,T=19,C=1000", .attr = &scale, .train = 1,
	  .in = { IN_ACT(1, 19, 1000), IN_ACT(1, 19, 1000), IN_PARAM(1000), IN_PARAM(1000), IN_PARAM(1000) } },
	{ .big = 1, .label = "B=2,T=3,C=1500", .attr = &plain, .in = { IN_ACT(2, 3, 1500), IN_ACT(2, 3, 1500), IN_PARAM(1500), IN_PARAM(1500) } },
	{ .unexpanded = 1, .label = "drop all,B=3,T=2,C=40", .attr = &knob, .train = 1, .knob = { 1.25f },
	  .in = { IN_ACT(3, 2, 40), IN_ACT(3, 2, 40), IN_PARAM(40), IN_PARAM(40), IN_PARAM(40) } },
	{ .unexpanded = 1, .label = "knob at rest,B=3,T=2,C=40", .attr = &knob, .train = 1,
	  .in = { IN_ACT(3, 2, 40), IN_ACT(3, 2, 40), IN_PARAM(40), IN_PARAM(40), IN_PARAM(40) } },
	/* near the largest f16 */
	{ .label = "large,B=2,T=3,C=72", .attr = &plain, .in = { IN_RANGE(ACT, VIT_F32, 1e4, 3e4, 2, 3, 72), IN_RANGE(ACT, VIT_F32, 1e4, 3e4, 2, 3, 72),
	  IN_PARAM(72), IN_PARAM(72) } },
	{ .big = 1, .unexpanded = 1, .label = "nonorm,scale,B=3,T=7,C=192", .attr = &bare_scale, .train = 1,
	  .in = { IN_ACT(3, 7, 192), IN_ACT(3, 7, 192), IN_PARAM(192) } },
	{ .big = 1, .unexpanded = 1, .label = "drop,B=300,T=2,C=8", .attr = &drop, .train = 1,
	  .in = { IN_ACT(300, 2, 8), IN_ACT(300, 2, 8), IN_PARAM(8), IN_PARAM(8) } },
	{ .label = "drop,infer,B=3,T=3,C=32", .attr = &drop, .in = { IN_ACT(3, 3, 32), IN_ACT(3, 3, 32), IN_PARAM(32), IN_PARAM(32) } },
	{ .label = "nonorm,B=2,T=7,C=33", .attr = &bare, .in = { IN_ACT(2, 7, 33), IN_ACT(2, 7, 33) } },
	{ .unexpanded = 1, .label = "nonorm,scale,B=5,T=2,C=7", .attr = &bare_scale, .train = 1,
	  .in = { IN_ACT(5, 2, 7), IN_ACT(5, 2, 7), IN_PARAM(7) } },
};
OP_CASES(add_layernorm, cases)
