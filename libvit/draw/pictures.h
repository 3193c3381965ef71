/* SPDX-License-Identifier: MIT
 *
 * pictures.h - what the draw module draws; inside the module only.
 */
#ifndef VIT_DRAW_PICTURES_H
#define VIT_DRAW_PICTURES_H

#include "draw/draw.h"

int draw_curve(const struct vit_curve *, const char *title, struct vit_output *);
int draw_confusion(const int64_t *count, const char *const *names, int n, const char *title, struct vit_output *);
int draw_grid(const struct vit_draw_cell *, int n, int columns, const char *title, struct vit_output *);

#endif
