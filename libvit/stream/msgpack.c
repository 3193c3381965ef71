/* SPDX-License-Identifier: MIT
 *
 * msgpack.c - JSON values to msgpack and back, by msgpack-c.
 */
#include "stream/wire.h"

#include <math.h>
#include <msgpack.h>
#include <string.h>

int vit_pack_to_buf(void *buf, const char *p, size_t n)
{
	return vit_buf_add(buf, p, n);
}

static int pack_value(msgpack_packer *pk, const json_t *v, int depth);

static int pack_string(msgpack_packer *pk, const char *s, size_t n)
{
	return msgpack_pack_str(pk, n) || msgpack_pack_str_body(pk, s, n) ? VIT_ENOMEM : 0;
}

static int pack_object(msgpack_packer *pk, const json_t *v, int depth)
{
	const char *key;
	json_t *item;
	if (msgpack_pack_map(pk, json_object_size(v)))
		return VIT_ENOMEM;
	/* the macro wants a plain pointer and does not write through it */
	json_object_foreach((json_t *)(uintptr_t)v, key, item) {
		VIT_TRY(pack_string(pk, key, strlen(key)));
		VIT_TRY(pack_value(pk, item, depth));
	}
	return 0;
}

static int pack_array(msgpack_packer *pk, const json_t *v, int depth)
{
	size_t n = json_array_size(v);
	if (msgpack_pack_array(pk, n))
		return VIT_ENOMEM;
	for (size_t i = 0; i < n; i++)
		VIT_TRY(pack_value(pk, json_array_get(v, i), depth));
	return 0;
}

static int pack_value(msgpack_packer *pk, const json_t *v, int depth)
{
	if (depth == 0)
		return vit_fail(VIT_EFORMAT, "nested deeper than %d levels", VIT_MAX_NEST);
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return pack_object(pk, v, depth - 1);
	case JSON_ARRAY:
		return pack_array(pk, v, depth - 1);
	case JSON_STRING:
		return pack_string(pk, json_string_value(v), json_string_length(v));
	case JSON_INTEGER:
		return msgpack_pack_int64(pk, json_integer_value(v)) ? VIT_ENOMEM : 0;
	case JSON_REAL:
		return msgpack_pack_double(pk, json_real_value(v)) ? VIT_ENOMEM : 0;
	case JSON_TRUE:
		return msgpack_pack_true(pk) ? VIT_ENOMEM : 0;
	case JSON_FALSE:
		return msgpack_pack_false(pk) ? VIT_ENOMEM : 0;
	case JSON_NULL:
		break;
	}
	return msgpack_pack_nil(pk) ? VIT_ENOMEM : 0;
}

int vit_json_pack(struct vit_buf *out, const json_t *v)
{
	msgpack_packer pk;
	msgpack_packer_init(&pk, out, vit_pack_to_buf);
	/* scalars inside the innermost container are one level more */
	return pack_value(&pk, v, VIT_MAX_NEST + 1);
}

static json_t *unpack_value(const msgpack_object *o, int *refused);

static json_t *refuse(int *refused, const char *what)
{
	*refused = 1;
	vit_fail(VIT_EFORMAT, "%s", what);
	return NULL;
}

static json_t *unpack_map(const msgpack_object_map *m, int *refused)
{
	json_t *v = json_object();
	for (uint32_t i = 0; v && i < m->size; i++) {
		const msgpack_object *k = &m->ptr[i].key;
		json_t *item = NULL;
		if (k->type != MSGPACK_OBJECT_STR)
			refuse(refused, "a key that is not a str");
		else if (memchr(k->via.str.ptr, 0, k->via.str.size))
			refuse(refused, "a key with a zero byte");
		else if (json_object_getn(v, k->via.str.ptr, k->via.str.size))
			refuse(refused, "a key that comes twice");
		else
			item = unpack_value(&m->ptr[i].val, refused);
		if (item && json_object_setn_new(v, k->via.str.ptr, k->via.str.size, item))
			item = refuse(refused, "a key that is not UTF-8");
		if (!item) {
			json_decref(v);
			return NULL;
		}
	}
	return v;
}

static json_t *unpack_array(const msgpack_object_array *a, int *refused)
{
	json_t *v = json_array();
	for (uint32_t i = 0; v && i < a->size; i++) {
		json_t *item = unpack_value(&a->ptr[i], refused);
		if (!item || json_array_append_new(v, item)) {
			json_decref(v);
			return NULL;
		}
	}
	return v;
}

static json_t *unpack_value(const msgpack_object *o, int *refused)
{
	json_t *v;
	switch (o->type) {
	case MSGPACK_OBJECT_NIL:
		return json_null();
	case MSGPACK_OBJECT_BOOLEAN:
		return json_boolean(o->via.boolean);
	case MSGPACK_OBJECT_POSITIVE_INTEGER:
		if (o->via.u64 > INT64_MAX)
			return refuse(refused, "an integer of more than 63 bits");
		return json_integer((json_int_t)o->via.u64);
	case MSGPACK_OBJECT_NEGATIVE_INTEGER:
		return json_integer(o->via.i64);
	case MSGPACK_OBJECT_FLOAT32:
	case MSGPACK_OBJECT_FLOAT64:
		return isfinite(o->via.f64) ? json_real(o->via.f64) : refuse(refused, "a number that is not finite");
	case MSGPACK_OBJECT_STR:
		v = json_stringn(o->via.str.ptr, o->via.str.size);
		return v ? v : refuse(refused, "a str that is not UTF-8");
	case MSGPACK_OBJECT_ARRAY:
		return unpack_array(&o->via.array, refused);
	case MSGPACK_OBJECT_MAP:
		return unpack_map(&o->via.map, refused);
	case MSGPACK_OBJECT_BIN:
	case MSGPACK_OBJECT_EXT:
		break;
	}
	return refuse(refused, "a value of type bin or ext");
}

int vit_json_unpack(json_t **v, const uint8_t *p, size_t n)
{
	struct vit_scan s;
	size_t need;
	vit_scan_init(&s, n, VIT_MAX_ELEMENTS);
	int rc = vit_scan_run(&s, p, n, &need);
	if (rc == VIT_END)
		return vit_fail(VIT_EFORMAT, "ends inside a value");
	VIT_TRY(rc);

	msgpack_unpacked u;
	msgpack_unpacked_init(&u);
	*v = NULL;
	if (msgpack_unpack_next(&u, (const char *)p, s.pos, NULL) != MSGPACK_UNPACK_SUCCESS) {
		rc = vit_fail(VIT_EFORMAT, "is no msgpack");
	} else {
		int refused = 0;
		*v = unpack_value(&u.data, &refused);
		rc = *v ? 0 : refused ? VIT_EFORMAT : vit_fail(VIT_ENOMEM, "out of memory");
	}
	msgpack_unpacked_destroy(&u);
	return rc;
}
