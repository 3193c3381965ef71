/* SPDX-License-Identifier: MIT
 *
 * magic.c - what is this file? By its first bytes, never by its name.
 */
#include "stream/wire.h"

#include <string.h>

static const struct {
	const char *bytes;
	uint8_t n, at;
	const char *name;
} table[] = {
	{ "\xff\xd8\xff", 3, 0, "a JPEG image" },
	{ "\x89PNG\r\n\x1a\n", 8, 0, "a PNG image" },
	{ "GIF8", 4, 0, "a GIF image" },
	{ "WEBP", 4, 8, "a WebP image" },
	{ "\x1f\x8b", 2, 0, "gzip data" },
	{ "\x28\xb5\x2f\xfd", 4, 0, "zstd data" },
	{ "\xfd" "7zXZ", 5, 0, "xz data" },
	{ "BZh", 3, 0, "bzip2 data" },
	{ "PK\x03\x04", 4, 0, "a zip archive (or a PyTorch file)" },
	{ "7z\xbc\xaf\x27\x1c", 6, 0, "a 7z archive" },
	{ "\x93NUMPY", 6, 0, "a numpy array (.npy)" },
	{ "%PDF", 4, 0, "a PDF document" },
	{ "\x7f" "ELF", 4, 0, "a program (ELF)" },
	{ "\x00\x00\x08\x01", 4, 0, "IDX labels" },
	{ "\x00\x00\x08\x03", 4, 0, "IDX images" },
	{ "\x80\x02", 2, 0, "a Python pickle" },
	{ "\x80\x03", 2, 0, "a Python pickle" },
	{ "\x80\x04", 2, 0, "a Python pickle" },
	{ "\x80\x05", 2, 0, "a Python pickle" },
};

static int is_safetensors(const uint8_t *p, size_t n)
{
	return n >= 9 && p[8] == '{' && p[6] == 0 && p[7] == 0 && p[5] == 0;
}

/* Printable UTF-8; the last character may be cut off. */
static int is_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n;) {
		uint8_t b = p[i++];
		if (b == 127 || (b < 32 && b != '\n' && b != '\r' && b != '\t' && b != '\f' && b != 27))
			return 0;
		int more = b < 0x80 ? 0 : b >= 0xc2 && b < 0xe0 ? 1 : b >= 0xe0 && b < 0xf0 ? 2 : b >= 0xf0 && b < 0xf5 ? 3 : -1;
		if (more < 0)
			return 0;
		for (; more && i < n; more--, i++)
			if ((p[i] & 0xc0) != 0x80)
				return 0;
	}
	return n > 0;
}

int vit_is_stream(const uint8_t *p, size_t n)
{
	return vit_map_begins(p, n, "vit");
}

const char *vit_magic(const uint8_t *p, size_t n)
{
	if (n == 0)
		return "empty";
	if (vit_is_stream(p, n))
		return "a vit stream";
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (n >= (size_t)table[i].n + table[i].at && !memcmp(p + table[i].at, table[i].bytes, table[i].n))
			return table[i].name;
	if (n >= 262 && !memcmp(p + 257, "ustar", 5))
		return "a tar archive";
	if (is_safetensors(p, n))
		return "a safetensors file";
	if (p[0] == '{' && is_text(p, n))
		return "JSON text";
	return is_text(p, n) ? "text" : NULL;
}
