/* SPDX-License-Identifier: MIT
 *
 * record.c - samples and tensors to bytes and back. Decoding is pure: it may
 * run in any thread and allocates nothing.
 */
#include "stream/pack.h"
#include "stream/wire.h"

#include <limits.h>
#include <string.h>

/* ---- decoding ------------------------------------------------------------------ */

/* An integer, also as numpy's scalar, which a Python writer easily makes. */
static int integer_of(const struct vit_str *raw, int64_t *v)
{
	struct vit_cur c = { (const uint8_t *)raw->p, (const uint8_t *)raw->p + raw->n };
	struct vit_token t;
	VIT_TRY(vit_cur_token(&c, &t));
	if (t.type == VIT_T_UINT && t.u <= INT64_MAX) {
		*v = (int64_t)t.u;
		return 0;
	}
	if (t.type == VIT_T_INT) {
		*v = t.i;
		return 0;
	}
	struct vit_tensor s;
	if (t.type != VIT_T_MAP || vit_nd_decode(&s, (const uint8_t *)raw->p, raw->n) || s.ndim || vit_dtypes[s.dtype].is_float)
		return vit_fail(VIT_ERECORD, "is not an integer");
	uint64_t bits = 0;
	size_t size = (size_t)vit_dtypes[s.dtype].size;
	memcpy(&bits, s.data, size);
	unsigned shift = (unsigned)(64 - 8 * size);
	int is_signed = s.dtype == VIT_I8 || s.dtype == VIT_I16 || s.dtype == VIT_I32 || s.dtype == VIT_I64;
	*v = is_signed ? (int64_t)(bits << shift) >> shift : (int64_t)bits;
	return 0;
}

static int string_of(const struct vit_str *raw, int type, struct vit_str *s)
{
	struct vit_cur c = { (const uint8_t *)raw->p, (const uint8_t *)raw->p + raw->n };
	struct vit_token t;
	VIT_TRY(vit_cur_token(&c, &t));
	if (t.type != type)
		return vit_fail(VIT_ERECORD, "is not a %s", type == VIT_T_STR ? "str" : "bin");
	return vit_cur_bytes(&c, &t, s);
}

static int seq_of(struct vit_record *r, const struct vit_str *raw)
{
	int64_t v;
	VIT_TRY(integer_of(raw, &v));
	if (v < 0)
		return vit_fail(VIT_ERECORD, "is negative");
	r->seq = (uint64_t)v;
	return 0;
}

static int label_of(struct vit_record *r, const struct vit_str *raw)
{
	uint8_t first = (uint8_t)raw->p[0];
	if (first == 0xc0)      /* nil: Python writers say None for no label */
		return 0;
	struct vit_tensor t;
	int is_map = (first & 0xf0) == 0x80 || first == 0xde || first == 0xdf;
	if (is_map) {
		VIT_TRY(vit_nd_decode(&t, (const uint8_t *)raw->p, raw->n));
		if (t.ndim) {
			if (t.ndim != 1 || t.dtype != VIT_F32 || t.dim[0] < 1)
				return vit_fail(VIT_ERECORD, "is neither an integer nor a float32 [K]");
			r->soft = t;
			r->label_kind = VIT_LABEL_SOFT;
			return 0;
		}
	}
	VIT_TRY(integer_of(raw, &r->label));
	if (r->label < 0)
		return vit_fail(VIT_ERECORD, "is negative (leave the key out where there is none)");
	r->label_kind = VIT_LABEL_INDEX;
	return 0;
}

static int encoded_of(struct vit_record *r, const struct vit_str *raw)
{
	struct vit_cur c = { (const uint8_t *)raw->p, (const uint8_t *)raw->p + raw->n };
	struct vit_token t;
	VIT_TRY(vit_cur_token(&c, &t));
	for (uint64_t i = 0; i < t.u; i++) {
		struct vit_str key, value;
		VIT_TRY(vit_cur_key(&c, &key));
		VIT_TRY(vit_cur_value(&c, &value));
		if (vit_str_is(key, "encoded"))
			VIT_TRY(string_of(&value, VIT_T_BIN, &r->encoded));
		else if (vit_str_is(key, "type"))
			VIT_TRY(string_of(&value, VIT_T_STR, &r->type));
	}
	if (!r->type.p)
		return vit_fail(VIT_ERECORD, "has no \"type\" beside \"encoded\"");
	return 0;
}

/* Walked once, not as a value first: it is most of the record's tokens. */
static int image_at(struct vit_record *r, struct vit_cur *c)
{
	size_t n = (size_t)(c->end - c->p);
	int encoded_first = vit_map_begins(c->p, n, "encoded");
	if (encoded_first || vit_map_begins(c->p, n, "type")) {
		struct vit_cur at = *c;
		struct vit_str raw;
		VIT_TRY(vit_cur_value(&at, &raw));
		/* "type" first is either kind of map: ours when "encoded" is there */
		if (encoded_of(r, &raw) == 0 && r->encoded.p) {
			*c = at;
			return 0;
		}
		if (encoded_first)
			return VIT_ERECORD;
		memset(&r->type, 0, sizeof r->type);
	}
	VIT_TRY(vit_cur_nd(c, &r->image));
	char shape[96];
	if (r->image.dtype != VIT_U8 || r->image.ndim != 3 || vit_tensor_count(&r->image) < 1)
		return vit_fail(VIT_ERECORD, "is %s: uint8 [height,width,channels] is wanted", vit_shape_str(shape, sizeof shape, &r->image));
	return 0;
}

