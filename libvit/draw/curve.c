/* SPDX-License-Identifier: MIT
 *
 * curve.c - the learning curve: loss on the left, accuracy on the right.
 */
#include "draw/canvas.h"
#include "draw/pictures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 1200, HEIGHT = 520, TICKS = 24 };

struct line {
	const char *name;
	size_t offset;
	struct draw_colour colour;
};
struct panel {
	double x, y, w, h;              /* the plot's area */
	double x0, x1, y0, y1;          /* the values at its edges */
	const char *title, *unit;
	struct line line[2];
};

static double value(const struct vit_point *p, size_t offset)
{
	return *(const double *)(const void *)((const char *)p + offset);
}

static double position(const struct vit_curve *c, size_t i)
{
	double x = c->by_step ? c->point[i].step : c->point[i].epoch;
	return isfinite(x) ? x : (double)i + 1;
}

/* 1, 2 or 5 times a power of ten: about `n` steps over the span. */
static double step_of(double span, int n)
{
	double raw = span / n, base = pow(10, floor(log10(raw))), f = raw / base;
	return base * (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10);
}

/* Range of the panel's values, widened to whole ticks. 0: nothing to draw. */
static int find_range(struct panel *p, const struct vit_curve *c)
{
	double min = INFINITY, max = -INFINITY;
	for (size_t i = 0; i < c->n; i++) {
		for (int k = 0; k < 2; k++) {
			double y = value(&c->point[i], p->line[k].offset);
			if (isfinite(y)) {
				min = fmin(min, y);
				max = fmax(max, y);
			}
		}
	}
	p->x0 = position(c, 0);
	p->x1 = position(c, c->n - 1);
	if (!(p->x1 > p->x0)) {
		p->x0 -= 0.5;
		p->x1 += 0.5;
	}
	if (!(max >= min))
		return 0;
	double step = max > min ? step_of(max - min, 5) : fmax(fabs(max) * 0.1, 1e-6);
	p->y0 = floor(min / step) * step;
	p->y1 = ceil(max / step) * step;
	if (!(p->y1 > p->y0))
		p->y1 = p->y0 + step;
	return 1;
}

static double px(const struct panel *p, double x)
{
	return p->x + (x - p->x0) / (p->x1 - p->x0) * p->w;
}

static double py(const struct panel *p, double y)
{
	return p->y + p->h - (y - p->y0) / (p->y1 - p->y0) * p->h;
}

static void axes(cairo_t *cr, const struct panel *p, const char *x_title)
{
	char text[32];
	double step = step_of(p->y1 - p->y0, 5);
	cairo_set_font_size(cr, 13);
	cairo_set_line_width(cr, 1);
	double first = ceil(p->y0 / step - 1e-9);
	/* counted, not summed: beside a large value a small step adds nothing */
	for (int i = 0; i <= TICKS && (first + i) * step <= p->y1 + step * 1e-6; i++) {
		double y = (first + i) * step, at = floor(py(p, y)) + 0.5;
		draw_use(cr, draw_faint);
		cairo_move_to(cr, p->x, at);
		cairo_line_to(cr, p->x + p->w, at);
		cairo_stroke(cr);
		draw_use(cr, draw_muted);
		snprintf(text, sizeof text, "%g", fabs(y) < step * 1e-6 ? 0 : y);
		draw_text(cr, p->x - 10, at + 4.5, 1, text);
	}
	step = fmax(1, step_of(p->x1 - p->x0, 8));
	first = ceil(p->x0 / step - 1e-9);
	for (int i = 0; i <= TICKS && (first + i) * step <= p->x1 + step * 1e-6; i++) {
		double x = (first + i) * step, at = floor(px(p, x)) + 0.5;
		draw_use(cr, draw_muted);
		cairo_move_to(cr, at, p->y + p->h);
		cairo_line_to(cr, at, p->y + p->h + 5);
		cairo_stroke(cr);
		snprintf(text, sizeof text, "%.0f", x);
		draw_text(cr, at, p->y + p->h + 21, 0.5, text);
	}
	draw_use(cr, draw_ink);
	cairo_move_to(cr, p->x, p->y + p->h + 0.5);
	cairo_line_to(cr, p->x + p->w, p->y + p->h + 0.5);
	cairo_stroke(cr);
	draw_use(cr, draw_muted);
	draw_text(cr, p->x + p->w / 2, p->y + p->h + 44, 0.5, x_title);
}

