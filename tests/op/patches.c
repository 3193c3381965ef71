/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_image_attr seven = { .patch_h = 7, .patch_w = 7 };
static const struct vit_image_attr four = { .mean = { 0.3f }, .std = { 0.5f }, .n_mean = 1, .patch_h = 4, .patch_w = 2 };
static const struct vit_image_attr rgb = { .mean = { 0.485f, 0.456f, 0.406f },
	.std = { 0.229f, 0.224f, 0.225f }, .n_mean = 3, .patch_h = 4, .patch_w = 4 };

static const struct op_case cases[] = {
	{ .label = "B=2,H=7,W=14,C=1", .attr = &seven, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 2, 7, 14, 1) } },
	{ .label = "B=1,H=8,W=4,C=3", .attr = &four, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 1, 8, 4, 3) } },
	{ .label = "B=3,H=32,W=32,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 3, 32, 32, 3) } },
	{ .unexpanded = 1, .label = "mixup,B=7,H=8,W=8,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 7, 8, 8, 3),
	  IN_RANGE(DATA, VIT_I32, 0, 6, 7), IN_RANGE(DATA, VIT_F32, 0, 1, 7) } },
	{ .unexpanded = 1, .label = "cutmix,B=7,H=8,W=12,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 7, 8, 12, 3),
	  IN_RANGE(DATA, VIT_I32, 0, 6, 7), IN_RANGE(DATA, VIT_F32, 0, 1, 7), IN_RANGE(DATA, VIT_I32, 0, 8, 7, 4) } },
};
OP_CASES(patches, cases)
