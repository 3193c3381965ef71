/* SPDX-License-Identifier: MIT */
#include "augment/params.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VALUE = 512, MAX_PARAMS = 32 };

/* The shortest decimal that reads back as the same number: what a user wrote
 * comes out again, on every machine; 100 is not "1e+02". */
static void print_number(char buf[40], double x, int is_float)
{
	if (x == floor(x) && fabs(x) < 1e15) {
		snprintf(buf, 40, "%.0f", x == 0 ? 0 : x);
		return;
	}
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(buf, 40, "%.*g", digits, x);
		if (is_float ? strtof(buf, NULL) == (float)x : strtod(buf, NULL) == x)
			return;
	}
}

static char *print_choice(char *buf, size_t size, const char *choices, int i)
{
	for (; i > 0; i--)
		choices = strchr(choices, '|') + 1;
	snprintf(buf, size, "%.*s", (int)strcspn(choices, "|"), choices);
	return buf;
}

char *vit_param_range(char *buf, size_t size, const struct vit_param *p)
{
	char lo[40], hi[40];
	print_number(lo, p->min, 0);
	print_number(hi, p->max, 0);
	switch (p->type) {
	case VIT_P_INT:
		snprintf(buf, size, "a whole number %s to %s", lo, hi);
		break;
	case VIT_P_FLOAT:
		snprintf(buf, size, "a number %s to %s", lo, hi);
		break;
	case VIT_P_BOOL:
		snprintf(buf, size, "0 or 1");
		break;
	case VIT_P_SIZE:
		snprintf(buf, size, "a size, N or HxW, %s to %s", lo, hi);
		break;
	case VIT_P_LIST:
		snprintf(buf, size, "numbers %s to %s with / between", lo, hi);
		break;
	default:
		snprintf(buf, size, "%s", p->choices);
	}
	return buf;
}

static int bad_value(const char *who, const struct vit_param *p, const char *value)
{
	char range[160];
	return vit_fail(VIT_EUSAGE, "%s: %s=%s is not %s", who, p->key, value, vit_param_range(range, sizeof range, p));
}

/* One number at *s up to one of `ends`, within the range; moves *s to the end. 0: ok. */
static int number(const struct vit_param *p, const char **s, const char *ends, double *x)
{
	/* strtod also takes blanks, hexadecimal, "inf" and "nan" */
	size_t n = strspn(*s, "0123456789.eE+-");
	char *end;
	if (!n)
		return -1;
	errno = 0;
	*x = strtod(*s, &end);
	if (end != *s + n || (*end && !strchr(ends, *end)) || !isfinite(*x) || *x < p->min || *x > p->max)
		return -1;
	*s = end;
	return 0;
}

static int whole_number(const struct vit_param *p, const char **s, const char *ends, int64_t *x)
{
	double d;
	/* beyond 2^53 a double would round what the user wrote */
	if (number(p, s, ends, &d) || d != floor(d) || fabs(d) > 0x1p53)
		return -1;
	*x = (int64_t)d;
	return 0;
}

static int parse_list(const struct vit_param *p, struct vit_list *list, const char *s)
{
	double x;
	list->n = 0;
	for (;; s++) {
		if (list->n == VIT_MAX_CHANNELS || number(p, &s, "/", &x))
			return -1;
		list->v[list->n++] = (float)x;
		if (!*s)
			return 0;
	}
}

static int parse_choice(const struct vit_param *p, int *value, const char *s)
{
	const char *c = p->choices;
	for (int i = 0;; i++) {
		size_t n = strcspn(c, "|");
		if (strlen(s) == n && !memcmp(c, s, n)) {
			*value = i;
			return 0;
		}
		if (!c[n])
			return -1;
		c += n + 1;
	}
}

/* One value into its field. 0: ok. */
static int parse_value(const struct vit_param *p, void *field, const char *s)
{
	int64_t *size = field;
	switch (p->type) {
	case VIT_P_INT:
		return whole_number(p, &s, "", field);
	case VIT_P_FLOAT:
		return number(p, &s, "", field);
	case VIT_P_BOOL:
		if ((*s != '0' && *s != '1') || s[1])
			return -1;
		*(int *)field = *s == '1';
		return 0;
	case VIT_P_SIZE:
		size[1] = 0;
		if (whole_number(p, &s, "x", &size[0]))
			return -1;
		if (!*s)
			return 0;
		s++;
		/* "0x5" would read back as one side given, the other the image's */
		return whole_number(p, &s, "", &size[1]) || !size[0] || !size[1] ? -1 : 0;
	case VIT_P_LIST:
		return parse_list(p, field, s);
	default:
		return parse_choice(p, field, s);
	}
}

