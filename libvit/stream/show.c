/* SPDX-License-Identifier: MIT
 *
 * show.c - a whole stream, or the samples of any source, summed up.
 */
#include "stream/show.h"

#include "core/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LABEL = 1 << 20 };

struct range {
	int64_t min, max;
};
struct vit_tally {
	uint64_t *per_label;
	size_t n_label;         /* labels met and classes announced */
	uint64_t records, unlabelled, soft, bytes, params;
	struct range dim[3];
	json_t *names, *encoded, *tensors;
};

static int grow(struct vit_tally *s, size_t n)
{
	if (n <= s->n_label)
		return 0;
	uint64_t *p = vit_realloc(s->per_label, n * sizeof *p);
	if (!p)
		return VIT_ENOMEM;
	memset(p + s->n_label, 0, (n - s->n_label) * sizeof *p);
	s->per_label = p;
	s->n_label = n;
	return 0;
}

static void add_image(struct vit_tally *s, const struct vit_record *r)
{
	char type[32];
	if (r->image.data) {
		for (int i = 0; i < 3; i++) {
			int64_t d = r->image.dim[i];
			if (!s->dim[i].max || d < s->dim[i].min)
				s->dim[i].min = d;
			if (d > s->dim[i].max)
				s->dim[i].max = d;
		}
	} else if (r->encoded.p) {
		size_t n = r->type.n < sizeof type - 1 ? r->type.n : sizeof type - 1;
		memcpy(type, r->type.p, n);
		type[n] = '\0';
		/* a type that is no text is refused by jansson and not counted by name */
		json_object_set_new(s->encoded, type, json_integer(1 + json_integer_value(json_object_get(s->encoded, type))));
	}
}

int vit_tally_new(struct vit_tally **out, const json_t *classes)
{
	struct vit_tally *s = vit_calloc(1, sizeof *s);
	if (!s)
		return VIT_ENOMEM;
	json_int_t n_class = json_is_integer(classes) ? json_integer_value(classes) : 0;
	s->encoded = json_object();
	s->tensors = json_array();
	s->names = json_incref((json_t *)(uintptr_t)classes);
	int rc = grow(s, n_class > 0 && n_class <= MAX_LABEL ? (size_t)n_class : json_array_size(classes));
	if (rc)
		vit_tally_free(s);
	else
		*out = s;
	return rc;
}

void vit_tally_free(struct vit_tally *s)
{
	if (!s)
		return;
	json_decref(s->encoded);
	json_decref(s->tensors);
	json_decref(s->names);
	free(s->per_label);
	free(s);
}

int vit_tally_add(struct vit_tally *s, const struct vit_record *r)
{
	if (r->label_kind == VIT_LABEL_NONE)
		s->unlabelled++;
	if (r->label_kind == VIT_LABEL_SOFT)
		s->soft++;
	if (r->label_kind == VIT_LABEL_INDEX) {
		if (r->label >= MAX_LABEL)
			return vit_fail(VIT_ERECORD, "label %" PRId64 " is beyond the %d that are counted", r->label, MAX_LABEL);
		VIT_TRY(grow(s, (size_t)r->label + 1));
		s->per_label[r->label]++;
	}
	s->bytes += r->image.data ? vit_tensor_bytes(&r->image) : r->encoded.n;
	s->records++;
	add_image(s, r);
	return 0;
}

static json_t *shape_json(const struct vit_tensor *t)
{
	json_t *v = json_array();
	for (int i = 0; i < t->ndim; i++)
		json_array_append_new(v, json_integer(t->dim[i]));
	return v;
}

static int add_tensor(struct vit_tally *s, const uint8_t *raw, size_t n)
{
	struct vit_tensor_record t;
	VIT_TRY(vit_tensor_record_decode(&t, raw, n));
	int64_t params = vit_tensor_count(&t.tensor);
	s->params += (uint64_t)params;
	json_t *v = json_pack("{s:s%,s:o,s:s,s:I}", "name", t.name.p, t.name.n, "shape", shape_json(&t.tensor), "dtype",
	                      vit_dtypes[t.tensor.dtype].name, "params", (json_int_t)params);
	if (v && t.quant.p)
		json_object_set_new(v, "quantized", json_true());
	if (!v || json_array_append_new(s->tensors, v))
		return vit_fail(VIT_ERECORD, "the tensor's name is not UTF-8");
	return 0;
}

