/* SPDX-License-Identifier: MIT
 *
 * decode.h - from a file's bytes to pixels, whatever the file is named.
 *
 * JPEG, PNG, WebP and PNM are decoded by the module "codec", opened at the first
 * image. Rules, those of Pillow's convert("RGB") and convert("L"):
 *  - EXIF orientation is applied: what comes out is upright
 *  - gray to RGB by repetition; RGB to gray by ITU-R 601 (19595, 38470, 7471) / 65536
 *  - CMYK and YCCK JPEG to RGB without a colour profile, Adobe's inversion undone
 *  - 16 bits: the upper byte; palettes are looked up; alpha is dropped, nothing blended
 *  - of an animation, the first picture
 * A file that ends early, or whose data are damaged where its reference decoder
 * would refuse it, is VIT_ERECORD: half a picture is not a sample.
 */
#ifndef VIT_IMAGE_DECODE_H
#define VIT_IMAGE_DECODE_H

#include "image/image.h"

/* "jpeg", "png", "webp", "pnm" by the first bytes (32 are enough); NULL: none
 * that can be decoded. Opens no module. */
const char *vit_image_type(const uint8_t *p, size_t n);

struct vit_decode_opt {
	int channels;           /* 3: RGB; 1: gray; 0: 1 where the file is gray, else 3 */
	/* top, left, height, width in the upright image: only these pixels, equal to
	 * those of the whole image; height 0: all */
	int64_t part[4];
	/* JPEG only, without `part`: decode at the smallest of 1/1, 1/2, 1/4, 1/8
	 * whose shorter side is at least this. Faster, and not the pixels that
	 * resizing gives. 0: full size. */
	int64_t shorter;
	int64_t max_pixels;     /* of the whole image; 0: VIT_MAX_PIXELS */
};
enum { VIT_MAX_PIXELS = 1 << 28 };

/* Size of the upright image, from the header alone. VIT_ERECORD. */
int vit_image_size(const uint8_t *p, size_t n, int64_t *h, int64_t *w) VIT_MUST_CHECK;
/* `o` NULL: whole, RGB. VIT_ERECORD: not an image that is known, damaged, or too
 * large, all of which leave `out` valid with undefined contents; VIT_EUNSUPPORTED:
 * the module is not there; VIT_EUSAGE: `part` lies outside, or
 * channels that cannot be. Thread-safe. */
int vit_image_decode(struct vit_image *out, const uint8_t *p, size_t n, const struct vit_decode_opt *o) VIT_MUST_CHECK;

#endif
