/* SPDX-License-Identifier: MIT */
#include "image/resize.h"

#include <string.h>

void vit_crop(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t sw, int64_t c, int64_t top, int64_t left)
{
	for (int64_t y = 0; y < dh; y++)
		memmove(dst + y * dw * c, src + ((top + y) * sw + left) * c, (size_t)(dw * c));
}

int64_t vit_centre(int64_t whole, int64_t part)
{
	int64_t twice = whole - part, half = twice / 2;
	return half + (twice % 2 && half % 2);
}

void vit_shorter_side(int64_t side, int64_t sh, int64_t sw, int64_t *dh, int64_t *dw)
{
	/* a double division as in Python: the integer quotient differs where side * long
	 * passes 2^53, which sides below 2^26 never do */
	int64_t longer = sh > sw ? sh : sw, shorter = sh > sw ? sw : sh, other = side * longer / shorter;
	*dh = sh > sw ? other : side;
	*dw = sh > sw ? side : other;
}
