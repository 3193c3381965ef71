/* SPDX-License-Identifier: MIT
 *
 * image.h - an image that owns its memory: dense u8 [H,W,C].
 */
#ifndef VIT_IMAGE_IMAGE_H
#define VIT_IMAGE_IMAGE_H

#include "core/mem.h"

enum { VIT_MAX_SIDE = 1 << 16, VIT_MAX_CHANNELS = 16 };

/* Reused from image to image: memory only grows. Zeroed is empty. */
struct vit_image {
	int64_t h, w, c;
	uint8_t *p;
	size_t cap;
};
/* Room for h x w x c; the bytes it held stay, as far as they go. VIT_ERECORD for a size that cannot be. */
int vit_image_reserve(struct vit_image *, int64_t h, int64_t w, int64_t c) VIT_MUST_CHECK;
void vit_image_swap(struct vit_image *, struct vit_image *);
void vit_image_release(struct vit_image *);

/* dst [n,to] from src [n,from], which do not overlap; both are 1 or 3, or equal.
 * Gray to RGB by repetition, RGB to gray by ITU-R 601 as Pillow rounds it:
 * (19595 R + 38470 G + 7471 B + 32768) / 65536. */
void vit_convert(uint8_t *dst, int64_t to, const uint8_t *src, int64_t from, int64_t n);

#endif
