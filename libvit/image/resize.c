/* SPDX-License-Identifier: MIT
 *
 * resize.c - separable resampling in fixed point: across, then down, rounded to
 * u8 in between, as Pillow (libImaging/Resample.c) does it. Its results are
 * what image models are trained with, hence the same order and rounding.
 */
#include "image/taps.h"

#include <string.h>

/* Elements i0.. of one row of dst [out,c]. */
static void across_row(uint8_t *dst, const uint8_t *src, int64_t i0, int64_t c, const struct vit_taps *t)
{
	for (int64_t i = i0; i < t->out; i++) {
		const uint8_t *from = src + t->first[i] * c;
		const int32_t *w = t->w + i * t->most;
		for (int64_t ch = 0; ch < c; ch++) {
			int32_t sum = 1 << (VIT_TAP_BITS - 1);
			for (int32_t k = 0; k < t->n[i]; k++)
				sum += w[k] * from[k * c + ch];
			dst[i * c + ch] = vit_tap_level(sum);
		}
	}
}

/* dst [h,out,c] from h rows of src. */
static void across(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t h, int64_t c, const struct vit_taps *t, int simd)
{
	int64_t done = 0;
#if defined(VIT_AVX2)
	if (simd)
		done = vit_across_avx2(dst, src, stride, h, c, t);
#endif
	(void)simd;
	for (int64_t y = 0; y < h; y++)
		across_row(dst + y * t->out * c, src + y * stride, done, c, t);
}

/* Bytes x0.. of row i of dst [out,n], a block at a time so that the inner loop is dense. */
static void down_row(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t x0, int64_t n, const struct vit_taps *t, int64_t i)
{
	int32_t sum[256];
	const int32_t *w = t->w + i * t->most;
	for (int64_t len; x0 < n; x0 += len) {
		len = n - x0 < 256 ? n - x0 : 256;
		for (int64_t x = 0; x < len; x++)
			sum[x] = 1 << (VIT_TAP_BITS - 1);
		for (int32_t k = 0; k < t->n[i]; k++) {
			const uint8_t *row = src + (t->first[i] + k) * stride + x0;
			for (int64_t x = 0; x < len; x++)
				sum[x] += w[k] * row[x];
		}
		for (int64_t x = 0; x < len; x++)
			dst[x0 + x] = vit_tap_level(sum[x]);
	}
}

/* dst [out,n] from rows of src. */
static void down(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t n, const struct vit_taps *t, int simd)
{
	for (int64_t i = 0; i < t->out; i++) {
		int64_t done = 0;
#if defined(VIT_AVX2)
		if (simd)
			done = vit_down_avx2(dst + i * n, src, stride, n, t, i);
#endif
		(void)simd;
		down_row(dst + i * n, src, stride, done, n, t, i);
	}
}

/* across() for the rows that down() will look at: without antialiasing, or to
 * the nearest pixel, most are passed over. */
static void across_wanted(uint8_t *dst, const uint8_t *src, int64_t stride, int64_t c, const struct vit_taps *tx, const struct vit_taps *ty,
                          int simd)
{
	for (int64_t i = 0; i < ty->out; i++) {
		int64_t from = ty->first[i], to = from + ty->n[i];
		/* neighbours in one call: four rows are faster than four times one; both ends of taps only rise */
		for (; i + 1 < ty->out && ty->first[i + 1] <= to; i++)
			to = ty->first[i + 1] + ty->n[i + 1];
		across(dst + from * tx->out * c, src + from * stride, stride, to - from, c, tx, simd);
	}
}

int vit_resize(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t sh, int64_t sw, int64_t c,
               int filter, int antialias, struct vit_buf *scratch)
{
	/* sides are checked before the stride is used */
	return vit_resize_part(dst, dh, dw, src, sw <= VIT_MAX_SIDE && c <= VIT_MAX_CHANNELS ? sw * c : 0, sh, sw, c, filter, antialias,
	                       scratch);
}

int vit_resize_part(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t stride, int64_t sh, int64_t sw, int64_t c,
                    int filter, int antialias, struct vit_buf *scratch)
{
	if (dh < 1 || dw < 1 || sh < 1 || sw < 1 || dh > VIT_MAX_SIDE || dw > VIT_MAX_SIDE || sh > VIT_MAX_SIDE || sw > VIT_MAX_SIDE ||
	    c < 1 || c > VIT_MAX_CHANNELS)
		return vit_fail(VIT_EUSAGE, "cannot resize %lldx%lldx%lld to %lldx%lld; sides are 1 to %d, channels 1 to %d", (long long)sh,
		                (long long)sw, (long long)c, (long long)dh, (long long)dw, VIT_MAX_SIDE, VIT_MAX_CHANNELS);
	/* sides of 2^16 and 16 channels: all sums below fit easily in 63 bits */
	int64_t mx = vit_taps_most(filter, antialias, sw, dw), my = vit_taps_most(filter, antialias, sh, dh);
	size_t bx = vit_taps_bytes(dw, mx), by = vit_taps_bytes(dh, my);
	int simd = vit_simd_avx2();
	struct vit_taps tx, ty;
	scratch->n = 0;
	VIT_TRY(vit_buf_reserve(scratch, bx + by + (size_t)(sh * dw * c)));
	if (sh != dh)
		vit_taps_make(&ty, scratch->p, filter, antialias, sh, dh, my);
	if (sw != dw) {
		vit_taps_make(&tx, scratch->p + by, filter, antialias, sw, dw, mx);
		if (sh == dh) {
			across(dst, src, stride, sh, c, &tx, simd);
			return 0;
		}
		uint8_t *rows = scratch->p + by + bx;
		across_wanted(rows, src, stride, c, &tx, &ty, simd);
		src = rows;
		stride = dw * c;
	}
	if (sh != dh)
		down(dst, src, stride, dw * c, &ty, simd);
	else
		for (int64_t y = 0; y < dh; y++)
			memcpy(dst + y * dw * c, src + y * stride, (size_t)(dw * c));
	return 0;
}