static json_t *range_json(struct range r)
{
	return json_pack("[I,I]", (json_int_t)r.min, (json_int_t)r.max);
}

static json_t *images_json(struct vit_tally *s)
{
	json_t *v = json_object();
	if (s->dim[0].max) {
		json_object_set_new(v, "height", range_json(s->dim[0]));
		json_object_set_new(v, "width", range_json(s->dim[1]));
		json_object_set_new(v, "channels", range_json(s->dim[2]));
	}
	if (json_object_size(s->encoded))
		json_object_set(v, "encoded", s->encoded);
	return v;
}

static json_t *classes_json(const struct vit_tally *s)
{
	json_t *v = json_array();
	for (size_t i = 0; i < s->n_label; i++) {
		json_t *c = json_object(), *name = json_array_get(s->names, i);
		json_object_set_new(c, "label", json_integer((json_int_t)i));
		if (name)
			json_object_set(c, "name", name);
		json_object_set_new(c, "count", json_integer((json_int_t)s->per_label[i]));
		json_array_append_new(v, c);
	}
	return v;
}

void vit_tally_report(struct vit_tally *s, json_t *about)
{
	json_object_set_new(about, "records", json_integer((json_int_t)s->records));
	json_object_set_new(about, "bytes", json_integer((json_int_t)s->bytes));
	json_object_set_new(about, "classes", classes_json(s));
	json_object_set_new(about, "unlabelled", json_integer((json_int_t)s->unlabelled));
	json_object_set_new(about, "soft", json_integer((json_int_t)s->soft));
	json_object_set_new(about, "images", images_json(s));
}

static void report(struct vit_tally *s, const struct vit_reader *r, int64_t announced, json_t *about)
{
	if (vit_reader_header(r)->kind == VIT_MODEL) {
		json_object_set(about, "tensors", s->tensors);
		json_object_set_new(about, "params", json_integer((json_int_t)s->params));
	} else {
		vit_tally_report(s, about);
		json_object_set_new(about, "announced", announced < 0 ? json_null() : json_integer(announced));
	}
	/* as the reader counts them: one that could not be decoded is among them */
	json_object_set_new(about, "records", json_integer((json_int_t)vit_reader_count(r)));
	json_object_set_new(about, "skipped", json_integer((json_int_t)vit_reader_skipped(r)));
	json_object_set_new(about, "bytes", json_integer((json_int_t)s->bytes));
}

static int add_sample(struct vit_tally *s, const uint8_t *raw, size_t n)
{
	struct vit_record r;
	VIT_TRY(vit_record_decode(&r, raw, n));
	return vit_tally_add(s, &r);
}

static int read_records(struct vit_tally *s, struct vit_reader *r)
{
	const uint8_t *raw;
	size_t n;
	uint64_t bytes = 0;
	int rc, kind = vit_reader_header(r)->kind;
	while ((rc = vit_reader_next(r, &raw, &n)) == 0) {
		bytes += n;
		rc = kind == VIT_MODEL ? add_tensor(s, raw, n) : add_sample(s, raw, n);
		/* of whole records, not of their images alone */
		s->bytes = bytes;
		if (rc)
			return vit_reader_fail(r, rc, NULL, "%s", vit_errmsg());
	}
	return rc == VIT_END ? 0 : rc;
}

json_t *vit_show_name(const char *name)
{
	struct vit_buf b = { 0 };
	json_t *v = vit_utf8_escape(&b, name, strlen(name)) ? NULL : json_stringn_nocheck(b.n ? (const char *)b.p : "", b.n);
	vit_buf_release(&b);
	return v;
}

int vit_show_stream(struct vit_reader *r, json_t *about)
{
	const struct vit_header *h = vit_reader_header(r);
	struct vit_tally *s;
	json_object_set_new(about, "kind", json_string(h->kind == VIT_MODEL ? "model" : "samples"));
	json_object_set(about, "meta", h->meta);
	json_t *history = json_deep_copy(h->history);
	json_object_set_new(about, "history", history);
	VIT_TRY(vit_tally_new(&s, json_object_get(h->meta, "classes")));
	int64_t announced = vit_reader_announced(r);
	int rc = read_records(s, r);
	if (rc == 0)    /* a pipe has told all by now; after an error its message must stay */
		announced = vit_reader_announced(r);
	if (rc == 0)
		rc = vit_reader_history(r, history);
	report(s, r, announced, about);
	vit_tally_free(s);
	return rc;
}
