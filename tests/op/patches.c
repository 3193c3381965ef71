/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_image_attr seven = { .patch_h = 7, .patch_w = 7 };
static const struct vit_image_attr four = { .mean = { 0.3f }, .std = { 0.5f }, .n_mean = 1, .patch_h = 4, .patch_w = 2 };
static const struct vit_image_attr rgb = { .mean = { 0.485f, 0.456f, 0.406f },
	.std = { 0.229f, 0.224f, 0.225f }, .n_mean = 3, .patch_h = 4, .patch_w = 4 };

static const struct vit_image_attr sixteen = { .mean = { 0.5f }, .std = { 0.5f }, .n_mean = 1, .patch_h = 16, .patch_w = 16 };
static const struct vit_image_attr odd = { .mean = { 0.1f, 0.2f, 0.3f, 0.4f, 0.5f }, .std = { 0.5f, 0.4f, 0.3f, 0.2f, 0.1f },
	.n_mean = 5, .patch_h = 2, .patch_w = 3 };
static const struct vit_image_attr dot = { .patch_h = 1, .patch_w = 1 };

static const struct op_case cases[] = {
	{ .label = "B=2,H=7,W=14,C=1", .attr = &seven, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 2, 7, 14, 1) } },
	{ .label = "B=1,H=8,W=4,C=3", .attr = &four, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 1, 8, 4, 3) } },
	{ .label = "B=3,H=32,W=32,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 3, 32, 32, 3) } },
	{ .big = 1, .label = "B=2,H=32,W=48,C=3", .attr = &sixteen, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 2, 32, 48, 3) } },
	{ .label = "B=2,H=6,W=9,C=5", .attr = &odd, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 2, 6, 9, 5) } },
	{ .big = 1, .label = "B=65540,H=2,W=1,C=1", .attr = &dot, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 65540, 2, 1, 1) } },
	{ .unexpanded = 1, .label = "lone mixup,B=1,H=8,W=8,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 1, 8, 8, 3),
	  IN_RANGE(DATA, VIT_I32, 0, 0.5, 1), IN_RANGE(DATA, VIT_F32, 0, 1, 1) } },
	{ .unexpanded = 1, .label = "mixup,B=7,H=8,W=8,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 7, 8, 8, 3),
	  IN_RANGE(DATA, VIT_I32, 0, 6, 7), IN_RANGE(DATA, VIT_F32, 0, 1, 7) } },
	{ .unexpanded = 1, .label = "cutmix,B=7,H=8,W=12,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 7, 8, 12, 3),
	  IN_RANGE(DATA, VIT_I32, 0, 6, 7), IN_RANGE(DATA, VIT_F32, 0, 1, 7), IN_RANGE(DATA, VIT_I32, 0, 8, 7, 4) } },
};
OP_CASES(patches, cases)
