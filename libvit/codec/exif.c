/* SPDX-License-Identifier: MIT
 *
 * exif.c - the one fact of EXIF and XMP that changes pixels: the orientation.
 */
#include "codec/shared.h"

#include <string.h>

static uint32_t get(const uint8_t *p, int bytes, int big)
{
	uint32_t v = 0;
	for (int i = 0; i < bytes; i++)
		v |= (uint32_t)p[i] << 8 * (big ? bytes - 1 - i : i);
	return v;
}

int codec_exif_orientation(const uint8_t *p, size_t n)
{
	enum { ORIENTATION = 0x112, BYTE = 1, SHORT = 3, LONG = 4 };
	if (n < 8 || (memcmp(p, "II*\0", 4) && memcmp(p, "MM\0*", 4)))
		return 0;
	int big = *p == 'M';
	size_t at = get(p + 4, 4, big);
	if (at > n - 2)
		return 0;
	int found = 0;
	uint32_t entries = get(p + at, 2, big);
	for (at += 2; entries-- && at + 12 <= n; at += 12) {
		const uint8_t *e = p + at;
		uint32_t type = get(e + 2, 2, big);
		int bytes = type == BYTE ? 1 : type == SHORT ? 2 : type == LONG ? 4 : 0;
		if (get(e, 2, big) != ORIENTATION || !bytes || get(e + 4, 4, big) != 1)
			continue;
		uint32_t v = get(e + 8, bytes, big);
		found = v >= 1 && v <= 8 ? (int)v : 1;
	}
	return found;
}

int codec_xmp_orientation(const uint8_t *p, size_t n)
{
	static const char name[] = "tiff:Orientation";
	enum { LEN = sizeof name - 1 };
	for (const uint8_t *end = p + n; n > LEN + 2 && (p = memmem(p, n, name, LEN)); n = (size_t)(end - p)) {
		p += LEN;
		size_t left = (size_t)(end - p), mark = left > 1 && *p == '>' ? 1 : left > 2 && !memcmp(p, "=\"", 2) ? 2 : 0;
		if (mark && left > mark && p[mark] >= '0' && p[mark] <= '9')
			return p[mark] >= '1' && p[mark] <= '8' ? p[mark] - '0' : 1;
	}
	return 0;
}
