/* SPDX-License-Identifier: MIT
 *
 * archive.h - the module that reads archives and undoes compression.
 *
 * libarchive stands behind it, and libzip for zip files whose members are opened
 * in any order. Loaded when a source needs it, never at start-up. Only
 * libvit/format uses this header.
 */
#ifndef VIT_ARCHIVE_ARCHIVE_H
#define VIT_ARCHIVE_ARCHIVE_H

#include "core/module.h"
#include "stream/input.h"

struct vit_archive;
struct vit_zip;

/* Where an archive's bytes are, borrowed: `in`, from front to back; or the `n`
 * bytes at `p`; or, both NULL, the regular file behind descriptor `fd`, whose
 * offset moves. The last two can be read in any order, as 7z and zip must. */
struct vit_archive_at {
	struct vit_input *in;
	const void *p;
	size_t n;
	int fd;
};

enum vit_entry_kind { VIT_ENTRY_OTHER, VIT_ENTRY_FILE, VIT_ENTRY_LINK, VIT_ENTRY_DIRECTORY };
struct vit_archive_entry {
	int kind;               /* LINK: a symbolic one */
	const char *name;       /* until the next call; a zip's as long as it is open, in UTF-8 */
	int64_t size;           /* as claimed; -1: not said */
};

struct vit_archive_module {
	struct vit_module module;
	/* `raw` 0: a tar, zip or 7z, not compressed as a whole. `raw` 1: gz, bz2,
	 * xz or zst data around one nameless member. `name` for messages. */
	int (*open)(struct vit_archive **, const struct vit_archive_at *, int raw, const char *name);
	/* The next file, link or directory. VIT_END, VIT_EFORMAT. */
	int (*next)(struct vit_archive *, struct vit_archive_entry *);
	/* Bytes of the present member: as read(2), a negative code on failure. */
	ssize_t (*read)(struct vit_archive *, void *buf, size_t n);
	void (*close)(struct vit_archive *);

	/* A zip by its central directory; not from `in`. VIT_EFORMAT, VIT_EUNSUPPORTED (encrypted). */
	int (*zip_open)(struct vit_zip **, const struct vit_archive_at *, const char *name);
	int64_t (*zip_count)(struct vit_zip *);         /* entries */
	void (*zip_entry)(struct vit_zip *, int64_t i, struct vit_archive_entry *);
	/* Make entry `i` the one that zip_read() reads; VIT_EFORMAT. */
	int (*zip_start)(struct vit_zip *, int64_t i);
	ssize_t (*zip_read)(struct vit_zip *, void *buf, size_t n);
	void (*zip_close)(struct vit_zip *);
};

/* Between the files of the module. */
int vit_zip_open(struct vit_zip **, const struct vit_archive_at *, const char *name) VIT_MUST_CHECK;
int64_t vit_zip_count(struct vit_zip *);
void vit_zip_entry(struct vit_zip *, int64_t i, struct vit_archive_entry *);
int vit_zip_start(struct vit_zip *, int64_t i) VIT_MUST_CHECK;
ssize_t vit_zip_read(struct vit_zip *, void *buf, size_t n);
void vit_zip_close(struct vit_zip *);

#endif
