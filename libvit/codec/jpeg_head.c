/* SPDX-License-Identifier: MIT */
#include "codec/jpeg_head.h"

#include <string.h>

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, APP1 = 0xe1, TEM = 1 };

static int is_frame(int marker)
{
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* Markers that stand alone; 0 is a data byte that was escaped. */
static int is_bare(int marker)
{
	return marker == 0 || marker == TEM || (marker >= 0xd0 && marker <= SOI);
}

struct seen {
	int exif, xmp;
};

static void read_app1(struct seen *seen, const uint8_t *p, size_t n)
{
	static const char xmp[] = "http://ns.adobe.com/xap/1.0/";
	if (n > 6 && !memcmp(p, "Exif\0", 6)) {
		if (!seen->exif)
			seen->exif = codec_exif_orientation(p + 6, n - 6);
	} else if (n > sizeof xmp && !memcmp(p, xmp, sizeof xmp)) {
		seen->xmp = codec_xmp_orientation(p + sizeof xmp, n - sizeof xmp);
	}
}

/* As libjpeg, bytes between two segments are passed over. */
int jpeg_head_read(struct jpeg_head *head, const uint8_t *p, size_t n)
{
	struct seen seen = { 0 };
	*head = (struct jpeg_head){ .orientation = 1 };
	for (size_t at = 2; at + 4 <= n;) {
		const uint8_t *mark = memchr(p + at, 0xff, n - at);
		if (!mark)
			break;
		at = (size_t)(mark - p);
		while (at < n && p[at] == 0xff)
			at++;
		if (at + 3 > n)
			break;
		int marker = p[at++];
		if (is_bare(marker))
			continue;
		if (marker == SOS || marker == EOI)
			break;
		size_t len = (size_t)p[at] << 8 | p[at + 1];
		if (len < 2 || len > n - at)
			break;
		const uint8_t *body = p + at + 2;
		if (is_frame(marker) && len >= 8 && !head->h) {
			head->h = body[1] << 8 | body[2];
			head->w = body[3] << 8 | body[4];
			head->baseline = marker <= 0xc1;
		} else if (marker == APP1) {
			read_app1(&seen, body, len - 2);
		}
		at += len;
	}
	if (!head->h || !head->w)
		return vit_fail(VIT_ERECORD, "jpeg: no size is found in %zu bytes: cut, or not an image", n);
	if (seen.exif || seen.xmp)
		head->orientation = seen.exif ? seen.exif : seen.xmp;
	return 0;
}
