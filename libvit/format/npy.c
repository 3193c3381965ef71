/* SPDX-License-Identifier: MIT
 *
 * npy.c - the header of a numpy array file.
 */
#include "format/npy.h"

#include <stdio.h>
#include <string.h>

/* The dict's text that is left. */
struct text {
	const char *p, *end;
};

static void space(struct text *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\n' || *t->p == '\t'))
		t->p++;
}

/* Is the next token this one? Then it is passed. */
static int token(struct text *t, const char *word)
{
	size_t n = strlen(word);
	space(t);
	if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n))
		return 0;
	t->p += n;
	return 1;
}

/* 'text' or "text" without escapes, which numpy never writes here. */
static int quoted(struct text *t, char *out, size_t size)
{
	space(t);
	if (t->p == t->end || (*t->p != '\'' && *t->p != '"'))
		return 0;
	char quote = *t->p++;
	const char *end = memchr(t->p, quote, (size_t)(t->end - t->p));
	if (!end || memchr(t->p, '\\', (size_t)(end - t->p)))
		return 0;
	size_t n = (size_t)(end - t->p);
	snprintf(out, size, "%.*s", (int)(n < size ? n : size), t->p);
	t->p = end + 1;
	return 1;
}

/* A list of fields: passed over, as arrays of structures hold no images. */
static int fields(struct text *t)
{
	int depth = 0;
	space(t);
	do {
		if (t->p == t->end)
			return 0;
		depth += (*t->p == '[' || *t->p == '(') - (*t->p == ']' || *t->p == ')');
		t->p++;
	} while (depth > 0);
	return depth == 0;
}

static int number(struct text *t, int64_t *out)
{
	*out = 0;
	space(t);
	if (t->p == t->end || *t->p < '0' || *t->p > '9')
		return 0;
	for (; t->p < t->end && *t->p >= '0' && *t->p <= '9'; t->p++)
		if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *t->p - '0', out))
			return 0;
	/* Python 2 wrote long integers with an L */
	if (t->p < t->end && *t->p == 'L')
		t->p++;
	return 1;
}

static int shape(struct text *t, struct vit_npy *a)
{
	if (!token(t, "("))
		return vit_fail(VIT_EFORMAT, "its numpy header has no shape in parentheses");
	for (a->ndim = 0; !token(t, ")"); a->ndim++) {
		if (a->ndim == VIT_MAXD)
			return vit_fail(VIT_EFORMAT, "its numpy header has more than %d dimensions", VIT_MAXD);
		if (!number(t, &a->dim[a->ndim]))
			return vit_fail(VIT_EFORMAT, "its numpy header has a shape that is not of numbers");
		if (!token(t, ",") && a->ndim == 0)
			return vit_fail(VIT_EFORMAT, "its numpy header has a shape that is no tuple");
	}
	return 0;
}

static void set_dtype(struct vit_npy *a)
{
	char code[4];
	size_t n = strlen(a->descr);
	a->dtype = -1;
	if (n != 3)
		return;
	memcpy(code, a->descr, sizeof code);
	a->big_endian = code[0] == '>';
	if (a->big_endian)
		code[0] = '<';
	a->dtype = vit_dtype_by_numpy(code, n);
}

static int entry(struct text *t, struct vit_npy *a, unsigned *seen)
{
	char key[16];
	unsigned bit = 0;
	if (!quoted(t, key, sizeof key) || !token(t, ":"))
		return vit_fail(VIT_EFORMAT, "its numpy header is no dict");
	space(t);
	if (!strcmp(key, "descr")) {
		bit = 1;
		if (t->p < t->end && *t->p == '[') {
			snprintf(a->descr, sizeof a->descr, "a structure");
			if (!fields(t))
				return vit_fail(VIT_EFORMAT, "its numpy header is damaged in descr");
		} else if (!quoted(t, a->descr, sizeof a->descr)) {
			return vit_fail(VIT_EFORMAT, "its numpy header is damaged in descr");
		}
		set_dtype(a);
	} else if (!strcmp(key, "fortran_order")) {
		bit = 2;
		a->fortran = token(t, "True");
		if (!a->fortran && !token(t, "False"))
			return vit_fail(VIT_EFORMAT, "its numpy header has a fortran_order that is neither True nor False");
	} else if (!strcmp(key, "shape")) {
		bit = 4;
		VIT_TRY(shape(t, a));
	}
	if (!bit || *seen & bit)
		return vit_fail(VIT_EFORMAT, "its numpy header has the key \"%s\" %s", key, bit ? "twice" : "that numpy does not write");
	*seen |= bit;
	return 0;
}

