/* SPDX-License-Identifier: MIT
 *
 * directory.c - all files below a directory, listed whole and sorted by code
 * point of the path below it, so that the order does not depend on the file system.
 */
#include "format/container.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DEEPEST = 64 };

/* The way from the root to the directory that is read now. */
struct walk {
	struct vit_listing *list;
	struct vit_source *source;
	char path[PATH_MAX];            /* of the present directory */
	size_t skip;                    /* bytes of `path` that are the root and its '/' */
	struct { dev_t dev; ino_t ino; } above[DEEPEST];
	int depth;
	int64_t dead;                   /* links that lead nowhere */
	char *first_dead;
};

static int grow(void **p, size_t *cap, size_t want, size_t size)
{
	if (want <= *cap)
		return 0;
	size_t more = *cap ? *cap : 1024;
	while (more < want)
		more += more / 2;
	void *q = vit_realloc(*p, more * size);
	if (!q)
		return VIT_ENOMEM;
	*p = q;
	*cap = more;
	return 0;
}

static int add_text(struct vit_listing *l, const char *s, uint32_t *where)
{
	size_t n = strlen(s) + 1;
	if (l->n_text + n > UINT32_MAX)
		return vit_fail(VIT_EUNSUPPORTED, "more than 4 GiB of file names; give a part of the directory");
	VIT_TRY(grow((void **)&l->text, &l->cap_text, l->n_text + n, 1));
	memcpy(l->text + l->n_text, s, n);
	*where = (uint32_t)l->n_text;
	l->n_text += n;
	return 0;
}

static int add_dir(struct vit_listing *l, const char *below)
{
	VIT_TRY(grow((void **)&l->dir, &l->cap_dir, l->n_dir + 1, sizeof *l->dir));
	return add_text(l, below, &l->dir[l->n_dir++]);
}

static int add_file(struct vit_listing *l, uint32_t dir, const char *name)
{
	VIT_TRY(grow((void **)&l->file, &l->cap_file, l->n_file + 1, sizeof *l->file));
	l->file[l->n_file].dir = dir;
	return add_text(l, name, &l->file[l->n_file++].name);
}

int vit_member_hidden(const char *name)
{
	for (;; name++) {
		if (*name == '.' || !strncmp(name, "__MACOSX/", 9))
			return 1;
		name = strchr(name, '/');
		if (!name)
			return 0;
	}
}

/* DT_REG, DT_DIR, or what is no data: DT_UNKNOWN. */
static int kind_of(struct walk *w, const struct dirent *e, const char *path)
{
	if (e->d_type == DT_REG || e->d_type == DT_DIR)
		return e->d_type;
	struct stat st;
	if (e->d_type != DT_LNK && e->d_type != DT_UNKNOWN)
		return DT_UNKNOWN;
	if (stat(path, &st)) {
		if (!w->dead++)
			w->first_dead = vit_strdup(path);
		return DT_UNKNOWN;
	}
	return S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
}

static int read_dir(struct walk *w);

/* `path` is the directory's and has room for a name at `end`. */
static int entry(struct walk *w, const struct dirent *e, uint32_t dir, size_t end)
{
	if (e->d_name[0] == '.') {
		w->list->hidden += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
		return 0;
	}
	if (!strcmp(e->d_name, "__MACOSX")) {
		w->list->hidden++;
		return 0;
	}
	if ((size_t)snprintf(w->path + end, sizeof w->path - end, "/%s", e->d_name) >= sizeof w->path - end)
		return vit_fail(VIT_EIO, "%s: a path in it is longer than %d bytes", w->path, PATH_MAX);
	int kind = kind_of(w, e, w->path), rc = 0;
	if (kind == DT_REG)
		rc = add_file(w->list, dir, e->d_name);
	else if (kind == DT_DIR)
		rc = read_dir(w);
	w->path[end] = '\0';
	return rc;
}

/* Is it one of those above, reached by a link? */
static int circle(struct walk *w, const struct stat *st)
{
	for (int i = 0; i < w->depth; i++)
		if (w->above[i].dev == st->st_dev && w->above[i].ino == st->st_ino)
			return 1;
	return 0;
}

