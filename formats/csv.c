/* SPDX-License-Identifier: MIT
 *
 * csv.c - a table of image files and their labels.
 *
 * The first row may name the columns, in any case: path, file, filename,
 * file_name, filepath, image, image_path or img; label, class, target or
 * category; split or subset. Without such a row the columns are path and label.
 * Delimiters are commas, tabs or semicolons. Paths are relative to the folder of
 * the table, or, from stdin, to the working directory; an id is the path as it is
 * written. Labels are numbers or names (labelset.h); an empty one is none.
 *
 * Splits are those of the column; where there is none and several tables are
 * given, those that the tables' names say.
 */
#include "format/csv_row.h"
#include "format/encoded.h"
#include "format/format.h"
#include "image/decode.h"
#include "format/labelset.h"
#include "format/layout.h"
#include "format/parts.h"
#include "format/source.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PATH, LABEL, SPLIT, N_COLUMN };
enum { MAX_SPLIT = 32, NO_LABEL = -1, BAD_LABEL = -2 };

struct table {
	char *name, *folder;            /* folder: "" or ends in '/' */
	struct vit_blob blob;
	int column[N_COLUMN], n_field;  /* column: -1 where there is none */
	int headed;                     /* the first row names the columns */
	const char *split;              /* of all its rows; NULL: the column's, or none */
	char delimiter;
	int64_t first;                  /* of its rows in `row` */
};
struct row {
	uint64_t at;                    /* in the table's text */
	uint32_t line;
	int32_t label;
};
struct csv {
	struct table *table;
	int n_table;
	struct row *row;
	int64_t n_row, cap;
	struct vit_labelset labels;
	const char *split[MAX_SPLIT];
	int n_split, has_splits;
	struct vit_arena arena;
	struct vit_csv at;              /* the row being looked at */
	struct vit_buf text, path, id;
};

/* ---- columns ------------------------------------------------------------------------ */

static int column_of(const char *p, size_t n)
{
	/* the better ones first: a table may have both a file and an image column */
	static const struct { const char *name; int column; } table[] = {
		{ "path", PATH }, { "filepath", PATH }, { "image_path", PATH }, { "filename", PATH }, { "file_name", PATH }, { "file", PATH },
		{ "image", PATH }, { "img", PATH }, { "label", LABEL }, { "class", LABEL }, { "target", LABEL }, { "category", LABEL },
		{ "split", SPLIT }, { "subset", SPLIT },
	};
	for (int i = 0; i < (int)(sizeof table / sizeof *table); i++)
		if (strlen(table[i].name) == n && !strncasecmp(table[i].name, p, n))
			return table[i].column << 8 | i;
	return -1;
}

/* 1: this row names the columns. */
static int read_header(const struct vit_csv *c, int column[N_COLUMN])
{
	int best[N_COLUMN] = { 255, 255, 255 };
	column[PATH] = column[LABEL] = column[SPLIT] = -1;
	for (int i = 0; i < c->n; i++) {
		int k = column_of(c->field[i].p, c->field[i].n);
		if (k < 0 || (k & 255) >= best[k >> 8])
			continue;
		best[k >> 8] = k & 255;
		column[k >> 8] = i;
	}
	return column[PATH] >= 0;
}

static int names_image(const struct vit_csv_field *f)
{
	static const char *const suffix[] = { ".jpg", ".jpeg", ".png", ".webp", ".ppm", ".pgm", ".pbm", ".pnm" };
	for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
		size_t k = strlen(suffix[i]);
		if (f->n > k && !strncasecmp(f->p + f->n - k, suffix[i], k))
			return 1;
	}
	return 0;
}

static int csv_probe(const struct vit_member *m)
{
	const char *dot = strrchr(m->name, '.');
	int named = dot && (!strcasecmp(dot, ".csv") || !strcasecmp(dot, ".tsv"));
	struct vit_csv c;
	int column[N_COLUMN];
	/* among other files it may be about them, or about anything */
	if (m->n_sibling > 1 || vit_image_type(m->head, m->n_head) || vit_csv_open(&c, m->head, m->n_head) || vit_csv_next(&c))
		return 0;
	if (read_header(&c, column))
		return column[LABEL] >= 0 || named ? 70 : names_image(&c.field[0]) ? 40 : 3;
	if (names_image(&c.field[0]))
		return 40;
	/* the first row names columns by words of its own: open() says which are known */
	return !vit_csv_next(&c) && names_image(&c.field[0]) ? 30 : named ? 2 : 0;
}

