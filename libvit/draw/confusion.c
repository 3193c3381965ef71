/* SPDX-License-Identifier: MIT
 *
 * confusion.c - the confusion matrix: true classes down, predicted across.
 *
 * A cell's shade is its share of the row, so that classes of few samples are
 * seen as well as large ones. Right answers are blue, wrong ones red: with many
 * classes and few samples each, one red cell would else be lost.
 */
#include "draw/canvas.h"
#include "draw/pictures.h"

#include <math.h>
#include <stdio.h>

enum {
	FIGURES = 20,                   /* classes with counts in the cells and recall beside the rows */
	SIDE = 880,                     /* of the matrix, aimed at */
	CELL_MOST = 72, CELL_LEAST = 38,/* where figures are drawn */
	LABEL_MOST = 170,               /* width of a class's name */
	MARGIN = 18, HEAD = 74, LEGEND = 64, LEGEND_WIDTH = 370, WIDTH_LEAST = 480,
};

struct matrix {
	const int64_t *count;
	const char *const *names;
	int n;
	int64_t cell, left, top, side;  /* pixels */
	int every;                      /* which classes are named: all, or each `every`-th */
	double font, label;             /* size; the widest name's width, at most LABEL_MOST */
	int level;                      /* names below the columns are level, not turned */
	struct draw_canvas canvas;
};

static const char *name_of(const struct matrix *m, int k, char number[16])
{
	if (m->names)
		return m->names[k];
	snprintf(number, 16, "%d", k);
	return number;
}

static double row_sum(const struct matrix *m, int row)
{
	double sum = 0;
	for (int k = 0; k < m->n; k++)
		sum += (double)m->count[(int64_t)row * m->n + k];
	return sum;
}

/* White to the colour; small shares are lifted, or 1 % would be invisible. */
static struct draw_colour shade(double share, int right)
{
	struct draw_colour full = right ? draw_blue : draw_red;
	double a = pow(share, 0.45);
	return (struct draw_colour){ 1 - a * (1 - full.r), 1 - a * (1 - full.g), 1 - a * (1 - full.b) };
}

static uint32_t pixel(struct draw_colour c)
{
	return (uint32_t)lrint(c.r * 255) << 16 | (uint32_t)lrint(c.g * 255) << 8 | (uint32_t)lrint(c.b * 255);
}

static void shades(struct matrix *m)
{
	int64_t stride;
	uint32_t *to = draw_pixels(&m->canvas, &stride) + m->top * stride + m->left;
	/* a line of white between cells that are large enough for it */
	int64_t inner = m->cell >= 8 ? m->cell - 1 : m->cell;
	for (int i = 0; i < m->n; i++) {
		double sum = row_sum(m, i);
		for (int k = 0; k < m->n; k++) {
			/* no sample of the class: gray, there is no share to show */
			uint32_t c = sum > 0 ? pixel(shade((double)m->count[(int64_t)i * m->n + k] / sum, i == k)) : pixel(draw_faint);
			for (int64_t y = 0; y < inner; y++)
				for (int64_t x = 0; x < inner; x++)
					to[(i * m->cell + y) * stride + k * m->cell + x] = c;
		}
	}
	draw_pixels_done(&m->canvas);
	/* where most cells are white, its edges are not seen */
	draw_use(m->canvas.cr, draw_faint);
	cairo_set_line_width(m->canvas.cr, 1);
	cairo_rectangle(m->canvas.cr, (double)m->left - 0.5, (double)m->top - 0.5, (double)m->side + 1, (double)m->side + 1);
	cairo_stroke(m->canvas.cr);
}

