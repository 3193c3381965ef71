/* SPDX-License-Identifier: MIT
 *
 * source.c - directories and archives as vit-fetch sees them: splits, classes,
 * and how many samples each has.
 */
#include "command.h"

#include "stream/show.h"

#include <stdlib.h>
#include <string.h>

enum { SPLITS = 16 };

struct found {
	struct show *show;
	const char *path;
	json_t *splits, *notices;       /* arrays */
	const struct vit_format *format;
	char *names;                    /* of the splits; NULL: not said */
};

/* Equal lines of several splits are said once. */
static int add_notices(struct found *d, const struct vit_fetch *f)
{
	const char *line;
	for (int i = 0; (line = vit_fetch_notice(f, i)); i++) {
		size_t k, known = 0;
		json_t *v;
		json_array_foreach(d->notices, k, v)
			known |= !strcmp(json_string_value(v), line);
		/* a name that is no UTF-8 is not repeated */
		if (!known)
			(void)json_array_append_new(d->notices, json_string(line));
	}
	return 0;
}

static int count(struct found *d, struct vit_fetch *f, struct vit_tally *t)
{
	struct vit_record r;
	int rc;
	int64_t n = 0;
	while ((rc = vit_fetch_next(f, &r)) == 0 || rc == VIT_ERECORD) {
		if (rc)
			VIT_TRY(add_notices(d, f));
		/* one that cannot be read is said, not hidden, and the others counted */
		if (rc || (rc = vit_tally_add(t, &r)))
			cli_warn("%s", vit_errmsg());
		n++;
		if (cli_progress_due())
			cli_progress("%s: %lld records", d->path, (long long)n);
		if (cli_signal)
			break;
	}
	cli_progress_end();
	return rc == VIT_END || cli_signal ? 0 : rc;
}

/* One split, read to its end. */
static int split(struct found *d, const char *name)
{
	const char *const source[] = { d->path, NULL };
	struct vit_fetch_opt o = { .split = name, .epochs = 1, .source_order = 1, .limit = -1 };
	struct vit_fetch *f;
	struct vit_tally *t = NULL;
	VIT_TRY(vit_fetch_open(&f, source, &o));
	json_t *about = json_object();
	const json_t *meta = vit_fetch_header(f)->meta;
	json_object_set_new(about, "split", json_string(name));
	d->format = vit_fetch_format(f);
	int rc = vit_tally_new(&t, json_object_get(meta, "classes"));
	if (!rc)
		rc = count(d, f, t);
	if (!rc) {
		vit_tally_report(t, about);
		json_array_append(d->splits, about);
		rc = add_notices(d, f);
	}
	json_decref(about);
	vit_tally_free(t);
	vit_fetch_close(f);
	return rc;
}

/* Which splits are there? Asked of the source as a whole. */
static int ask_splits(struct found *d)
{
	const char *const source[] = { d->path, NULL };
	struct vit_fetch_opt o = { .split = "all", .epochs = 1, .source_order = 1, .limit = -1 };
	struct vit_fetch *f;
	VIT_TRY(vit_fetch_open(&f, source, &o));
	const char *names = vit_fetch_splits(f);
	d->names = vit_strdup(names && *names ? names : "all");
	vit_fetch_close(f);
	return d->names ? 0 : VIT_ENOMEM;
}

static int each_split(struct found *d)
{
	char *save = NULL;
	int rc = ask_splits(d), n = 0;
	for (char *name = rc ? NULL : strtok_r(d->names, " ", &save); name && !rc && n < SPLITS && !cli_signal; name = strtok_r(NULL, " ", &save), n++)
		rc = split(d, name);
	return rc;
}

static int put_text(struct found *d, const char *what)
{
	struct vit_buf *b = &d->show->text;
	size_t i;
	json_t *v;
	VIT_TRY(vit_buf_printf(b, "%s: %s, read by vit-fetch as %s (%s)\n", d->path, what, d->format->name, d->format->help));
	json_array_foreach(d->notices, i, v)
		VIT_TRY(vit_buf_printf(b, "  %s\n", json_string_value(v)));
	json_array_foreach(d->splits, i, v) {
		VIT_TRY(vit_buf_printf(b, "  %-12s%s\n", "split", json_string_value(json_object_get(v, "split"))));
		VIT_TRY(vit_tally_text(b, v));
	}
	return 0;
}

static int put(struct found *d, const char *what, json_t *about)
{
	if (!d->show->cfg->json)
		return put_text(d, what);
	json_object_set_new(about, "format", json_string(what));
	json_object_set_new(about, "reader", json_string(d->format->name));
	json_object_set(about, "splits", d->splits);
	json_object_set(about, "notices", d->notices);
	return show_put_json(d->show, about);
}

/* An archive of other things is still what it is. */
static int put_unread(struct found *d, const char *what, json_t *about)
{
	if (!d->show->cfg->json)
		return vit_buf_printf(&d->show->text, "%s: %s, nothing for vit-fetch: %s\n", d->path, what, vit_errmsg());
	json_object_set_new(about, "format", json_string(what));
	return show_put_json(d->show, about);
}

int show_source(struct show *s, const char *path, const char *what, json_t *about)
{
	int is_directory = !strcmp(what, "a directory");
	if (is_directory && (s->cfg->dump || s->cfg->curve))
		return vit_fail(VIT_EUSAGE, "%s: a directory has no records to dump and no curve; name a file", path);
	struct found d = { .show = s, .path = path, .splits = json_array(), .notices = json_array() };
	int rc = each_split(&d);
	if (rc == 0 && !cli_signal)
		rc = put(&d, what, about);
	else if ((rc == VIT_EFORMAT || rc == VIT_EUSAGE) && !is_directory && !json_array_size(d.splits))
		rc = put_unread(&d, what, about);
	json_decref(d.splits);
	json_decref(d.notices);
	free(d.names);
	return rc;
}
