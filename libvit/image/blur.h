/* SPDX-License-Identifier: MIT
 *
 * blur.h - Gaussian blur of u8 images, as torchvision's gaussian_blur.
 */
#ifndef VIT_IMAGE_BLUR_H
#define VIT_IMAGE_BLUR_H

#include "image/image.h"

enum { VIT_MAX_BLUR = 255 };

/* In place on image [h,w,c]: `kernel` (odd, 1 to VIT_MAX_BLUR) pixels in each
 * direction weighed by a normal distribution of deviation sigma > 0, the image
 * mirrored at its edges; within 1 level of torchvision's. `scratch` as for
 * vit_resize(). VIT_ENOMEM. */
int vit_blur(uint8_t *image, int64_t h, int64_t w, int64_t c, int kernel, double sigma, struct vit_buf *scratch) VIT_MUST_CHECK;

#endif
