/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 64 << 20 };

static char *trim(char *s)
{
	s += strspn(s, " \t");
	size_t n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		n--;
	s[n] = 0;
	return s;
}

/* A tab separates whatever the names hold; without one, the first arrow does. */
static int add_line(struct vit_class_file *f, char *line, const char *path, int number)
{
	line = trim(line);
	if (!*line || *line == '#')
		return 0;
	char *sep = strchr(line, '\t');
	size_t n_sep = 1;
	if (!sep) {
		sep = strstr(line, "=>");
		n_sep = 2;
	}
	if (!sep)
		return vit_fail(VIT_EFORMAT, "%s:%d: \"%.80s\" is not \"theirs => ours\", two class names with a tab or => between", path, number, line);
	*sep = 0;
	char *theirs = trim(line), *ours = trim(sep + n_sep);
	if (!*theirs || !*ours)
		return vit_fail(VIT_EFORMAT, "%s:%d: a class name is missing beside %s", path, number, n_sep == 1 ? "the tab" : "=>");
	for (int i = 0; i < f->n; i++)
		if (!strcmp(f->theirs[i], theirs) && strcmp(f->ours[i], ours))
			return vit_fail(VIT_EFORMAT, "%s:%d: \"%.80s\" is \"%.80s\" and was \"%.80s\" before", path, number, theirs, ours, f->ours[i]);
	f->theirs[f->n] = theirs;
	f->ours[f->n++] = ours;
	return 0;
}

static int load(struct vit_input *in, struct vit_buf *b)
{
	const uint8_t *p;
	size_t got = 0;
	do {
		VIT_TRY(vit_input_skip(in, got));
		VIT_TRY(vit_input_some(in, &p, &got));
		if (b->n + got > MAX_FILE || (got && memchr(p, 0, got)))
			return vit_fail(VIT_EFORMAT, "%s: is no text of class names", vit_input_name(in));
		VIT_TRY(vit_buf_add(b, p, got));
	} while (got);
	return vit_buf_add(b, "", 1);
}

int vit_class_file_read(struct vit_class_file *f, const char *path)
{
	struct vit_input *in;
	struct vit_buf b = { 0 };
	*f = (struct vit_class_file){ 0 };
	VIT_TRY(vit_input_open(&in, path));
	int rc = load(in, &b), lines = 1;
	vit_input_close(in);
	char *text = rc ? NULL : vit_arena_strdup(&f->arena, (const char *)b.p);
	vit_buf_release(&b);
	if (!rc && !text)
		rc = VIT_ENOMEM;
	for (const char *p = text; p && *p; p++)
		lines += *p == '\n';
	if (!rc) {
		f->theirs = vit_arena_alloc(&f->arena, (size_t)lines * sizeof *f->theirs);
		f->ours = vit_arena_alloc(&f->arena, (size_t)lines * sizeof *f->ours);
		rc = f->theirs && f->ours ? 0 : VIT_ENOMEM;
	}
	if (text && !strncmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	for (int number = 1; !rc && text; number++) {
		char *line = strsep(&text, "\n");
		rc = add_line(f, line, path, number);
	}
	if (rc)
		vit_class_file_release(f);
	return rc;
}

void vit_class_file_release(struct vit_class_file *f)
{
	vit_arena_release(&f->arena);
	*f = (struct vit_class_file){ 0 };
}
