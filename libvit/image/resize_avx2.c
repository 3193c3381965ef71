/* SPDX-License-Identifier: MIT
 *
 * resize_avx2.c - resize.c's inner loops on 256-bit vectors, to the same bits:
 * products of 16-bit halves of the weights, see taps.h.
 */
#include "image/taps.h"

#if defined(VIT_AVX2)
#include <immintrin.h>
#include <string.h>

#define INLINE VIT_AVX2 static inline __attribute__((always_inline))

enum { ROWS = 4 };              /* that share the loads of weights */

/* high * 2^11 + low, rounded and cut to a level, still of 32 bits. */
INLINE __m256i finish(__m256i high, __m256i low)
{
	__m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, VIT_TAP_LOW), low);
	return _mm256_srai_epi32(_mm256_add_epi32(sum, _mm256_set1_epi32(1 << (VIT_TAP_BITS - 1))), VIT_TAP_BITS);
}

/* Pixels 0, 1 of RGB in the lower lane and 2, 3 in the upper one, as 16-bit
 * pairs of neighbours: r0 r1 g0 g1 b0 b1 - -. */
INLINE __m256i pairs_of(const uint8_t *from)
{
	const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1,
	                                       6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);
	return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)from)), order);
}

/* The lanes' sum: r g b and what is not used. */
INLINE __m128i both_lanes(__m256i high, __m256i low)
{
	__m256i sum = _mm256_add_epi32(_mm256_slli_epi32(high, VIT_TAP_LOW), low);
	return _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
}

/* Where rows are read and written; the taps' pointers are here and not behind
 * one more pointer, so that writing pixels does not make them be read anew. */
struct rows {
	uint8_t *dst;
	const uint8_t *src;
	int64_t to, from;               /* between rows of dst, of src */
	struct vit_taps t;
};

/* Pixel i of `n` rows (1 or ROWS). One that is not the last of its row may
 * spoil the first byte of the next, which is written later. */
INLINE void across_rgb(const struct rows *a, int n, int64_t i, int last)
{
	const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
	__m256i high[ROWS], low[ROWS];
	__m128i sum[ROWS];
	const int16_t *wh = a->t.high + i * a->t.most, *wl = a->t.low + i * a->t.most;
	const uint8_t *src = a->src + a->t.first[i] * 3;
	for (int r = 0; r < n; r++)
		high[r] = low[r] = _mm256_setzero_si256();
	for (int32_t k = 0; k < a->t.n[i]; k += 4) {
		__m256i h = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(_mm_loadl_epi64((const void *)(wh + k))), spread);
		__m256i l = _mm256_permutevar8x32_epi32(_mm256_castsi128_si256(_mm_loadl_epi64((const void *)(wl + k))), spread);
		for (int r = 0; r < n; r++) {
			__m256i px = pairs_of(src + r * a->from + k * 3);
			high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(px, h));
			low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(px, l));
		}
	}
	for (int r = 0; r < n; r++) {
		sum[r] = _mm_add_epi32(both_lanes(high[r], low[r]), _mm_set1_epi32(1 << (VIT_TAP_BITS - 1)));
		sum[r] = _mm_srai_epi32(sum[r], VIT_TAP_BITS);
	}
	uint32_t px[ROWS];
	__m128i top = _mm_packs_epi32(sum[0], n > 1 ? sum[1] : sum[0]), bottom = n > 2 ? _mm_packs_epi32(sum[2], sum[3]) : top;
	_mm_storeu_si128((void *)px, _mm_packus_epi16(top, bottom));
	for (int r = 0; r < n; r++)
		memcpy(a->dst + r * a->to + i * 3, &px[r], last ? 3 : 4);
}

INLINE void across_gray(const struct rows *a, int n, int64_t i)
{
	__m128i high[ROWS], low[ROWS];
	const int16_t *wh = a->t.high + i * a->t.most, *wl = a->t.low + i * a->t.most;
	const uint8_t *src = a->src + a->t.first[i];
	for (int r = 0; r < n; r++)
		high[r] = low[r] = _mm_setzero_si128();
	for (int32_t k = 0; k < a->t.n[i]; k += 8) {
		__m128i h = _mm_loadu_si128((const void *)(wh + k)), l = _mm_loadu_si128((const void *)(wl + k));
		for (int r = 0; r < n; r++) {
			__m128i px = _mm_cvtepu8_epi16(_mm_loadl_epi64((const void *)(src + r * a->from + k)));
			high[r] = _mm_add_epi32(high[r], _mm_madd_epi16(px, h));
			low[r] = _mm_add_epi32(low[r], _mm_madd_epi16(px, l));
		}
	}
	for (int r = 0; r < n; r++) {
		__m128i sum = _mm_add_epi32(_mm_slli_epi32(high[r], VIT_TAP_LOW), low[r]);
		sum = _mm_hadd_epi32(sum, sum);
		sum = _mm_hadd_epi32(sum, sum);
		a->dst[r * a->to + i] = vit_tap_level(_mm_cvtsi128_si32(sum) + (1 << (VIT_TAP_BITS - 1)));
	}
}

