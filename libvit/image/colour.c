/* SPDX-License-Identifier: MIT
 *
 * colour.c - what is a table of 256 levels, what mixes with gray, and hue.
 *
 * torch adds `alpha * y` to x with one rounding (a fused multiply-add). All
 * factors here are a byte times a float, 32 bits: double holds the product and
 * the sum exactly, so rounding it to float once gives the same.
 */
#include "image/colour.h"

#include <math.h>

/* Without a branch, which noise would take like a coin: the compiler turns ?: into one. */
static uint8_t cut(float x)
{
	int i = (int)x;
	i &= -(i > 0);
	return (uint8_t)(i | -(i > 255));
}

static size_t n_bytes(const struct vit_image *im)
{
	return (size_t)(im->h * im->w * im->c);
}

static void look_up(struct vit_image *im, const uint8_t lut[256])
{
	for (size_t i = 0, n = n_bytes(im); i < n; i++)
		im->p[i] = lut[im->p[i]];
}

int vit_gray_or_rgb(const struct vit_image *im)
{
	if (im->c == 1 || im->c == 3)
		return 0;
	return vit_fail(VIT_ERECORD, "image has %lld channels; 1 (gray) or 3 (red, green, blue) can be worked on", (long long)im->c);
}

/* ---- gray --------------------------------------------------------------------------- */

/* Cut to a whole level. .9999 in all: white becomes 254. */
static uint8_t gray(const uint8_t *p)
{
	float x = (float)p[0] * 0.2989f;
	x = (float)((double)x + (double)p[1] * (double)0.587f);
	return (uint8_t)(float)((double)x + (double)p[2] * (double)0.114f);
}

int vit_grayscale(struct vit_image *im)
{
	if (im->c != 3)
		return vit_gray_or_rgb(im);
	for (uint8_t *p = im->p, *end = p + n_bytes(im); p < end; p += 3)
		p[0] = p[1] = p[2] = gray(p);
	return 0;
}

/* ---- blends ---------------------------------------------------------------------------- */

void vit_brightness(struct vit_image *im, double factor)
{
	uint8_t lut[256];
	for (int i = 0; i < 256; i++)
		lut[i] = cut((float)i * (float)factor);
	look_up(im, lut);
}

int vit_contrast(struct vit_image *im, double factor)
{
	uint8_t lut[256];
	uint64_t sum = 0;
	VIT_TRY(vit_gray_or_rgb(im));
	for (const uint8_t *p = im->p, *end = p + n_bytes(im); p < end; p += im->c)
		sum += im->c == 3 ? gray(p) : *p;
	float mean = (float)sum / (float)(im->h * im->w);
	for (int i = 0; i < 256; i++)
		lut[i] = cut(fmaf(mean, (float)(1 - factor), (float)i * (float)factor));
	look_up(im, lut);
	return 0;
}

int vit_saturation(struct vit_image *im, double factor)
{
	float own = (float)factor;
	double rest = (double)(float)(1 - factor);
	if (im->c != 3)
		return vit_gray_or_rgb(im);
	for (uint8_t *p = im->p, *end = p + n_bytes(im); p < end; p += 3) {
		double g = (double)gray(p) * rest;
		uint8_t red = cut((float)((double)((float)p[0] * own) + g)), green = cut((float)((double)((float)p[1] * own) + g));
		p[2] = cut((float)((double)((float)p[2] * own) + g));
		p[0] = red;
		p[1] = green;
	}
	return 0;
}

/* ---- level by level ----------------------------------------------------------------------- */

void vit_posterize(struct vit_image *im, int bits)
{
	uint8_t mask = (uint8_t)(0xFF00 >> bits);
	for (size_t i = 0, n = n_bytes(im); i < n; i++)
		im->p[i] &= mask;
}

void vit_solarize(struct vit_image *im, double threshold)
{
	uint8_t lut[256];
	for (int i = 0; i < 256; i++)
		lut[i] = (uint8_t)((float)i >= (float)threshold ? 255 - i : i);
	look_up(im, lut);
}

/* ---- hue ------------------------------------------------------------------------------------ */

/* To hue, saturation, value and back, in float as torchvision does it. Its fmod
 * and remainder are comparisons here: the hue they see lies within (-1, 2). */

static float min3(float a, float b, float c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

static float max3(float a, float b, float c)
{
	a = a > b ? a : b;
	return a > c ? a : c;
}

/* torchvision cuts x to 0..1 first: it leaves that by a rounding error, which the conversion swallows. */
static uint8_t level(float x)
{
	return (uint8_t)(int)(x * 255.999f);
}

/* r, g, b not all equal; hue 0..1 of which red is 0. */
static float hue_of(float r, float g, float b, float most, float range)
{
	float rc = (most - r) / range, gc = (most - g) / range, bc = (most - b) / range;
	float h = r == most ? bc - gc : g == most ? (rc + 2) - bc : (gc + 4) - rc;
	h = h * (1.0f / 6) + 1;
	return h >= 1 ? h - 1 : h;
}

int vit_hue(struct vit_image *im, double turn)
{
	if (im->c != 3)
		return vit_gray_or_rgb(im);
	/* sixths of the circle; the seventh is the first, for a hue that rounds to 1 */
	static const uint8_t pick[7][3] = { { 0, 3, 1 }, { 2, 0, 1 }, { 1, 0, 3 }, { 1, 2, 0 }, { 3, 1, 0 }, { 0, 1, 2 }, { 0, 3, 1 } };
	for (uint8_t *px = im->p, *end = px + im->h * im->w * 3; px < end; px += 3) {
		const float unit = (float)(1.0 / 255);
		float r = (float)px[0] * unit, g = (float)px[1] * unit, b = (float)px[2] * unit;
		float v = max3(r, g, b), range = v - min3(r, g, b);
		/* gray has no hue: saturation 0 gives v three times */
		float s = range > 0 ? range / v : 0, h = range > 0 ? hue_of(r, g, b, v, range) : 0;
		h += (float)turn;
		h = h < 0 ? h + 1 : h >= 1 ? h - 1 : h;
		h *= 6;
		int sector = (int)h;
		float sf = s * (h - (float)sector), dull = 1 - s;
		const uint8_t vpqt[4] = { level(v), level(dull * v), level((1 - sf) * v), level((sf + dull) * v) };
		for (int c = 0; c < 3; c++)
			px[c] = vpqt[pick[sector][c]];
	}
	return 0;
}
