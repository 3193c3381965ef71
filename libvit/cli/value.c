/* SPDX-License-Identifier: MIT
 *
 * value.c - option values: from text, back to canonical text.
 */
#include "cli/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ------------------------------------------------------------------- */

/* A finite number at the start of `s`, nothing before it; *rest behind it. */
static int scan_number(const char *s, double *v, const char **rest)
{
	char *end;
	if (!*s || !strchr("+-.0123456789", *s))
		return -1;
	errno = 0;
	*v = strtod(s, &end);
	*rest = end;
	return end == s || !isfinite(*v) || errno == ERANGE ? -1 : 0;
}

/* Integer with an optional suffix that multiplies by powers of `base`. */
static int scan_int(const char *s, const char *suffixes, int64_t base, int64_t *v)
{
	char *end;
	if (!*s || !strchr("+-0123456789", *s))
		return -1;
	errno = 0;
	long long n = strtoll(s, &end, 10);
	if (end == s || errno)
		return -1;
	if (*end) {
		const char *p = strchr(suffixes, *end == 'k' ? 'K' : *end);
		if (!p || end[1])
			return -1;
		for (ptrdiff_t power = p - suffixes; power >= 0; power--)
			if (__builtin_mul_overflow(n, base, &n))
				return -1;
	}
	*v = n;
	return 0;
}

static int in_range(const struct cli_option *o, double v)
{
	if (o->min == 0 && o->max == 0)
		return 1;
	return v >= o->min && (o->max < o->min || v <= o->max);
}

/* What would have been right, for messages: "a number from 0 to 1". */
static char *expected(char *buf, size_t size, const struct cli_option *o, const char *noun)
{
	int digits = cli_digits(o);
	if (o->min == 0 && o->max == 0)
		snprintf(buf, size, "%s", noun);
	else if (o->max < o->min)
		snprintf(buf, size, "%s of at least %.*g", noun, digits, o->min);
	else
		snprintf(buf, size, "%s from %.*g to %.*g", noun, digits, o->min, digits, o->max);
	return buf;
}

static int not_a(const struct cli_option *o, const char *text, const char *noun)
{
	char want[160];
	return vit_fail(VIT_EUSAGE, "'%s' is not %s", text, expected(want, sizeof want, o, noun));
}

static int set_int(const struct cli_option *o, int64_t *v, const char *text, int check)
{
	int64_t n;
	if (scan_int(text, o->type == CLI_BYTES ? "KMGT" : "KMG", o->type == CLI_BYTES ? 1024 : 1000, &n) ||
	    (check && !in_range(o, (double)n)) || (check && o->type == CLI_BYTES && n < 0))
		return not_a(o, text, o->type == CLI_BYTES ? "a number of bytes such as 500M or 2G" : "a whole number");
	*v = n;
	return 0;
}

static int set_float(const struct cli_option *o, double *v, const char *text, int check)
{
	const char *rest;
	double x;
	if (scan_number(text, &x, &rest) || *rest || (check && !in_range(o, x)))
		return not_a(o, text, "a number");
	*v = x;
	return 0;
}

static int set_fraction(const struct cli_option *o, double *v, const char *text)
{
	const char *rest;
	double x;
	int ok = !scan_number(text, &x, &rest);
	if (ok && !strcmp(rest, "%")) {
		x /= 100;
		rest++;
	}
	if (!ok || *rest || x < 0 || x > 1 || !in_range(o, x))
		return not_a(o, text, "a share such as 0.1 or 10%");
	*v = x;
	return 0;
}

static int set_share(const struct cli_option *o, struct cli_share *v, const char *text)
{
	const char *rest;
	double x;
	int ok = !scan_number(text, &x, &rest) && x >= 0;
	int percent = ok && !strcmp(rest, "%");
	if (!ok || (*rest && !percent) || (percent ? x > 100 : x != floor(x)))
		return not_a(o, text, "a count such as 12 or a share such as 5%");
	*v = (struct cli_share) { x, percent };
	return 0;
}

static const char *const span_unit[] = { "ep", "it", "%" };

