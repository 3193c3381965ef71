/* SPDX-License-Identifier: MIT */
#include "draw/draw.h"
#include "draw/pictures.h"

#include "build_id.h"

extern const struct vit_draw vit_module_draw;

const struct vit_draw vit_module_draw = {
	.module = { sizeof(struct vit_draw), VIT_BUILD_ID },
	.curve = draw_curve,
	.confusion = draw_confusion,
	.grid = draw_grid,
};