static int draw_line(cairo_t *cr, const struct panel *p, const struct line *l, const struct vit_curve *c)
{
	int n = 0;
	draw_use(cr, l->colour);
	cairo_set_line_width(cr, 2.25);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
	for (size_t i = 0; i < c->n; i++) {
		double y = value(&c->point[i], l->offset);
		if (!isfinite(y))
			continue;
		if (n++)
			cairo_line_to(cr, px(p, position(c, i)), py(p, y));
		else
			cairo_move_to(cr, px(p, position(c, i)), py(p, y));
	}
	cairo_stroke(cr);
	/* few points are shown as such: a single one would be no line */
	for (size_t i = 0; i < c->n && c->n <= 60; i++) {
		double y = value(&c->point[i], l->offset);
		if (isfinite(y)) {
			cairo_arc(cr, px(p, position(c, i)), py(p, y), 3.25, 0, 2 * M_PI);
			cairo_fill(cr);
		}
	}
	return n;
}

static void legend(cairo_t *cr, double *x, double y, const struct line *l, double last, const char *unit)
{
	char text[64];
	cairo_set_font_size(cr, 14);
	snprintf(text, sizeof text, "%s  %.4g%s", l->name, last, unit);
	*x -= draw_text_width(cr, text);
	draw_use(cr, draw_ink);
	draw_text(cr, *x, y, 0, text);
	draw_use(cr, l->colour);
	cairo_set_line_width(cr, 3);
	cairo_move_to(cr, *x - 28, y - 5);
	cairo_line_to(cr, *x - 8, y - 5);
	cairo_stroke(cr);
	*x -= 56;
}

static double last_of(const struct line *l, const struct vit_curve *c)
{
	for (size_t i = c->n; i-- > 0;)
		if (isfinite(value(&c->point[i], l->offset)))
			return value(&c->point[i], l->offset);
	return NAN;
}

static int draw_panel(cairo_t *cr, struct panel *p, const struct vit_curve *c)
{
	double right = p->x + p->w;
	if (!find_range(p, c))
		return 0;
	axes(cr, p, c->by_step ? "step" : "epoch");
	for (int k = 1; k >= 0; k--)
		if (draw_line(cr, p, &p->line[k], c))
			legend(cr, &right, p->y - 18, &p->line[k], last_of(&p->line[k], c), p->unit);
	draw_use(cr, draw_ink);
	cairo_set_font_size(cr, 16);
	draw_bold(cr, 1);
	draw_text(cr, p->x, p->y - 18, 0, p->title);
	draw_bold(cr, 0);
	return 1;
}

static int paint(cairo_t *cr, const struct vit_curve *c, const char *title)
{
	struct panel loss = { .x = 70, .y = 96, .w = 490, .h = 350, .title = "loss", .unit = "",
	                      .line = { { "train", offsetof(struct vit_point, loss), draw_blue }, { "val", offsetof(struct vit_point, val_loss), draw_red } } };
	struct panel top1 = { .x = 670, .y = 96, .w = 490, .h = 350, .title = "top-1 accuracy, %", .unit = " %",
	                      .line = { { "train", offsetof(struct vit_point, top1), draw_blue }, { "val", offsetof(struct vit_point, val_top1), draw_red } } };
	draw_use(cr, draw_muted);
	cairo_set_font_size(cr, 14);
	draw_text(cr, 70, 38, 0, title);
	int drawn = draw_panel(cr, &loss, c);
	return drawn + draw_panel(cr, &top1, c);
}

int draw_curve(const struct vit_curve *c, const char *title, struct vit_output *out)
{
	if (c->n == 0)
		return vit_fail(VIT_EFORMAT, "no epoch and no step is logged: nothing to draw");
	struct draw_canvas canvas;
	VIT_TRY(draw_canvas_open(&canvas, WIDTH, HEIGHT));
	int rc = paint(canvas.cr, c, title) ? 0 : vit_fail(VIT_EFORMAT, "the log has no loss and no accuracy: nothing to draw");
	return draw_canvas_finish(&canvas, rc, out);
}
