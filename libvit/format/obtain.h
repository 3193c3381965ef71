/* SPDX-License-Identifier: MIT
 *
 * obtain.h - from what the user names to a path that can be opened.
 */
#ifndef VIT_FORMAT_OBTAIN_H
#define VIT_FORMAT_OBTAIN_H

#include "format/format.h"

/* `*path` (malloc'd, replaced) names a file or directory, or a URL, which is then
 * downloaded into the cache; opt->sha256 is checked either way. */
int vit_obtain(char **path, const struct vit_fetch_opt *) VIT_MUST_CHECK;
/* The path of a data set: where it lies, else downloaded into the cache. */
int vit_obtain_dataset(const struct vit_dataset *, const struct vit_fetch_opt *, char **path) VIT_MUST_CHECK;

#endif
