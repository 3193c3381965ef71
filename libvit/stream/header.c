/* SPDX-License-Identifier: MIT
 *
 * header.c - the first and the last map of a segment.
 */
#include "stream/wire.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1 };

int vit_header_init(struct vit_header *h, int kind)
{
	h->kind = kind;
	h->meta = json_object();
	h->history = json_array();
	if (!h->meta || !h->history) {
		vit_header_release(h);
		return vit_fail(VIT_ENOMEM, "out of memory");
	}
	return 0;
}

int vit_header_copy(struct vit_header *h, const struct vit_header *from)
{
	h->kind = from->kind;
	h->meta = json_deep_copy(from->meta);
	h->history = json_deep_copy(from->history);
	if (!h->meta || !h->history) {
		vit_header_release(h);
		return vit_fail(VIT_ENOMEM, "out of memory");
	}
	return 0;
}

void vit_header_release(struct vit_header *h)
{
	json_decref(h->meta);
	json_decref(h->history);
	h->meta = h->history = NULL;
}

int vit_header_encode(struct vit_buf *out, const struct vit_header *h)
{
	size_t before = out->n, need;
	json_t *v = json_pack("{s:s,s:i,s:s,s:[],s:O,s:O}", "vit", "stream", "version", VERSION, "kind",
	                      h->kind == VIT_MODEL ? "model" : "samples", "requires", "meta", h->meta, "history", h->history);
	int rc = v ? vit_json_pack(out, v) : vit_fail(VIT_ENOMEM, "out of memory");
	json_decref(v);
	if (rc == 0) {
		/* never write what a reader would refuse */
		struct vit_scan s;
		vit_scan_init(&s, VIT_MAX_HEADER, VIT_MAX_ELEMENTS);
		rc = vit_scan_run(&s, out->p + before, out->n - before, &need);
	}
	if (rc)
		out->n = before;
	return rc ? vit_wrap(rc, "stream header") : 0;
}

static int check_version(const json_t *v)
{
	const json_t *version = json_object_get(v, "version");
	const char *name = json_string_value(json_object_get(v, "vit"));
	if (!name || strcmp(name, "stream"))
		return vit_fail(VIT_EFORMAT, "header: \"vit\" is not \"stream\"");
	if (!json_is_integer(version))
		return vit_fail(VIT_EFORMAT, "header: \"version\" is not an integer");
	if (json_integer_value(version) != VERSION)
		return vit_fail(VIT_EFORMAT, "header: stream version %lld is not known, %d is: it needs another release of vit-tools",
		                (long long)json_integer_value(version), VERSION);
	return 0;
}

static int check_requires(const json_t *v)
{
	const json_t *list = json_object_get(v, "requires");
	if (!list || json_is_null(list))
		return 0;
	if (!json_is_array(list))
		return vit_fail(VIT_EFORMAT, "header: \"requires\" is not a list");
	if (json_array_size(list) == 0)
		return 0;
	const char *first = json_string_value(json_array_get(list, 0));
	return vit_fail(VIT_EFORMAT, "header: the stream requires \"%.100s\", which this release does not know", first ? first : "?");
}

static int take(json_t **to, json_t *v, const char *key, int is_object)
{
	json_t *part = json_object_get(v, key);
	if (!part || json_is_null(part)) {
		*to = is_object ? json_object() : json_array();
		return *to ? 0 : vit_fail(VIT_ENOMEM, "out of memory");
	}
	if (is_object ? !json_is_object(part) : !json_is_array(part))
		return vit_fail(VIT_EFORMAT, "header: \"%s\" is not a %s", key, is_object ? "map" : "list");
	*to = json_incref(part);
	return 0;
}

static int from_json(struct vit_header *h, json_t *v)
{
	VIT_TRY(check_version(v));
	VIT_TRY(check_requires(v));
	const char *kind = json_string_value(json_object_get(v, "kind"));
	if (kind && !strcmp(kind, "samples"))
		h->kind = VIT_SAMPLES;
	else if (kind && !strcmp(kind, "model"))
		h->kind = VIT_MODEL;
	else
		return vit_fail(VIT_EFORMAT, "header: \"kind\" is \"%.40s\": \"samples\" or \"model\" are known", kind ? kind : "?");
	VIT_TRY(take(&h->meta, v, "meta", 1));
	return take(&h->history, v, "history", 0);
}

