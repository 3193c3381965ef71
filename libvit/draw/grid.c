/* SPDX-License-Identifier: MIT
 *
 * grid.c - a contact sheet.
 */
#include "draw/canvas.h"
#include "draw/pictures.h"

#include "image/resize.h"

#include <math.h>

enum {
	WIDTH = 1280,                   /* aimed at */
	LEAST = 64, MOST = 256,         /* side of a cell's image */
	GAP = 10, MARGIN = 16, TITLE = 34, LINE = 20,
};

struct sheet {
	int64_t side, columns, rows, top;
	int line;                       /* pixels of a cell's text line; 0: no cell has one */
	struct draw_canvas canvas;
	struct vit_buf scaled, scratch;
};

/* Size in the cell. A small image grows by a whole factor; a thin one keeps a pixel. */
static void fit(const struct vit_draw_cell *c, int64_t side, int64_t *h, int64_t *w)
{
	int64_t longer = c->h > c->w ? c->h : c->w;
	if (longer <= side) {
		*h = c->h * (side / longer);
		*w = c->w * (side / longer);
		return;
	}
	double scale = (double)side / (double)longer;
	*h = (int64_t)fmax(1, rint((double)c->h * scale));
	*w = (int64_t)fmax(1, rint((double)c->w * scale));
}

static void put(struct sheet *s, const uint8_t *p, int64_t h, int64_t w, int64_t c, int64_t y, int64_t x)
{
	int64_t stride;
	uint32_t *to = draw_pixels(&s->canvas, &stride) + y * stride + x;
	for (int64_t i = 0; i < h; i++)
		for (int64_t k = 0; k < w; k++, p += c)
			to[i * stride + k] = c == 1 ? p[0] * 0x010101u : (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
	draw_pixels_done(&s->canvas);
}

static int image(struct sheet *s, const struct vit_draw_cell *c, int64_t y, int64_t x)
{
	int64_t h, w;
	if (c->h < 1 || c->w < 1 || (c->c != 1 && c->c != 3))
		return vit_fail(VIT_EUSAGE, "an image of %lldx%lldx%lld cannot be drawn; 1 or 3 channels are wanted", (long long)c->h, (long long)c->w,
		                (long long)c->c);
	fit(c, s->side, &h, &w);
	y += (s->side - h) / 2;
	x += (s->side - w) / 2;
	if (h == c->h && w == c->w) {
		put(s, c->p, h, w, c->c, y, x);
		return 0;
	}
	s->scaled.n = 0;
	VIT_TRY(vit_buf_reserve(&s->scaled, (size_t)(h * w * c->c)));
	VIT_TRY(vit_resize(s->scaled.p, h, w, c->p, c->h, c->w, c->c, h > c->h ? VIT_NEAREST : VIT_BILINEAR, 1, &s->scratch));
	put(s, s->scaled.p, h, w, c->c, y, x);
	return 0;
}

static void frame(cairo_t *cr, double x, double y, double side)
{
	draw_use(cr, draw_faint);
	cairo_set_line_width(cr, 1);
	cairo_rectangle(cr, x + 0.5, y + 0.5, side - 1, side - 1);
	cairo_stroke(cr);
}

static int cells(struct sheet *s, const struct vit_draw_cell *cell, int n)
{
	cairo_t *cr = s->canvas.cr;
	for (int i = 0; i < n; i++) {
		int64_t x = MARGIN + i % s->columns * (s->side + GAP), y = s->top + i / s->columns * (s->side + s->line + GAP);
		if (cell[i].p)
			VIT_TRY(image(s, &cell[i], y, x));
		else
			frame(cr, (double)x, (double)y, (double)s->side);
		if (!cell[i].text)
			continue;
		draw_use(cr, draw_ink);
		cairo_set_font_size(cr, 12);
		draw_text_in(cr, (double)x + (double)s->side / 2, (double)(y + s->side) + 15, 0.5, (double)s->side + GAP - 4, cell[i].text);
	}
	return 0;
}

int draw_grid(const struct vit_draw_cell *cell, int n, int columns, const char *title, struct vit_output *out)
{
	if (n < 1 || columns < 1)
		return vit_fail(VIT_EUSAGE, "a contact sheet of %d images in %d columns has nothing to show", n, columns);
	struct sheet s = { .columns = columns, .top = title && *title ? MARGIN + TITLE : MARGIN };
	s.side = (WIDTH - 2 * MARGIN + GAP) / s.columns - GAP;
	s.side = s.side < LEAST ? LEAST : s.side > MOST ? MOST : s.side;
	if (s.columns > n)
		s.columns = n;
	s.rows = (n + s.columns - 1) / s.columns;
	for (int i = 0; i < n; i++)
		if (cell[i].text && *cell[i].text)
			s.line = LINE;
	int64_t width = 2 * MARGIN + s.columns * (s.side + GAP) - GAP;
	VIT_TRY(draw_canvas_open(&s.canvas, width, s.top + s.rows * (s.side + s.line + GAP) - GAP + MARGIN));
	draw_use(s.canvas.cr, draw_muted);
	cairo_set_font_size(s.canvas.cr, 15);
	if (title)
		draw_text_in(s.canvas.cr, MARGIN, MARGIN + 16, 0, (double)width - 2 * MARGIN, title);
	int rc = cells(&s, cell, n);
	vit_buf_release(&s.scaled);
	vit_buf_release(&s.scratch);
	return draw_canvas_finish(&s.canvas, rc, out);
}
