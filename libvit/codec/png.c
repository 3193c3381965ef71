/* SPDX-License-Identifier: MIT
 *
 * png.c - PNG by libpng; metadata are not even unpacked.
 */
#include "codec/shared.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

enum { SIGNATURE = 8, FRAME = 12 };     /* of a chunk: length, name, checksum */

struct reader {
	png_structp png;
	png_infop info;
	const uint8_t *p;
	size_t n, at;
	int rc;
	png_bytep *rows;
};

/* The body of the first chunk of this name. */
static const uint8_t *find(const uint8_t *p, size_t n, const char *name, size_t *len)
{
	for (size_t at = SIGNATURE; at + FRAME <= n; at += FRAME + *len) {
		*len = codec_be32(p + at);
		if (*len > n - at - FRAME)
			break;
		if (!memcmp(p + at + 4, name, 4))
			return p + at + 8;
	}
	return NULL;
}

static int orientation(const uint8_t *p, size_t n)
{
	static const char xmp[] = "XML:com.adobe.xmp";
	size_t len;
	const uint8_t *chunk = find(p, n, "eXIf", &len);
	int o = chunk ? codec_exif_orientation(chunk, len) : 0;
	if (!o && (chunk = find(p, n, "iTXt", &len)) && len > sizeof xmp && !memcmp(chunk, xmp, sizeof xmp))
		o = codec_xmp_orientation(chunk + sizeof xmp, len - sizeof xmp);
	return o ? o : 1;
}

static int stored_size(const uint8_t *p, size_t n, int64_t *h, int64_t *w)
{
	size_t len;
	const uint8_t *head = find(p, n, "IHDR", &len);
	if (!head || head != p + SIGNATURE + 8 || len != 13)
		return vit_fail(VIT_ERECORD, "png: cut or damaged: it does not begin with its size");
	*w = codec_be32(head);
	*h = codec_be32(head + 4);
	return 0;
}

static int png_size(const uint8_t *p, size_t n, int64_t *h, int64_t *w)
{
	VIT_TRY(stored_size(p, n, h, w));
	codec_upright_size(orientation(p, n), h, w);
	return 0;
}

/* ---- libpng's way in and out ---------------------------------------------------- */

static void on_error(png_structp png, png_const_charp text)
{
	struct reader *r = png_get_error_ptr(png);
	if (!r->rc)
		r->rc = vit_fail(VIT_ERECORD, "png: damaged: %s", text);
	png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text)
{
	(void)png;
	(void)text;
}

static void on_read(png_structp png, png_bytep to, size_t n)
{
	struct reader *r = png_get_io_ptr(png);
	if (n > r->n - r->at) {
		r->rc = vit_fail(VIT_ERECORD, "png: the file ends early, in row %u of %u", png_get_current_row_number(png),
		                 png_get_image_height(png, r->info));
		png_error(png, "end");
	}
	memcpy(to, r->p + r->at, n);
	r->at += n;
}

/* ---- decoding --------------------------------------------------------------------- */

/* All but tRNS is passed over; that one says how to read a palette's alpha,
 * which is dropped, and is small. */
static void pass_over_metadata(png_structp png)
{
	static const uint8_t chunks[] = "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0sTER\0tEXt\0tIME\0zTXt";
	png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, chunks, sizeof chunks / 5);
	/* a checksum that is wrong is damage wherever it lies */
	png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
	png_set_user_limits(png, VIT_MAX_SIDE, VIT_MAX_SIDE);
}

static int set_colours(struct reader *r)
{
	int type = png_get_color_type(r->png, r->info), depth = png_get_bit_depth(r->png, r->info);
	if (type == PNG_COLOR_TYPE_PALETTE)
		png_set_palette_to_rgb(r->png);
	else if (depth < 8)
		png_set_expand_gray_1_2_4_to_8(r->png);
	if (depth == 16)
		png_set_strip_16(r->png);
	png_set_strip_alpha(r->png);
	return type & PNG_COLOR_MASK_COLOR ? 3 : 1;
}

static int read_rows(struct reader *r, struct vit_image *out, int64_t end)
{
	int64_t stride = out->w * out->c;
	int interlaced = png_get_interlace_type(r->png, r->info) != PNG_INTERLACE_NONE;
	if (!interlaced) {
		for (int64_t y = 0; y < end; y++)
			png_read_row(r->png, out->p + y * stride, NULL);
		return 0;
	}
	png_set_interlace_handling(r->png);
	r->rows = vit_calloc((size_t)out->h, sizeof *r->rows);
	if (!r->rows)
		return VIT_ENOMEM;
	for (int64_t y = 0; y < out->h; y++)
		r->rows[y] = out->p + y * stride;
	png_read_image(r->png, r->rows);
	return 0;
}

static int decode(struct reader *r, struct vit_image *out, const struct vit_decode_opt *o)
{
	int turn = orientation(r->p, r->n);
	png_set_read_fn(r->png, r, on_read);
	pass_over_metadata(r->png);
	png_read_info(r->png, r->info);
	int64_t h = png_get_image_height(r->png, r->info), w = png_get_image_width(r->png, r->info);
	/* deflate packs at most 1,032 to 1: a size that the bytes cannot hold costs nothing */
	if (png_get_rowbytes(r->png, r->info) * (size_t)h / 1032 > r->n)
		return vit_fail(VIT_ERECORD, "png: %lldx%lld pixels cannot lie in %zu bytes: cut, or its size is damaged", (long long)h,
		                (long long)w, r->n);
	int c = set_colours(r);
	VIT_TRY(vit_image_reserve(out, h, w, c));
	struct codec_area a = codec_stored(o, turn, h, w);
	VIT_TRY(read_rows(r, out, a.top + a.h));
	return codec_finish(out, o, turn);
}

/* Alone in its frame: nothing here changes between setjmp and longjmp. */
static int guarded(struct reader *r, struct vit_image *out, const struct vit_decode_opt *o)
{
	if (setjmp(png_jmpbuf(r->png)))
		return r->rc;
	return decode(r, out, o);
}

static int png_decode(struct vit_image *out, const uint8_t *p, size_t n, const struct vit_decode_opt *o)
{
	struct reader r = { .p = p, .n = n };
	int rc = VIT_ENOMEM;
	r.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
	r.info = r.png ? png_create_info_struct(r.png) : NULL;
	if (!r.info)
		vit_fail(rc, "png: out of memory");
	else
		rc = guarded(&r, out, o);
	png_destroy_read_struct(&r.png, &r.info, NULL);
	free(r.rows);
	return rc;
}

const struct vit_codec vit_codec_png = {
	.name = "png",
	.size = png_size,
	.decode = png_decode,
};
