/* SPDX-License-Identifier: MIT
 *
 * parcel.h - some records that one thread decodes, augments and encodes.
 *
 * Small records are too quick to hand over one by one. A parcel copies what it
 * is given, so that reading goes on while it is worked on.
 */
#ifndef VIT_AUGMENT_PARCEL_H
#define VIT_AUGMENT_PARCEL_H

#include "augment/augment.h"
#include "stream/replay.h"

struct vit_parcel_row {
	struct vit_replay_item item;    /* whence; raw is not valid any more */
	size_t in, out, out_n;          /* offsets into the parcel's bytes */
	char *error;                    /* the record is bad: why, with input and number; NULL: good */
};
struct vit_parcel {
	const struct vit_chain *chain;
	uint64_t seed;
	int64_t pass;                   /* added to the records' epoch */
	struct vit_chain_work *work;
	struct vit_buf in, out;
	struct vit_parcel_row *row;
	int n;
	int at_once;                    /* work on each record as it is added, from the bytes where they lie; only bad ones are copied */
};

int vit_parcel_new(struct vit_parcel **, const struct vit_chain *, uint64_t seed) VIT_MUST_CHECK;
void vit_parcel_free(struct vit_parcel *);        /* NULL is fine */
/* Empty it for records of this pass. */
void vit_parcel_clear(struct vit_parcel *, int64_t pass);
int vit_parcel_add(struct vit_parcel *, const struct vit_replay_item *) VIT_MUST_CHECK;
int vit_parcel_full(const struct vit_parcel *);
/* Decode, apply the chain, encode. A bad record is a row with an error;
 * anything else that fails is returned. */
int vit_parcel_work(struct vit_parcel *) VIT_MUST_CHECK;

#endif
