/* SPDX-License-Identifier: MIT */
#include "format/csv_row.h"

#include <string.h>

static int is_end(const char *p, const char *end)
{
	return p == end || *p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n');
}

static char guess(const char *p, const char *end)
{
	static const char candidate[] = ",\t;";
	size_t count[3] = { 0 };
	int quoted = 0, best = 0;
	for (; p < end && (quoted || *p != '\n'); p++) {
		const char *c = memchr(candidate, *p, 3);
		quoted ^= *p == '"';
		if (c && !quoted)
			count[c - candidate]++;
	}
	for (int i = 1; i < 3; i++)
		if (count[i] > count[best])
			best = i;
	return candidate[best];
}

int vit_csv_open(struct vit_csv *c, const void *p, size_t n)
{
	const uint8_t *b = p;
	if (n >= 2 && (!memcmp(b, "\xff\xfe", 2) || !memcmp(b, "\xfe\xff", 2)))
		return vit_fail(VIT_EFORMAT, "is UTF-16; save it as UTF-8");
	size_t skip = n >= 3 && !memcmp(b, "\xef\xbb\xbf", 3) ? 3 : 0;
	c->p = n ? (const char *)b + skip : "";
	c->end = c->p + (n - skip);
	c->line = 1;
	c->n = 0;
	c->delimiter = guess(c->p, c->end);
	return 0;
}

/* `"...` up to its closing quote. */
static int quoted_field(struct vit_csv *c, struct vit_csv_field *f)
{
	f->p = ++c->p;
	for (;; c->p += 2) {
		const char *quote = memchr(c->p, '"', (size_t)(c->end - c->p));
		if (!quote)
			return vit_fail(VIT_EFORMAT, "line %lld: a quote is opened and not closed", (long long)c->line);
		for (const char *nl = c->p; (nl = memchr(nl, '\n', (size_t)(quote - nl))); nl++)
			c->line++;
		c->p = quote;
		if (quote + 1 == c->end || quote[1] != '"')
			break;
		f->doubled = 1;
	}
	f->n = (size_t)(c->p++ - f->p);
	while (c->p < c->end && *c->p == ' ')
		c->p++;
	if (is_end(c->p, c->end) || *c->p == c->delimiter)
		return 0;
	return vit_fail(VIT_EFORMAT, "line %lld: text behind a closing quote; a quote inside a field is written twice", (long long)c->line);
}

static void plain_field(struct vit_csv *c, struct vit_csv_field *f)
{
	f->p = c->p;
	while (!is_end(c->p, c->end) && *c->p != c->delimiter)
		c->p++;
	f->n = (size_t)(c->p - f->p);
	while (f->n && f->p[f->n - 1] == ' ')
		f->n--;
}

static int row(struct vit_csv *c)
{
	c->row = c->p;
	c->row_line = c->line;
	for (c->n = 0;; c->p++) {
		if (c->n == VIT_CSV_FIELDS)
			return vit_fail(VIT_EFORMAT, "line %lld: more than %d fields", (long long)c->row_line, VIT_CSV_FIELDS);
		struct vit_csv_field *f = &c->field[c->n++];
		*f = (struct vit_csv_field){ 0 };
		while (c->p < c->end && *c->p == ' ')
			c->p++;
		if (c->p < c->end && *c->p == '"')
			VIT_TRY(quoted_field(c, f));
		else
			plain_field(c, f);
		if (is_end(c->p, c->end))
			break;
	}
	if (memchr(c->row, 0, (size_t)(c->p - c->row)))
		return vit_fail(VIT_EFORMAT, "line %lld: is no text", (long long)c->row_line);
	c->p += c->p < c->end && *c->p == '\r';
	if (c->p < c->end) {
		c->p++;
		c->line++;
	}
	return 0;
}

int vit_csv_next(struct vit_csv *c)
{
	while (c->p < c->end) {
		VIT_TRY(row(c));
		if (c->n > 1 || c->field[0].n)
			return 0;
	}
	return VIT_END;
}

int vit_csv_text(const struct vit_csv *c, int i, struct vit_buf *buf, const char **p, size_t *n)
{
	*p = "";
	*n = 0;
	if (i < 0 || i >= c->n)
		return 0;
	const struct vit_csv_field *f = &c->field[i];
	*p = f->p;
	*n = f->n;
	if (!f->doubled)
		return 0;
	buf->n = 0;
	for (size_t k = 0; k < f->n; k++) {
		VIT_TRY(vit_buf_add(buf, f->p + k, 1));
		k += f->p[k] == '"';
	}
	*p = (const char *)buf->p;
	*n = buf->n;
	return 0;
}