enum { SEEN_ID = 1, SEEN_SEQ = 2, SEEN_EPOCH = 4, SEEN_LABEL = 8, SEEN_IMAGE = 16 };

static int other_field(struct vit_record *r, struct vit_str key, struct vit_str raw)
{
	for (int i = 0; i < r->n_field; i++)
		if (r->field[i].key.n == key.n && memcmp(r->field[i].key.p, key.p, key.n) == 0)
			return vit_fail(VIT_ERECORD, "comes twice");
	if (r->n_field == VIT_MAX_FIELDS)
		return vit_fail(VIT_ERECORD, "is one key too many: %d beside the known ones at most", VIT_MAX_FIELDS);
	struct vit_field *f = &r->field[r->n_field++];
	f->key = key;
	f->raw = (const uint8_t *)raw.p;
	f->n = raw.n;
	return 0;
}

static int one_key(struct vit_record *r, struct vit_str key, struct vit_cur *c, int *seen)
{
	struct vit_str raw = { 0 };
	int bit, rc, is_image = vit_str_is(key, "image");
	if (!is_image)
		VIT_TRY(vit_cur_value(c, &raw));
	if (is_image)
		rc = image_at(r, c), bit = SEEN_IMAGE;
	else if (vit_str_is(key, "id"))
		rc = string_of(&raw, VIT_T_STR, &r->id), bit = SEEN_ID;
	else if (vit_str_is(key, "seq"))
		rc = seq_of(r, &raw), bit = SEEN_SEQ;
	else if (vit_str_is(key, "epoch"))
		rc = integer_of(&raw, &r->epoch), bit = SEEN_EPOCH;
	else if (vit_str_is(key, "label"))
		rc = label_of(r, &raw), bit = SEEN_LABEL;
	else
		rc = other_field(r, key, raw), bit = 0;
	if (rc == 0 && (*seen & bit))
		rc = vit_fail(VIT_ERECORD, "comes twice");
	*seen |= bit;
	if (rc)
		return vit_wrap(rc, "key \"%.*s\"", (int)(key.n < 64 ? key.n : 64), key.p);
	return 0;
}

int vit_record_decode(struct vit_record *r, const uint8_t *raw, size_t n)
{
	struct vit_cur c = { raw, raw + n };
	struct vit_token t;
	int seen = 0;
	/* the fields' table is large and needs no clearing */
	memset(r, 0, offsetof(struct vit_record, field));
	r->n_field = 0;
	VIT_TRY(vit_cur_token(&c, &t));
	if (t.type != VIT_T_MAP)
		return vit_fail(VIT_ERECORD, "is not a map");
	for (uint64_t i = 0; i < t.u; i++) {
		struct vit_str key;
		VIT_TRY(vit_cur_key(&c, &key));
		VIT_TRY(one_key(r, key, &c, &seen));
	}
	if (!(seen & SEEN_ID))
		return vit_fail(VIT_ERECORD, "has no \"id\"");
	if (!(seen & SEEN_SEQ))
		return vit_fail(VIT_ERECORD, "has no \"seq\" (its position in the source)");
	return 0;
}

int vit_record_epoch(const uint8_t *raw, size_t n, int64_t *epoch)
{
	struct vit_cur c = { raw, raw + n };
	struct vit_token t;
	*epoch = 0;
	VIT_TRY(vit_cur_token(&c, &t));
	if (t.type != VIT_T_MAP)
		return vit_fail(VIT_ERECORD, "is not a map");
	for (uint64_t i = 0; i < t.u; i++) {
		struct vit_str key, value;
		VIT_TRY(vit_cur_key(&c, &key));
		VIT_TRY(vit_cur_value(&c, &value));
		if (vit_str_is(key, "epoch"))
			return integer_of(&value, epoch);
	}
	return 0;
}

static int tensor_key(struct vit_tensor_record *r, struct vit_str key, struct vit_str raw, struct vit_str *dtype)
{
	if (vit_str_is(key, "name"))
		return r->name.p ? vit_fail(VIT_ERECORD, "comes twice") : string_of(&raw, VIT_T_STR, &r->name);
	if (vit_str_is(key, "tensor"))
		return r->tensor.data ? vit_fail(VIT_ERECORD, "comes twice") : vit_nd_decode(&r->tensor, (const uint8_t *)raw.p, raw.n);
	if (vit_str_is(key, "dtype"))
		return string_of(&raw, VIT_T_STR, dtype);
	if (vit_str_is(key, "quant"))
		r->quant = raw;
	return 0;
}

