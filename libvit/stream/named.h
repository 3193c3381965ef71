/* SPDX-License-Identifier: MIT
 *
 * named.h - which bad records were named already. One that is bad comes again
 * in every epoch and is named, and counts, once.
 */
#ifndef VIT_STREAM_NAMED_H
#define VIT_STREAM_NAMED_H

#include "stream/stream.h"

struct vit_named {              /* zeroed is empty */
	struct vit_named_one {
		uint64_t key;           /* of id and seq; 0: free */
		int64_t epoch;
	} *slot;
	size_t n, cap;
};
/* 1: this record, by id and seq, was given here in another epoch. Two of one
 * epoch (joined sources) are different records. */
int vit_named_before(struct vit_named *, const struct vit_record *);
void vit_named_release(struct vit_named *);

#endif
