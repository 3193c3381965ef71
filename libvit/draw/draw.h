/* SPDX-License-Identifier: MIT
 *
 * draw.h - pictures, by cairo: the module "draw", opened when one is asked for.
 */
#ifndef VIT_DRAW_DRAW_H
#define VIT_DRAW_DRAW_H

#include "core/module.h"
#include "stream/output.h"
#include "train/curve.h"

struct vit_draw {
	struct vit_module module;
	/* Loss beside accuracy over epochs, as PNG of 1200x520 pixels; the output
	 * stays the caller's. VIT_EFORMAT when the curve has no point to draw. */
	int (*curve)(const struct vit_curve *, const char *title, struct vit_output *);
};

#endif
