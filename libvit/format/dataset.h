/* SPDX-License-Identifier: MIT
 *
 * dataset.h - from a public data set's name to the place where it lies.
 */
#ifndef VIT_FORMAT_DATASET_H
#define VIT_FORMAT_DATASET_H

#include "format/format.h"

/* NULL: no such name. */
const struct vit_dataset *vit_dataset_by_name(const char *name);
/* Its path, malloc'd: below /usr/share/datasets, then below the cache (NULL: the
 * default one). VIT_END: it is in neither, or was downloaded in part only. */
int vit_dataset_find(const struct vit_dataset *, const char *cache, char **path) VIT_MUST_CHECK;
/* Compare the records of `split` with what is known: `count` of them and the
 * running XXH3-64 of struct vit_dataset_check. VIT_EFORMAT. */
int vit_dataset_compare(const struct vit_dataset *, const char *split, int64_t count, uint64_t xxh3) VIT_MUST_CHECK;

#endif