/* ---- reading the tables ---------------------------------------------------------------- */

static int where(const struct table *t, int64_t line, int rc)
{
	return vit_wrap(rc, "%s: line %lld", t->name, (long long)line);
}

/* Begin with the rows of data. */
static int rewind_table(struct csv *f, const struct table *t)
{
	int rc = vit_csv_open(&f->at, t->blob.p, t->blob.n);
	if (!rc && t->headed)
		rc = vit_csv_next(&f->at);
	return rc == VIT_END ? 0 : rc ? vit_wrap(rc, "%s", t->name) : 0;
}

static int next_row(struct csv *f, const struct table *t)
{
	int rc = vit_csv_next(&f->at);
	if (rc)
		return rc == VIT_END ? rc : vit_wrap(rc, "%s", t->name);
	vit_blob_used(&t->blob, f->at.row, (size_t)(f->at.p - f->at.row));
	if (f->at.n == t->n_field)
		return 0;
	return where(t, f->at.row_line, vit_fail(VIT_EFORMAT, "%d fields where the first row has %d; one with a %s in it is quoted: \"...\"", f->at.n,
	                                         t->n_field, t->delimiter == '\t' ? "tab" : t->delimiter == ';' ? "semicolon" : "comma"));
}

static int cell(struct csv *f, const struct table *t, int column, const char **p, size_t *n)
{
	return vit_csv_text(&f->at, t->column[column], &f->text, p, n);
}

static int look_at_first_row(struct csv *f, struct table *t)
{
	int rc = vit_csv_open(&f->at, t->blob.p, t->blob.n);
	if (!rc)
		rc = vit_csv_next(&f->at);
	if (rc)
		return rc == VIT_END ? vit_fail(VIT_EFORMAT, "%s: is empty", t->name) : vit_wrap(rc, "%s", t->name);
	t->delimiter = f->at.delimiter;
	t->n_field = f->at.n;
	t->headed = read_header(&f->at, t->column);
	if (t->headed)
		return 0;
	if (t->n_field > 2)
		return vit_fail(VIT_EFORMAT, "%s: no column is named path, file or image; name the %d columns in the first row, as path,label",
		                t->name, t->n_field);
	t->column[PATH] = 0;
	t->column[LABEL] = t->n_field > 1 ? 1 : -1;
	return 0;
}

static char *folder_of(const char *place, const char *member)
{
	/* a directory that was given holds the member; a file is it */
	size_t n = strlen(place), m = strlen(member);
	const char *slash = strrchr(place, '/'), *inner = strrchr(member, '/');
	struct vit_buf b = { 0 };
	if (!strcmp(place, "-") || !m)
		return vit_strdup("");
	const char *base = slash ? slash + 1 : place;
	int is_file = !strncmp(base, inner ? inner + 1 : member, strlen(inner ? inner + 1 : member));
	int rc = is_file ? vit_buf_printf(&b, "%.*s", slash ? (int)(slash + 1 - place) : 0, place)
	                 : vit_buf_printf(&b, "%s%s%.*s", place, n && place[n - 1] == '/' ? "" : "/", inner ? (int)(inner + 1 - member) : 0, member);
	if (rc)
		vit_buf_release(&b);
	return (char *)b.p;
}

static int add_table(struct csv *f, struct vit_source *s, const struct vit_member *m)
{
	struct table *v = vit_realloc(f->table, (size_t)(f->n_table + 1) * sizeof *v);
	if (!v)
		return VIT_ENOMEM;
	f->table = v;
	struct table *t = &v[f->n_table++];
	*t = (struct table){ .name = vit_strdup(*m->name ? m->name : vit_source_name(s)), .folder = folder_of(vit_source_path(s), m->name) };
	if (!t->name || !t->folder)
		return VIT_ENOMEM;
	VIT_TRY(vit_source_load(s, UINT64_MAX, &t->blob));
	return look_at_first_row(f, t);
}

/* ---- splits and labels -------------------------------------------------------------------- */

