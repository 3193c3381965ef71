/* SPDX-License-Identifier: MIT
 *
 * jpeg.c - JPEG by libjpeg-turbo: whole, scaled, or only a part.
 *
 * A part is decoded by the inverse transform of its own blocks only; what lies
 * above it is read but not transformed, what lies below is not read. Chroma is
 * interpolated, so a pixel hangs on its neighbours: the strip that libjpeg makes
 * is wider than the part by MARGIN samples of the coarsest plane on both sides
 * and the surplus is cut off; then it equals the whole image's.
 */
#include "codec/jpeg_head.h"
#include "codec/jpeg_scan.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

enum {
	MARGIN = 2,
	LINES = 16,             /* rows a call: as many as an MCU can be high */
	AGAIN = 1,              /* not an error: decode once more, by libjpeg alone */
	MAX_SCANS = 100,        /* a progressive file has some 10; each is a pass over the image */
};
/* Coefficients of a progressive image: 2 bytes a sample */
static const long max_memory = 2000000000;

struct reader {
	struct jpeg_decompress_struct c;
	struct jpeg_error_mgr err;
	struct jpeg_source_mgr src;
	struct jpeg_progress_mgr progress;
	jmp_buf escape;
	int rc, have_all;
	struct jpeg_scan *scan; /* NULL: libjpeg reads it */
	struct vit_buf rows;    /* strips that are not yet the result */
};

/* ---- errors: libjpeg knows only the way out by longjmp ---------------------------- */

static _Noreturn void escape(struct reader *r, int rc)
{
	r->rc = rc;
	longjmp(r->escape, 1);
}

static void on_error(j_common_ptr c)
{
	char text[JMSG_LENGTH_MAX];
	struct reader *r = (struct reader *)c;
	if (r->err.msg_code == JERR_OUT_OF_MEMORY)
		escape(r, vit_fail(VIT_ENOMEM, "jpeg: out of memory"));
	if (r->err.msg_code == JERR_NO_BACKING_STORE)
		escape(r, vit_fail(VIT_ERECORD, "jpeg: its %u x %u coefficients need more than %ld MB", r->c.image_height, r->c.image_width,
		                   max_memory / 1000000));
	r->err.format_message(c, text);
	escape(r, vit_fail(VIT_ERECORD, "jpeg: damaged, or of a kind that is not read: %s", text));
}

/* Warnings are about damage that is decoded around, as other readers do. */
static void on_warning(j_common_ptr c, int level)
{
	(void)c;
	(void)level;
}

static void on_progress(j_common_ptr c)
{
	struct reader *r = (struct reader *)c;
	if (r->c.input_scan_number > MAX_SCANS)
		escape(r, vit_fail(VIT_ERECORD, "jpeg: more than %d scans", MAX_SCANS));
}

static void on_damage(j_decompress_ptr c)
{
	escape((struct reader *)c, AGAIN);
}

/* ---- source: memory that ends ------------------------------------------------------ */

static void on_source(j_decompress_ptr c)
{
	(void)c;
}

static boolean at_end(j_decompress_ptr c)
{
	struct reader *r = (struct reader *)c;
	escape(r, r->have_all ? 0 : vit_fail(VIT_ERECORD, "jpeg: the file ends early, in row %u of %u", c->output_scanline, c->image_height));
}

static void skip(j_decompress_ptr c, long n)
{
	if (n <= 0)
		return;
	if ((size_t)n > c->src->bytes_in_buffer)
		at_end(c);
	c->src->next_input_byte += n;
	c->src->bytes_in_buffer -= (size_t)n;
}

static void reader_init(struct reader *r)
{
	r->c.err = jpeg_std_error(&r->err);
	r->err.error_exit = on_error;
	r->err.emit_message = on_warning;
	r->progress.progress_monitor = on_progress;
	r->src = (struct jpeg_source_mgr){
		.init_source = on_source, .fill_input_buffer = at_end, .skip_input_data = skip,
		.resync_to_restart = jpeg_resync_to_restart, .term_source = on_source,
	};
}

/* ---- what is decoded ----------------------------------------------------------------- */

/* No Huffman-coded block takes less than a bit, and arithmetic coding, which has no
 * such bound, is granted a 64th: a size that the bytes cannot hold is refused
 * before anything is allocated for it. */
static int check_claim(const struct reader *r, size_t n)
{
	uint64_t blocks = 0;
	for (int i = 0; i < r->c.num_components; i++)
		blocks += (uint64_t)r->c.comp_info[i].width_in_blocks * r->c.comp_info[i].height_in_blocks;
	if (blocks / (r->c.arith_code ? 8 * 64 : 8) <= n)
		return 0;
	return vit_fail(VIT_ERECORD, "jpeg: %u x %u pixels cannot lie in %zu bytes: cut, or its size is damaged", r->c.image_height,
	                r->c.image_width, n);
}

