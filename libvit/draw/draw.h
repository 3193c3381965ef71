/* SPDX-License-Identifier: MIT
 *
 * draw.h - pictures, by cairo: the module "draw", opened when one is asked for.
 */
#ifndef VIT_DRAW_DRAW_H
#define VIT_DRAW_DRAW_H

#include "core/module.h"
#include "stream/output.h"
#include "train/curve.h"

enum { VIT_DRAW_CLASSES = 4096 };       /* most of a confusion matrix */

struct vit_draw_cell {
	const uint8_t *p;       /* u8 [h,w,c], c 1 or 3; NULL: an empty frame */
	int64_t h, w, c;
	const char *text;       /* UTF-8, cut with an ellipsis where it is too long */
};
struct vit_draw {
	struct vit_module module;
	/* Loss beside accuracy over epochs, as PNG of 1200x520 pixels; the output
	 * stays the caller's. VIT_EFORMAT when the curve has no point to draw. */
	int (*curve)(const struct vit_curve *, const char *title, struct vit_output *);
	/* True classes down, predicted across; shades by share of the row, right ones
	 * blue, wrong ones red. n x n counts; `names` n, or NULL: numbers. More than
	 * 20 classes are drawn without figures. VIT_EUSAGE: n below 1 or above VIT_DRAW_CLASSES,
	 * a negative count, or nothing counted at all. */
	int (*confusion)(const int64_t *count, const char *const *names, int n, const char *title, struct vit_output *);
	/* A contact sheet: images scaled into equal cells (small ones by whole factors,
	 * so that pixels stay sharp), a line of text below each. VIT_EUSAGE: n or
	 * columns below 1, or more than one picture holds. */
	int (*grid)(const struct vit_draw_cell *, int n, int columns, const char *title, struct vit_output *);
};

#endif
