/* SPDX-License-Identifier: MIT */
#include "image/colour.h"

#include <string.h>

/* Rounded to the nearest: sums / 13 are never halfway. */
static int blur(int sum9, int centre)
{
	return (2 * (sum9 + 4 * centre) + 13) / 26;
}

int vit_sharpness(struct vit_image *im, double factor, struct vit_buf *scratch)
{
	size_t c = (size_t)im->c, row = (size_t)im->w * c;
	double away = (double)(float)(1 - factor);
	if (im->h < 3 || im->w < 3)
		return 0;
	/* the row above and this one as they were, and the sums of columns */
	scratch->n = 0;
	VIT_TRY(vit_buf_reserve(scratch, row * (2 + sizeof(uint16_t))));
	uint16_t *sum = (uint16_t *)(void *)scratch->p;
	uint8_t *above = scratch->p + row * sizeof *sum, *here = above + row;
	memcpy(here, im->p, row);
	for (int64_t y = 1; y < im->h - 1; y++) {
		uint8_t *out = im->p + (size_t)y * row, *t = above;
		const uint8_t *under = out + row;
		above = here;
		here = t;
		memcpy(here, out, row);
		for (size_t i = 0; i < row; i++)
			sum[i] = (uint16_t)(above[i] + here[i] + under[i]);
		for (size_t i = c; i < row - c; i++) {
			int x = here[i], d = blur(sum[i - c] + sum[i] + sum[i + c], x) - x;
			/* one rounding, as in colour.c */
			float v = (float)((double)d * away + (double)x);
			v = v > 0 ? v : 0;
			v = v < 255 ? v : 255;
			out[i] = (uint8_t)(int)v;
		}
	}
	return 0;
}
