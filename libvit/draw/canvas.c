/* SPDX-License-Identifier: MIT */
#include "draw/canvas.h"

#include "core/utf8.h"

#include <string.h>

enum {
	MAX_SIDE = 32767,               /* cairo's own */
	MAX_PIXELS = 1 << 27,           /* half a gigabyte while it is drawn */
	MAX_TEXT = 256,                 /* bytes; nothing longer fits anyway */
};

const struct draw_colour draw_ink = { 0.17, 0.20, 0.24 }, draw_faint = { 0.88, 0.90, 0.92 }, draw_muted = { 0.42, 0.46, 0.52 };
const struct draw_colour draw_blue = { 0.00, 0.45, 0.70 }, draw_red = { 0.84, 0.37, 0.00 };

int draw_canvas_open(struct draw_canvas *c, int64_t w, int64_t h)
{
	*c = (struct draw_canvas){ 0 };
	if (w < 1 || h < 1 || w > MAX_SIDE || h > MAX_SIDE || w * h > MAX_PIXELS)
		return vit_fail(VIT_EUSAGE, "a picture of %lldx%lld pixels is too large; show less in one", (long long)w, (long long)h);
	c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)w, (int)h);
	c->cr = cairo_create(c->surface);
	cairo_set_source_rgb(c->cr, 1, 1, 1);
	cairo_paint(c->cr);
	draw_bold(c->cr, 0);
	if (cairo_status(c->cr) == CAIRO_STATUS_SUCCESS)
		return 0;
	return draw_canvas_finish(c, vit_fail(VIT_ENOMEM, "a picture: %s", cairo_status_to_string(cairo_status(c->cr))), NULL);
}

static cairo_status_t write_png(void *out, const unsigned char *p, unsigned n)
{
	return vit_output_write(out, p, n) ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

int draw_canvas_finish(struct draw_canvas *c, int rc, struct vit_output *out)
{
	if (rc == 0 && cairo_status(c->cr) != CAIRO_STATUS_SUCCESS)
		rc = vit_fail(VIT_ENOMEM, "drawing: %s", cairo_status_to_string(cairo_status(c->cr)));
	if (rc == 0) {
		cairo_status_t s = cairo_surface_write_to_png_stream(c->surface, write_png, out);
		/* the output has said why already */
		if (s == CAIRO_STATUS_WRITE_ERROR)
			rc = VIT_EIO;
		else if (s != CAIRO_STATUS_SUCCESS)
			rc = vit_fail(VIT_EIO, "%s: %s", vit_output_name(out), cairo_status_to_string(s));
	}
	cairo_destroy(c->cr);
	cairo_surface_destroy(c->surface);
	*c = (struct draw_canvas){ 0 };
	return rc;
}

uint32_t *draw_pixels(struct draw_canvas *c, int64_t *stride)
{
	cairo_surface_flush(c->surface);
	*stride = cairo_image_surface_get_stride(c->surface) / 4;
	return (uint32_t *)(void *)cairo_image_surface_get_data(c->surface);
}

void draw_pixels_done(struct draw_canvas *c)
{
	cairo_surface_mark_dirty(c->surface);
}

void draw_use(cairo_t *cr, struct draw_colour k)
{
	cairo_set_source_rgb(cr, k.r, k.g, k.b);
}

void draw_bold(cairo_t *cr, int bold)
{
	cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
}

/* ---- text --------------------------------------------------------------------- */

/* Bytes of the character at p; 0: it is none, or a control character. */
static size_t character(const char *p)
{
	unsigned char c = (unsigned char)p[0];
	size_t n = vit_utf8_one(p, strlen(p));
	return c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)p[1] < 0xa0) ? 0 : n;
}

/* One byte that cairo does not like and the whole picture is given up. */
static void clean(char to[MAX_TEXT], const char *from)
{
	size_t n = 0;
	for (const char *p = from; *p;) {
		size_t k = character(p), step = k ? k : 1;
		if (n + step >= MAX_TEXT)
			break;
		if (k)
			memcpy(to + n, p, k);
		else
			to[n] = '?';
		n += step;
		p += step;
	}
	to[n] = 0;
}

static double width_of(cairo_t *cr, const char *clean_text)
{
	cairo_text_extents_t e;
	cairo_text_extents(cr, clean_text, &e);
	return e.x_advance;
}

static void show(cairo_t *cr, double x, double y, double align, const char *clean_text)
{
	cairo_move_to(cr, x - align * width_of(cr, clean_text), y);
	cairo_show_text(cr, clean_text);
}

void draw_text(cairo_t *cr, double x, double y, double align, const char *text)
{
	char t[MAX_TEXT];
	clean(t, text);
	show(cr, x, y, align, t);
}

void draw_text_in(cairo_t *cr, double x, double y, double align, double width, const char *text)
{
	char t[MAX_TEXT + 4];
	clean(t, text);
	for (size_t n = strlen(t); n && width_of(cr, t) > width;) {
		while (n && ((unsigned char)t[--n] & 0xc0) == 0x80)
			continue;
		memcpy(t + n, "...", 4);
	}
	show(cr, x, y, align, t);
}

double draw_text_width(cairo_t *cr, const char *text)
{
	char t[MAX_TEXT];
	clean(t, text);
	return width_of(cr, t);
}
