/* SPDX-License-Identifier: MIT */
#include "train/curve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LOG = 1 << 30, SPARK = 60 };

static const struct {
	const char *key;
	size_t offset;
} fields[] = {
	{ "epoch", offsetof(struct vit_point, epoch) },
	{ "step", offsetof(struct vit_point, step) },
	{ "loss", offsetof(struct vit_point, loss) },
	{ "top1", offsetof(struct vit_point, top1) },
	{ "lr", offsetof(struct vit_point, lr) },
	{ "val_loss", offsetof(struct vit_point, val_loss) },
	{ "val_top1", offsetof(struct vit_point, val_top1) },
	{ "images_per_second", offsetof(struct vit_point, images_per_second) },
	{ "seconds", offsetof(struct vit_point, seconds) },
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

static double *field(struct vit_point *p, int i)
{
	return (double *)(void *)((char *)p + fields[i].offset);
}

static double value(const struct vit_point *p, size_t offset)
{
	return *(const double *)(const void *)((const char *)p + offset);
}

/* ---- reading ----------------------------------------------------------------------- */

int vit_curve_probe(const uint8_t *p, size_t n)
{
	const uint8_t *end = n ? memchr(p, '\n', n) : NULL;
	if (!n || p[0] != '{')
		return 0;
	if (!end)       /* a first line longer than what is seen */
		return memmem(p, n, "\"event\"", 7) != NULL;
	json_t *v = json_loadb((const char *)p, (size_t)(end - p), 0, NULL);
	int is = json_is_string(json_object_get(v, "event"));
	json_decref(v);
	return is;
}

static void point_of(struct vit_point *p, const json_t *v)
{
	for (int i = 0; i < N_FIELDS; i++) {
		const json_t *x = json_object_get(v, fields[i].key);
		*field(p, i) = json_is_number(x) ? json_number_value(x) : NAN;
	}
}

static int add_point(struct vit_curve *c, size_t *cap, const json_t *v)
{
	struct vit_point p;
	point_of(&p, v);
	/* a run that was resumed repeats what it had not saved: the later line stands */
	double at = c->by_step ? p.step : p.epoch;
	while (c->n && !(value(&c->point[c->n - 1], c->by_step ? offsetof(struct vit_point, step) : offsetof(struct vit_point, epoch)) < at))
		c->n--;
	if (c->n == *cap) {
		*cap = *cap ? 2 * *cap : 64;
		struct vit_point *grown = vit_realloc(c->point, *cap * sizeof *grown);
		if (!grown)
			return VIT_ENOMEM;
		c->point = grown;
	}
	c->point[c->n++] = p;
	return 0;
}

static int add_line(struct vit_curve *c, size_t *cap, json_t *v)
{
	const char *event = json_string_value(json_object_get(v, "event"));
	if (!event)
		return 0;
	if (!strcmp(event, c->by_step ? "step" : "epoch"))
		return add_point(c, cap, v);
	json_t **keep = !strcmp(event, "start") ? &c->start : !strcmp(event, "end") ? &c->end : NULL;
	if (keep) {
		json_decref(*keep);
		*keep = json_incref(v);
	}
	return 0;
}

static int each_line(struct vit_curve *c, const struct vit_buf *b, const char *name)
{
	size_t cap = c->n, line = 0;
	for (const char *p = (const char *)b->p, *end = p + b->n; p < end;) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		json_error_t e;
		line++;
		json_t *v = n ? json_loadb(p, n, 0, &e) : NULL;
		if (n && !v && nl)
			return vit_fail(VIT_EFORMAT, "%s: line %zu of the log is no JSON: %s", name, line, e.text);
		int rc = v ? add_line(c, &cap, v) : 0;
		json_decref(v);
		VIT_TRY(rc);
		p += n + 1;
	}
	return 0;
}

static int read_whole(struct vit_buf *b, struct vit_input *in)
{
	const uint8_t *p;
	size_t got;
	for (;;) {
		VIT_TRY(vit_input_peek(in, 64 << 10, &p, &got));
		if (!got)
			return 0;
		if (b->n + got > MAX_LOG)
			return vit_fail(VIT_EFORMAT, "%s: a log of more than %d bytes", vit_input_name(in), MAX_LOG);
		VIT_TRY(vit_buf_add(b, p, got));
		VIT_TRY(vit_input_skip(in, got));
	}
}

int vit_curve_read(struct vit_curve *c, struct vit_input *in)
{
	struct vit_buf b = { 0 };
	memset(c, 0, sizeof *c);
	int rc = read_whole(&b, in);
	if (rc == 0)
		rc = each_line(c, &b, vit_input_name(in));
	if (rc == 0 && c->n == 0) {
		c->by_step = 1;
		rc = each_line(c, &b, vit_input_name(in));
	}
	vit_buf_release(&b);
	if (rc)
		vit_curve_release(c);
	return rc;
}

void vit_curve_release(struct vit_curve *c)
{
	free(c->point);
	json_decref(c->start);
	json_decref(c->end);
	memset(c, 0, sizeof *c);
}