int vit_header_decode(struct vit_header *h, const uint8_t *p, size_t n)
{
	json_t *v;
	memset(h, 0, sizeof *h);
	int rc = vit_json_unpack(&v, p, n);
	if (rc)
		return vit_wrap(rc, "header");
	rc = json_is_object(v) ? from_json(h, v) : vit_fail(VIT_EFORMAT, "header: not a map");
	json_decref(v);
	if (rc)
		vit_header_release(h);
	return rc;
}

int vit_trailer_encode(struct vit_buf *out, const struct vit_trailer *t)
{
	msgpack_packer pk;
	int bad = 0;
	msgpack_packer_init(&pk, out, vit_pack_to_buf);
	bad |= msgpack_pack_map(&pk, t->error ? 6 : 5);
	bad |= msgpack_pack_str_with_body(&pk, "end", 3) || msgpack_pack_true(&pk);
	bad |= msgpack_pack_str_with_body(&pk, "count", 5) || msgpack_pack_uint64(&pk, t->count);
	bad |= msgpack_pack_str_with_body(&pk, "skipped", 7) || msgpack_pack_uint64(&pk, t->skipped);
	bad |= msgpack_pack_str_with_body(&pk, "bytes", 5) || msgpack_pack_uint64(&pk, t->bytes);
	bad |= msgpack_pack_str_with_body(&pk, "xxh3", 4) || msgpack_pack_uint64(&pk, t->xxh3);
	if (t->error)
		bad |= msgpack_pack_str_with_body(&pk, "error", 5) || msgpack_pack_str_with_body(&pk, t->error, strlen(t->error));
	return bad ? VIT_ENOMEM : 0;
}

/* The words of another program, fit for a terminal: one line, no control codes. */
static char *clean_words(struct vit_str s)
{
	size_t n = s.n < 900 ? s.n : 900;
	char *w = vit_malloc(n + 1);
	if (!w)
		return NULL;
	for (size_t i = 0; i < n; i++)
		w[i] = (unsigned char)s.p[i] < 32 || s.p[i] == 127 ? ' ' : s.p[i];
	w[n] = '\0';
	return w;
}

static int trailer_key(struct vit_trailer *t, struct vit_cur *c, int *has_count)
{
	struct vit_str key, raw;
	struct vit_token v;
	VIT_TRY(vit_cur_key(c, &key));
	struct vit_cur at = *c;
	VIT_TRY(vit_cur_value(c, &raw));
	VIT_TRY(vit_cur_token(&at, &v));
	int number = v.type == VIT_T_UINT;
	if (vit_str_is(key, "error") && v.type == VIT_T_STR && !t->error) {
		VIT_TRY(vit_cur_bytes(&at, &v, &raw));
		t->error = clean_words(raw);
		return t->error ? 0 : VIT_ENOMEM;
	}
	if (vit_str_is(key, "count") && number) {
		t->count = v.u;
		*has_count = 1;
	} else if (vit_str_is(key, "skipped") && number) {
		t->skipped = v.u;
	} else if (vit_str_is(key, "bytes") && number) {
		t->bytes = v.u;
	} else if (vit_str_is(key, "xxh3") && number) {
		t->xxh3 = v.u;
		t->hashed = 1;
	}
	return 0;
}

int vit_trailer_decode(struct vit_trailer *t, const uint8_t *p, size_t n)
{
	struct vit_cur c = { p, p + n };
	struct vit_token head;
	int has_count = 0, rc = vit_cur_token(&c, &head);
	memset(t, 0, sizeof *t);
	for (uint64_t i = 0; rc == 0 && i < head.u; i++)
		rc = trailer_key(t, &c, &has_count);
	if (rc == 0 && !has_count && !t->error)
		rc = vit_fail(VIT_EFORMAT, "has no \"count\"");
	if (rc) {
		free(t->error);
		t->error = NULL;
		return vit_wrap(rc == VIT_ERECORD ? VIT_EFORMAT : rc, "trailer");
	}
	return 0;
}
