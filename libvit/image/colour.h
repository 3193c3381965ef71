/* SPDX-License-Identifier: MIT
 *
 * colour.h - brightness, colour and contrast of u8 images, in place.
 *
 * Every function equals the one of the same meaning in torchvision.transforms.
 * v2.functional on a uint8 tensor, to the level: products in
 * float, values cut (not rounded) to 0..255. A factor is 0 to 100: 1 changes
 * nothing, 0 takes all of it away. What works on each channel by itself takes any
 * number of channels; what knows red, green and blue takes 3, leaves 1 as it is
 * (as torchvision does) and refuses others with VIT_ERECORD.
 */
#ifndef VIT_IMAGE_COLOUR_H
#define VIT_IMAGE_COLOUR_H

#include "image/image.h"

/* VIT_ERECORD for channels that are neither 1 nor 3. */
int vit_gray_or_rgb(const struct vit_image *) VIT_MUST_CHECK;

void vit_brightness(struct vit_image *, double factor);
/* Towards the mean of the gray image. 1 or 3 channels. */
int vit_contrast(struct vit_image *, double factor) VIT_MUST_CHECK;
/* Towards gray, .2989 R + .587 G + .114 B. */
int vit_saturation(struct vit_image *, double factor) VIT_MUST_CHECK;
/* `turn` -0.5..0.5 of the colour circle. */
int vit_hue(struct vit_image *, double turn) VIT_MUST_CHECK;
/* Gray in every channel. */
int vit_grayscale(struct vit_image *) VIT_MUST_CHECK;

/* Each channel's darkest level to 0, its lightest to 255. */
void vit_auto_contrast(struct vit_image *);
/* Each channel's levels as often as one another (Pillow's ImageOps.equalize). */
void vit_equalize(struct vit_image *);
/* Keep the upper `bits` 0..8 of each value. */
void vit_posterize(struct vit_image *, int bits);
/* 255 - x wherever x >= threshold. */
void vit_solarize(struct vit_image *, double threshold);
/* Away from (above 1) or towards (below 1) the mean of each pixel and its eight
 * neighbours, it counting five times. The border stays. VIT_ENOMEM. */
int vit_sharpness(struct vit_image *, double factor, struct vit_buf *scratch) VIT_MUST_CHECK;

#endif
