/* SPDX-License-Identifier: MIT
 *
 * What files are named by their first bytes: images above all, since a user who
 * feeds in one that is not decoded is told what it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stream/stream.h"

#define B(s) s, sizeof(s) - 1

static const struct { const char *bytes; size_t n; const char *name; } files[] = {
	{ B("\xff\xd8\xff\xe0"), "a JPEG image" },
	{ B("\x89PNG\r\n\x1a\n\0\0\0\x0d"), "a PNG image" },
	{ B("RIFF\x10\0\0\0WEBPVP8 "), "a WebP image" },
	{ B("P6\n3 2\n255\n"), "a PNM image" },
	{ B("P1 # a comment"), "a PNM image" },
	{ B("GIF89a\1\0\1\0"), "a GIF image" },
	{ B("BM\x36\0\0\0\0\0\0\0\x36\0"), "a BMP image" },
	{ B("BMW,car\n"), "text" },
	{ B("P2 of the story"), "text" },
	{ B("II*\0\x08\0\0\0"), "a TIFF image" },
	{ B("MM\0*\0\0\0\x08"), "a TIFF image" },
	{ B("\0\0\0\x18" "ftypheic\0\0\0\0"), "a HEIC image" },
	{ B("\0\0\0\x1c" "ftypavif\0\0\0\0"), "an AVIF image" },
	{ B("\0\0\0\x18" "ftypisom\0\0\0\0"), "an MP4 or QuickTime film" },
	{ B("\xff\x0a\xfa\x1f"), "a JPEG XL image" },
	{ B("\0\0\0\x0cJXL \r\n\x87\n"), "a JPEG XL image" },
	{ B("\0\0\0\x0cjP  \r\n\x87\n"), "a JPEG 2000 image" },
	{ B("<svg xmlns='http://www.w3.org/2000/svg'/>"), "an SVG drawing" },
	{ B("<?xml version='1.0'?>\n<svg/>"), "an SVG drawing" },
	{ B("<?xml version='1.0'?>\n<plist/>"), "text" },
	{ B("<!DOCTYPE html><title>404</title>"), "an HTML page" },
	{ B("{\"a\": 1}"), "JSON text" },
	{ B("\1\2\3\4"), NULL },
	{ B(""), "empty" },
};

static void files_are_named_by_their_first_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const char *name = vit_magic((const uint8_t *)files[i].bytes, files[i].n);
		if (!files[i].name)
			assert_null(name);
		else if (!name)
			fail_msg("%s is not known", files[i].name);
		else
			assert_string_equal(name, files[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(files_are_named_by_their_first_bytes) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
