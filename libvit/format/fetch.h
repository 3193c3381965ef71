/* SPDX-License-Identifier: MIT
 *
 * fetch.h - the inside of struct vit_fetch, shared by fetch.c, resolve.c and select.c.
 */
#ifndef VIT_FORMAT_FETCH_H
#define VIT_FORMAT_FETCH_H

#include "format/format.h"

struct vit_fetch {
	struct vit_fetch_opt opt;
	char **path;                    /* what the source opens */
	const struct vit_dataset *dataset;
	const char *base, *given;       /* the source's split; the one given out: differs under a hold-out */
	int side;

	struct vit_source *src;
	const struct vit_format *format;
	void *priv;
	int opened;
	struct vit_format_info info;
	struct vit_meta meta;           /* of the whole base split; as the format said at its last open */
	struct vit_arena arena;         /* what lives longer than one opening of the format */
	struct vit_header header;

	int64_t n;                      /* records of the base split, -1: unknown */
	int64_t count, total;           /* selected per epoch in this shard, in all shards; -1: unknown */
	uint64_t *keep;                 /* bit per record; NULL: all */
	struct vit_fetch_where {        /* conditions: each label one of these */
		int64_t *label;
		int n;
	} *where;
	int n_where;
	int permute, own_epochs;        /* own_epochs: the source's records say their epoch */

	int64_t epoch, index;           /* where we are */
	struct vit_record held;         /* forward: a record that was read to find the start, to be given next */
	int has_held;
	int64_t after;                  /* seq of the record before the start; -1: not known */
	int64_t passed;                 /* forward: records of this epoch past the filters */
};

/* Fill `path` and `dataset` from the user's names; downloads what must be. *split:
 * the one asked for by option, NULL: none; one that a name carries goes there. */
int vit_fetch_resolve(struct vit_fetch *, const char *const *source, const char **split) VIT_MUST_CHECK;
/* Read `where`, mark what is selected, count it. */
int vit_fetch_select(struct vit_fetch *) VIT_MUST_CHECK;
/* Go to where opt.start_epoch and opt.start say. */
int vit_fetch_begin(struct vit_fetch *) VIT_MUST_CHECK;
/* The next epoch of a format that reads forward: everything is opened again. */
int vit_fetch_reopen(struct vit_fetch *) VIT_MUST_CHECK;
/* Read each record of the base split once, and compare it with the data set's digest. */
int vit_fetch_verify(struct vit_fetch *) VIT_MUST_CHECK;
/* The label and hold-out conditions on one record. */
int vit_fetch_wanted(const struct vit_fetch *, const struct vit_record *);
int vit_fetch_in_shard(const struct vit_fetch *, const struct vit_record *);

static inline int vit_fetch_kept(const struct vit_fetch *f, int64_t i)
{
	return !f->keep || (f->keep[i >> 6] >> (i & 63) & 1);
}

#endif
