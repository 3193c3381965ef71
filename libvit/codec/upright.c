/* SPDX-License-Identifier: MIT
 *
 * upright.c - from stored pixels to upright ones, to a part, to gray or RGB.
 */
#include "codec/shared.h"
#include "image/resize.h"

#include <string.h>

/* Upright pixel (y, x) is stored at (a, b), (y, x) or (x, y), each counted from
 * the end where the image is flipped. */
static int swapped(int orientation)
{
	return orientation >= 5;
}

static int from_bottom(int orientation)
{
	return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}

static int from_right(int orientation)
{
	return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}

struct codec_area codec_stored(const struct vit_decode_opt *o, int orientation, int64_t h, int64_t w)
{
	const int64_t *part = o->part;
	if (!part[2])
		return (struct codec_area){ 0, 0, h, w };
	int s = swapped(orientation);
	struct codec_area a = { part[s], part[!s], part[2 + s], part[2 + !s] };
	if (from_bottom(orientation))
		a.top = h - a.top - a.h;
	if (from_right(orientation))
		a.left = w - a.left - a.w;
	return a;
}

/* Steps in bytes between stored neighbours. One loop nest for 1 and for 3
 * channels, so that the compiler makes each of fixed size. */
static inline void turn(uint8_t *dst, int64_t h, int64_t w, const uint8_t *src, int64_t down, int64_t right, int c)
{
	/* tiles: a column of the source is a row of the result, each in cache */
	enum { TILE = 32 };
	for (int64_t y0 = 0; y0 < h; y0 += TILE)
		for (int64_t x0 = 0; x0 < w; x0 += TILE)
			for (int64_t y = y0; y < h && y < y0 + TILE; y++) {
				const uint8_t *s = src + y * down + x0 * right;
				uint8_t *d = dst + (y * w + x0) * c;
				for (int64_t x = x0; x < w && x < x0 + TILE; x++, d += c, s += right)
					for (int k = 0; k < c; k++)
						d[k] = s[k];
			}
}

int codec_upright(struct vit_image *im, int orientation)
{
	if (orientation <= 1)
		return 0;
	struct vit_image to = { 0 };
	int64_t h = im->h, w = im->w, row = im->w * im->c;
	codec_upright_size(orientation, &h, &w);
	VIT_TRY(vit_image_reserve(&to, h, w, im->c));
	const uint8_t *first = im->p + (from_bottom(orientation) ? (im->h - 1) * row : 0) + (from_right(orientation) ? row - im->c : 0);
	int64_t a = from_bottom(orientation) ? -row : row, b = from_right(orientation) ? -im->c : im->c;
	int64_t down = swapped(orientation) ? b : a, right = swapped(orientation) ? a : b;
	if (im->c == 1)
		turn(to.p, h, w, first, down, right, 1);
	else
		turn(to.p, h, w, first, down, right, 3);
	vit_image_swap(im, &to);
	vit_image_release(&to);
	return 0;
}

void codec_gray(uint8_t *dst, const uint8_t *rgb, int64_t n)
{
	for (int64_t i = 0; i < n; i++, rgb += 3)
		dst[i] = (uint8_t)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000) >> 16);
}

static int to_rgb(struct vit_image *im)
{
	VIT_TRY(vit_image_reserve(im, im->h, im->w, 3));        /* keeps what it holds */
	for (int64_t i = im->h * im->w; i-- > 0;)
		memset(im->p + 3 * i, im->p[i], 3);
	return 0;
}

int codec_finish(struct vit_image *im, const struct vit_decode_opt *o, int orientation)
{
	struct codec_area a = codec_stored(o, orientation, im->h, im->w);
	if (a.h != im->h || a.w != im->w)
		vit_crop(im->p, a.h, a.w, im->p, im->w, im->c, a.top, a.left);
	im->h = a.h;
	im->w = a.w;
	if (o->channels == 1 && im->c == 3) {
		codec_gray(im->p, im->p, im->h * im->w);
		im->c = 1;
	}
	VIT_TRY(codec_upright(im, orientation));
	return o->channels == 3 && im->c == 1 ? to_rgb(im) : 0;
}