static const struct vit_param *find_param(const struct vit_param *params, const char *key, size_t n)
{
	for (const struct vit_param *p = params; p->key; p++)
		if (strlen(p->key) == n && !memcmp(p->key, key, n))
			return p;
	return NULL;
}

static int unknown_key(const struct vit_param *params, const char *who, const char *key, size_t n)
{
	char known[256] = "";
	for (const struct vit_param *p = params; p->key; p++)
		snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", p == params ? "" : ", ", p->key);
	return vit_fail(VIT_EUSAGE, "%s: no parameter \"%.*s\"; it has %s", who, (int)(n < 80 ? n : 80), key, known);
}

/* One "key=value" of n bytes. */
static int parse_pair(const struct vit_param *params, char *base, const char *who, const char *s, size_t n, uint32_t *seen)
{
	size_t k = strcspn(s, "=,");
	char value[MAX_VALUE];
	const struct vit_param *p = find_param(params, s, k);
	if (!p)
		return unknown_key(params, who, s, k);
	if (k >= n)
		return vit_fail(VIT_EUSAGE, "%s: %s wants a value, %s=...", who, p->key, p->key);
	if (n - k - 1 >= sizeof value)
		return vit_fail(VIT_EUSAGE, "%s: the value of %s is longer than %d characters", who, p->key, MAX_VALUE - 1);
	memcpy(value, s + k + 1, n - k - 1);
	value[n - k - 1] = '\0';
	if (*seen & 1u << (p - params))
		return vit_fail(VIT_EUSAGE, "%s: %s is given twice", who, p->key);
	*seen |= 1u << (p - params);
	return parse_value(p, base + p->offset, value) ? bad_value(who, p, value) : 0;
}

int vit_params_parse(const struct vit_param *params, void *config, const char *who, const char *text)
{
	char *base = config;
	uint32_t seen = 0;
	int n = 0;
	for (const struct vit_param *p = params; p->key; p++, n++) {
		if (n == MAX_PARAMS)
			return vit_fail(VIT_EUNSUPPORTED, "%s: more than %d parameters", who, MAX_PARAMS);
		if (p->def && parse_value(p, base + p->offset, p->def))
			return bad_value(who, p, p->def);
	}
	while (*text) {
		size_t len = strcspn(text, ",");
		VIT_TRY(parse_pair(params, base, who, text, len, &seen));
		if (text[len] && !text[len + 1])
			return vit_fail(VIT_EUSAGE, "%s: nothing follows the last comma", who);
		text += len + (text[len] == ',');
	}
	for (const struct vit_param *p = params; p->key; p++)
		if (!p->def && !(seen & 1u << (p - params)))
			return vit_fail(VIT_EUSAGE, "%s: %s must be given (%s)", who, p->key, p->help);
	return 0;
}

static int print_list(const struct vit_list *list, struct vit_buf *out)
{
	char buf[40];
	for (int i = 0; i < list->n; i++) {
		print_number(buf, (double)list->v[i], 1);
		VIT_TRY(vit_buf_printf(out, "%s%s", i ? "/" : "", buf));
	}
	return 0;
}

static int print_value(const struct vit_param *p, const void *field, struct vit_buf *out)
{
	char buf[80];
	const int64_t *size = field;
	switch (p->type) {
	case VIT_P_INT:
		return vit_buf_printf(out, "%lld", (long long)*size);
	case VIT_P_FLOAT:
		print_number(buf, *(const double *)field, 0);
		return vit_buf_printf(out, "%s", buf);
	case VIT_P_BOOL:
		return vit_buf_printf(out, "%d", *(const int *)field);
	case VIT_P_SIZE:
		return size[1] ? vit_buf_printf(out, "%lldx%lld", (long long)size[0], (long long)size[1])
		               : vit_buf_printf(out, "%lld", (long long)size[0]);
	case VIT_P_LIST:
		return print_list(field, out);
	default:
		return vit_buf_printf(out, "%s", print_choice(buf, sizeof buf, p->choices, *(const int *)field));
	}
}

int vit_params_print(const struct vit_param *params, const void *config, struct vit_buf *out)
{
	for (const struct vit_param *p = params; p->key; p++) {
		VIT_TRY(vit_buf_printf(out, "%s%s=", p == params ? "" : ",", p->key));
		VIT_TRY(print_value(p, (const char *)config + p->offset, out));
	}
	return 0;
}
