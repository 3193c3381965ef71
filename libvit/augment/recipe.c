/* SPDX-License-Identifier: MIT */
#include "augment/augment.h"

#include "core/module.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RECIPE = 64 << 10, MAX_LINES = 256 };
static const char *const parts[] = { "augment", "train", NULL };

static int known_part(const char *name, size_t n)
{
	for (const char *const *p = parts; *p; p++)
		if (strlen(*p) == n && !memcmp(*p, name, n))
			return 1;
	return 0;
}

static int find_file(const char *name, char *path, size_t size)
{
	int n = strchr(name, '/') ? snprintf(path, size, "%s", name)
	                          : snprintf(path, size, "%s/recipes/%s.txt", vit_share_dir(), name);
	return n < 0 || (size_t)n >= size ? vit_fail(VIT_EUSAGE, "recipe name of %zu bytes is too long", strlen(name)) : 0;
}

/* "fashion, cifar" */
static int no_recipe(const char *name, const char *path)
{
	if (errno != ENOENT || strchr(name, '/'))
		return vit_fail_errno("recipe %s", path);
	char *list = vit_recipe_list(), known[256] = "";
	for (char *line = list ? list : known; *line; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] != 0))
		snprintf(known + strlen(known), sizeof known - strlen(known), "%s%.*s", *known ? ", " : "", (int)strcspn(line, "\t\n"), line);
	free(list);
	return vit_fail(VIT_EUSAGE, "no recipe \"%s\"; there are %s, and a path has a '/'", name, *known ? known : "none installed");
}

static int read_file(const char *name, const char *path, struct vit_buf *text)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return no_recipe(name, path);
	int rc = vit_buf_reserve(text, MAX_RECIPE + 1);
	if (rc == 0) {
		errno = 0;
		text->n = fread(text->p, 1, MAX_RECIPE, f);
		if (ferror(f))
			rc = vit_fail_errno("recipe %s", path);
		else if (text->n == MAX_RECIPE || memchr(text->p, 0, text->n))
			rc = vit_fail(VIT_EUSAGE, "recipe %s: not a text file below %d bytes", path, MAX_RECIPE);
		text->p[text->n] = '\0';
	}
	fclose(f);
	return rc;
}

/* Trim in place: blanks at both ends, and a comment. */
static char *trim(char *line)
{
	line += strspn(line, " \t\r");
	line[strcspn(line, "#")] = '\0';
	for (size_t n = strlen(line); n && strchr(" \t\r", line[n - 1]); n--)
		line[n - 1] = '\0';
	return line;
}

/* Pointers to the lines of `part` into line[0..MAX_LINES); *n of them. */
static int pick_lines(char *text, const char *path, const char *part, char **line, int *n)
{
	const char *current = NULL;
	int number = 0;
	*n = 0;
	for (char *s = text; s; ) {
		char *end = strchr(s, '\n'), *l = s;
		s = end ? end + 1 : NULL;
		if (end)
			*end = '\0';
		l = trim(l);
		number++;
		size_t len = strlen(l);
		if (!len)
			continue;
		if (l[len - 1] == ':') {
			if (!known_part(l, len - 1))
				return vit_fail(VIT_EUSAGE, "recipe %s: line %d: no part \"%s\"; parts are augment: and train:", path, number, l);
			l[len - 1] = '\0';
			current = l;
			continue;
		}
		if (!current)
			return vit_fail(VIT_EUSAGE, "recipe %s: line %d: \"%s\" stands before the first part (augment: or train:)", path, number, l);
		if (strcmp(current, part))
			continue;
		if (*n == MAX_LINES)
			return vit_fail(VIT_EUSAGE, "recipe %s: more than %d lines in %s:", path, MAX_LINES, part);
		line[(*n)++] = l;
	}
	return 0;
}

/* One block: the pointers, then the texts. */
static int pack_lines(char *const *line, int n, char ***out)
{
	size_t bytes = ((size_t)n + 1) * sizeof(char *);
	for (int i = 0; i < n; i++)
		bytes += strlen(line[i]) + 1;
	char **list = vit_malloc(bytes), *to;
	if (!list)
		return VIT_ENOMEM;
	to = (char *)(list + n + 1);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(line[i]) + 1;
		list[i] = memcpy(to, line[i], len);
		to += len;
	}
	list[n] = NULL;
	*out = list;
	return 0;
}

int vit_recipe_load(const char *name, const char *part, char ***lines)
{
	char path[4096], *line[MAX_LINES];
	struct vit_buf text = { 0 };
	int n, rc = find_file(name, path, sizeof path);
	if (rc == 0)
		rc = read_file(name, path, &text);
	if (rc == 0)
		rc = pick_lines((char *)text.p, path, part, line, &n);
	if (rc == 0)
		rc = pack_lines(line, n, lines);
	vit_buf_release(&text);
	return rc;
}

/* ---- the list ------------------------------------------------------------------- */

static int is_recipe(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return n > 4 && e->d_name[0] != '.' && !strcmp(e->d_name + n - 4, ".txt");
}

/* The first comment line, without '#'. */
static void first_comment(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	*buf = '\0';
	if (!f)
		return;
	if (fgets(buf, (int)size, f) && *buf == '#') {
		buf[strcspn(buf, "\r\n")] = '\0';
		memmove(buf, buf + 1 + (buf[1] == ' '), strlen(buf + 1 + (buf[1] == ' ')) + 1);
	} else {
		*buf = '\0';
	}
	fclose(f);
}

char *vit_recipe_list(void)
{
	char dir[4096], path[4400], help[256];
	struct dirent **entry = NULL;
	struct vit_buf out = { 0 };
	snprintf(dir, sizeof dir, "%s/recipes", vit_share_dir());
	int n = scandir(dir, &entry, is_recipe, alphasort), rc = vit_buf_printf(&out, "%s", "");
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, entry[i]->d_name);
		first_comment(path, help, sizeof help);
		if (rc == 0)
			rc = vit_buf_printf(&out, "%.*s\t%s\n", (int)strlen(entry[i]->d_name) - 4, entry[i]->d_name, help);
		free(entry[i]);
	}
	free(entry);
	if (rc)
		vit_buf_release(&out);
	return (char *)out.p;
}
