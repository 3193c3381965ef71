/* SPDX-License-Identifier: MIT
 *
 * scan.c - msgpack heads, and the scan that bounds a value before anything
 * believes its counts.
 */
#include "stream/wire.h"

#include <endian.h>
#include <string.h>

/* A number of 0 to 8 bytes where n are there: one load, since which width comes
 * next cannot be predicted. */
static inline uint64_t be(const uint8_t *p, size_t width, size_t n)
{
	uint64_t v = 0;
	if (n >= sizeof v)
		memcpy(&v, p, sizeof v);
	else
		memcpy(&v, p, width);
	return width ? be64toh(v) >> (64 - 8 * width) : 0;
}

/* Types 0xc0 to 0xdf: bytes of number or length after the first byte, and what
 * they mean. fixext has its length in the first byte and one byte of type. */
static const struct {
	uint8_t width, type;
} wide[32] = {
	[0x00] = { 0, VIT_T_NIL }, [0x02] = { 0, VIT_T_BOOL }, [0x03] = { 0, VIT_T_BOOL },
	[0x04] = { 1, VIT_T_BIN }, [0x05] = { 2, VIT_T_BIN }, [0x06] = { 4, VIT_T_BIN },
	[0x07] = { 1, VIT_T_EXT }, [0x08] = { 2, VIT_T_EXT }, [0x09] = { 4, VIT_T_EXT },
	[0x0a] = { 4, VIT_T_FLOAT }, [0x0b] = { 8, VIT_T_FLOAT },
	[0x0c] = { 1, VIT_T_UINT }, [0x0d] = { 2, VIT_T_UINT }, [0x0e] = { 4, VIT_T_UINT }, [0x0f] = { 8, VIT_T_UINT },
	[0x10] = { 1, VIT_T_INT }, [0x11] = { 2, VIT_T_INT }, [0x12] = { 4, VIT_T_INT }, [0x13] = { 8, VIT_T_INT },
	[0x14] = { 0, VIT_T_EXT }, [0x15] = { 0, VIT_T_EXT }, [0x16] = { 0, VIT_T_EXT }, [0x17] = { 0, VIT_T_EXT },
	[0x18] = { 0, VIT_T_EXT },
	[0x19] = { 1, VIT_T_STR }, [0x1a] = { 2, VIT_T_STR }, [0x1b] = { 4, VIT_T_STR },
	[0x1c] = { 2, VIT_T_ARRAY }, [0x1d] = { 4, VIT_T_ARRAY },
	[0x1e] = { 2, VIT_T_MAP }, [0x1f] = { 4, VIT_T_MAP },
};

static void short_token(struct vit_token *t, uint8_t b)
{
	t->head = 1;
	if (b < 0x80) {
		t->type = VIT_T_UINT;
		t->u = b;
	} else if (b < 0x90) {
		t->type = VIT_T_MAP;
		t->u = b & 15;
	} else if (b < 0xa0) {
		t->type = VIT_T_ARRAY;
		t->u = b & 15;
	} else if (b < 0xc0) {
		t->type = VIT_T_STR;
		t->u = b & 31;
	} else {
		t->type = VIT_T_INT;
		t->i = (int8_t)b;
	}
}

static void read_float(struct vit_token *t, uint64_t bits, size_t width)
{
	if (width == 4) {
		uint32_t low = (uint32_t)bits;
		float f;
		memcpy(&f, &low, sizeof f);
		t->f = (double)f;
	} else {
		memcpy(&t->f, &bits, sizeof t->f);
	}
}

static void read_signed(struct vit_token *t, uint64_t bits, size_t width)
{
	unsigned shift = (unsigned)(64 - 8 * width);
	int64_t i = (int64_t)(bits << shift) >> shift;
	if (i < 0) {
		t->i = i;
	} else {
		t->type = VIT_T_UINT;
		t->u = (uint64_t)i;
	}
}

/* Types whose bytes are not simply a number or a length. */
static int special_token(struct vit_token *t, uint8_t b, uint64_t bits, size_t width)
{
	if (b == 0xc1)
		return vit_fail(VIT_EFORMAT, "byte c1 is no msgpack");
	if (t->type == VIT_T_FLOAT)
		read_float(t, bits, width);
	else if (t->type == VIT_T_INT)
		read_signed(t, bits, width);
	else if (t->type == VIT_T_BOOL)
		t->u = b == 0xc3;
	else if (t->type == VIT_T_EXT)
		t->u = width ? bits : (uint64_t)1 << (b - 0xd4);
	return 0;
}

static inline int wide_token(struct vit_token *t, const uint8_t *p, size_t n)
{
	uint8_t b = p[0];
	size_t width = wide[b - 0xc0].width;
	t->type = wide[b - 0xc0].type;
	t->head = 1 + width + (t->type == VIT_T_EXT);
	if (n < t->head)
		return VIT_END;
	uint64_t bits = be(p + 1, width, n - 1);
	if (t->type < VIT_T_UINT || t->type == VIT_T_INT || t->type == VIT_T_FLOAT || t->type == VIT_T_EXT)
		return special_token(t, b, bits, width);
	t->u = bits;
	return 0;
}

/* Records are some dozen tokens, most of them short: inlined where they are walked. */
static inline int read_token(struct vit_token *t, const uint8_t *p, size_t n)
{
	*t = (struct vit_token){ .head = 1 };
	if (n == 0)
		return VIT_END;
	if (p[0] >= 0xc0 && p[0] < 0xe0)
		return wide_token(t, p, n);
	short_token(t, p[0]);
	return 0;
}