static int split_name(struct csv *f, const struct table *t, const char **out)
{
	static const char *const known[] = { "train", "val", "test" };
	const char *p;
	size_t n;
	*out = t->split;
	if (t->column[SPLIT] < 0)
		return 0;
	VIT_TRY(cell(f, t, SPLIT, &p, &n));
	if (!n)
		return 0;
	int k = vit_layout_split(p, n);
	if (k >= 0) {
		*out = known[k];
		return 0;
	}
	for (int i = 0; i < f->n_split; i++)
		if (strlen(f->split[i]) == n && !memcmp(f->split[i], p, n)) {
			*out = f->split[i];
			return 0;
		}
	if (memchr(p, ' ', n) || n > 64)
		return where(t, f->at.row_line, vit_fail(VIT_EFORMAT, "\"%.*s\" is no name of a split", (int)(n > 64 ? 64 : n), p));
	*out = vit_arena_printf(&f->arena, "%.*s", (int)n, p);
	return *out ? 0 : VIT_ENOMEM;
}

static int note_split(struct csv *f, const struct table *t, const char *split)
{
	int i = 0;
	while (split && i < f->n_split && strcmp(f->split[i], split))
		i++;
	if (!split || i < f->n_split)
		return 0;
	if (i == MAX_SPLIT)
		return where(t, f->at.row_line, vit_fail(VIT_EFORMAT, "more than %d splits", MAX_SPLIT));
	f->split[f->n_split++] = split;
	return 0;
}

/* First pass: all labels and splits. */
static int collect(struct csv *f, const struct table *t)
{
	int rc;
	VIT_TRY(rewind_table(f, t));
	while (!(rc = next_row(f, t))) {
		const char *p, *split;
		size_t n;
		VIT_TRY(split_name(f, t, &split));
		VIT_TRY(note_split(f, t, split));
		VIT_TRY(cell(f, t, LABEL, &p, &n));
		rc = n ? vit_labelset_add(&f->labels, p, n) : 0;
		if (rc && rc != VIT_ERECORD)    /* which is said when the record is read */
			return where(t, f->at.row_line, rc);
	}
	return rc == VIT_END ? 0 : rc;
}

static int add_row(struct csv *f, const struct row *r)
{
	if (f->n_row == f->cap) {
		int64_t cap = f->cap ? f->cap * 2 : 1024;
		struct row *v = vit_realloc(f->row, (size_t)cap * sizeof *v);
		if (!v)
			return VIT_ENOMEM;
		f->row = v;
		f->cap = cap;
	}
	f->row[f->n_row++] = *r;
	return 0;
}

/* Second pass: the rows of the split asked for. */
static int list(struct csv *f, struct table *t, const char *asked)
{
	int rc, all = !f->has_splits || !strcmp(asked, "all");
	VIT_TRY(rewind_table(f, t));
	t->first = f->n_row;
	while (!(rc = next_row(f, t))) {
		const char *p, *split;
		size_t n;
		int64_t label = NO_LABEL;
		VIT_TRY(split_name(f, t, &split));
		if (!all && (!split || strcmp(split, asked)))
			continue;
		VIT_TRY(cell(f, t, LABEL, &p, &n));
		if (n && vit_labelset_find(&f->labels, p, n, &label))
			label = BAD_LABEL;
		if (f->at.row_line > UINT32_MAX)
			return vit_fail(VIT_EUNSUPPORTED, "%s: more than 4 billion lines", t->name);
		VIT_TRY(add_row(f, &(struct row){ (uint64_t)(f->at.row - (const char *)t->blob.p), (uint32_t)f->at.row_line, (int32_t)label }));
	}
	return rc == VIT_END ? 0 : rc;
}

static int tell_splits(struct csv *f, struct vit_format_info *info)
{
	struct vit_buf b = { 0 };
	static const char *const known[] = { "train", "val", "test" };
	int rc = 0;
	for (int k = 0; k < 4 && !rc; k++)
		for (int i = 0; i < f->n_split && !rc; i++) {
			int is = vit_layout_split(f->split[i], strlen(f->split[i]));
			if (is == (k < 3 ? k : -1))
				rc = vit_buf_printf(&b, "%s%s", b.n ? " " : "", k < 3 ? known[k] : f->split[i]);
		}
	info->splits = rc ? NULL : vit_arena_strdup(&info->meta->arena, b.p ? (char *)b.p : "");
	vit_buf_release(&b);
	return info->splits ? 0 : VIT_ENOMEM;
}