int vit_tensor_record_decode(struct vit_tensor_record *r, const uint8_t *raw, size_t n)
{
	struct vit_cur c = { raw, raw + n };
	struct vit_token t;
	struct vit_str dtype = { NULL, 0 };
	memset(r, 0, sizeof *r);
	VIT_TRY(vit_cur_token(&c, &t));
	if (t.type != VIT_T_MAP)
		return vit_fail(VIT_ERECORD, "is not a map");
	for (uint64_t i = 0; i < t.u; i++) {
		struct vit_str key, value;
		VIT_TRY(vit_cur_key(&c, &key));
		VIT_TRY(vit_cur_value(&c, &value));
		int rc = tensor_key(r, key, value, &dtype);
		if (rc)
			return vit_wrap(rc, "key \"%.*s\"", (int)(key.n < 64 ? key.n : 64), key.p);
	}
	if (!r->name.p || !r->tensor.data)
		return vit_fail(VIT_ERECORD, "has no \"%s\"", r->name.p ? "tensor" : "name");
	if (!dtype.p)
		return 0;
	int said = vit_dtype_by_name(dtype.p, dtype.n);
	/* bfloat16 has no numpy code and travels as <u2 */
	if (said == VIT_BF16 && r->tensor.dtype == VIT_U16)
		r->tensor.dtype = VIT_BF16;
	else if (said != r->tensor.dtype)
		return vit_fail(VIT_ERECORD, "tensor \"%.*s\" is %s and says \"%.*s\"", (int)(r->name.n < 200 ? r->name.n : 200), r->name.p,
		                vit_dtypes[r->tensor.dtype].name, (int)(dtype.n < 32 ? dtype.n : 32), dtype.p);
	return 0;
}

/* ---- encoding ------------------------------------------------------------------- */

static int put_nd(struct vit_buf *out, const struct vit_tensor *t)
{
	VIT_TRY(vit_nd_encode_head(out, t));
	return vit_buf_add(out, t->data, vit_tensor_bytes(t));
}

/* Everything up to the label's value, or the image. */
static int put_start(struct vit_buf *out, const struct vit_record *r)
{
	size_t keys = 3 + (r->label_kind != VIT_LABEL_NONE) + (r->image.data || r->encoded.p) + (size_t)r->n_field;
	if (r->id.n > UINT32_MAX)
		return vit_fail(VIT_EUNSUPPORTED, "id of %zu bytes: a stream holds strings below 4 GiB", r->id.n);
	VIT_TRY(vit_buf_reserve(out, r->id.n + sizeof "id seq epoch label" + 8 * VIT_HEAD_MAX));
	uint8_t *p = vit_put_map(out->p + out->n, keys);
	p = vit_put_key(p, "id");
	p = vit_put_str(p, r->id.p, r->id.n);
	p = vit_put_key(p, "seq");
	p = vit_put_uint(p, r->seq);
	p = vit_put_key(p, "epoch");
	p = vit_put_int(p, r->epoch);
	if (r->label_kind != VIT_LABEL_NONE)
		p = vit_put_key(p, "label");
	if (r->label_kind == VIT_LABEL_INDEX)
		p = vit_put_int(p, r->label);
	out->n = (size_t)(p - out->p);
	return r->label_kind == VIT_LABEL_SOFT ? put_nd(out, &r->soft) : 0;
}

static int put_encoded(struct vit_buf *out, const struct vit_record *r)
{
	if (r->encoded.n > UINT32_MAX)
		return vit_fail(VIT_EUNSUPPORTED, "image file of %zu bytes: a stream holds files below 4 GiB", r->encoded.n);
	VIT_TRY(vit_buf_reserve(out, r->encoded.n + r->type.n + sizeof "encoded type" + 6 * VIT_HEAD_MAX));
	uint8_t *p = vit_put_map(out->p + out->n, 2);
	p = vit_put_key(p, "encoded");
	p = vit_put_bytes(vit_put_bin_head(p, r->encoded.n), r->encoded.p, r->encoded.n);
	p = vit_put_key(p, "type");
	p = vit_put_str(p, r->type.p, r->type.n);
	out->n = (size_t)(p - out->p);
	return 0;
}

static int put_key(struct vit_buf *out, const char *key, size_t n)
{
	VIT_TRY(vit_buf_reserve(out, n + VIT_HEAD_MAX));
	out->n = (size_t)(vit_put_str(out->p + out->n, key, n) - out->p);
	return 0;
}

static int put_record(struct vit_buf *out, const struct vit_record *r)
{
	VIT_TRY(put_start(out, r));
	if (r->image.data || r->encoded.p)
		VIT_TRY(put_key(out, "image", 5));
	if (r->image.data)
		VIT_TRY(put_nd(out, &r->image));
	else if (r->encoded.p)
		VIT_TRY(put_encoded(out, r));
	for (int i = 0; i < r->n_field; i++) {
		VIT_TRY(put_key(out, r->field[i].key.p, r->field[i].key.n));
		VIT_TRY(vit_buf_add(out, r->field[i].raw, r->field[i].n));
	}
	return 0;
}

int vit_record_encode(struct vit_buf *out, const struct vit_record *r)
{
	size_t before = out->n;
	int rc = put_record(out, r);
	if (rc)
		out->n = before;
	return rc;
}
