/* SPDX-License-Identifier: MIT
 *
 * flip.h - mirror images.
 */
#ifndef VIT_IMAGE_FLIP_H
#define VIT_IMAGE_FLIP_H

#include "image/image.h"

/* Left and right of image [h,w,c], in place; c 1 to 16. */
void vit_hflip(uint8_t *image, int64_t h, int64_t w, int64_t c);

#endif