static int csv_open(void *priv, struct vit_source *s, struct vit_format_info *info)
{
	struct csv *f = priv;
	struct vit_member m;
	int rc;
	while (!(rc = vit_source_next(s, &m)))
		if (csv_probe(&m))
			VIT_TRY(add_table(f, s, &m));
	if (rc != VIT_END)
		return rc;
	for (int i = 0; i < f->n_table; i++) {
		struct table *t = &f->table[i];
		if (f->n_table > 1 && t->column[SPLIT] < 0)
			t->split = vit_split_of_name(t->name);
		f->has_splits |= t->column[SPLIT] >= 0 || t->split;
		VIT_TRY(collect(f, t));
	}
	VIT_TRY(vit_labelset_done(&f->labels, s, info->meta));
	if (f->has_splits)
		VIT_TRY(tell_splits(f, info));
	for (int i = 0; i < f->n_table; i++)
		VIT_TRY(list(f, &f->table[i], vit_source_split(s)));
	if (!f->n_row && !f->has_splits)
		return vit_fail(VIT_EFORMAT, "%s: no rows below the first", vit_source_name(s));
	info->meta->count = f->n_row;
	info->random = 1;
	return 0;
}

/* ---- records --------------------------------------------------------------------------------- */

/* Id and label; *t is the table, and the row is the one being looked at. */
static int begin_record(struct csv *f, int64_t i, struct vit_record *r, const struct table **t)
{
	const struct row *row = &f->row[i];
	int k = f->n_table - 1;
	const char *p;
	size_t n;
	while (f->table[k].first > i)
		k--;
	*t = &f->table[k];
	f->at.p = (const char *)(*t)->blob.p + row->at;
	f->at.end = (const char *)(*t)->blob.p + (*t)->blob.n;
	f->at.line = row->line;
	f->at.delimiter = (*t)->delimiter;
	VIT_TRY(vit_csv_next(&f->at));
	vit_blob_used(&(*t)->blob, f->at.row, (size_t)(f->at.p - f->at.row));
	*r = (struct vit_record){ .seq = (uint64_t)i };
	if (row->label >= 0) {
		r->label_kind = VIT_LABEL_INDEX;
		r->label = row->label;
	}
	VIT_TRY(cell(f, *t, PATH, &p, &n));
	f->path.n = 0;
	if (!n || memchr(p, 0, n))
		return where(*t, row->line, vit_fail(VIT_ERECORD, "no path"));
	VIT_TRY(vit_buf_printf(&f->path, "%s%.*s", *p == '/' ? "" : (*t)->folder, (int)n, p));
	VIT_TRY(vit_encoded_id(r, &f->id, p, n));
	if (row->label != BAD_LABEL)
		return 0;
	VIT_TRY(cell(f, *t, LABEL, &p, &n));
	int64_t ignored;
	return where(*t, row->line, vit_labelset_find(&f->labels, p, n, &ignored));
}

static int csv_look(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	const struct table *t;
	(void)s;
	return begin_record(priv, i, r, &t);
}

static int csv_read(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	struct csv *f = priv;
	const struct table *t;
	const uint8_t *p;
	size_t n;
	VIT_TRY(begin_record(f, i, r, &t));
	int rc = vit_source_beside(s, (const char *)f->path.p, &p, &n);
	if (!rc)
		rc = vit_encoded_image(r, (const char *)f->path.p, p, n);
	if (!rc)
		return 0;
	char why[1024];
	snprintf(why, sizeof why, "%s", vit_errmsg());
	/* perhaps it names the columns, by words that are not known */
	int first = f->row[i].line == 1 && !t->headed;
	return vit_fail(rc, "%s: line %lld: %s%s", t->name, (long long)f->row[i].line, why,
	                first ? "; where this row names the columns, they are path and label" : "");
}

static void csv_close(void *priv)
{
	struct csv *f = priv;
	for (int i = 0; i < f->n_table; i++) {
		vit_blob_release(&f->table[i].blob);
		free(f->table[i].name);
		free(f->table[i].folder);
	}
	free(f->table);
	free(f->row);
	vit_labelset_release(&f->labels);
	vit_arena_release(&f->arena);
	vit_buf_release(&f->text);
	vit_buf_release(&f->path);
	vit_buf_release(&f->id);
}

const struct vit_format vit_format_csv = {
	.abi = VIT_FORMAT_ABI,
	.size = sizeof(struct vit_format),
	.name = "csv",
	.help = "a table of image paths and labels: commas, tabs or semicolons, with or without column names",
	.priv_size = sizeof(struct csv),
	.probe = csv_probe,
	.open = csv_open,
	.read = csv_read,
	.close = csv_close,
	.look = csv_look,
};
