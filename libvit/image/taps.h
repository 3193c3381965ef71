/* SPDX-License-Identifier: MIT
 *
 * taps.h - the weights of a resize, and kernels that apply them; inside
 * libvit/image only.
 */
#ifndef VIT_IMAGE_TAPS_H
#define VIT_IMAGE_TAPS_H

#include "image/resize.h"
#include "image/simd.h"

/* Weights are integers of 22 fractional bits, as Pillow's: 255 times their sum,
 * which bicubic overshoots by less than a factor of 2, stays within 32 bits.
 * For vectors a weight is high * 2^11 + low, both of which fit 16 bits: the
 * sums of the two come out as the one sum, to the bit. */
enum { VIT_TAP_BITS = 22, VIT_TAP_LOW = 11, VIT_TAP_GROUP = 8 };

/* Output element i is the sum of w[i * most + k] * in[first[i] + k], k < n[i];
 * weights beyond n[i] are 0. */
struct vit_taps {
	int64_t in, out, most;          /* most: a multiple of VIT_TAP_GROUP */
	int32_t *first, *n, *w;
	int16_t *high, *low;
};

/* How many taps an output element has at most, in whole groups. */
int64_t vit_taps_most(int filter, int antialias, int64_t in, int64_t out);
/* Bytes that vit_taps_make() takes of a scratch memory. */
size_t vit_taps_bytes(int64_t out, int64_t most);
/* `memory` is 16-byte aligned. */
void vit_taps_make(struct vit_taps *, void *memory, int filter, int antialias, int64_t in, int64_t out, int64_t most);

static inline uint8_t vit_tap_level(int32_t sum)
{
	int32_t x = sum >> VIT_TAP_BITS;
	return x < 0 ? 0 : x > 255 ? 255 : (uint8_t)x;
}

#if defined(VIT_AVX2)
/* Elements 0..(returned)-1 of `rows` rows of dst [h,out,c] from rows of src;
 * the rest, whose loads would pass the end of a row, is the caller's. */
int64_t vit_across_avx2(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t rows, int64_t c, const struct vit_taps *);
/* Row i of the result from rows of src, `stride` apart: n bytes, the first (returned) of them. */
int64_t vit_down_avx2(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t n, const struct vit_taps *, int64_t i);
#endif

#endif
