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
	{ "II*\0", 4, 0, "a TIFF image" },
	{ "MM\0*", 4, 0, "a TIFF image" },
	{ "II+\0", 4, 0, "a BigTIFF image" },
	{ "MM\0+", 4, 0, "a BigTIFF image" },
	{ "ftypavif", 8, 4, "an AVIF image" },
	{ "ftypavis", 8, 4, "an AVIF image" },
	{ "ftypheic", 8, 4, "a HEIC image" },
	{ "ftypheix", 8, 4, "a HEIC image" },
	{ "ftyphevc", 8, 4, "a HEIC image" },
	{ "ftypmif1", 8, 4, "a HEIF image" },
	{ "ftypmsf1", 8, 4, "a HEIF image" },
	{ "ftypcrx ", 8, 4, "a Canon raw photo" },
	{ "ftyp", 4, 4, "an MP4 or QuickTime film" },
	{ "\xff\x0a", 2, 0, "a JPEG XL image" },
	{ "\0\0\0\x0cJXL \r\n\x87\n", 12, 0, "a JPEG XL image" },
	{ "\0\0\0\x0cjP  \r\n\x87\n", 12, 0, "a JPEG 2000 image" },
	{ "\xff\x4f\xff\x51", 4, 0, "a JPEG 2000 image" },
	{ "8BPS", 4, 0, "a Photoshop image" },
	{ "gimp xcf", 8, 0, "a GIMP image" },
	{ "\0\0\1\0", 4, 0, "an icon (.ico)" },
	{ "v/1\1", 4, 0, "an OpenEXR image" },
	{ "#?RADIANCE", 10, 0, "a Radiance HDR image" },
	{ "DDS ", 4, 0, "a DDS texture" },
	{ "qoif", 4, 0, "a QOI image" },
	{ "FUJIFILMCCD-RAW", 15, 0, "a Fujifilm raw photo" },
	{ "AVI ", 4, 8, "an AVI film" },
	{ "\x1a\x45\xdf\xa3", 4, 0, "a Matroska or WebM film" },
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

/* "BM" alone begins many a word; what follows the size is reserved and zero. */
static int is_bmp(const uint8_t *p, size_t n)
{
	return n >= 10 && !memcmp(p, "BM", 2) && !memcmp(p + 6, "\0\0\0\0", 4);
}

/* P1 to P6 and a blank, then a width or a comment. */
static int is_pnm(const uint8_t *p, size_t n)
{
	return n >= 4 && p[0] == 'P' && p[1] >= '1' && p[1] <= '6' && strchr(" \t\r\n", p[2]) && p[2] &&
	       ((p[3] >= '0' && p[3] <= '9') || p[3] == '#');
}

static int has(const uint8_t *p, size_t n, const char *word)
{
	return memmem(p, n, word, strlen(word)) != NULL;
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
	if (is_bmp(p, n))
		return "a BMP image";
	if (is_pnm(p, n))
		return "a PNM image";
	if (!is_text(p, n))
		return NULL;
	if (p[0] == '<' && (has(p, n, "<html") || has(p, n, "<!DOCTYPE html") || has(p, n, "<!doctype html")))
		return "an HTML page";
	if (p[0] == '<' && has(p, n, "<svg"))
		return "an SVG drawing";
	return p[0] == '{' ? "JSON text" : "text";
}