static int set_span(const struct cli_option *o, struct cli_span *v, const char *text)
{
	const char *rest;
	double x;
	if (!scan_number(text, &x, &rest) && in_range(o, x) && x >= 0) {
		for (int unit = 0; unit < 3; unit++)
			if (!strcmp(rest, span_unit[unit]) || (!*rest && unit == CLI_EPOCHS)) {
				*v = (struct cli_span) { x, unit };
				return 0;
			}
	}
	return not_a(o, text, "a duration such as 5ep, 500it or 5%");
}

static int set_part(const struct cli_option *o, struct cli_part *v, const char *text)
{
	const char *slash = strchr(text, '/');
	char left[32];
	int64_t i, n;
	if (!slash || slash - text >= (ptrdiff_t)sizeof left)
		return not_a(o, text, "a part I/N with 0 <= I < N");
	snprintf(left, sizeof left, "%.*s", (int)(slash - text), text);
	if (scan_int(left, "", 1, &i) || scan_int(slash + 1, "", 1, &n) || i < 0 || i >= n)
		return not_a(o, text, "a part I/N with 0 <= I < N");
	*v = (struct cli_part) { i, n };
	return 0;
}

static int set_place(const struct cli_option *o, struct cli_place *v, const char *text)
{
	const char *colon = strchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : strlen(text);
	char left[32];
	*v = (struct cli_place) { 0, 0 };
	if (n >= sizeof left)
		return not_a(o, text, "an epoch E, or E:R with a record of it");
	snprintf(left, sizeof left, "%.*s", (int)n, text);
	if (scan_int(left, "", 1, &v->epoch) || (colon && scan_int(colon + 1, "", 1, &v->record)) || v->epoch < 0 || v->record < 0)
		return not_a(o, text, "an epoch E, or E:R with a record of it, both counted from 0");
	return 0;
}

/* ---- words ------------------------------------------------------------------------- */

/* The word that `text` stands for; itself where it stands for none. */
static const char *synonym(const char *list, const char *text, size_t *n)
{
	*n = strlen(text);
	for (const char *p = list; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (strcspn(p, "=") == *n && !memcmp(p, text, *n)) {
			p += *n + 1;
			*n = strcspn(p, "|");
			return p;
		}
	return text;
}

static int set_choice(const struct cli_option *o, int *v, const char *text, int base)
{
	size_t n;
	const char *word = synonym(o->synonyms, text, &n);
	int i = base;
	for (const char *p = o->values; p; i++) {
		const char *bar = strchr(p, '|');
		size_t len = bar ? (size_t)(bar - p) : strlen(p);
		if (len == n && !memcmp(p, word, n)) {
			*v = i;
			return 0;
		}
		p = bar ? bar + 1 : NULL;
	}
	return vit_fail(VIT_EUSAGE, "'%s' is not one of %s", text, o->values);
}

static int add_to_list(struct cli_list *v, const char *text)
{
	const char **fresh = vit_arena_alloc(&cli.arena, ((size_t)v->n + 2) * sizeof *fresh);
	char *copy = vit_arena_strdup(&cli.arena, text);
	if (!fresh || !copy)
		return VIT_ENOMEM;
	if (v->n)
		memcpy(fresh, v->v, (size_t)v->n * sizeof *fresh);
	fresh[v->n] = copy;
	v->v = fresh;
	v->n++;
	return 0;
}

int cli_value_set(const struct cli_option *o, void *value, const char *text, int check)
{
	switch (o->type) {
	case CLI_FLAG:
		*(int *)value = strcmp(text, "0") != 0;
		return 0;
	case CLI_INT:
	case CLI_BYTES:
		return set_int(o, value, text, check);
	case CLI_FLOAT:
		return set_float(o, value, text, check);
	case CLI_STR:
		*(const char **)value = text;
		return 0;
	case CLI_CHOICE:
		return set_choice(o, value, text, 0);
	case CLI_OPTCHOICE:
		return set_choice(o, value, text, 1);
	case CLI_SHARE:
		return set_share(o, value, text);
	case CLI_SPAN:
		return set_span(o, value, text);
	case CLI_FRACTION:
		return set_fraction(o, value, text);
	case CLI_PART:
		return set_part(o, value, text);
	case CLI_PLACE:
		return set_place(o, value, text);
	case CLI_LIST:
		return add_to_list(value, text);
	case CLI_OPTINT:
		((struct cli_optint *)value)->given = check;
		return set_int(o, &((struct cli_optint *)value)->value, text, check);
	}
	return 0;
}

/* ---- back to text -------------------------------------------------------------------- */

/* The shortest decimal that reads back as `x`; whole numbers without exponent. */
static int add_number(struct vit_buf *b, double x, const char *unit)
{
	char text[40];
	if (x == floor(x) && fabs(x) < 1e15)
		return vit_buf_printf(b, "%.0f%s", x, unit);
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, x);
		if (strtod(text, NULL) == x)
			break;
	}
	return vit_buf_printf(b, "%s%s", text, unit);
}