static void set_colours(struct reader *r, int channels)
{
	if (r->c.num_components == 4)
		r->c.out_color_space = JCS_CMYK;        /* from YCCK too */
	else if (r->c.num_components == 1 && channels != 3)
		r->c.out_color_space = JCS_GRAYSCALE;
	else
		r->c.out_color_space = JCS_EXT_RGB;
	r->c.dct_method = JDCT_ISLOW;
	r->c.do_fancy_upsampling = TRUE;
}

static void set_scale(struct reader *r, int64_t shorter)
{
	int64_t side = r->c.image_height < r->c.image_width ? r->c.image_height : r->c.image_width;
	unsigned scale = 8;
	while (shorter > 0 && scale > 1 && (side * (scale / 2) + 7) / 8 >= shorter)
		scale /= 2;
	r->c.scale_num = scale;
	r->c.scale_denom = 8;
}

/* A progressive file that lacks scans is smoothed over block borders further
 * than the margins reach. */
static int is_smoothed(const struct reader *r)
{
	if (!r->c.progressive_mode || !r->c.coef_bits)
		return 0;
	for (int i = 0; i < r->c.num_components; i++)
		for (int k = 0; k < DCTSIZE2; k++)
			if (r->c.coef_bits[i][k])
				return 1;
	return 0;
}

/* Rows [*left, *left + output_width) of the image are made; the part begins
 * `return` pixels into them. */
static int64_t narrow(struct reader *r, const struct codec_area *a)
{
	int64_t margin = MARGIN * r->c.max_h_samp_factor, width = r->c.output_width;
	int64_t from = a->left > margin ? a->left - margin : 0, to = a->left + a->w + margin;
	if (to > width)
		to = width;
	if ((from == 0 && to == width) || is_smoothed(r))
		return a->left;
	JDIMENSION left = (JDIMENSION)from, w = (JDIMENSION)(to - from);
	jpeg_crop_scanline(&r->c, &left, &w);
	return a->left - left;
}

/* ---- colours that libjpeg does not make ---------------------------------------------- */

static uint8_t muldiv255(unsigned a, unsigned b)
{
	unsigned t = a * b + 128;
	return (uint8_t)(((t >> 8) + t) >> 8);
}

/* Adobe stores ink inverted: 255 is none. */
static void cmyk_to_rgb(uint8_t *rgb, const uint8_t *cmyk, int64_t n)
{
	for (int64_t i = 0; i < n; i++, rgb += 3, cmyk += 4)
		for (int k = 0; k < 3; k++)
			rgb[k] = (uint8_t)(cmyk[3] - muldiv255(255u - cmyk[k], cmyk[3]));
}

/* `row` is spent. */
static void convert(uint8_t *dst, uint8_t *row, int64_t n, int from, int to)
{
	if (from == 4)
		cmyk_to_rgb(to == 3 ? dst : row, row, n);
	if (to == 1 && from != 1)
		codec_gray(dst, row, n);
	else if (from == to)
		memcpy(dst, row, (size_t)(n * to));
}

/* ---- rows ------------------------------------------------------------------------------- */

static int64_t strip_size(const struct reader *r)
{
	return ((int64_t)r->c.output_width * r->c.output_components + 31) / 32 * 32;
}

/* A strip that is no row of the result. libjpeg's vector code writes past the
 * cache where a row begins at a multiple of 32, but this one is read at once. */
static uint8_t *strip(const struct reader *r, int64_t i)
{
	uintptr_t first = ((uintptr_t)r->rows.p + 31) / 32 * 32 + 16;
	return (uint8_t *)(first + (uintptr_t)(i * strip_size(r)));
}

static void read_rows(struct reader *r, struct vit_image *out, int64_t left)
{
	JSAMPROW row[LINES];
	int from = r->c.output_components;
	int64_t stride = out->w * out->c;
	int direct = from == out->c && r->c.output_width == out->w;
	for (int64_t y = 0; y < out->h;) {
		int64_t lines = out->h - y < LINES ? out->h - y : LINES;
		for (int64_t i = 0; i < lines; i++)
			row[i] = direct ? out->p + (y + i) * stride : strip(r, i);
		int64_t got = jpeg_read_scanlines(&r->c, row, (JDIMENSION)lines);
		for (int64_t i = 0; i < got && !direct; i++)
			convert(out->p + (y + i) * stride, row[i] + left * from, out->w, from, out->c);
		y += got;
	}
}

/* What the bit reader has not seen yet holds no marker but restarts before the
 * end marker, as in every file that is whole. */
