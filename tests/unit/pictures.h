/* SPDX-License-Identifier: MIT
 *
 * pictures.h - small image files of every kind, made in memory by the reference
 * encoders, for tests of decoding.
 */
#ifndef VIT_TESTS_PICTURES_H
#define VIT_TESTS_PICTURES_H

#include "core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>

/* Smooth, with edges: u8 [h,w,c]; free() it. */
static inline uint8_t *picture_pixels(int h, int w, int c)
{
	uint8_t *p = malloc((size_t)h * (size_t)w * (size_t)c);
	if (!p)
		abort();
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++)
			for (int k = 0; k < c; k++)
				p[(y * w + x) * c + k] = (uint8_t)(k == 0 ? 5 * x + 3 * y : k == 1 ? (x / 7 + y / 5) % 2 * 190 + x % 13 : 255 - 4 * y + x * y % 11);
	return p;
}

static inline void picture_add(struct vit_buf *b, const void *p, size_t n)
{
	if (vit_buf_add(b, p, n))
		abort();
}

/* An EXIF block that says one thing: what stands in APP1, from "Exif" on. */
static inline void picture_exif(uint8_t exif[32], int orientation)
{
	memcpy(exif, "Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\0\0\0\0\0\0\0", 32);
	exif[25] = (uint8_t)orientation;
}

struct picture_jpeg {
	int h, w, c;            /* 1, 3, or 4: Adobe's inverted CMYK */
	int hs, vs;             /* sampling of luma: 2, 2 is 4:2:0 */
	int progressive, orientation, restart, quality;
	const jpeg_scan_info *script;   /* the scans; NULL: one, or those of `progressive` */
	int scans, arithmetic;
};

/* One component a scan, baseline. */
static const jpeg_scan_info picture_separate[3] = { { 1, { 0 }, 0, 63, 0, 0 }, { 1, { 1 }, 0, 63, 0, 0 }, { 1, { 2 }, 0, 63, 0, 0 } };

static inline void picture_write_jpeg(struct vit_buf *b, const struct picture_jpeg *o)
{
	struct jpeg_compress_struct c;
	struct jpeg_error_mgr err;
	unsigned char *mem = NULL;
	unsigned long size = 0;
	uint8_t exif[32], *p = picture_pixels(o->h, o->w, o->c);
	c.err = jpeg_std_error(&err);
	jpeg_create_compress(&c);
	jpeg_mem_dest(&c, &mem, &size);
	c.image_height = (JDIMENSION)o->h;
	c.image_width = (JDIMENSION)o->w;
	c.input_components = o->c;
	c.in_color_space = o->c == 1 ? JCS_GRAYSCALE : o->c == 3 ? JCS_RGB : JCS_CMYK;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, o->quality ? o->quality : 85, TRUE);
	c.comp_info[0].h_samp_factor = o->hs;
	c.comp_info[0].v_samp_factor = o->vs;
	c.restart_interval = (unsigned)o->restart;
	if (o->progressive)
		jpeg_simple_progression(&c);
	if (o->script) {
		c.scan_info = o->script;
		c.num_scans = o->scans;
	}
	c.arith_code = o->arithmetic ? TRUE : FALSE;
	jpeg_start_compress(&c, TRUE);
	if (o->orientation) {
		picture_exif(exif, o->orientation);
		jpeg_write_marker(&c, JPEG_APP0 + 1, exif, sizeof exif);
	}
	for (int y = 0; y < o->h; y++) {
		JSAMPROW row = p + (size_t)y * (size_t)o->w * (size_t)o->c;
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	jpeg_destroy_compress(&c);
	picture_add(b, mem, size);
	free(mem);
	free(p);
}

struct picture_png {
	int h, w, type, depth, interlaced, orientation;
};

static inline void picture_png_flush(png_structp png)
{
	(void)png;
}

static inline void picture_png_write(png_structp png, png_bytep p, size_t n)
{
	picture_add(png_get_io_ptr(png), p, n);
}

static inline void picture_write_png(struct vit_buf *b, const struct picture_png *o)
{
	png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
	png_infop info = png_create_info_struct(png);
	png_color palette[256];
	uint8_t exif[32];
	png_set_write_fn(png, b, picture_png_write, picture_png_flush);
	png_set_IHDR(png, info, (png_uint_32)o->w, (png_uint_32)o->h, o->depth, o->type,
	             o->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
	for (int i = 0; i < 256; i++)
		palette[i] = (png_color){ (uint8_t)(i * 3), (uint8_t)(255 - i), (uint8_t)(i * 7) };
	if (o->type == PNG_COLOR_TYPE_PALETTE)
		png_set_PLTE(png, info, palette, 1 << o->depth);
	picture_exif(exif, o->orientation);
	if (o->orientation)
		png_set_eXIf_1(png, info, sizeof exif - 6, exif + 6);
	png_write_info(png, info);
	/* as many bytes a row as any kind has; the bits of narrow kinds lie packed */
	size_t row = png_get_rowbytes(png, info);
	uint8_t *p = picture_pixels(o->h, (int)row, 1);
	png_bytep rows[256];
	for (int y = 0; y < o->h && y < 256; y++)
		rows[y] = p + (size_t)y * row;
	png_write_image(png, rows);
	png_write_end(png, info);
	png_destroy_write_struct(&png, &info);
	free(p);
}

/* c 3 or 4; lossy with quality below 100. */
static inline void picture_write_webp(struct vit_buf *b, int h, int w, int c, int quality)
{
	uint8_t *out = NULL, *p = picture_pixels(h, w, c);
	size_t n;
	if (quality < 100)
		n = c == 3 ? WebPEncodeRGB(p, w, h, 3 * w, (float)quality, &out) : WebPEncodeRGBA(p, w, h, 4 * w, (float)quality, &out);
	else
		n = c == 3 ? WebPEncodeLosslessRGB(p, w, h, 3 * w, &out) : WebPEncodeLosslessRGBA(p, w, h, 4 * w, &out);
	if (!n)
		abort();
	picture_add(b, out, n);
	WebPFree(out);
	free(p);
}

/* kind 1 to 6 */
static inline void picture_write_pnm(struct vit_buf *b, int kind, int h, int w, int max)
{
	int bits = kind % 3 == 1, n = h * w * (kind % 3 ? 1 : 3);
	uint8_t *p = picture_pixels(h, w, kind % 3 ? 1 : 3);
	vit_buf_printf(b, "P%d # by a test\n%d\n%d\n", kind, w, h);
	if (!bits)
		vit_buf_printf(b, "%d\n", max);
	for (int i = 0; i < n; i++) {
		int v = bits ? p[i] & 1 : p[i] * max / 255;
		if (kind < 4)
			vit_buf_printf(b, "%d%c", v, i % 10 == 9 ? '\n' : ' ');
		else if (!bits && max > 255)
			picture_add(b, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
		else if (!bits)
			picture_add(b, &(uint8_t){ (uint8_t)v }, 1);
	}
	if (kind == 4)
		picture_add(b, p, (size_t)((w + 7) / 8 * h));
	free(p);
}

#endif
