/* SPDX-License-Identifier: MIT
 *
 * meta.c - meta of a samples stream, between JSON and struct vit_meta.
 */
#include "stream/wire.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const label_names[] = { "index", "soft", "none" };

static int bad(const char *key, const char *want)
{
	return vit_fail(VIT_EFORMAT, "header: meta \"%s\" is not %s", key, want);
}

/* The value, or NULL when it is absent or nil. */
static json_t *get(const json_t *meta, const char *key)
{
	json_t *v = json_object_get(meta, key);
	return json_is_null(v) ? NULL : v;
}

static int read_text(struct vit_meta *m, const json_t *meta, const char *key, const char **out)
{
	const json_t *v = get(meta, key);
	if (!v)
		return 0;
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return bad(key, "a text");
	*out = vit_arena_strdup(&m->arena, json_string_value(v));
	return *out ? 0 : VIT_ENOMEM;
}

static int read_int(const json_t *map, const char *key, int64_t min, int64_t *out)
{
	const json_t *v = get(map, key);
	if (!v)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < min)
		return vit_fail(VIT_EFORMAT, "header: meta \"%s\" is not an integer of at least %lld", key, (long long)min);
	*out = json_integer_value(v);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *vit_classes_twice(const char *const *names, int n)
{
	const char *twice = NULL, **sorted = vit_calloc((size_t)n + 1, sizeof *sorted);
	if (!sorted)
		return NULL;
	memcpy(sorted, names, (size_t)n * sizeof *sorted);
	qsort(sorted, (size_t)n, sizeof *sorted, by_name);
	for (int i = 1; i < n && !twice; i++)
		twice = strcmp(sorted[i - 1], sorted[i]) ? NULL : sorted[i];
	free(sorted);
	return twice;
}

static int each_once(const struct vit_meta *m)
{
	const char *twice = m->classes ? vit_classes_twice(m->classes, m->n_class) : NULL;
	return twice ? vit_fail(VIT_EFORMAT, "header: meta \"classes\" has \"%.80s\" twice; a name is one class", twice) : 0;
}

/* A list of names; a bare number says how many classes without naming them. */
static int read_classes(struct vit_meta *m, const json_t *meta)
{
	const json_t *v = get(meta, "classes"), *item;
	size_t i;
	if (!v)
		return 0;
	if (json_is_integer(v) && json_integer_value(v) > 0 && json_integer_value(v) <= VIT_MAX_ELEMENTS) {
		m->n_class = (int)json_integer_value(v);
		return 0;
	}
	if (!json_is_array(v) || json_array_size(v) == 0)
		return bad("classes", "a list of names");
	m->n_class = (int)json_array_size(v);
	m->classes = vit_arena_alloc(&m->arena, ((size_t)m->n_class + 1) * sizeof *m->classes);
	if (!m->classes)
		return VIT_ENOMEM;
	json_array_foreach(v, i, item) {
		if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item))
			return bad("classes", "a list of names");
		m->classes[i] = vit_arena_strdup(&m->arena, json_string_value(item));
		if (!m->classes[i])
			return VIT_ENOMEM;
	}
	return each_once(m);
}

static int read_labels(struct vit_meta *m, const json_t *meta)
{
	const json_t *v = get(meta, "labels");
	if (!v)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (json_is_string(v) && !strcmp(json_string_value(v), label_names[i])) {
			m->labels = i;
			return 0;
		}
	}
	if (json_is_string(v) && !strcmp(json_string_value(v), "multi"))
		return vit_fail(VIT_EUNSUPPORTED, "header: several labels per image (meta \"labels\" is \"multi\") are not supported");
	return bad("labels", "\"index\", \"soft\" or \"none\"");
}

