/* SPDX-License-Identifier: MIT
 *
 * dataset.c - public data sets by name.
 */
#include "format/dataset.h"

#include "core/mem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct vit_dataset *vit_dataset_by_name(const char *name)
{
	for (int i = 0; vit_datasets[i]; i++)
		if (!strcmp(vit_datasets[i]->name, name))
			return vit_datasets[i];
	return NULL;
}

enum { LONGEST = 1024 };        /* of a folder's path */

static int cache_dir(char *buf, size_t size, const char *cache)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int n = 0;
	if (cache)
		n = snprintf(buf, size, "%s", cache);
	else if (xdg && *xdg == '/')    /* the specification ignores relative ones */
		n = snprintf(buf, size, "%s/vit", xdg);
	else if (home && *home)
		n = snprintf(buf, size, "%s/.cache/vit", home);
	return n > 0 && (size_t)n < size;
}

int vit_dataset_find(const struct vit_dataset *d, const char *cache, char **path)
{
	char dir[2][LONGEST] = { "/usr/share/datasets", "" }, full[4 * LONGEST];
	int n = 1 + cache_dir(dir[1], sizeof dir[1], cache);
	for (int i = 0; i < n; i++)
		for (const char *const *w = d->where; *w; w++) {
			snprintf(full, sizeof full, "%s/%s", dir[i], *w);
			if (access(full, R_OK))
				continue;
			*path = vit_strdup(full);
			return *path ? 0 : VIT_ENOMEM;
		}
	return vit_fail(VIT_EIO, "data set %s is neither in %s/%s nor in %s/%s; %s", d->name, dir[0], d->name,
	                n > 1 ? dir[1] : "the cache", d->name, d->obtain);
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