/* A file is known by its name, not by where it lies on this machine. */
static const char *base_name(const struct cli_option *o, const char *s)
{
	const char *slash = strrchr(s, '/');
	return slash && slash[1] && o->arg && strstr(o->arg, "FILE") ? slash + 1 : s;
}

static int add_choice(struct vit_buf *b, const char *values, int i)
{
	for (; i > 0 && strchr(values, '|'); i--)
		values = strchr(values, '|') + 1;
	return vit_buf_printf(b, "%.*s", (int)strcspn(values, "|"), values);
}

static int add_list(struct vit_buf *b, const struct cli_option *o, const struct cli_list *l)
{
	int rc = vit_buf_printf(b, "%s", "");
	for (int i = 0; !rc && i < l->n; i++)
		rc = vit_buf_printf(b, "%s%s", i ? " " : "", base_name(o, l->v[i]));
	return rc;
}

int cli_value_text(const struct cli_option *o, const void *value, struct vit_buf *b)
{
	const struct cli_share *share = value;
	const struct cli_span *span = value;
	const struct cli_part *part = value;
	const struct cli_place *place = value;
	const struct cli_optint *optint = value;
	switch (o->type) {
	case CLI_FLAG:
		return vit_buf_printf(b, "%s", *(const int *)value ? "true" : "false");
	case CLI_INT:
	case CLI_BYTES:
		return vit_buf_printf(b, "%" PRId64, *(const int64_t *)value);
	case CLI_FLOAT:
	case CLI_FRACTION:
		return add_number(b, *(const double *)value, "");
	case CLI_STR:
		return vit_buf_printf(b, "%s", *(const char *const *)value ? base_name(o, *(const char *const *)value) : "");
	case CLI_CHOICE:
		return add_choice(b, o->values, *(const int *)value);
	case CLI_OPTCHOICE:
		return *(const int *)value ? add_choice(b, o->values, *(const int *)value - 1) : vit_buf_printf(b, "%s", "");
	case CLI_SHARE:
		return add_number(b, share->value, share->percent ? "%" : "");
	case CLI_SPAN:
		return add_number(b, span->value, span_unit[span->unit]);
	case CLI_PART:
		return vit_buf_printf(b, "%" PRId64 "/%" PRId64, part->i, part->n);
	case CLI_PLACE:
		return vit_buf_printf(b, "%" PRId64 ":%" PRId64, place->epoch, place->record);
	case CLI_LIST:
		return add_list(b, o, value);
	case CLI_OPTINT:
		return optint->given ? vit_buf_printf(b, "%" PRId64, optint->value) : vit_buf_printf(b, "false");
	}
	return 0;
}

size_t cli_value_size(const struct cli_option *o)
{
	switch (o->type) {
	case CLI_FLAG:
	case CLI_CHOICE:
	case CLI_OPTCHOICE:
		return sizeof(int);
	case CLI_STR:
		return sizeof(char *);
	case CLI_SHARE:
		return sizeof(struct cli_share);
	case CLI_SPAN:
		return sizeof(struct cli_span);
	case CLI_PART:
		return sizeof(struct cli_part);
	case CLI_PLACE:
		return sizeof(struct cli_place);
	case CLI_LIST:
		return sizeof(struct cli_list);
	case CLI_OPTINT:
		return sizeof(struct cli_optint);
	default:
		return sizeof(int64_t);
	}
}