static int read_shape(struct vit_meta *m, const json_t *meta)
{
	const json_t *v = get(meta, "shape"), *c = get(meta, "channels");
	if (!v) {
		m->shape[2] = c ? json_integer_value(c) : 0;
		if (c && (m->shape[2] < 1 || m->shape[2] > INT32_MAX))
			return bad("channels", "a number of at least 1");
		return 0;
	}
	if (!json_is_array(v) || json_array_size(v) != 3)
		return bad("shape", "[height,width,channels]");
	for (size_t i = 0; i < 3; i++) {
		m->shape[i] = json_integer_value(json_array_get(v, i));
		if (m->shape[i] < 1)
			return bad("shape", "[height,width,channels]");
	}
	if (vit_shape_bytes(VIT_U8, 3, m->shape) < 0)
		return bad("shape", "a size that fits in memory");
	return 0;
}

static int read_shard(struct vit_meta *m, const json_t *meta)
{
	const json_t *v = get(meta, "shard");
	if (!v)
		return 0;
	if (!json_is_object(v))
		return bad("shard", "a map of index, of, total");
	m->total = -1;
	VIT_TRY(read_int(v, "index", 0, &m->shard));
	VIT_TRY(read_int(v, "of", 1, &m->n_shard));
	VIT_TRY(read_int(v, "total", 0, &m->total));
	if (m->n_shard == 0 || m->shard >= m->n_shard)
		return bad("shard", "index below of");
	return 0;
}

static int read_start(struct vit_meta *m, const json_t *meta)
{
	const json_t *v = get(meta, "start"), *epoch = json_array_get(v, 0), *record = json_array_get(v, 1), *after = json_array_get(v, 2);
	if (!v)
		return 0;
	if (!json_is_integer(epoch) || !json_is_integer(record) || json_integer_value(epoch) < 0 || json_integer_value(record) < 0)
		return bad("start", "[epoch,record,seq]");
	m->start_epoch = json_integer_value(epoch);
	m->start = json_integer_value(record);
	m->start_after = json_is_integer(after) ? json_integer_value(after) : -1;
	return 0;
}

static int read_numbers(const json_t *meta, const char *key, float *out, int *n)
{
	const json_t *v = get(meta, key), *item;
	size_t i;
	*n = 0;
	if (!v)
		return 0;
	if (!json_is_array(v) || json_array_size(v) > 16)
		return bad(key, "a list of at most 16 numbers");
	json_array_foreach(v, i, item) {
		if (!json_is_number(item))
			return bad(key, "a list of numbers");
		out[i] = (float)json_number_value(item);
		if (!isfinite(out[i]))
			return bad(key, "a list of numbers in float's range");
	}
	*n = (int)json_array_size(v);
	return 0;
}

static int read_normalise(struct vit_meta *m, const json_t *meta)
{
	int n_std;
	VIT_TRY(read_numbers(meta, "mean", m->mean, &m->n_mean));
	VIT_TRY(read_numbers(meta, "std", m->std, &n_std));
	if (n_std != m->n_mean)
		return bad("std", "as long as \"mean\"");
	for (int i = 0; i < n_std; i++)
		if (m->std[i] <= 0)
			return bad("std", "above zero");
	if (m->n_mean > 1 && m->shape[2] && m->n_mean != m->shape[2])
		return bad("mean", "one number, or one per channel");
	return 0;
}

static int read_ops(struct vit_meta *m, const json_t *meta)
{
	json_t *v = get(meta, "ops"), *item;
	size_t i;
	m->random = json_is_true(json_object_get(meta, "random"));
	if (!v)
		return 0;
	if (!json_is_array(v))
		return bad("ops", "a list");
	json_array_foreach(v, i, item) {
		if (!json_is_string(item))
			return bad("ops", "a list of texts");
	}
	m->ops = v;
	return 0;
}

static int read_all(struct vit_meta *m, const json_t *meta)
{
	VIT_TRY(read_text(m, meta, "dataset", &m->dataset));
	VIT_TRY(read_text(m, meta, "split", &m->split));
	VIT_TRY(read_classes(m, meta));
	VIT_TRY(read_labels(m, meta));
	VIT_TRY(read_shape(m, meta));
	VIT_TRY(read_int(meta, "count", 0, &m->count));
	VIT_TRY(read_int(meta, "epochs", 1, &m->epochs));
	VIT_TRY(read_shard(m, meta));
	VIT_TRY(read_start(m, meta));
	VIT_TRY(read_normalise(m, meta));
	return read_ops(m, meta);
}

