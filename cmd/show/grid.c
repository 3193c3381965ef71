/* SPDX-License-Identifier: MIT
 *
 * grid.c - the contact sheet: the first images of streams, of directories and
 * archives, and image files themselves.
 */
#include "command.h"

#include "format/source.h"
#include "image/decode.h"
#include "image/resize.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* No cell is larger when drawn; photographs are kept at this size. */
enum { KEPT = 320 };

struct sheet {
	struct show *show;
	struct vit_draw_cell *cell;
	char **text;
	struct vit_image *image;        /* what the cells point to */
	struct vit_image whole;
	struct vit_buf scratch;
	int n, cap;
	int64_t there;                  /* images that the inputs announce; -1: not all say */
	char *title;                    /* of the only input */
	const json_t *classes;          /* of the input being read */
};

/* ---- a cell ---------------------------------------------------------------------- */

static const char *class_name(const struct sheet *s, int64_t k, char number[24])
{
	const char *name = json_string_value(json_array_get(s->classes, (size_t)k));
	if (!name)
		snprintf(number, 24, "%lld", (long long)k);
	return name ? name : number;
}

/* Class; class and weight of a soft label; else the id's last part. */
static char *caption(const struct sheet *s, const struct vit_record *r)
{
	struct vit_buf b = { 0 };
	char number[24];
	int rc = 0;
	if (r->label_kind == VIT_LABEL_INDEX) {
		rc = vit_buf_printf(&b, "%s", class_name(s, r->label, number));
	} else if (r->label_kind == VIT_LABEL_SOFT) {
		int64_t best = 0, n = r->soft.dim[0];
		float top = 0;
		for (int64_t k = 0; k < n; k++) {
			float x;
			memcpy(&x, (const char *)r->soft.data + k * (int64_t)sizeof x, sizeof x);
			if (!k || x > top) {
				top = x;
				best = k;
			}
		}
		rc = vit_buf_printf(&b, "%s %.2f", class_name(s, best, number), (double)top);
	} else {
		const char *slash = memrchr(r->id.p, '/', r->id.n);
		size_t skip = slash ? (size_t)(slash + 1 - r->id.p) : 0;
		rc = vit_buf_printf(&b, "%.*s", (int)(r->id.n - skip < 200 ? r->id.n - skip : 200), r->id.p + skip);
	}
	return rc < 0 ? NULL : (char *)b.p;
}

/* Into `to`, one or three channels, no larger than KEPT: 64 photographs of a
 * camera would be gigabytes. */
static int keep(struct sheet *s, struct vit_image *to)
{
	const struct vit_image *from = &s->whole;
	int64_t longer = from->h > from->w ? from->h : from->w, h = from->h, w = from->w;
	if (longer <= KEPT) {
		vit_image_swap(&s->whole, to);
		return 0;
	}
	h = h * KEPT / longer > 0 ? h * KEPT / longer : 1;
	w = w * KEPT / longer > 0 ? w * KEPT / longer : 1;
	VIT_TRY(vit_image_reserve(to, h, w, from->c));
	return vit_resize(to->p, h, w, from->p, from->h, from->w, from->c, VIT_BILINEAR, 1, &s->scratch);
}

/* Pixels as they are, of more channels than can be seen the first three or one. */
static int copy_pixels(struct vit_image *to, const struct vit_tensor *t)
{
	int64_t h = t->dim[0], w = t->dim[1], c = t->dim[2], use = c >= 3 ? 3 : 1;
	const uint8_t *p = t->data;
	VIT_TRY(vit_image_reserve(to, h, w, use));
	for (int64_t i = 0; i < h * w; i++)
		memcpy(to->p + i * use, p + i * c, (size_t)use);
	return 0;
}

static int decode(struct sheet *s, const void *p, size_t n)
{
	return vit_image_decode(&s->whole, p, n, &(struct vit_decode_opt){ .channels = 0, .shorter = KEPT });
}

/* `rc` is that of getting the pixels into s->whole: a bad image leaves its frame empty. */
static int add(struct sheet *s, int rc, char *text, const char *name)
{
	if (!text)
		return VIT_ENOMEM;
	s->text[s->n] = text;
	s->cell[s->n].text = text;
	if (!rc)
		rc = keep(s, &s->image[s->n]);
	if (rc && rc != VIT_ERECORD)
		return rc;
	if (rc)
		cli_warn("%s: %s", name, vit_errmsg());
	const struct vit_image *im = &s->image[s->n];
	if (!rc) {
		struct vit_draw_cell c = { im->p, im->h, im->w, im->c, text };
		s->cell[s->n] = c;
	}
	s->n++;
	return 0;
}

static int add_record(struct sheet *s, const struct vit_record *r, const char *name)
{
	int rc = r->image.data ? copy_pixels(&s->whole, &r->image) : r->encoded.p ? decode(s, r->encoded.p, r->encoded.n) :
		 vit_fail(VIT_ERECORD, "a record without an image");
	if (rc == VIT_ERECORD)
		rc = vit_wrap(rc, "%.*s", (int)(r->id.n < 200 ? r->id.n : 200), r->id.p);
	return add(s, rc, caption(s, r), name);
}

/* ---- inputs ------------------------------------------------------------------------ */

static void announce(struct sheet *s, int64_t n)
{
	s->there = s->there < 0 || n < 0 ? -1 : s->there + n;
}

static int set_title(struct sheet *s, const json_t *meta, const char *name)
{
	const char *data = json_string_value(json_object_get(meta, "dataset")), *split = json_string_value(json_object_get(meta, "split"));
	struct vit_buf b = { 0 };
	free(s->title);
	int rc = vit_buf_printf(&b, "%s%s%s", data ? data : name, split ? ", split " : "", split ? split : "");
	s->title = (char *)b.p;
	return rc < 0 ? rc : 0;
}

