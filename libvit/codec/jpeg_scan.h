/* SPDX-License-Identifier: MIT
 *
 * jpeg_scan.h - a faster reader of the Huffman-coded data of baseline JPEGs, put
 * in the place of libjpeg-turbo's own, which takes two thirds of the time of
 * decoding a photo.
 *
 * It takes files without a flaw only, gives the same coefficients for them, and
 * parses blocks that nobody will see without storing them. Anything strange, and
 * it gives up: then the image is decoded again by libjpeg alone, whose ways around
 * damage are the rule. Small files, of which the tables would be the larger part
 * of the work, and libjpegs whose insides are not known are not taken at all.
 */
#ifndef VIT_CODEC_JPEG_SCAN_H
#define VIT_CODEC_JPEG_SCAN_H

#include "core/err.h"

#include <stdint.h>
#include <stdio.h>

#include <jpeglib.h>

struct jpeg_scan;

/* After jpeg_start_decompress() of a file with a SOF0 or SOF1 frame, and after
 * jpeg_crop_scanline(): take over if this is such a file, else *s stays NULL. Only the
 * columns [left, left + width) of pixels will be looked at. `give_up` never
 * returns: the image is to be decoded without this. c->client_data is taken. */
int jpeg_scan_take(struct jpeg_scan **s, j_decompress_ptr c, int64_t left, int64_t width, void (*give_up)(j_decompress_ptr)) VIT_MUST_CHECK;
void jpeg_scan_free(struct jpeg_scan *s);

#endif