static int read_dir(struct walk *w)
{
	struct vit_listing *l = w->list;
	struct stat st;
	size_t end = strlen(w->path);
	DIR *d = opendir(w->path);
	if (!d || fstat(dirfd(d), &st)) {
		int rc = vit_fail_errno("%s", w->path);
		if (d)
			closedir(d);
		return rc;
	}
	int rc = 0;
	if (circle(w, &st)) {
		rc = vit_source_notice(w->source, "%s: a link to a directory that it lies in; not followed", w->path);
		goto out;
	}
	if (w->depth == DEEPEST) {
		rc = vit_fail(VIT_EUNSUPPORTED, "%s: directories are nested more than %d deep", w->path, DEEPEST);
		goto out;
	}
	w->above[w->depth].dev = st.st_dev;
	w->above[w->depth++].ino = st.st_ino;
	uint32_t dir = (uint32_t)l->n_dir;
	if (vit_input_interrupted())
		rc = vit_fail(VIT_EINTR, "%s: interrupted", w->path);
	else
		rc = add_dir(l, end > w->skip ? w->path + w->skip : "");
	for (struct dirent *e; !rc && (errno = 0, e = readdir(d));)
		rc = entry(w, e, dir, end);
	if (!rc && errno)
		rc = vit_fail_errno("%s", w->path);
	w->depth--;
out:
	closedir(d);
	return rc;
}

/* The next byte of the path dir/name, which is never built. */
static int step(const char **p, const char **rest)
{
	if (!**p && *rest) {
		*p = *rest;
		*rest = NULL;
		return '/';
	}
	return (unsigned char)*(*p)++;
}

static int by_path(const void *a, const void *b, void *ctx)
{
	const struct vit_listing *l = ctx;
	const struct vit_listed *x = a, *y = b;
	const char *p = l->text + x->name, *q = l->text + y->name;
	if (x->dir == y->dir)
		return strcmp(p, q);
	const char *rest_p = x->dir ? p : NULL, *rest_q = y->dir ? q : NULL;
	p = x->dir ? l->text + l->dir[x->dir] : p;
	q = y->dir ? l->text + l->dir[y->dir] : q;
	for (;;) {
		int c = step(&p, &rest_p), d = step(&q, &rest_q);
		if (c != d || !c)
			return c - d;
	}
}

int vit_listing_read(struct vit_listing *l, const char *root, struct vit_source *s)
{
	struct walk *w = vit_calloc(1, sizeof *w);
	if (!w)
		return VIT_ENOMEM;
	w->list = l;
	w->source = s;
	size_t n = strlen(root);
	int rc;
	if (n + 2 > sizeof w->path) {
		rc = vit_fail(VIT_EIO, "%s: the path is too long", root);
		goto out;
	}
	memcpy(w->path, root, n + 1);
	while (n > 1 && w->path[n - 1] == '/')
		w->path[--n] = '\0';
	w->skip = n + 1;
	rc = read_dir(w);
	if (!rc && l->n_file)
		qsort_r(l->file, l->n_file, sizeof *l->file, by_path, l);
	if (!rc && w->dead)
		rc = vit_source_notice(s, "%lld links lead nowhere, %s the first", (long long)w->dead, w->first_dead ? w->first_dead : "");
out:
	free(w->first_dead);
	free(w);
	return rc;
}

int vit_listing_path(const struct vit_listing *l, size_t i, char *buf, size_t size)
{
	const struct vit_listed *f = &l->file[i];
	const char *dir = l->text + l->dir[f->dir];
	if (snprintf(buf, size, "%s%s%s", dir, *dir ? "/" : "", l->text + f->name) >= (int)size)
		return vit_fail(VIT_EIO, "%s/%s: the path is too long", dir, l->text + f->name);
	return 0;
}

void vit_listing_release(struct vit_listing *l)
{
	free(l->text);
	free(l->dir);
	free(l->file);
	*l = (struct vit_listing){ 0 };
}
