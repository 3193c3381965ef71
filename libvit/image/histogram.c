/* SPDX-License-Identifier: MIT
 *
 * histogram.c - what depends on how often each level occurs: a table for each
 * channel.
 */
#include "image/colour.h"

#include <string.h>

/* Count channel `c`. Two sets of counters: equal neighbours would wait for each
 * other's increment. */
static void count(const struct vit_image *im, int64_t c, int64_t hist[256])
{
	int64_t n = im->h * im->w, odd[256] = { 0 };
	const uint8_t *p = im->p + c;
	memset(hist, 0, 256 * sizeof *hist);
	for (; n > 1; n -= 2, p += 2 * im->c) {
		hist[p[0]]++;
		odd[p[im->c]]++;
	}
	if (n)
		hist[*p]++;
	for (int i = 0; i < 256; i++)
		hist[i] += odd[i];
}

static void look_up(struct vit_image *im, int64_t c, const uint8_t lut[256])
{
	uint8_t *p = im->p + c;
	for (int64_t n = im->h * im->w; n; n--, p += im->c)
		*p = lut[*p];
}

void vit_auto_contrast(struct vit_image *im)
{
	int64_t hist[256];
	uint8_t lut[256] = { 0 };
	for (int64_t c = 0; c < im->c; c++) {
		int lo = 0, hi = 255;
		count(im, c, hist);
		while (!hist[lo])
			lo++;
		while (!hist[hi])
			hi--;
		if (lo == hi)
			continue;
		float scale = (float)(hi - lo) * (float)(1.0 / 255);
		for (int i = lo; i <= hi; i++) {
			float x = (float)(i - lo) / scale;
			lut[i] = x >= 255 ? 255 : (uint8_t)x;
		}
		look_up(im, c, lut);
	}
}

void vit_equalize(struct vit_image *im)
{
	int64_t hist[256], n = im->h * im->w;
	uint8_t lut[256];
	for (int64_t c = 0; c < im->c; c++) {
		int hi = 255;
		count(im, c, hist);
		while (!hist[hi])
			hi--;
		int64_t step = (n - hist[hi]) / 255, below = 0;
		/* one level, or too few pixels to tell 255 apart */
		if (!step)
			continue;
		for (int i = 0; i < 256; i++) {
			int64_t x = (below + step / 2) / step;
			lut[i] = (uint8_t)(x > 255 ? 255 : x);
			below += hist[i];
		}
		look_up(im, c, lut);
	}
}
