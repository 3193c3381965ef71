/* SPDX-License-Identifier: MIT
 *
 * show_text.c - the description of a stream, for a person.
 */
#include "stream/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BAR = 30, LISTED = 8 };

/* A value in a line: texts bare, the rest as compact JSON. */
static int inline_value(struct vit_buf *out, const json_t *v)
{
	if (json_is_string(v))
		return vit_buf_printf(out, "%s", json_string_value(v));
	char *s = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
	if (!s)
		return vit_fail(VIT_ENOMEM, "out of memory");
	int rc = vit_buf_printf(out, "%s", s);
	free(s);
	return rc;
}

/* "key=value key=value"; nested maps as JSON */
static int pairs(struct vit_buf *out, const json_t *map)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)(uintptr_t)map, key, v) {
		VIT_TRY(vit_buf_printf(out, " %s=", key));
		VIT_TRY(inline_value(out, v));
	}
	return 0;
}

static int list(struct vit_buf *out, const json_t *v, const char *between)
{
	size_t i, n = json_array_size(v), shown = n > LISTED + 2 ? LISTED : n;
	for (i = 0; i < shown; i++) {
		VIT_TRY(vit_buf_printf(out, "%s", i ? between : ""));
		VIT_TRY(inline_value(out, json_array_get(v, i)));
	}
	return shown < n ? vit_buf_printf(out, "%s... %zu in all", between, n) : 0;
}

static int entry(struct vit_buf *out, const json_t *h)
{
	const char *tool = json_string_value(json_object_get(h, "tool")), *version = json_string_value(json_object_get(h, "version"));
	VIT_TRY(vit_buf_printf(out, "%s %s", tool ? tool : "?", version ? version : "?"));
	const json_t *seed = json_object_get(h, "seed");
	if (json_integer_value(seed))
		VIT_TRY(vit_buf_printf(out, " seed=%lld", (long long)json_integer_value(seed)));
	return pairs(out, json_object_get(h, "options"));
}

static int history(struct vit_buf *out, const json_t *about)
{
	const json_t *h;
	size_t i;
	json_array_foreach(json_object_get(about, "history"), i, h) {
		VIT_TRY(vit_buf_printf(out, "  %-12s", i ? "" : "history"));
		VIT_TRY(entry(out, h));
		VIT_TRY(vit_buf_printf(out, "\n"));
	}
	return 0;
}

/* Every key of meta but those told elsewhere. */
static int meta(struct vit_buf *out, const json_t *about, const char *const *skip)
{
	const char *key;
	json_t *v;
	json_object_foreach(json_object_get(about, "meta"), key, v) {
		int told = json_is_null(v) || (json_is_array(v) && json_array_size(v) == 0);
		for (const char *const *s = skip; *s; s++)
			told |= !strcmp(*s, key);
		if (told)
			continue;
		VIT_TRY(vit_buf_printf(out, json_is_object(v) ? "  %-11s" : "  %-12s", key));
		if (json_is_array(v))
			VIT_TRY(list(out, v, strcmp(key, "classes") ? " " : ", "));
		else if (json_is_object(v))
			VIT_TRY(pairs(out, v));
		else
			VIT_TRY(inline_value(out, v));
		VIT_TRY(vit_buf_printf(out, "\n"));
	}
	return 0;
}

static long long number(const json_t *about, const char *key)
{
	return (long long)json_integer_value(json_object_get(about, key));
}

static int records(struct vit_buf *out, const json_t *about)
{
	const json_t *m = json_object_get(about, "meta");
	VIT_TRY(vit_buf_printf(out, "  %-12s%lld", "records", number(about, "records")));
	if (number(about, "skipped"))
		VIT_TRY(vit_buf_printf(out, ", %lld skipped", number(about, "skipped")));
	if (json_is_integer(json_object_get(about, "announced")))
		VIT_TRY(vit_buf_printf(out, " (announced: %lld x %lld epochs)", number(about, "announced"),
		                       json_object_get(m, "epochs") ? number(m, "epochs") : 1));
	return vit_buf_printf(out, ", %lld bytes\n", number(about, "bytes"));
}

static int range(struct vit_buf *out, const json_t *r)
{
	long long a = (long long)json_integer_value(json_array_get(r, 0)), b = (long long)json_integer_value(json_array_get(r, 1));
	return a == b ? vit_buf_printf(out, "%lld", a) : vit_buf_printf(out, "%lld..%lld", a, b);
}