json_t *vit_curve_json(const struct vit_curve *c)
{
	json_t *points = json_array(), *v = json_object();
	for (size_t i = 0; i < c->n; i++) {
		json_t *p = json_object();
		for (int k = 0; k < N_FIELDS; k++) {
			double x = value(&c->point[i], fields[k].offset);
			if (isfinite(x))
				json_object_set_new(p, fields[k].key, k < 2 ? json_integer((json_int_t)x) : json_real(x));
		}
		json_array_append_new(points, p);
	}
	json_object_set_new(v, "points", points);
	if (c->start)
		json_object_set(v, "start", c->start);
	if (c->end)
		json_object_set(v, "end", c->end);
	return v;
}

/* ---- text ---------------------------------------------------------------------------- */

static const struct column {
	const char *title, *format;
	size_t offset;
	int width;
} columns[] = {
	{ "epoch", "%.0f", offsetof(struct vit_point, epoch), 6 },
	{ "step", "%.0f", offsetof(struct vit_point, step), 8 },
	{ "loss", "%.4f", offsetof(struct vit_point, loss), 9 },
	{ "top1 %", "%.2f", offsetof(struct vit_point, top1), 8 },
	{ "val loss", "%.4f", offsetof(struct vit_point, val_loss), 10 },
	{ "val top1 %", "%.2f", offsetof(struct vit_point, val_top1), 12 },
	{ "lr", "%.3g", offsetof(struct vit_point, lr), 11 },
	{ "images/s", "%.0f", offsetof(struct vit_point, images_per_second), 10 },
	{ "seconds", "%.1f", offsetof(struct vit_point, seconds), 9 },
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

static int column_used(const struct vit_curve *c, size_t offset)
{
	for (size_t i = 0; i < c->n; i++)
		if (isfinite(value(&c->point[i], offset)))
			return 1;
	return 0;
}

static int row(struct vit_buf *out, const struct vit_point *p, const int *used)
{
	char text[48];
	for (int k = 0; k < N_COLUMNS; k++) {
		if (!used[k])
			continue;
		double x = p ? value(p, columns[k].offset) : NAN;
		if (p)
			snprintf(text, sizeof text, columns[k].format, x);
		VIT_TRY(vit_buf_printf(out, "%*s", columns[k].width, !p ? columns[k].title : isfinite(x) ? text : "-"));
	}
	return vit_buf_printf(out, "\n");
}

/* Too many rows are thinned for the eye: the first, the last, and even steps. */
static int table(struct vit_buf *out, const struct vit_curve *c)
{
	int used[N_COLUMNS];
	size_t stride = c->by_step ? (c->n + 39) / 40 : 1;
	for (int k = 0; k < N_COLUMNS; k++)
		used[k] = column_used(c, columns[k].offset);
	VIT_TRY(row(out, NULL, used));
	for (size_t i = 0; i < c->n; i++)
		if (i % stride == 0 || i + 1 == c->n)
			VIT_TRY(row(out, &c->point[i], used));
	return 0;
}

static int spark(struct vit_buf *out, const struct vit_curve *c, const char *title, size_t offset, int utf8)
{
	static const char *const block[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	static const char *const ascii[] = { "_", ".", "-", "~", "=", "+", "*", "#" };
	double min = INFINITY, max = -INFINITY, first = NAN, last = NAN;
	for (size_t i = 0; i < c->n; i++) {
		double x = value(&c->point[i], offset);
		if (!isfinite(x))
			continue;
		first = isfinite(first) ? first : x;
		last = x;
		min = fmin(min, x);
		max = fmax(max, x);
	}
	if (!isfinite(first))
		return 0;
	VIT_TRY(vit_buf_printf(out, "%-9s ", title));
	size_t n = c->n < SPARK ? c->n : SPARK;
	for (size_t i = 0; i < n; i++) {
		double x = value(&c->point[n > 1 ? i * (c->n - 1) / (n - 1) : 0], offset);
		int level = max > min ? (int)((x - min) / (max - min) * 7.999) : 0;
		VIT_TRY(vit_buf_printf(out, "%s", !isfinite(x) ? " " : utf8 ? block[level] : ascii[level]));
	}
	return vit_buf_printf(out, "  %.4g to %.4g (lowest %.4g, highest %.4g)\n", first, last, min, max);
}

int vit_curve_text(struct vit_buf *out, const struct vit_curve *c, int utf8)
{
	if (c->n == 0)
		return vit_buf_printf(out, "no epoch and no step is logged yet\n");
	VIT_TRY(table(out, c));
	VIT_TRY(vit_buf_printf(out, "\n"));
	VIT_TRY(spark(out, c, "loss", offsetof(struct vit_point, loss), utf8));
	VIT_TRY(spark(out, c, "val loss", offsetof(struct vit_point, val_loss), utf8));
	VIT_TRY(spark(out, c, "top1", offsetof(struct vit_point, top1), utf8));
	return spark(out, c, "val top1", offsetof(struct vit_point, val_top1), utf8);
}
