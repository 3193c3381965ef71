/* SPDX-License-Identifier: MIT
 *
 * tmp.h - files without a name, for what does not fit into memory.
 */
#ifndef VIT_CORE_TMP_H
#define VIT_CORE_TMP_H

#include "core/err.h"

#include <stddef.h>

/* A new file in $TMPDIR, else in /var/tmp, read and written by its owner alone,
 * that no directory lists: its room is free again when *fd is closed, however the
 * program ends. `what` is for messages: "records". Errors: VIT_EIO. */
int vit_tmp_open(int *fd, const char *what) VIT_MUST_CHECK;
/* Write all n bytes at offset `at`. VIT_EIO names the remedy for a full disk. */
int vit_tmp_write(int fd, const void *p, size_t n, unsigned long long at, const char *what) VIT_MUST_CHECK;

#endif
