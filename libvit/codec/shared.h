/* SPDX-License-Identifier: MIT
 *
 * shared.h - what the codecs have in common: where "up" is, and the way from
 * the pixels as the file stores them to those that were asked for.
 *
 * Orientations are EXIF's: 1 upright, 2 mirrored, 3 turned by 180 degrees, 4
 * upside down, 5 transposed, 6 needs a turn to the right, 7 transposed along the
 * other diagonal, 8 needs a turn to the left.
 */
#ifndef VIT_CODEC_SHARED_H
#define VIT_CODEC_SHARED_H

#include "codec/codec.h"

/* From TIFF data (what follows "Exif\0\0") and from an XMP packet; 0: not said.
 * Anything damaged is not said: as Pillow, a picture is not refused for it. */
int codec_exif_orientation(const uint8_t *tiff, size_t n);
int codec_xmp_orientation(const uint8_t *xmp, size_t n);

struct codec_area {
	int64_t top, left, h, w;
};
/* o->part (or all) of the upright image, in an image stored as h x w. */
struct codec_area codec_stored(const struct vit_decode_opt *o, int orientation, int64_t h, int64_t w);

/* 5 to 8 change the sides. */
static inline void codec_upright_size(int orientation, int64_t *h, int64_t *w)
{
	if (orientation >= 5) {
		int64_t t = *h;
		*h = *w;
		*w = t;
	}
}

/* Turn what `im` holds upright. */
int codec_upright(struct vit_image *im, int orientation) VIT_MUST_CHECK;

/* `im` holds the whole image as stored, 1 or 3 channels: make of it, in place,
 * what `o` asks for. */
int codec_finish(struct vit_image *im, const struct vit_decode_opt *o, int orientation) VIT_MUST_CHECK;

/* n pixels to gray; dst == rgb is allowed. */
void codec_gray(uint8_t *dst, const uint8_t *rgb, int64_t n);

static inline uint32_t codec_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#endif
