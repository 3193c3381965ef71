/* SPDX-License-Identifier: MIT
 *
 * obtain.c - URLs and data sets that have to be downloaded first.
 */
#include "format/obtain.h"

#include "core/mem.h"
#include "format/dataset.h"
#include "format/download.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Progress of one file as that of the whole: "cifar10: downloading from ..." */
struct watch {
	const struct vit_fetch_opt *opt;
	const char *name;
	int64_t before, total;          /* bytes of the files before it; of all, -1: not known */
};

static int watch(void *ctx, const char *what, int64_t done, int64_t total)
{
	const struct watch *w = ctx;
	struct vit_buf text = { 0 };
	/* one of several files is not the end */
	if (!w->opt->progress || !what)
		return 0;
	int rc = vit_buf_printf(&text, "%s: %s", w->name, what);
	if (!rc)
		rc = w->opt->progress(w->opt->progress_ctx, (const char *)text.p, w->before + done, total < 0 || w->total < 0 ? total : w->total);
	vit_buf_release(&text);
	return rc;
}

static void over(const struct vit_fetch_opt *o)
{
	if (o->progress)
		(void)o->progress(o->progress_ctx, NULL, 0, 0);
}

/* ---- URLs --------------------------------------------------------------------------------- */

static int check_digest(const char *path, const char *want)
{
	struct stat st;
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return vit_fail(VIT_EUSAGE, "%s: is no file, whose digest alone could be checked", path);
	return vit_file_digest(path, want);
}

static int download_url(const char *url, const struct vit_fetch_opt *o, char **path)
{
	const char *const urls[] = { url, NULL };
	VIT_TRY(vit_url_path(url, o->cache, path));
	const char *slash = strrchr(*path, '/');
	struct watch w = { .opt = o, .name = slash ? slash + 1 : *path, .total = -1 };
	struct vit_download d = { .url = urls, .sha256 = o->sha256, .size = -1, .path = *path, .progress = watch, .ctx = &w };
	/* what is kept may be an older version than the one that is asked for */
	if (o->sha256 && !access(*path, F_OK)) {
		int rc = vit_file_digest(*path, o->sha256);
		if (rc != VIT_EFORMAT)
			return rc;
		if (unlink(*path))
			return vit_fail_errno("%s", *path);
	}
	int rc = vit_download(&d);
	over(o);
	return rc;
}

int vit_obtain(char **path, const struct vit_fetch_opt *o)
{
	char *here = NULL;
	if (!vit_is_url(*path)) {
		if (o->sha256 && !strcmp(*path, "-"))
			return vit_fail(VIT_EUSAGE, "a digest is checked before the first record; stdin comes only once, name a file");
		if (strstr(*path, "://") && access(*path, F_OK))
			return vit_fail(VIT_EUSAGE, "%s: neither a file nor an address that is read: those begin with http, https, ftp or file",
			                *path);
		return o->sha256 ? check_digest(*path, o->sha256) : 0;
	}
	/* files of this machine are read where they are, as they are now */
	int local = !strncasecmp(*path, "file:", 5);
	int rc = local ? vit_url_file(*path, &here) : download_url(*path, o, &here);
	if (!rc && local && o->sha256)
		rc = check_digest(here, o->sha256);
	if (rc) {
		free(here);
		return rc;
	}
	free(*path);
	*path = here;
	return 0;
}

/* ---- data sets ------------------------------------------------------------------------------ */

static int download_files(const struct vit_dataset *d, const char *dir, const struct vit_fetch_opt *o)
{
	struct watch w = { .opt = o, .name = d->name };
	for (const struct vit_dataset_file *f = d->files; f->name; f++)
		w.total = f->size < 0 || w.total < 0 ? -1 : w.total + f->size;
	for (const struct vit_dataset_file *f = d->files; f->name; f++) {
		struct vit_buf path = { 0 };
		int rc = vit_buf_printf(&path, "%s/%s", dir, f->name);
		struct vit_download get = { .url = f->url, .sha256 = f->sha256, .size = f->size, .path = (const char *)path.p,
			.progress = watch, .ctx = &w };
		if (!rc)
			rc = vit_download(&get);
		vit_buf_release(&path);
		if (rc)
			return rc;
		w.before += f->size > 0 ? f->size : 0;
	}
	return 0;
}

int vit_obtain_dataset(const struct vit_dataset *d, const struct vit_fetch_opt *o, char **path)
{
	struct vit_buf dir = { 0 };
	char *cache = NULL;
	if (o->sha256)
		return vit_fail(VIT_EUSAGE, "%s is a data set, whose digests are known; --sha256 is for a file or a URL", d->name);
	int rc = vit_dataset_find(d, o->cache, path);
	if (rc != VIT_END)
		return rc;
	rc = vit_cache_dir(o->cache, &cache);
	if (!rc)
		rc = vit_buf_printf(&dir, "%s/%s", cache, d->name);
	if (rc)
		goto out;
	if (d->files) {
		rc = download_files(d, (const char *)dir.p, o);
		over(o);
	} else {
		rc = vit_fail(VIT_EIO, "data set %s is neither in /usr/share/datasets/%s nor in %s", d->name, d->name, (const char *)dir.p);
	}
	if (!rc && vit_dataset_find(d, o->cache, path))
		rc = vit_fail(VIT_EIO, "data set %s: was removed from %s in the meantime", d->name, (const char *)dir.p);
	if (rc && rc != VIT_EINTR) {
		char text[1024];
		snprintf(text, sizeof text, "%s", vit_errmsg());
		vit_fail(rc, "data set %s: %s; or %s (the cache is %s)", d->name, text, d->obtain, cache);
	}
out:
	vit_buf_release(&dir);
	free(cache);
	return rc;
}
