/* SPDX-License-Identifier: MIT
 *
 * affine.h - rotation, shear, translation and scale of u8 images, with the
 * conventions and results of torchvision's transforms.v2 on uint8 tensors:
 * bilinear within 1 level, nearest the same pixel, as torch finds it on processors
 * that fuse multiplication and addition.
 *
 * A matrix m[6] tells for each pixel of the result where it comes from, with
 * both images' origins in their centres, x to the right and y down:
 *     from x = m[0] x + m[1] y + m[2],  from y = m[3] x + m[4] y + m[5]
 */
#ifndef VIT_IMAGE_AFFINE_H
#define VIT_IMAGE_AFFINE_H

#include "image/resize.h"

/* What torchvision's affine() does: scale, shear and turn about `centre` (from
 * the image's centre, in pixels), then translate. Degrees; positive angles turn
 * clockwise. Any of the pairs may be NULL: 0, 0. torchvision's rotate(a), which
 * turns the other way, is angle -a. */
struct vit_affine {
	double angle, scale;            /* scale 0 is 1 */
	double translate[2], shear[2], centre[2];       /* x, y */
};
void vit_affine_matrix(double m[6], const struct vit_affine *);

/* The size that holds all of an h x w image: torchvision's rotate(expand=True). */
void vit_affine_size(const double m[6], int64_t h, int64_t w, int64_t *dh, int64_t *dw);

/* dst [dh,dw,c] from src [h,w,c], which do not overlap; c 1 to 16. `filter` is
 * VIT_BILINEAR or VIT_NEAREST. `fill`: c levels for what lies outside of src;
 * NULL: torchvision's fill=None, which is black, and with bilinear fades the
 * outermost half pixel less than fill 0 does. */
void vit_affine(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t h, int64_t w, int64_t c,
                const double m[6], int filter, const uint8_t *fill);

#endif
