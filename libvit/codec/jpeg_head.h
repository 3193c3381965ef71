/* SPDX-License-Identifier: MIT
 *
 * jpeg_head.h - size and orientation from a JPEG's markers, without libjpeg.
 */
#ifndef VIT_CODEC_JPEG_HEAD_H
#define VIT_CODEC_JPEG_HEAD_H

#include "codec/shared.h"

struct jpeg_head {
	int64_t h, w;           /* as stored */
	int orientation;        /* 1 to 8 */
	int baseline;           /* SOF0 or SOF1: one pass of Huffman codes, unless in several scans */
};
int jpeg_head_read(struct jpeg_head *, const uint8_t *p, size_t n) VIT_MUST_CHECK;

#endif