static int images(struct vit_buf *out, const json_t *about)
{
	const json_t *v = json_object_get(about, "images");
	if (json_object_get(v, "height")) {
		VIT_TRY(vit_buf_printf(out, "  %-12s", "images"));
		VIT_TRY(range(out, json_object_get(v, "height")));
		VIT_TRY(vit_buf_printf(out, " x "));
		VIT_TRY(range(out, json_object_get(v, "width")));
		VIT_TRY(vit_buf_printf(out, " x "));
		VIT_TRY(range(out, json_object_get(v, "channels")));
		VIT_TRY(vit_buf_printf(out, " uint8\n"));
	}
	if (!json_object_get(v, "encoded"))
		return 0;
	VIT_TRY(vit_buf_printf(out, "  %-11s", "encoded"));
	VIT_TRY(pairs(out, json_object_get(v, "encoded")));
	return vit_buf_printf(out, "\n");
}

/* Columns line up by characters, not bytes. */
static int characters(const char *s)
{
	int n = 0;
	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static int counts(struct vit_buf *out, const json_t *about)
{
	const json_t *c, *classes = json_object_get(about, "classes");
	size_t i;
	json_int_t most = 1;
	int width = 5;
	json_array_foreach(classes, i, c) {
		const char *name = json_string_value(json_object_get(c, "name"));
		json_int_t n = json_integer_value(json_object_get(c, "count"));
		most = n > most ? n : most;
		if (name && characters(name) > width)
			width = characters(name);
	}
	json_array_foreach(classes, i, c) {
		const char *name = json_string_value(json_object_get(c, "name"));
		json_int_t n = json_integer_value(json_object_get(c, "count"));
		VIT_TRY(vit_buf_printf(out, "  %5zu  %s%*s %9lld%s", i, name ? name : "", width - (name ? characters(name) : 0), "", (long long)n, n ? "  " : ""));
		for (json_int_t k = 0; k * most < n * BAR; k++)
			VIT_TRY(vit_buf_printf(out, "#"));
		VIT_TRY(vit_buf_printf(out, "\n"));
	}
	if (number(about, "soft"))
		VIT_TRY(vit_buf_printf(out, "  %lld with soft labels\n", number(about, "soft")));
	if (number(about, "unlabelled"))
		VIT_TRY(vit_buf_printf(out, "  %lld without label\n", number(about, "unlabelled")));
	return 0;
}

static int tensors(struct vit_buf *out, const json_t *about)
{
	const json_t *t;
	size_t i, n = json_array_size(json_object_get(about, "tensors"));
	int width = 4;
	json_array_foreach(json_object_get(about, "tensors"), i, t) {
		int w = characters(json_string_value(json_object_get(t, "name")));
		width = w > width ? w : width;
	}
	json_array_foreach(json_object_get(about, "tensors"), i, t) {
		const char *name = json_string_value(json_object_get(t, "name"));
		char *shape = json_dumps(json_object_get(t, "shape"), JSON_COMPACT);
		int rc = vit_buf_printf(out, "  %s%*s  %-18s %-9s%s %12lld\n", name, width - characters(name), "", shape ? shape : "",
		                        json_string_value(json_object_get(t, "dtype")), json_object_get(t, "quantized") ? " quantized" : "",
		                        number(t, "params"));
		free(shape);
		VIT_TRY(rc);
	}
	return vit_buf_printf(out, "  %zu tensors, %lld parameters, %lld bytes\n", n, number(about, "params"), number(about, "bytes"));
}

int vit_tally_text(struct vit_buf *out, const json_t *about)
{
	VIT_TRY(images(out, about));
	VIT_TRY(records(out, about));
	return counts(out, about);
}

int vit_show_text(struct vit_buf *out, const json_t *about)
{
	static const char *const samples_skip[] = { "shape", "count", "epochs", NULL }, *const model_skip[] = { NULL };
	const char *kind = json_string_value(json_object_get(about, "kind"));
	int is_model = kind && !strcmp(kind, "model");
	VIT_TRY(meta(out, about, is_model ? model_skip : samples_skip));
	VIT_TRY(history(out, about));
	return is_model ? tensors(out, about) : vit_tally_text(out, about);
}