static int rest_is_whole(const struct reader *r)
{
	const uint8_t *p = r->src.next_input_byte, *end = p + r->src.bytes_in_buffer;
	if (r->c.unread_marker)
		return r->c.unread_marker == JPEG_EOI;
	while (p < end && (p = memchr(p, 0xff, (size_t)(end - p)))) {
		while (p < end && *p == 0xff)
			p++;
		if (p < end && *p && (*p < JPEG_RST0 || *p > JPEG_RST0 + 7))
			return *p == JPEG_EOI;
	}
	return 0;
}

/* The part is there, but would the whole file be taken? Where a look at the
 * bytes does not tell, the rest is decoded. After the last row only the end of
 * the file is forgiven, not a marker that cannot be there. */
static void check_rest(struct reader *r)
{
	JDIMENSION left = r->c.output_height - r->c.output_scanline;
	JSAMPROW row = strip(r, 0);
	if (r->scan || jpeg_input_complete(&r->c) || rest_is_whole(r))
		return;
	if (left > 1)
		jpeg_skip_scanlines(&r->c, left - 1);
	if (left)
		jpeg_read_scanlines(&r->c, &row, 1);
	r->have_all = 1;
	jpeg_finish_decompress(&r->c);
}

/* As stored: not turned. */
static int decode(struct reader *r, struct vit_image *out, const struct jpeg_head *head, size_t n, const struct vit_decode_opt *o, int again)
{
	int channels = o->channels;
	jpeg_read_header(&r->c, TRUE);
	if (r->c.image_height != head->h || r->c.image_width != head->w)
		return vit_fail(VIT_ERECORD, "jpeg: damaged: it states two sizes");
	if (r->c.num_components != 1 && r->c.num_components != 3 && r->c.num_components != 4)
		return vit_fail(VIT_ERECORD, "jpeg: %d components; 1, 3 and 4 can be read", r->c.num_components);
	if (!channels)
		channels = r->c.num_components == 1 ? 1 : 3;
	VIT_TRY(check_claim(r, n));
	set_colours(r, channels);
	if (!o->part[2])
		set_scale(r, o->shorter);
	jpeg_start_decompress(&r->c);

	struct codec_area a = codec_stored(o, head->orientation, r->c.output_height, r->c.output_width);
	int64_t left = narrow(r, &a);
	if (head->baseline && !again)
		VIT_TRY(jpeg_scan_take(&r->scan, &r->c, a.left - left, o->part[2] ? r->c.output_width : r->c.image_width, on_damage));
	VIT_TRY(vit_image_reserve(out, a.h, a.w, channels));
	r->rows.n = 0;
	VIT_TRY(vit_buf_reserve(&r->rows, (size_t)strip_size(r) * LINES + 64));
	if (a.top)
		jpeg_skip_scanlines(&r->c, (JDIMENSION)a.top);
	read_rows(r, out, left);
	check_rest(r);
	return 0;
}

/* ---- the codec ------------------------------------------------------------------------------- */

/* Alone in its frame: nothing here changes between setjmp and longjmp. */
static int guarded(struct reader *r, struct vit_image *out, const struct jpeg_head *head, const uint8_t *p, size_t n,
                   const struct vit_decode_opt *o, int again)
{
	if (setjmp(r->escape))
		return r->rc;
	jpeg_create_decompress(&r->c);
	r->c.src = &r->src;
	r->c.progress = &r->progress;
	r->c.mem->max_memory_to_use = max_memory;
	r->src.next_input_byte = p;
	r->src.bytes_in_buffer = n;
	return decode(r, out, head, n, o, again);
}

static int decode_file(struct vit_image *out, const struct jpeg_head *head, const uint8_t *p, size_t n, const struct vit_decode_opt *o, int again)
{
	struct reader r = { 0 };
	reader_init(&r);
	int rc = guarded(&r, out, head, p, n, o, again);
	jpeg_destroy_decompress(&r.c);
	jpeg_scan_free(r.scan);
	vit_buf_release(&r.rows);
	return rc;
}

static int jpeg_decode(struct vit_image *out, const uint8_t *p, size_t n, const struct vit_decode_opt *o)
{
	struct jpeg_head head;
	VIT_TRY(jpeg_head_read(&head, p, n));
	int rc = decode_file(out, &head, p, n, o, 0);
	if (rc == AGAIN)
		rc = decode_file(out, &head, p, n, o, 1);
	return rc ? rc : codec_upright(out, head.orientation);
}

static int jpeg_size(const uint8_t *p, size_t n, int64_t *h, int64_t *w)
{
	struct jpeg_head head;
	VIT_TRY(jpeg_head_read(&head, p, n));
	*h = head.h;
	*w = head.w;
	codec_upright_size(head.orientation, h, w);
	return 0;
}

const struct vit_codec vit_codec_jpeg = {
	.name = "jpeg",
	.size = jpeg_size,
	.decode = jpeg_decode,
};
