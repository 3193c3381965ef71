/* SPDX-License-Identifier: MIT
 *
 * source.h - what fetch.c does with a source besides giving it to a format.
 */
#ifndef VIT_FORMAT_SOURCE_H
#define VIT_FORMAT_SOURCE_H

#include "format/format.h"

struct vit_archive_module;

struct vit_source_opt {
	const char *split;
	size_t memory;          /* bytes of members and pipes to hold, before a file does */
	size_t max_record;      /* bytes of one member read by vit_source_bytes(); 0: 256 MiB */
	const char *classes;    /* file of class names, one a line; NULL: none */
};
/* `path`: NULL-terminated, "-" is stdin. Strings are copied. */
int vit_source_open(struct vit_source **, const char *const *path, const struct vit_source_opt *) VIT_MUST_CHECK;
void vit_source_close(struct vit_source *);
/* The next step gives the present member once more. */
void vit_source_hold(struct vit_source *);
/* After vit_source_next() failed with `rc`: 1 if that is the present member's own
 * fault, as of a file that may not be read; *m is it, without a head. */
int vit_source_unread(const struct vit_source *, int rc, struct vit_member *m);
/* Start over. Only where vit_source_again(). */
int vit_source_rewind(struct vit_source *) VIT_MUST_CHECK;

/* Have `fn` called before a read from a pipe would block. */
void vit_source_on_wait(struct vit_source *, void (*fn)(void *), void *ctx);

/* Notice `i`; NULL: no more. */
const char *vit_source_noticed(const struct vit_source *, int i);

/* Names of a file, one a line, in `arena`. VIT_EUSAGE: empty, not UTF-8, or one comes twice. */
int vit_class_names(const char *file, struct vit_arena *arena, const char ***names, int *n) VIT_MUST_CHECK;

/* The module behind archive/archive.h, loaded at the first call. */
int vit_archive_load(const struct vit_archive_module **) VIT_MUST_CHECK;

/* Wrap `*in` in the decompressors its first bytes ask for, whatever its name;
 * *undone counts them. `*in` is valid and owned by the caller either way. */
int vit_unpack(struct vit_input **in, int *undone) VIT_MUST_CHECK;

/* The rest of `in` as a blob: mapped if `plain` (the descriptor's own bytes from
 * the first one on) and a regular file; in memory up to `budget` bytes; else in
 * an unlinked temporary file. `size` is a hint that is not trusted; -1: none.
 * Bytes beyond `max` are refused when they come; a plain file has the size it has. */
int vit_blob_fill(struct vit_blob *, struct vit_input *in, int plain, int64_t size, uint64_t max, size_t budget) VIT_MUST_CHECK;
/* 1: the blob takes memory of our own */
int vit_blob_in_memory(const struct vit_blob *);

#endif
