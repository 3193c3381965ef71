/* SPDX-License-Identifier: MIT
 *
 * parts.h - files of fixed-size records, put in an order that does not depend
 * on the container they came in.
 *
 * Used by formats whose data are a few whole files (IDX, CIFAR): each file is a
 * part of one split; parts are sorted by split and then by name.
 */
#ifndef VIT_FORMAT_PARTS_H
#define VIT_FORMAT_PARTS_H

#include "format/format.h"

struct vit_part {
	const char *name;       /* the member's, below the source's root */
	const char *split;      /* NULL: its name does not say; then it has whichever is asked for */
	int64_t n, first;       /* records; place of the first in its split */
	int64_t start;          /* place of the first over all parts taken */
	struct vit_blob blob;
	int kind, wanted;       /* kind: the format's own */
	void *extra;            /* the format's own */
};
struct vit_parts {
	struct vit_part *v;
	int n;
	const char *asked;      /* the split asked for */
	int named;              /* some part says its split */
};

/* Split in a file's name: "train-images" and "data_batch_1" train, "t10k-labels"
 * and "test_batch" test, "val..." and "valid..." val; NULL: none of them. */
const char *vit_split_of_name(const char *name);
/* A part for the source's present member, strings copied into `arena`. */
int vit_parts_add(struct vit_parts *, struct vit_source *, const struct vit_member *, struct vit_arena *,
                  struct vit_part **) VIT_MUST_CHECK;
/* Is this part's split asked for? */
int vit_parts_wants(const struct vit_parts *, const char *split);
/* Once all are there: sort, drop those not asked for, number the rest, tell
 * info->splits and meta->count. Parts without a split beside parts with one are
 * no data of it and are dropped. */
int vit_parts_done(struct vit_parts *, struct vit_format_info *) VIT_MUST_CHECK;
/* The part with place `i` over all, and the place in it. */
const struct vit_part *vit_parts_at(const struct vit_parts *, int64_t i, int64_t *in_part);
/* "train/00042" into buf: the same for every container. Returns its length. */
int vit_parts_id(const struct vit_parts *, const struct vit_part *, int64_t in_part, char *buf, size_t size);
void vit_parts_release(struct vit_parts *);

#endif
