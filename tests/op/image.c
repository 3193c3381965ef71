/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_image_attr none = { 0 };
static const struct vit_image_attr one = { .mean = { 0.3f }, .std = { 0.5f }, .n_mean = 1 };
static const struct vit_image_attr rgb = { .mean = { 0.485f, 0.456f, 0.406f }, .std = { 0.229f, 0.224f, 0.225f }, .n_mean = 3 };

static const struct op_case cases[] = {
	{ .label = "B=2,H=7,W=7,C=1", .attr = &none, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 2, 7, 7, 1) } },
	{ .label = "B=1,H=8,W=4,C=3", .attr = &one, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 1, 8, 4, 3) } },
	{ .label = "B=3,H=32,W=32,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 3, 32, 32, 3) } },
	/* four bytes at once with any number of channels; more of them than means have room */
	{ .label = "B=2,H=5,W=8,C=4", .attr = &one, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 2, 5, 8, 4) } },
	{ .label = "B=2,H=3,W=4,C=20", .attr = &one, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 2, 3, 4, 20) } },
	{ .unexpanded = 1, .label = "mixup,B=7,H=8,W=8,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 7, 8, 8, 3),
	  IN_RANGE(DATA, VIT_I32, 0, 6, 7), IN_RANGE(DATA, VIT_F32, 0, 1, 7) } },
	{ .unexpanded = 1, .label = "cutmix,B=7,H=8,W=12,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 7, 8, 12, 3),
	  IN_RANGE(DATA, VIT_I32, 0, 6, 7), IN_RANGE(DATA, VIT_F32, 0, 1, 7), IN_RANGE(DATA, VIT_I32, 0, 8, 7, 4) } },
	/* boxes that reach over the image, partners that are none */
	{ .unexpanded = 1, .label = "cutmix,over,B=9,H=8,W=5,C=2", .attr = &one, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 9, 8, 5, 2),
	  IN_RANGE(DATA, VIT_I32, -1, 12, 9), IN_RANGE(DATA, VIT_F32, 0, 1, 9), IN_RANGE(DATA, VIT_I32, -4, 12, 9, 4) } },
	{ .unexpanded = 1, .label = "cutmix,over,B=9,H=8,W=12,C=3", .attr = &rgb, .in = { IN_RANGE(DATA, VIT_U8, 0, 255, 9, 8, 12, 3),
	  IN_RANGE(DATA, VIT_I32, -1, 12, 9), IN_RANGE(DATA, VIT_F32, 0, 1, 9), IN_RANGE(DATA, VIT_I32, -4, 16, 9, 4) } },
};
OP_CASES(image, cases)
