/* SPDX-License-Identifier: MIT
 *
 * pictures.h - what the draw module draws; inside the module only.
 */
#ifndef VIT_DRAW_PICTURES_H
#define VIT_DRAW_PICTURES_H

#include "draw/draw.h"

int draw_curve(const struct vit_curve *, const char *title, struct vit_output *);

#endif
