/* SPDX-License-Identifier: MIT
 *
 * dataset.c - public data sets by name.
 */
#include "format/dataset.h"

#include "core/mem.h"
#include "format/download.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct vit_dataset *vit_dataset_by_name(const char *name)
{
	for (int i = 0; vit_datasets[i]; i++)
		if (!strcmp(vit_datasets[i]->name, name))
			return vit_datasets[i];
	return NULL;
}

static int is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;
	for (struct dirent *e; d && (e = readdir(d)); )
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	if (d)
		closedir(d);
	return n == 0;
}

/* Is this folder of the cache a whole set? One that has some of the files to be
 * downloaded wants the others too; one that has none was filled by the user in a
 * way of his own. */
static int whole(const struct vit_dataset *d, const char *dir)
{
	int here = 0, missing = 0;
	struct stat st;
	if (stat(dir, &st) || !S_ISDIR(st.st_mode))
		return 1;
	if (is_empty(dir))
		return 0;
	for (const struct vit_dataset_file *f = d->files; f && f->name; f++) {
		struct vit_buf path = { 0 };
		if (vit_buf_printf(&path, "%s/%s", dir, f->name))
			return 0;
		if (!access((const char *)path.p, F_OK))
			here++;
		else
			missing++;
		if (!vit_buf_printf(&path, ".part") && !access((const char *)path.p, F_OK))
			here++;
		vit_buf_release(&path);
	}
	return !here || !missing;
}

static int find_in(const struct vit_dataset *d, const char *dir, int cached, char **path)
{
	for (const char *const *w = d->where; *w; w++) {
		struct vit_buf full = { 0 };
		VIT_TRY(vit_buf_printf(&full, "%s/%s", dir, *w));
		*path = (char *)full.p;
		if (!access(*path, R_OK) && (!cached || whole(d, *path)))
			return 0;
		vit_buf_release(&full);
	}
	*path = NULL;
	return VIT_END;
}

int vit_dataset_find(const struct vit_dataset *d, const char *cache, char **path)
{
	char *dir;
	int rc = find_in(d, "/usr/share/datasets", 0, path);
	/* without any place for a cache there is still the system's */
	if (rc != VIT_END || vit_cache_dir(cache, &dir))
		return rc;
	rc = find_in(d, dir, 1, path);
	free(dir);
	return rc;
}

int vit_dataset_compare(const struct vit_dataset *d, const char *split, int64_t count, uint64_t xxh3)
{
	for (size_t i = 0; i < sizeof d->check / sizeof *d->check && d->check[i].split; i++) {
		if (strcmp(d->check[i].split, split))
			continue;
		if (d->check[i].count != count)
			return vit_fail(VIT_EFORMAT, "%s@%s: %" PRId64 " records, the published set has %" PRId64, d->name, split,
			                count, d->check[i].count);
		if (d->check[i].xxh3 && d->check[i].xxh3 != xxh3)
			return vit_fail(VIT_EFORMAT, "%s@%s: its labels and pixels have the digest %016" PRIx64
			                ", the published ones %016" PRIx64, d->name, split, xxh3, d->check[i].xxh3);
	}
	return 0;
}