/* The figure in a cell, smaller where it has many digits. */
static void figure(struct matrix *m, int i, int k, double sum)
{
	cairo_t *cr = m->canvas.cr;
	int64_t count = m->count[(int64_t)i * m->n + k];
	char text[24];
	if (!count)
		return;
	snprintf(text, sizeof text, "%lld", (long long)count);
	cairo_set_font_size(cr, 14);
	double w = draw_text_width(cr, text), room = (double)m->cell - 6, size = w > room ? 14 * room / w : 14;
	cairo_set_font_size(cr, size);
	draw_use(cr, (double)count / sum > 0.5 ? (struct draw_colour){ 1, 1, 1 } : draw_ink);
	draw_text(cr, (double)(m->left + k * m->cell) + (double)m->cell / 2, (double)(m->top + i * m->cell) + (double)m->cell / 2 + size * 0.35, 0.5, text);
}

static void figures(struct matrix *m)
{
	cairo_t *cr = m->canvas.cr;
	double right = (double)(m->left + m->side) + 10;
	char text[24];
	for (int i = 0; i < m->n; i++) {
		double sum = row_sum(m, i);
		for (int k = 0; k < m->n && sum > 0; k++)
			figure(m, i, k, sum);
		snprintf(text, sizeof text, sum > 0 ? "%.1f %%" : "-", sum > 0 ? 100 * (double)m->count[(int64_t)i * m->n + i] / sum : 0);
		cairo_set_font_size(cr, 13);
		draw_use(cr, draw_muted);
		draw_text(cr, right, (double)(m->top + i * m->cell) + (double)m->cell / 2 + 4.5, 0, text);
	}
	draw_text(cr, right, (double)m->top - 10, 0, "recall");
}

static void labels(struct matrix *m)
{
	cairo_t *cr = m->canvas.cr;
	char number[16];
	cairo_set_font_size(cr, m->font);
	draw_use(cr, draw_ink);
	for (int k = 0; k < m->n; k += m->every) {
		double middle = ((double)k + 0.5) * (double)m->cell, bottom = (double)(m->top + m->side);
		const char *name = name_of(m, k, number);
		draw_text_in(cr, (double)m->left - 8, (double)m->top + middle + m->font * 0.35, 1, m->label, name);
		if (m->level) {
			draw_text_in(cr, (double)m->left + middle, bottom + 8 + m->font, 0.5, m->label, name);
			continue;
		}
		cairo_save(cr);
		cairo_translate(cr, (double)m->left + middle + m->font * 0.35, bottom + 8);
		cairo_rotate(cr, -M_PI / 2);
		draw_text_in(cr, 0, 0, 1, m->label, name);
		cairo_restore(cr);
	}
}

static void axis_titles(struct matrix *m, double below)
{
	cairo_t *cr = m->canvas.cr;
	double middle = (double)m->side / 2;
	cairo_set_font_size(cr, 14);
	draw_use(cr, draw_muted);
	draw_text(cr, (double)m->left + middle, (double)(m->top + m->side) + below + 26, 0.5, "predicted");
	cairo_save(cr);
	cairo_translate(cr, MARGIN + 12, (double)m->top + middle);
	cairo_rotate(cr, -M_PI / 2);
	draw_text(cr, 0, 0, 0.5, "true");
	cairo_restore(cr);
}

/* Two bars, from no sample of the row to all of them. */
static void legend(struct matrix *m, double x, double y)
{
	cairo_t *cr = m->canvas.cr;
	static const char *const what[] = { "wrong", "right" };
	enum { BAR = 200, THICK = 12, FROM = 48 };
	cairo_set_font_size(cr, 13);
	for (int right = 1; right >= 0; right--, y += THICK + 4) {
		draw_use(cr, draw_muted);
		draw_text(cr, x, y + 10, 0, what[right]);
		for (int i = 0; i < BAR; i++) {
			draw_use(cr, shade((double)i / (BAR - 1), right));
			cairo_rectangle(cr, x + FROM + i, y, 1, THICK);
			cairo_fill(cr);
		}
	}
	draw_use(cr, draw_muted);
	for (int i = 0; i <= 100; i += 50) {
		char text[24];
		snprintf(text, sizeof text, i < 100 ? "%d" : "%d %% of the row", i);
		draw_text(cr, x + FROM + i * BAR / 100.0 - (i < 100 ? 0 : 8), y + 11, i < 100 ? i / 100.0 : 0, text);
	}
}

