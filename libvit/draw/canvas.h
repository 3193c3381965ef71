/* SPDX-License-Identifier: MIT
 *
 * canvas.h - what all pictures share: a white surface, text, colours, PNG.
 * Inside the module only.
 *
 * Without any font on the machine cairo draws with one of its own, ASCII only;
 * nothing here uses other characters by itself.
 */
#ifndef VIT_DRAW_CANVAS_H
#define VIT_DRAW_CANVAS_H

#include "stream/output.h"

#include <cairo.h>

struct draw_colour {
	double r, g, b;
};
/* told apart by colour-blind eyes and in gray print: blue and vermilion */
extern const struct draw_colour draw_ink, draw_faint, draw_muted, draw_blue, draw_red;

struct draw_canvas {
	cairo_surface_t *surface;
	cairo_t *cr;
};
/* White, with the font chosen. VIT_EUSAGE: more pixels than a picture may have. */
int draw_canvas_open(struct draw_canvas *, int64_t w, int64_t h) VIT_MUST_CHECK;
/* As PNG into `out` if `rc` is 0; everything is freed. Returns `rc` or what failed. */
int draw_canvas_finish(struct draw_canvas *, int rc, struct vit_output *out) VIT_MUST_CHECK;

/* Pixels written without cairo: between the two calls nothing else is drawn.
 * A pixel is 0xRRGGBB; a row is `stride` pixels. */
uint32_t *draw_pixels(struct draw_canvas *, int64_t *stride);
void draw_pixels_done(struct draw_canvas *);

void draw_use(cairo_t *, struct draw_colour);
void draw_bold(cairo_t *, int bold);
/* Text from anywhere: what is no UTF-8 or no character to show becomes '?'.
 * align: 0 left, 0.5 centred, 1 right of x; y is the base line. */
void draw_text(cairo_t *, double x, double y, double align, const char *text);
/* The same, cut with "..." to `width`. */
void draw_text_in(cairo_t *, double x, double y, double align, double width, const char *text);
double draw_text_width(cairo_t *, const char *text);

#endif