/* The first elements, all of whose loads stay inside a row. Rounded to groups, the
 * taps of one may end behind those of the next. */
static int64_t safe(const struct vit_taps *t, int64_t c)
{
	int64_t i = 0, group = c == 3 ? 4 : 8;
	for (; i < t->out; i++) {
		int64_t end = t->first[i] + (t->n[i] + group - 1) / group * group;
		/* a load for 4 RGB pixels takes 16 bytes, 4 more than they have */
		if (end * c + (c == 3 ? 4 : 0) > t->in * c)
			break;
	}
	return i;
}

/* Elements 0..n-1, n >= 1, of `some` rows. */
INLINE void across_some(const struct rows *a, int some, int64_t n, int64_t c)
{
	if (c == 1) {
		for (int64_t i = 0; i < n; i++)
			across_gray(a, some, i);
		return;
	}
	for (int64_t i = 0; i < n - 1; i++)
		across_rgb(a, some, i, 0);
	across_rgb(a, some, n - 1, 1);
}

VIT_AVX2 int64_t vit_across_avx2(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t rows, int64_t c, const struct vit_taps *t)
{
	int64_t n = c == 3 || c == 1 ? safe(t, c) : 0;
	if (n == 0)
		return 0;
	struct rows a = { .dst = dst, .src = src, .to = t->out * c, .from = stride, .t = *t };
	int64_t y = 0;
	for (; y + ROWS <= rows; y += ROWS, a.dst += ROWS * a.to, a.src += ROWS * a.from)
		across_some(&a, ROWS, n, c);
	for (; y < rows; y++, a.dst += a.to, a.src += a.from)
		across_some(&a, 1, n, c);
	return n;
}

/* 16 bytes of row i. */
INLINE void down_16(uint8_t *dst, const uint8_t *src, int64_t stride, const struct vit_taps *t, int64_t i)
{
	__m256i ha = _mm256_setzero_si256(), hb = ha, la = ha, lb = ha;
	const int16_t *wh = t->high + i * t->most, *wl = t->low + i * t->most;
	for (int32_t k = 0; k < t->n[i]; k += 2) {
		/* where there is no second row its weight is 0 */
		const uint8_t *first = src + (t->first[i] + k) * stride, *second = k + 1 < t->n[i] ? first + stride : first;
		__m256i p = _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)first));
		__m256i q = _mm256_cvtepu8_epi16(_mm_loadu_si128((const void *)second));
		__m256i a = _mm256_unpacklo_epi16(p, q), b = _mm256_unpackhi_epi16(p, q);
		int32_t high, low;
		memcpy(&high, wh + k, 4);
		memcpy(&low, wl + k, 4);
		__m256i h = _mm256_set1_epi32(high), l = _mm256_set1_epi32(low);
		ha = _mm256_add_epi32(ha, _mm256_madd_epi16(a, h));
		hb = _mm256_add_epi32(hb, _mm256_madd_epi16(b, h));
		la = _mm256_add_epi32(la, _mm256_madd_epi16(a, l));
		lb = _mm256_add_epi32(lb, _mm256_madd_epi16(b, l));
	}
	/* packing undoes unpacking, lane by lane */
	__m256i x = _mm256_packs_epi32(finish(ha, la), finish(hb, lb));
	_mm_storeu_si128((void *)dst, _mm_packus_epi16(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1)));
}

VIT_AVX2 int64_t vit_down_avx2(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t n, const struct vit_taps *t, int64_t i)
{
	if (n < 16)
		return 0;
	for (int64_t x = 0; x + 16 <= n; x += 16)
		down_16(dst + x, src + x, stride, t, i);
	/* the last bytes once more, with those before them */
	if (n % 16)
		down_16(dst + n - 16, src + n - 16, stride, t, i);
	return n;
}

#endif