int vit_token_read(struct vit_token *t, const uint8_t *p, size_t n)
{
	return read_token(t, p, n);
}

void vit_scan_init(struct vit_scan *s, size_t max, uint64_t max_elements)
{
	/* left[] is written before it is read */
	memset(s, 0, offsetof(struct vit_scan, left));
	s->max = max;
	s->max_elements = max_elements;
	s->pending = 1;
}

static int too_large(const struct vit_scan *s)
{
	return vit_fail(VIT_EFORMAT, "larger than the limit of %zu bytes (--max-record)", s->max);
}

static inline int scan_token(struct vit_scan *s, const struct vit_token *t)
{
	int container = t->type == VIT_T_ARRAY || t->type == VIT_T_MAP;
	if (t->head > s->max - s->pos)
		return too_large(s);
	s->pos += t->head;
	s->pending--;
	if (container && s->depth == VIT_MAX_NEST)
		return vit_fail(VIT_EFORMAT, "nested deeper than %d levels", VIT_MAX_NEST);
	if (container && t->u) {
		uint64_t n = t->type == VIT_T_MAP ? 2 * t->u : t->u;
		if (n + s->pending > s->max - s->pos)
			return vit_fail(VIT_EFORMAT, "a count of %llu in a value of at most %zu bytes", (unsigned long long)t->u, s->max);
		s->elements += n;
		if (s->elements > s->max_elements)
			return vit_fail(VIT_EFORMAT, "more than %llu elements", (unsigned long long)s->max_elements);
		s->left[s->depth++] = n;
		s->pending += n;
		return 0;
	}
	if (t->type == VIT_T_STR || t->type == VIT_T_BIN || t->type == VIT_T_EXT) {
		if (t->u > s->max - s->pos)
			return too_large(s);
		s->pos += (size_t)t->u;
	}
	while (s->depth && --s->left[s->depth - 1] == 0)
		s->depth--;
	return 0;
}

int vit_scan_token(struct vit_scan *s, const struct vit_token *t)
{
	return scan_token(s, t);
}

int vit_scan_run(struct vit_scan *s, const uint8_t *p, size_t n, size_t *need)
{
	while (s->pending) {
		/* each pending value takes a byte at least */
		*need = s->pos + (size_t)s->pending;
		if (s->pos >= n)
			return VIT_END;
		struct vit_token t;
		int rc = read_token(&t, p + s->pos, n - s->pos);
		if (rc == VIT_END)
			*need += t.head - 1;
		if (rc)
			return rc;
		VIT_TRY(scan_token(s, &t));
	}
	*need = s->pos;
	return s->pos <= n ? 0 : VIT_END;
}

int vit_cur_token(struct vit_cur *c, struct vit_token *t)
{
	int rc = read_token(t, c->p, (size_t)(c->end - c->p));
	if (rc == VIT_END)
		return vit_fail(VIT_ERECORD, "ends inside a value");
	if (rc)
		return VIT_ERECORD;
	c->p += t->head;
	return 0;
}

int vit_cur_bytes(struct vit_cur *c, const struct vit_token *t, struct vit_str *s)
{
	if (t->u > (uint64_t)(c->end - c->p))
		return vit_fail(VIT_ERECORD, "ends inside a value");
	s->p = (const char *)c->p;
	s->n = (size_t)t->u;
	c->p += s->n;
	return 0;
}

int vit_cur_value(struct vit_cur *c, struct vit_str *raw)
{
	struct vit_scan s;
	struct vit_token t;
	size_t need, n = (size_t)(c->end - c->p);
	/* most values hold no others, and need none of the scan's state */
	if (read_token(&t, c->p, n) == 0 && t.type != VIT_T_ARRAY && t.type != VIT_T_MAP) {
		raw->p = (const char *)c->p;
		raw->n = t.head;
		int has_body = t.type == VIT_T_STR || t.type == VIT_T_BIN || t.type == VIT_T_EXT;
		if (has_body && t.u > n - t.head)
			return vit_fail(VIT_ERECORD, "ends inside a value");
		raw->n += has_body ? (size_t)t.u : 0;
		c->p += raw->n;
		return 0;
	}
	vit_scan_init(&s, n, n);
	int rc = vit_scan_run(&s, c->p, n, &need);
	if (rc == VIT_END)
		return vit_fail(VIT_ERECORD, "ends inside a value");
	if (rc)
		return VIT_ERECORD;
	raw->p = (const char *)c->p;
	raw->n = s.pos;
	c->p += s.pos;
	return 0;
}

int vit_cur_key(struct vit_cur *c, struct vit_str *key)
{
	struct vit_token t;
	VIT_TRY(vit_cur_token(c, &t));
	if (t.type != VIT_T_STR)
		return vit_fail(VIT_ERECORD, "a key that is not a str");
	return vit_cur_bytes(c, &t, key);
}

int vit_map_begins(const uint8_t *p, size_t n, const char *key)
{
	struct vit_token t;
	if (vit_token_read(&t, p, n) || t.type != VIT_T_MAP || t.u == 0)
		return 0;
	size_t at = t.head, len = strlen(key);
	if (vit_token_read(&t, p + at, n - at) || t.type != VIT_T_STR || t.u != len)
		return 0;
	at += t.head;
	return n - at >= len && memcmp(p + at, key, len) == 0;
}