static int dict(struct text *t, struct vit_npy *a)
{
	unsigned seen = 0;
	if (!token(t, "{"))
		return vit_fail(VIT_EFORMAT, "its numpy header is no dict");
	while (!token(t, "}")) {
		VIT_TRY(entry(t, a, &seen));
		if (!token(t, ",")) {
			if (!token(t, "}"))
				return vit_fail(VIT_EFORMAT, "its numpy header is damaged behind a value");
			break;
		}
	}
	space(t);
	if (seen != 7 || t->p != t->end)
		return vit_fail(VIT_EFORMAT, "its numpy header is not a dict of descr, fortran_order and shape");
	return 0;
}

int vit_is_npy(const uint8_t *p, size_t n)
{
	return n >= 10 && !memcmp(p, "\x93NUMPY", 6);
}

int vit_npy_header(struct vit_npy *a, const uint8_t *p, size_t n)
{
	*a = (struct vit_npy){ .dtype = -1 };
	if (!vit_is_npy(p, n))
		return vit_fail(VIT_EFORMAT, "not a numpy array (.npy)");
	if (p[6] < 1 || p[6] > 3 || p[7] != 0)
		return vit_fail(VIT_EFORMAT, "numpy's format version %d.%d is not known; versions 1.0 to 3.0 are", p[6], p[7]);
	size_t begin = p[6] == 1 ? 10 : 12, len = p[8] | (size_t)p[9] << 8;
	if (n >= 12 && begin == 12)
		len |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
	if (n < begin || len > n - begin)
		return vit_fail(VIT_EFORMAT, "its numpy header of %zu bytes goes beyond the %zu that are there or may be", len, n);
	struct text t = { (const char *)p + begin, (const char *)p + begin + len };
	VIT_TRY(dict(&t, a));
	a->head = begin + len;
	if (a->dtype < 0)
		return 0;
	a->bytes = vit_shape_bytes(a->dtype, a->ndim, a->dim);
	if (a->bytes < 0 || a->bytes > INT64_MAX - (int64_t)a->head)
		return vit_fail(VIT_EFORMAT, "its numpy header claims a size that no file has");
	return 0;
}

/* ---- elements ---------------------------------------------------------------------- */

static uint64_t bits(const struct vit_npy *a, const uint8_t *elements, int64_t i)
{
	int size = vit_dtypes[a->dtype].size;
	const uint8_t *p = elements + i * size;
	uint64_t x = 0;
	for (int k = 0; k < size; k++)
		x |= (uint64_t)p[a->big_endian ? size - 1 - k : k] << (8 * k);
	return x;
}

int64_t vit_npy_int(const struct vit_npy *a, const uint8_t *elements, int64_t i)
{
	uint64_t x = bits(a, elements, i);
	switch (a->dtype) {
	case VIT_I8: return (int8_t)x;
	case VIT_I16: return (int16_t)x;
	case VIT_I32: return (int32_t)x;
	case VIT_BOOL: return x != 0;
	case VIT_U64: return x > INT64_MAX ? INT64_MAX : (int64_t)x;
	default: return (int64_t)x;
	}
}

double vit_npy_float(const struct vit_npy *a, const uint8_t *elements, int64_t i)
{
	uint64_t x = bits(a, elements, i);
	uint32_t x32 = (uint32_t)x;
	float f;
	double d;
	switch (a->dtype) {
	case VIT_F16: return (double)vit_f16_to_f32((uint16_t)x);
	case VIT_F32: memcpy(&f, &x32, sizeof f); return (double)f;
	default: memcpy(&d, &x, sizeof d); return d;
	}
}

char *vit_npy_str(char *buf, size_t size, const struct vit_npy *a)
{
	size_t at = (size_t)snprintf(buf, size, "[");
	for (int i = 0; i < a->ndim && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%lld", i ? "," : "", (long long)a->dim[i]);
	if (at < size)
		snprintf(buf + at, size - at, "] %s", a->dtype < 0 ? a->descr : vit_dtypes[a->dtype].name);
	return buf;
}
