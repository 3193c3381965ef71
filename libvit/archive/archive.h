/* SPDX-License-Identifier: MIT
 *
 * archive.h - the module that reads archives and undoes compression.
 *
 * libarchive stands behind it and is loaded when a source needs it, never at
 * start-up. Only libvit/format uses this header.
 */
#ifndef VIT_ARCHIVE_ARCHIVE_H
#define VIT_ARCHIVE_ARCHIVE_H

#include "core/module.h"
#include "stream/input.h"

struct vit_archive;

struct vit_archive_module {
	struct vit_module module;
	/* `raw` 0: a tar, zip or 7z, not compressed as a whole. `raw` 1: gz, bz2,
	 * xz or zst data around one nameless member.
	 * Reads from `in`, or, `in` NULL, from the `n` bytes at `p`, which can be
	 * read in any order as 7z must. Either is borrowed. `name` for messages. */
	int (*open)(struct vit_archive **, struct vit_input *in, const void *p, size_t n, int raw, const char *name);
	/* The next regular file; *size -1 when not said. *name until the next call.
	 * VIT_END, VIT_EFORMAT. */
	int (*next)(struct vit_archive *, const char **name, int64_t *size);
	/* Bytes of the present member: as read(2), a negative code on failure. */
	ssize_t (*read)(struct vit_archive *, void *buf, size_t n);
	void (*close)(struct vit_archive *);
};

#endif
