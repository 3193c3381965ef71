/* SPDX-License-Identifier: MIT
 *
 * resize.h - resampling and cropping of u8 images, for augmentation and for
 * what models do to their inputs.
 *
 * Images are dense u8 [H,W,C], C 1 to 16. Results are those of Pillow, and so
 * of torchvision on uint8 images, within 1 level:
 *  - antialias: the filter widens with the reduction, weights that fall outside
 *    the image are dropped and the rest renormalised; bicubic has a = -0.5
 *  - without: the filter spans 2 or 4 source pixels whatever the reduction, the
 *    edge pixel is repeated, bicubic has a = -0.75 (torch's `interpolate`)
 *  - nearest takes the pixel under the centre (torchvision's nearest-exact)
 */
#ifndef VIT_IMAGE_RESIZE_H
#define VIT_IMAGE_RESIZE_H

#include "image/image.h"

enum vit_filter { VIT_BILINEAR, VIT_BICUBIC, VIT_NEAREST };
#define VIT_FILTERS "bilinear|bicubic|nearest"  /* names, in the order of the enum */

/* dst [dh,dw,c] from src [sh,sw,c]; they do not overlap. `scratch` is memory
 * that calls may share one after another. Errors: VIT_EUSAGE for a side below 1
 * or above VIT_MAX_SIDE or c out of range, VIT_ENOMEM. */
int vit_resize(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t sh, int64_t sw, int64_t c,
               int filter, int antialias, struct vit_buf *scratch) VIT_MUST_CHECK;

/* The same of an image whose rows begin `stride` bytes apart: a part of a larger one. */
int vit_resize_part(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t stride, int64_t sh, int64_t sw, int64_t c,
                    int filter, int antialias, struct vit_buf *scratch) VIT_MUST_CHECK;

/* dst [dh,dw,c] = the part of src [sh,sw,c] whose first pixel is (top, left).
 * The part lies inside src. dst == src is allowed: rows only move forward. */
void vit_crop(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t sw, int64_t c,
              int64_t top, int64_t left);

/* Where a centred window of `part` begins in `whole` >= part: (whole - part) / 2
 * rounded half to even, as Python's round() makes it in torchvision. */
int64_t vit_centre(int64_t whole, int64_t part);

/* The size whose shorter side is `side`, the longer one in proportion and cut
 * to an integer: torchvision's Resize(side). */
void vit_shorter_side(int64_t side, int64_t sh, int64_t sw, int64_t *dh, int64_t *dw);

#endif
