/* SPDX-License-Identifier: MIT */
#include "core/utf8.h"

#include <stdint.h>

size_t vit_utf8_one(const char *text, size_t n)
{
	const uint8_t *p = (const uint8_t *)text;
	if (!n)
		return 0;
	if (p[0] < 0x80)
		return 1;
	size_t k = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4 : 0;
	if (!k || n < k)
		return 0;
	for (size_t i = 1; i < k; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* the second byte's range is narrower at the ends: overlong, surrogates, above U+10FFFF */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return k;
}

int vit_utf8_valid(const char *p, size_t n)
{
	while (n) {
		size_t k = vit_utf8_one(p, n);
		if (!k)
			return 0;
		p += k;
		n -= k;
	}
	return 1;
}

int vit_utf8_escape(struct vit_buf *to, const char *p, size_t n)
{
	for (size_t k; n; p += k, n -= k) {
		k = vit_utf8_one(p, n);
		VIT_TRY(k ? vit_buf_add(to, p, k) : vit_buf_printf(to, "%%%02X", (unsigned)(uint8_t)*p));
		k += !k;
	}
	return 0;
}
