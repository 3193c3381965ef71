/* SPDX-License-Identifier: MIT
 *
 * nd.c - arrays: msgpack-numpy's map, and the plain {"data","shape","dtype"}.
 */
#include "stream/pack.h"
#include "stream/wire.h"

#include <limits.h>
#include <string.h>

/* What was met in the map, before it is judged. */
struct parts {
	struct vit_str data, type, dtype, kind;
	int is_nd, has_nd, has_shape, ndim;
	int64_t dim[VIT_MAXD];
};

static int text_of(struct vit_cur *c, struct vit_str *s, const char *what)
{
	struct vit_token t;
	VIT_TRY(vit_cur_token(c, &t));
	if (t.type == VIT_T_ARRAY)
		return vit_fail(VIT_ERECORD, "array %s is a structure or Python objects (kind V, O): refused, only plain numbers are read", what);
	if (t.type != VIT_T_STR && t.type != VIT_T_BIN)
		return vit_fail(VIT_ERECORD, "array %s is neither str nor bin", what);
	return vit_cur_bytes(c, &t, s);
}

static int shape_of(struct vit_cur *c, struct parts *a)
{
	struct vit_token t;
	VIT_TRY(vit_cur_token(c, &t));
	if (t.type != VIT_T_ARRAY)
		return vit_fail(VIT_ERECORD, "array shape is not a list");
	if (t.u > VIT_MAXD)
		return vit_fail(VIT_ERECORD, "array of %llu dimensions: %d at most", (unsigned long long)t.u, VIT_MAXD);
	a->ndim = (int)t.u;
	a->has_shape = 1;
	for (int i = 0; i < a->ndim; i++) {
		VIT_TRY(vit_cur_token(c, &t));
		if (t.type != VIT_T_UINT || t.u > INT64_MAX)
			return vit_fail(VIT_ERECORD, "array shape holds something that is no size");
		a->dim[i] = (int64_t)t.u;
	}
	return 0;
}

static int nd_flag(struct vit_cur *c, struct parts *a)
{
	struct vit_token t;
	VIT_TRY(vit_cur_token(c, &t));
	if (t.type != VIT_T_BOOL)
		return vit_fail(VIT_ERECORD, "array flag nd is not a bool");
	a->has_nd = 1;
	a->is_nd = (int)t.u;
	return 0;
}

enum { SEEN_ND = 1, SEEN_TYPE = 2, SEEN_KIND = 4, SEEN_SHAPE = 8, SEEN_DATA = 16, SEEN_DTYPE = 32 };

static int one_part(struct vit_cur *c, struct parts *a, int *seen)
{
	struct vit_str key, rest;
	int bit = 0, rc = text_of(c, &key, "key");
	VIT_TRY(rc);
	if (vit_str_is(key, "nd"))
		rc = nd_flag(c, a), bit = SEEN_ND;
	else if (vit_str_is(key, "type"))
		rc = text_of(c, &a->type, "type"), bit = SEEN_TYPE;
	else if (vit_str_is(key, "kind"))
		rc = text_of(c, &a->kind, "kind"), bit = SEEN_KIND;
	else if (vit_str_is(key, "shape"))
		rc = shape_of(c, a), bit = SEEN_SHAPE;
	else if (vit_str_is(key, "data"))
		rc = text_of(c, &a->data, "data"), bit = SEEN_DATA;
	else if (vit_str_is(key, "dtype"))
		rc = text_of(c, &a->dtype, "dtype"), bit = SEEN_DTYPE;
	else
		rc = vit_cur_value(c, &rest);
	VIT_TRY(rc);
	if (*seen & bit)
		return vit_fail(VIT_ERECORD, "array key \"%.*s\" comes twice", (int)key.n, key.p);
	*seen |= bit;
	return 0;
}

static int dtype_of(const struct parts *a, int *dtype)
{
	const struct vit_str *s = a->type.p ? &a->type : &a->dtype;
	/* msgpack_numpy itself unpickles kind O: never pass it on */
	if (a->kind.n)
		return vit_fail(VIT_ERECORD, "array of kind %.*s (Python objects or structures): refused", (int)(a->kind.n < 8 ? a->kind.n : 8), a->kind.p);
	if (!s->p)
		return vit_fail(VIT_ERECORD, "array without type");
	*dtype = vit_dtype_by_numpy(s->p, s->n);
	if (*dtype < 0)
		*dtype = vit_dtype_by_name(s->p, s->n);
	if (*dtype < 0)
		return vit_fail(VIT_ERECORD, "array type \"%.*s\" is not known (little-endian numbers are)", (int)(s->n < 32 ? s->n : 32), s->p);
	return 0;
}

int vit_cur_nd(struct vit_cur *c, struct vit_tensor *out)
{
	struct vit_token t;
	struct parts a;
	int seen = 0, dtype = VIT_U8;
	memset(&a, 0, sizeof a);
	VIT_TRY(vit_cur_token(c, &t));
	if (t.type != VIT_T_MAP)
		return vit_fail(VIT_ERECORD, "not an array map (nd, or data + shape + dtype)");
	for (uint64_t i = 0; i < t.u; i++)
		VIT_TRY(one_part(c, &a, &seen));
	VIT_TRY(dtype_of(&a, &dtype));
	if (!a.data.p)
		return vit_fail(VIT_ERECORD, "array without data");
	int scalar = a.has_nd && !a.is_nd;
	if (!a.has_shape && !scalar)
		return vit_fail(VIT_ERECORD, "array without shape");
	if (scalar)
		a.ndim = 0;
	int64_t bytes = vit_shape_bytes(dtype, a.ndim, a.dim);
	if (bytes < 0 || (uint64_t)bytes != a.data.n)
		return vit_fail(VIT_ERECORD, "array of %zu bytes: its shape does not give that", a.data.n);

	memset(out, 0, sizeof *out);
	out->data = (void *)(uintptr_t)a.data.p;
	out->dtype = dtype;
	out->ndim = a.ndim;
	memcpy(out->dim, a.dim, sizeof out->dim);
	return 0;
}

int vit_nd_decode(struct vit_tensor *out, const uint8_t *p, size_t n)
{
	struct vit_cur c = { p, p + n };
	return vit_cur_nd(&c, out);
}

int vit_nd_encode_head(struct vit_buf *out, const struct vit_tensor *t)
{
	enum { ROOM = 64 + (VIT_MAXD + 2) * VIT_HEAD_MAX };
	size_t bytes = vit_tensor_bytes(t);
	if (bytes > UINT32_MAX)
		return vit_fail(VIT_EUNSUPPORTED, "array of %zu bytes: a stream holds arrays below 4 GiB", bytes);
	VIT_TRY(vit_buf_reserve(out, ROOM));
	uint8_t *p = vit_put_map(out->p + out->n, 5);
	p = vit_put_bin_key(p, "nd");
	p = vit_put_byte(p, 0xc3);      /* true */
	p = vit_put_bin_key(p, "type");
	p = vit_put_key(p, vit_dtypes[t->dtype].numpy);
	p = vit_put_bin_key(p, "kind");
	p = vit_put_bin_key(p, "");
	p = vit_put_bin_key(p, "shape");
	p = vit_put_array(p, (size_t)t->ndim);
	for (int i = 0; i < t->ndim; i++)
		p = vit_put_int(p, t->dim[i]);
	p = vit_put_bin_key(p, "data");
	p = vit_put_bin_head(p, bytes);
	out->n = (size_t)(p - out->p);
	return 0;
}
