/* SPDX-License-Identifier: MIT
 *
 * plugin.c - formats by name, built in or from $VIT_PLUGIN_PATH.
 *
 * Whoever can write a plugin can run code as us, so only absolute directories
 * count and nothing that others may write is opened.
 */
#include "format/plugin.h"

#include "core/mem.h"

#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first published layout ended here; a plugin may be older, never shorter. */
static const size_t smallest = offsetof(struct vit_format, close) + sizeof(void (*)(void *));

static const struct vit_format *built_in(const char *name)
{
	for (int i = 0; vit_formats[i]; i++)
		if (!strcmp(vit_formats[i]->name, name))
			return vit_formats[i];
	return NULL;
}

/* A C identifier's tail: it becomes part of a file name and of a symbol. */
static int good_name(const char *name)
{
	return *name && strlen(name) < 64 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* Call `fn` for each absolute directory of the path; a relative one would depend
 * on where the program is started. Stops at the first nonzero. */
static int each_dir(int (*fn)(void *ctx, const char *dir), void *ctx)
{
	const char *path = getenv("VIT_PLUGIN_PATH");
	int rc = 0;
	while (path && *path && !rc) {
		size_t n = strcspn(path, ":");
		char dir[PATH_MAX];
		if (n && n < sizeof dir) {
			memcpy(dir, path, n);
			dir[n] = '\0';
			if (*dir == '/')
				rc = fn(ctx, dir);
		}
		path += n + (path[n] == ':');
	}
	return rc;
}

static int trusted(const char *path, mode_t kind)
{
	struct stat st;
	if (stat(path, &st))
		return vit_fail_errno("%s", path);
	/* a FIFO would be waited for */
	if ((st.st_mode & S_IFMT) != kind)
		return vit_fail(VIT_EUSAGE, "plugin %s: is no %s", path, kind == S_IFDIR ? "directory" : "file");
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return vit_fail(VIT_EUSAGE, "plugin %s: it belongs to another user; only your own and root's are loaded", path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return vit_fail(VIT_EUSAGE, "plugin %s: others may write it; run chmod go-w on it", path);
	return 0;
}

static int load(const char *path, const char *name, const struct vit_format **out)
{
	char symbol[96];
	void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!so)
		return vit_fail(VIT_EUNSUPPORTED, "plugin %s: %s", name, dlerror());
	snprintf(symbol, sizeof symbol, "vit_format_%s", name);
	const struct vit_format *f = dlsym(so, symbol);
	int rc = 0;
	if (!f)
		rc = vit_fail(VIT_EUNSUPPORTED, "plugin %s: %s has no symbol %s", name, path, symbol);
	else if (f->abi != VIT_FORMAT_ABI)
		rc = vit_fail(VIT_EUNSUPPORTED, "plugin %s: built for format interface %u, this is %d; build it again", name,
		              (unsigned)f->abi, VIT_FORMAT_ABI);
	else if (f->size < smallest)
		rc = vit_fail(VIT_EUNSUPPORTED, "plugin %s: its struct has %u bytes, at least %zu are needed", name,
		              (unsigned)f->size, smallest);
	else if (!f->name || strcmp(f->name, name) || !f->probe || !f->open || !f->read || !f->close)
		rc = vit_fail(VIT_EUNSUPPORTED, "plugin %s: its struct lacks the name \"%s\" or a function", name, name);
	/* fields it does not know are zero, those we do not know are left out */
	struct vit_format *copy = rc ? NULL : vit_calloc(1, sizeof *copy);
	if (!copy) {
		dlclose(so);
		return rc ? rc : VIT_ENOMEM;
	}
	memcpy(copy, f, f->size < sizeof *copy ? f->size : sizeof *copy);
	*out = copy;
	return 0;
}

struct wanted {
	const char *name;
	const struct vit_format **out;
};

static int try_dir(void *ctx, const char *dir)
{
	const struct wanted *w = ctx;
	char path[PATH_MAX + 80];
	snprintf(path, sizeof path, "%s/%s.so", dir, w->name);
	if (access(path, F_OK))
		return 0;
	VIT_TRY(trusted(dir, S_IFDIR));
	/* a link may lead to a directory in which others can replace the file */
	char *real = realpath(path, NULL);
	if (!real)
		return vit_fail_errno("plugin %s", path);
	int rc = trusted(real, S_IFREG);
	if (!rc) {
		char *slash = strrchr(real, '/');
		*slash = '\0';
		rc = trusted(slash == real ? "/" : real, S_IFDIR);
		*slash = '/';
	}
	if (!rc)
		rc = load(real, w->name, w->out);
	free(real);
	return rc ? rc : VIT_END;
}

/* Plugins live as long as the process: asked for twice, opened once. */
static struct loaded {
	struct loaded *next;
	const struct vit_format *format;
} *loaded;

static int plugin(const char *name, const struct vit_format **out)
{
	for (struct loaded *l = loaded; l; l = l->next)
		if (!strcmp(l->format->name, name)) {
			*out = l->format;
			return 0;
		}
	if (!good_name(name))
		return vit_fail(VIT_EUSAGE, "plugin \"%s\": a name has only a-z, 0-9 and _", name);
	struct wanted w = { name, out };
	int rc = each_dir(try_dir, &w);
	if (!rc)
		return vit_fail(VIT_EUSAGE, "no plugin %s.so in the absolute directories of $VIT_PLUGIN_PATH", name);
	if (rc != VIT_END)
		return rc;
	struct loaded *l = vit_malloc(sizeof *l);
	if (!l)
		return VIT_ENOMEM;
	*l = (struct loaded){ loaded, *out };
	loaded = l;
	return 0;
}

int vit_format_by_name(const char *name, const struct vit_format **out)
{
	if (!strncmp(name, "plugin:", 7))
		return plugin(name + 7, out);
	*out = built_in(name);
	if (*out)
		return 0;
	if (plugin(name, out) == 0)
		return 0;
	struct vit_buf b = { 0 };
	for (int i = 0; vit_formats[i]; i++)
		VIT_TRY(vit_buf_printf(&b, "%s%s", i ? ", " : "", vit_formats[i]->name));
	int rc = vit_fail(VIT_EUSAGE, "no format \"%s\": built in are %s, and %s", name, (char *)b.p, vit_errmsg());
	vit_buf_release(&b);
	return rc;
}

/* ---- listing ----------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct names {
	char **v;
	size_t n;
};

static int list_dir(void *ctx, const char *dir)
{
	struct names *names = ctx;
	DIR *d = opendir(dir);
	if (!d)
		return 0;
	int rc = 0;
	for (struct dirent *e; !rc && (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		if (n < 4 || strcmp(e->d_name + n - 3, ".so"))
			continue;
		e->d_name[n - 3] = '\0';
		if (!good_name(e->d_name))
			continue;
		char **v = vit_realloc(names->v, (names->n + 1) * sizeof *v);
		if (!v) {
			rc = VIT_ENOMEM;
			break;
		}
		names->v = v;
		v[names->n] = vit_strdup(e->d_name);
		if (v[names->n])
			names->n++;
		else
			rc = VIT_ENOMEM;
	}
	closedir(d);
	return rc;
}

char *vit_format_plugins(void)
{
	struct names names = { 0 };
	struct vit_buf b = { 0 };
	int rc = each_dir(list_dir, &names);
	if (names.n)
		qsort(names.v, names.n, sizeof *names.v, by_text);
	if (!rc)
		rc = vit_buf_add(&b, "", 0);
	for (size_t i = 0; i < names.n; i++) {
		if (!rc && (i == 0 || strcmp(names.v[i], names.v[i - 1])))
			rc = vit_buf_printf(&b, "%s%s", b.n ? "\n" : "", names.v[i]);
	}
	for (size_t i = 0; i < names.n; i++)
		free(names.v[i]);
	free(names.v);
	if (!rc && !b.p)
		return vit_strdup("");
	if (rc)
		vit_buf_release(&b);
	return (char *)b.p;
}