int vit_meta_read(struct vit_meta *m, const struct vit_header *h)
{
	memset(m, 0, sizeof *m);
	m->count = -1;
	m->epochs = 1;
	if (h->kind != VIT_SAMPLES)
		return vit_fail(VIT_EFORMAT, "header: a model, samples are wanted");
	int rc = read_all(m, h->meta);
	if (rc)
		vit_meta_release(m);
	return rc;
}

void vit_meta_release(struct vit_meta *m)
{
	vit_arena_release(&m->arena);
	memset(m, 0, sizeof *m);
}

/* ---- writing ------------------------------------------------------------------ */

static json_t *classes_json(const struct vit_meta *m)
{
	if (!m->classes)
		return m->n_class ? json_integer(m->n_class) : json_null();
	json_t *v = json_array();
	for (int i = 0; i < m->n_class; i++)
		json_array_append_new(v, json_string(m->classes[i]));
	return v;
}

/* 0.286f as 0.286, not as 0.28600001335: the shortest decimal that gives it back. */
static double shortest(float x)
{
	char text[32];
	for (int digits = 6; digits < 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)x);
		if (strtof(text, NULL) == x)
			return strtod(text, NULL);
	}
	return (double)x;
}

static json_t *numbers_json(const float *x, int n)
{
	json_t *v = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(v, json_real(shortest(x[i])));
	return v;
}

static json_t *text_json(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *count_json(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static const char *const known[] = {
	"dataset", "split", "classes", "labels", "shape", "channels", "count", "epochs", "shard", "mean", "std", "ops", "random", "start",
};

int vit_meta_write(const struct vit_meta *m, struct vit_header *h)
{
	VIT_TRY(each_once(m));
	json_t *to = h->meta, *ops = m->ops ? json_incref(m->ops) : json_array();
	int fail = 0;
	/* all in one order, whatever was there before: a key that comes back stands where it always does */
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		json_object_del(to, known[i]);
	fail |= json_object_set_new(to, "dataset", text_json(m->dataset));
	fail |= json_object_set_new(to, "split", text_json(m->split));
	fail |= json_object_set_new(to, "classes", classes_json(m));
	fail |= json_object_set_new(to, "labels", json_string(label_names[m->labels]));
	fail |= json_object_set_new(to, "shape", m->shape[0] ? json_pack("[I,I,I]", (json_int_t)m->shape[0], (json_int_t)m->shape[1],
	                                                                 (json_int_t)m->shape[2]) : json_null());
	if (!m->shape[0] && m->shape[2])
		fail |= json_object_set_new(to, "channels", json_integer((json_int_t)m->shape[2]));
	fail |= json_object_set_new(to, "count", count_json(m->count));
	fail |= json_object_set_new(to, "epochs", json_integer(m->epochs));
	if (m->n_shard)
		fail |= json_object_set_new(to, "shard", json_pack("{s:I,s:I,s:o}", "index", (json_int_t)m->shard, "of",
		                                                   (json_int_t)m->n_shard, "total", count_json(m->total)));
	if (m->n_mean) {
		fail |= json_object_set_new(to, "mean", numbers_json(m->mean, m->n_mean));
		fail |= json_object_set_new(to, "std", numbers_json(m->std, m->n_mean));
	}
	fail |= json_object_set_new(to, "ops", ops);
	if (m->random)
		fail |= json_object_set_new(to, "random", json_true());
	if (m->start_epoch || m->start)
		fail |= json_object_set_new(to, "start", json_pack("[I,I,o]", (json_int_t)m->start_epoch, (json_int_t)m->start,
		                                                   count_json(m->start_after)));
	/* jansson refuses names that are not UTF-8 as it refuses NULL */
	return fail ? vit_fail(VIT_EFORMAT, "header: meta holds a text that is not UTF-8, or memory is short") : 0;
}
