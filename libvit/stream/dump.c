/* SPDX-License-Identifier: MIT
 *
 * dump.c - one record as one JSON object.
 */
#include "stream/show.h"
#include "stream/wire.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

enum { MAX_NUMBERS = 4096 };    /* longer arrays are summed up */

static json_t *hash_json(const void *p, size_t n)
{
	char hex[17];
	snprintf(hex, sizeof hex, "%016llx", (unsigned long long)XXH3_64bits(p, n));
	return json_string(hex);
}

static json_t *shape_json(const struct vit_tensor *t)
{
	json_t *v = json_array();
	for (int i = 0; i < t->ndim; i++)
		json_array_append_new(v, json_integer(t->dim[i]));
	return v;
}

static json_t *array_json(const struct vit_tensor *t)
{
	return json_pack("{s:o,s:s,s:o}", "shape", shape_json(t), "dtype", vit_dtypes[t->dtype].name, "xxh3",
	                 hash_json(t->data, vit_tensor_bytes(t)));
}

/* Text as it is; what is no UTF-8 as its size and hash. */
static json_t *text_json(struct vit_str s)
{
	json_t *v = json_stringn(s.p, s.n);
	return v ? v : json_pack("{s:I,s:o}", "bytes", (json_int_t)s.n, "xxh3", hash_json(s.p, s.n));
}

/* An element as double; data may be unaligned. */
static double element(const struct vit_tensor *t, int64_t i)
{
	size_t size = (size_t)vit_dtypes[t->dtype].size;
	union {
		float f32; double f64; uint16_t u16; int16_t i16; uint8_t u8; int8_t i8; int32_t i32; uint32_t u32; int64_t i64; uint64_t u64;
	} u;
	memcpy(&u, (const uint8_t *)t->data + (size_t)i * size, size);
	switch (t->dtype) {
	case VIT_F32: return (double)u.f32;
	case VIT_F64: return u.f64;
	case VIT_F16: return (double)vit_f16_to_f32(u.u16);
	case VIT_BF16: return (double)vit_bf16_to_f32(u.u16);
	case VIT_I8: return u.i8;
	case VIT_U16: return u.u16;
	case VIT_I16: return u.i16;
	case VIT_I32: return u.i32;
	case VIT_U32: return u.u32;
	case VIT_I64: return (double)u.i64;
	case VIT_U64: return (double)u.u64;
	default: return u.u8;
	}
}

static json_t *number_json(double x)
{
	/* JSON has no infinities */
	return isfinite(x) ? json_real(x) : json_string(isnan(x) ? "nan" : x > 0 ? "inf" : "-inf");
}

static json_t *soft_json(const struct vit_tensor *t)
{
	if (t->dim[0] > MAX_NUMBERS)
		return array_json(t);
	json_t *v = json_array();
	for (int64_t i = 0; i < t->dim[0]; i++)
		json_array_append_new(v, number_json(element(t, i)));
	return v;
}

static json_t *field_json(const struct vit_field *f)
{
	struct vit_tensor t;
	json_t *v;
	if (vit_nd_decode(&t, f->raw, f->n) == 0)
		return array_json(&t);
	if (f->n <= MAX_NUMBERS && vit_json_unpack(&v, f->raw, f->n) == 0)
		return v;
	return json_pack("{s:I,s:o}", "bytes", (json_int_t)f->n, "xxh3", hash_json(f->raw, f->n));
}

static int sample_json(json_t *v, const struct vit_record *r)
{
	json_object_set_new(v, "id", text_json(r->id));
	json_object_set_new(v, "seq", json_integer((json_int_t)r->seq));
	json_object_set_new(v, "epoch", json_integer(r->epoch));
	if (r->label_kind == VIT_LABEL_INDEX)
		json_object_set_new(v, "label", json_integer(r->label));
	if (r->label_kind == VIT_LABEL_SOFT)
		json_object_set_new(v, "label", soft_json(&r->soft));
	if (r->image.data)
		json_object_set_new(v, "image", array_json(&r->image));
	if (r->encoded.p)
		json_object_set_new(v, "image", json_pack("{s:o,s:I,s:o}", "type", text_json(r->type), "bytes", (json_int_t)r->encoded.n,
		                                          "xxh3", hash_json(r->encoded.p, r->encoded.n)));
	for (int i = 0; i < r->n_field; i++) {
		if (json_object_setn_new(v, r->field[i].key.p, r->field[i].key.n, field_json(&r->field[i])))
			return vit_fail(VIT_ERECORD, "a key is not UTF-8");
	}
	return 0;
}

static void statistics(json_t *v, const struct vit_tensor *t)
{
	int64_t n = vit_tensor_count(t), zeros = 0, bad = 0;
	double min = INFINITY, max = -INFINITY, sum = 0, squares = 0;
	for (int64_t i = 0; i < n; i++) {
		double x = element(t, i);
		if (!isfinite(x)) {
			bad++;
			continue;
		}
		zeros += x == 0;
		min = x < min ? x : min;
		max = x > max ? x : max;
		sum += x;
		squares += x * x;
	}
	if (n > bad) {
		double mean = sum / (double)(n - bad), var = squares / (double)(n - bad) - mean * mean;
		json_object_set_new(v, "min", number_json(min));
		json_object_set_new(v, "max", number_json(max));
		json_object_set_new(v, "mean", number_json(mean));
		json_object_set_new(v, "std", number_json(var > 0 ? sqrt(var) : 0));
	}
	json_object_set_new(v, "zeros", json_integer(zeros));
	json_object_set_new(v, "nonfinite", json_integer(bad));
}

static int tensor_json(json_t *v, const struct vit_tensor_record *r)
{
	json_object_set_new(v, "name", text_json(r->name));
	json_object_set_new(v, "shape", shape_json(&r->tensor));
	json_object_set_new(v, "dtype", json_string(vit_dtypes[r->tensor.dtype].name));
	statistics(v, &r->tensor);
	json_object_set_new(v, "xxh3", hash_json(r->tensor.data, vit_tensor_bytes(&r->tensor)));
	return 0;
}

int vit_show_record(json_t **out, int kind, const uint8_t *raw, size_t n)
{
	struct vit_record r;
	struct vit_tensor_record t;
	json_t *v = json_object();
	if (!v)
		return vit_fail(VIT_ENOMEM, "out of memory");
	int rc = kind == VIT_MODEL ? vit_tensor_record_decode(&t, raw, n) : vit_record_decode(&r, raw, n);
	if (rc == 0)
		rc = kind == VIT_MODEL ? tensor_json(v, &t) : sample_json(v, &r);
	if (rc)
		json_decref(v);
	else
		*out = v;
	return rc;
}
