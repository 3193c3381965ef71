/* SPDX-License-Identifier: MIT
 *
 * container.h - the places members come from: what source.c strings together.
 *
 * directory.c lists a directory, packed.c opens archives, kept.c makes a pipe
 * start over, place.c tells which of them a path is.
 */
#ifndef VIT_FORMAT_CONTAINER_H
#define VIT_FORMAT_CONTAINER_H

#include "archive/archive.h"
#include "format/source.h"

/* Hidden files and what operating systems leave, anywhere in the path. */
int vit_member_hidden(const char *name);
/* source.c: for a survey that wants them. `name` may end in '/'. */
int vit_source_met_directory(struct vit_source *, const char *name) VIT_MUST_CHECK;

/* ---- directory.c: the files below a directory, by code point of their paths ---- */

/* Millions of files are ordinary: no pointer and no allocation for each. */
struct vit_listing {
	char *text;                     /* names of directories (paths below the root) and files, NUL after each */
	size_t n_text, cap_text;
	uint32_t *dir;                  /* where in `text`; dir[0] is "", the root */
	size_t n_dir, cap_dir;
	struct vit_listed {
		uint32_t dir, name;     /* number of its directory; where in `text` */
	} *file;
	size_t n_file, cap_file;
	int64_t hidden;                 /* files and directories passed over for their names */
};
/* Links to files and directories are followed, circles are not: `s` gets a notice. */
int vit_listing_read(struct vit_listing *, const char *root, struct vit_source *s) VIT_MUST_CHECK;
/* "ants/1.jpg" into buf; VIT_EIO: longer than `size`. */
int vit_listing_path(const struct vit_listing *, size_t i, char *buf, size_t size) VIT_MUST_CHECK;
void vit_listing_release(struct vit_listing *);

/* ---- packed.c: archives -------------------------------------------------------- */

int vit_packed_is(const uint8_t *p, size_t n);          /* a tar, zip or 7z, by its first 512 bytes */
int vit_packed_is_tar(const uint8_t *p, size_t n);
int vit_packed_is_zip(const uint8_t *p, size_t n);

/* A zip's files by code point of their names, as a directory has them. */
struct vit_zipped {
	const struct vit_archive_module *mod;
	struct vit_zip *zip;
	uint32_t *order;                /* entries, sorted */
	size_t n;
	int64_t hidden;
};
/* Links, names that leave the archive and all but the last of equal names are left out, with notices to `s`. */
int vit_zipped_open(struct vit_zipped *, const struct vit_archive_at *, const char *name, struct vit_source *s) VIT_MUST_CHECK;
const char *vit_zipped_name(const struct vit_zipped *, size_t i, int64_t *size);        /* below the root */
int vit_zipped_directories(const struct vit_zipped *, struct vit_source *s) VIT_MUST_CHECK;      /* meet them all */
int vit_zipped_input(const struct vit_zipped *, size_t i, struct vit_input **) VIT_MUST_CHECK;
void vit_zipped_close(struct vit_zipped *);

/* An archive from front to back. */
struct vit_packed {
	const struct vit_archive_module *mod;
	struct vit_archive *archive;
	int64_t hidden, links, outside;
};
int vit_packed_open(struct vit_packed *, const struct vit_archive_at *, const char *name) VIT_MUST_CHECK;
/* The next file that may be data; *name below the root, until the next step. VIT_END */
int vit_packed_next(struct vit_packed *, const char **name, int64_t *size, struct vit_source *s) VIT_MUST_CHECK;
int vit_packed_input(struct vit_packed *, const char *name, struct vit_input **) VIT_MUST_CHECK;
void vit_packed_close(struct vit_packed *);

/* ---- kept.c: a pipe that can start over ------------------------------------------ */

struct vit_kept;
/* `in` is taken over, also on failure. What is read is kept: in memory up to
 * `memory` bytes, then in an unlinked file. */
int vit_kept_new(struct vit_kept **, struct vit_input *in, size_t memory) VIT_MUST_CHECK;
/* All bytes from the first one: kept ones, then the pipe's. One at a time; it borrows `k`. */
int vit_kept_input(struct vit_kept *, struct vit_input **) VIT_MUST_CHECK;
int vit_kept_all(struct vit_kept *) VIT_MUST_CHECK;     /* read the pipe to its end; nothing is forgotten afterwards */
int vit_kept_whole(const struct vit_kept *);            /* 1: that was done */
void vit_kept_forget(struct vit_kept *);                /* nobody starts over: keep nothing more */
void vit_kept_on_wait(struct vit_kept *, void (*fn)(void *), void *ctx);
void vit_kept_free(struct vit_kept *);

/* ---- place.c: one path that the user gave ------------------------------------------ */

enum vit_place_kind { VIT_PLACE_NEW, VIT_PLACE_DIRECTORY, VIT_PLACE_ZIP, VIT_PLACE_PACKED, VIT_PLACE_SINGLE };
enum { VIT_SIBLINGS = 32 };
struct vit_place {
	const char *path;
	int kind, pipe;                 /* enum; pipe: it cannot be opened twice */
	int64_t n, hidden;              /* members of a directory, zip or single file; names passed over */
	char *sibling[VIT_SIBLINGS];
	int n_sibling;
	struct vit_listing list;
	struct vit_zipped zip;
	struct vit_kept *kept;          /* a pipe's bytes, once it is open */
	struct vit_blob blob;           /* a zip or 7z that is no file of its own */
	/* what is open of a packed or single one, to be read once */
	struct vit_packed packed;
	struct vit_input *in;
	int undone, plain;              /* of `in`: compressions undone; its bytes are the descriptor's */
	int64_t size;                   /* of a single one, -1: unknown */
};
/* Find out what it is and be before its first member. `forget`: a pipe need not start over. */
int vit_place_begin(struct vit_place *, struct vit_source *, size_t memory, int forget) VIT_MUST_CHECK;
void vit_place_rest(struct vit_place *);        /* close what begin() opens again */
void vit_place_reset(struct vit_place *);       /* forget what it is, except what comes only once */
void vit_place_release(struct vit_place *);
int vit_place_open_pipe(struct vit_place *, size_t memory) VIT_MUST_CHECK;
/* 1: begin() can be called again */
int vit_place_again(const struct vit_place *);

#endif
