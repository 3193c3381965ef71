/* SPDX-License-Identifier: MIT
 *
 * flip.c - rows are turned from both ends towards the middle.
 */
#include "image/flip.h"
#include "image/simd.h"

#include <string.h>

#if defined(VIT_AVX2)
#include <immintrin.h>
#endif

/* Inlined with c a constant, so that a pixel is moved by loads and stores. */
static inline __attribute__((always_inline)) void swap_pixels(uint8_t *a, uint8_t *end, size_t c)
{
	uint8_t t[VIT_MAX_CHANNELS];
	for (uint8_t *b = end - c; a < b; a += c, b -= c) {
		memcpy(t, a, c);
		memcpy(a, b, c);
		memcpy(b, t, c);
	}
}

#if defined(VIT_AVX2)
/* Five pixels of each end at a time; of the 16 bytes that move one stays what it was. */
VIT_AVX2 static inline void row_rgb(uint8_t *a, uint8_t *end)
{
	const __m128i to_left = _mm_setr_epi8(13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, -1);
	const __m128i to_right = _mm_setr_epi8(-1, 12, 13, 14, 9, 10, 11, 6, 7, 8, 3, 4, 5, 0, 1, 2);
	const __m128i last = _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1);
	const __m128i first = _mm_setr_epi8(-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	if (end - a >= 32) {
		/* loaded before what is stored beside: a load that meets half of a store waits for it */
		__m128i l = _mm_loadu_si128((const void *)a), r = _mm_loadu_si128((const void *)(end - 16));
		for (; end - a >= 32; a += 15, end -= 15) {
			__m128i next_l = _mm_loadu_si128((const void *)(a + 15)), next_r = _mm_loadu_si128((const void *)(end - 31));
			_mm_storeu_si128((void *)a, _mm_or_si128(_mm_shuffle_epi8(r, to_left), _mm_and_si128(l, last)));
			_mm_storeu_si128((void *)(end - 16), _mm_or_si128(_mm_shuffle_epi8(l, to_right), _mm_and_si128(r, first)));
			l = next_l;
			r = next_r;
		}
	}
	swap_pixels(a, end, 3);
}

VIT_AVX2 static inline void row_gray(uint8_t *a, uint8_t *end)
{
	const __m128i turn = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
	for (; end - a >= 32; a += 16, end -= 16) {
		__m128i l = _mm_loadu_si128((const void *)a), r = _mm_loadu_si128((const void *)(end - 16));
		_mm_storeu_si128((void *)a, _mm_shuffle_epi8(r, turn));
		_mm_storeu_si128((void *)(end - 16), _mm_shuffle_epi8(l, turn));
	}
	swap_pixels(a, end, 1);
}

VIT_AVX2 static void flip_avx2(uint8_t *image, int64_t h, int64_t bytes, int64_t c)
{
	for (uint8_t *row = image, *end = image + h * bytes; row < end; row += bytes) {
		if (c == 3)
			row_rgb(row, row + bytes);
		else
			row_gray(row, row + bytes);
	}
}
#endif

static void row_any(uint8_t *a, uint8_t *end, size_t c)
{
	if (c == 3)
		swap_pixels(a, end, 3);
	else if (c == 1)
		swap_pixels(a, end, 1);
	else
		swap_pixels(a, end, c);
}

void vit_hflip(uint8_t *image, int64_t h, int64_t w, int64_t c)
{
	int64_t bytes = w * c;
#if defined(VIT_AVX2)
	if ((c == 3 || c == 1) && vit_simd_avx2()) {
		flip_avx2(image, h, bytes, c);
		return;
	}
#endif
	for (uint8_t *row = image, *end = image + h * bytes; row < end; row += bytes)
		row_any(row, row + bytes, (size_t)c);
}