static int from_stream(struct sheet *s, struct vit_input *in)
{
	struct vit_reader *r;
	const uint8_t *raw;
	size_t n;
	struct vit_record rec;
	VIT_TRY(vit_reader_open(&r, in, &(struct vit_reader_opt){ .kind = VIT_SAMPLES, .max_record = (size_t)s->show->cfg->common.max_record }));
	const json_t *meta = vit_reader_header(r)->meta, *count = json_object_get(meta, "count");
	const char *name = vit_input_name(vit_reader_input(r));
	s->classes = json_object_get(meta, "classes");
	announce(s, json_is_integer(count) ? json_integer_value(count) : -1);
	int rc = set_title(s, meta, name);
	while (!rc && s->n < s->cap && (rc = vit_reader_next(r, &raw, &n)) == 0) {
		rc = vit_record_decode(&rec, raw, n);
		rc = rc ? vit_reader_fail(r, rc, NULL, "%s", vit_errmsg()) : add_record(s, &rec, name);
	}
	vit_reader_close(r);
	return rc == VIT_END ? 0 : rc;
}

/* A directory or archive as vit-fetch gives it: its training split, in training's order. */
static int from_source(struct sheet *s, const char *path)
{
	const char *const source[] = { path, NULL };
	struct vit_fetch_opt o = { .epochs = 1, .limit = s->cap - s->n };
	struct vit_record r;
	struct vit_fetch *f;
	VIT_TRY(vit_fetch_open(&f, source, &o));
	const json_t *meta = vit_fetch_header(f)->meta;
	s->classes = json_object_get(meta, "classes");
	s->there = -1;          /* the limit is in the count */
	int rc = set_title(s, meta, path);
	while (!rc && s->n < s->cap) {
		rc = vit_fetch_next(f, &r);
		if (rc == VIT_ERECORD) {
			cli_warn("%s", vit_errmsg());
			rc = 0;
		} else if (!rc) {
			rc = add_record(s, &r, path);
		}
	}
	vit_fetch_close(f);
	return rc == VIT_END ? 0 : rc;
}

static int from_image(struct sheet *s, struct vit_input *in)
{
	struct vit_buf file = { 0 };
	const char *name = vit_input_name(in), *slash = strrchr(name, '/');
	int rc = show_whole(&file, in);
	if (!rc)
		rc = set_title(s, NULL, name);
	if (!rc) {
		announce(s, 1);
		rc = add(s, decode(s, file.p, file.n), vit_strdup(slash ? slash + 1 : name), name);
	}
	vit_buf_release(&file);
	return rc;
}

static int one(struct sheet *s, const char *path)
{
	struct stat st;
	struct vit_input *in;
	const uint8_t *p;
	size_t n;
	int undone, file = !stat(path, &st) && S_ISREG(st.st_mode);
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return from_source(s, path);
	VIT_TRY(vit_input_open(&in, path));
	int rc = vit_unpack(&in, &undone);
	if (!rc)
		rc = vit_input_peek(in, 512, &p, &n);
	if (!rc && vit_is_stream(p, n))
		return from_stream(s, in);
	if (!rc && vit_image_type(p, n))
		rc = from_image(s, in);
	else if (!rc && file)
		rc = from_source(s, path);
	else if (!rc)
		rc = vit_fail(VIT_EFORMAT, "%s: %s; a contact sheet is drawn of samples and images", vit_input_name(in),
		              vit_magic(p, n) ? vit_magic(p, n) : "of an unknown format");
	vit_input_close(in);
	return rc;
}

/* ---- the picture --------------------------------------------------------------------- */

static int draw(struct sheet *s, int n_input, const char *first)
{
	const struct vit_draw *d;
	struct vit_buf title = { 0 };
	VIT_TRY(show_draw(&d));
	if (!s->n)
		return vit_fail(VIT_EFORMAT, "%s%s: no image to draw", strcmp(first, "-") ? first : "<stdin>", n_input > 1 ? ", ..." : "");
	int rc = n_input == 1 ? vit_buf_printf(&title, "%s: ", s->title) : 0;
	if (rc >= 0 && s->there > s->n)
		rc = vit_buf_printf(&title, "%d of %lld images", s->n, (long long)s->there);
	else if (rc >= 0)
		rc = vit_buf_printf(&title, "%d image%s", s->n, s->n == 1 ? "" : "s");
	rc = rc < 0 ? rc : d->grid(s->cell, s->n, s->show->columns, (const char *)title.p, s->show->out);
	vit_buf_release(&title);
	return rc;
}

int show_grid(struct show *show, int argc, char **argv)
{
	struct sheet s = { .show = show, .cap = show->rows * show->columns };
	size_t n = (size_t)s.cap;
	s.cell = vit_calloc(n, sizeof *s.cell);
	s.text = vit_calloc(n, sizeof *s.text);
	s.image = vit_calloc(n, sizeof *s.image);
	int rc = s.cell && s.text && s.image ? 0 : VIT_ENOMEM;
	for (int i = 0; i < argc && !rc && s.n < s.cap && !cli_signal; i++)
		rc = one(&s, argv[i]);
	if (!rc && !cli_signal)
		rc = draw(&s, argc, argv[0]);
	for (int i = 0; i < s.cap && s.text && s.image; i++) {
		free(s.text[i]);
		vit_image_release(&s.image[i]);
	}
	vit_image_release(&s.whole);
	vit_buf_release(&s.scratch);
	free(s.title);
	free(s.cell);
	free(s.text);
	free(s.image);
	return rc ? cli_fail(rc) : 0;
}