/* Sizes of everything, from names and number. Needs some canvas to measure text. */
static int layout(struct matrix *m)
{
	struct draw_canvas c;
	char number[16];
	VIT_TRY(draw_canvas_open(&c, 1, 1));
	int64_t cell = SIDE / m->n;
	if (m->n <= FIGURES)
		cell = cell < CELL_LEAST ? CELL_LEAST : cell > CELL_MOST ? CELL_MOST : cell;
	m->cell = cell ? cell : 1;
	m->every = m->cell >= 10 ? 1 : (int)((11 + m->cell) / m->cell);
	m->font = m->cell >= 15 ? 13 : 10;
	cairo_set_font_size(c.cr, m->font);
	for (int k = 0; k < m->n; k += m->every)
		m->label = fmin(LABEL_MOST, fmax(m->label, draw_text_width(c.cr, name_of(m, k, number))));
	m->level = m->label <= (double)(m->cell * m->every) - 6;
	m->side = m->cell * m->n;
	m->left = MARGIN + 24 + (int64_t)ceil(m->label) + 10;
	m->top = MARGIN + HEAD;
	int rc = draw_canvas_finish(&c, VIT_END, NULL);
	return rc == VIT_END ? 0 : rc;
}

static void head(struct matrix *m, const char *title, double width)
{
	cairo_t *cr = m->canvas.cr;
	double right = 0, all = 0;
	char text[96];
	for (int i = 0; i < m->n; i++) {
		right += (double)m->count[(int64_t)i * m->n + i];
		all += row_sum(m, i);
	}
	snprintf(text, sizeof text, "%.2f %% right: %.0f of %.0f", 100 * right / all, right, all);
	draw_use(cr, draw_muted);
	cairo_set_font_size(cr, 15);
	draw_text_in(cr, MARGIN, MARGIN + 14, 0, width - 2 * MARGIN, title ? title : "");
	draw_use(cr, draw_ink);
	draw_text(cr, MARGIN, MARGIN + 38, 0, text);
}

static int check(const struct matrix *m)
{
	int any = 0;
	if (m->n < 1 || m->n > VIT_DRAW_CLASSES)
		return vit_fail(VIT_EUSAGE, "a picture shows 1 to %d classes, not %d; as JSON there may be more", VIT_DRAW_CLASSES, m->n);
	for (int64_t i = 0; i < (int64_t)m->n * m->n; i++) {
		if (m->count[i] < 0)
			return vit_fail(VIT_EUSAGE, "a count of %lld in the confusion matrix", (long long)m->count[i]);
		any |= m->count[i] > 0;
	}
	return any ? 0 : vit_fail(VIT_EUSAGE, "the confusion matrix counts no sample: nothing to draw");
}

int draw_confusion(const int64_t *count, const char *const *names, int n, const char *title, struct vit_output *out)
{
	struct matrix m = { .count = count, .names = names, .n = n };
	VIT_TRY(check(&m));
	VIT_TRY(layout(&m));
	double below = 8 + (m.level ? m.font : m.label);
	int64_t width = m.left + m.side + (n <= FIGURES ? 84 : MARGIN);
	if (width < WIDTH_LEAST)
		width = WIDTH_LEAST;
	VIT_TRY(draw_canvas_open(&m.canvas, width, m.top + m.side + (int64_t)ceil(below) + 34 + LEGEND + MARGIN));
	head(&m, title, (double)width);
	shades(&m);
	labels(&m);
	if (n <= FIGURES)
		figures(&m);
	axis_titles(&m, below);
	legend(&m, fmin((double)m.left, (double)width - LEGEND_WIDTH), (double)(m.top + m.side) + below + 48);
	return draw_canvas_finish(&m.canvas, 0, out);
}
