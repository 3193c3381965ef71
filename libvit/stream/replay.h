/* SPDX-License-Identifier: MIT
 *
 * replay.h - a samples stream for several epochs, limited, in another order.
 *
 * A stream of one epoch is given `passes` times: records are spooled as they
 * come by the first time. What the orders are:
 *  - none: as the stream has them
 *  - VIT_SHUFFLE_ALL with several passes: each pass a permutation of all
 *    records; the first one begins when the input is at its end
 *  - VIT_SHUFFLE_ALL with one pass, VIT_SHUFFLE_WINDOW: a window of records is
 *    held, each one given is drawn from it and replaced by the next one read;
 *    it never mixes two epochs
 * Draws are keyed by (seed, epoch): the same orders every time.
 */
#ifndef VIT_STREAM_REPLAY_H
#define VIT_STREAM_REPLAY_H

#include "stream/join.h"

enum vit_shuffle { VIT_SHUFFLE_NONE, VIT_SHUFFLE_ALL, VIT_SHUFFLE_WINDOW };
enum { VIT_WINDOW = 10000 };            /* records of the window when none is given */

struct vit_replay_opt {
	int64_t passes;         /* >= 1; more than 1 only on a stream of one epoch */
	int shuffle;            /* enum vit_shuffle */
	int64_t window;         /* records; 0: VIT_WINDOW */
	int64_t limit;          /* records of each epoch; -1: all */
	size_t memory;          /* bytes of records to keep in memory; 0: a quarter of what there is. What is beyond lies in a temporary file */
	uint64_t seed;
};
struct vit_replay_item {
	const uint8_t *raw;     /* valid until the next call */
	size_t n;
	uint32_t index;         /* in the spool; only with several passes */
	const char *input;      /* where it came from, for messages: "<stdin>" */
	uint64_t number;        /* and which one there, from 1 */
};

struct vit_replay;
/* `join` stays the caller's and outlives the replay. */
int vit_replay_new(struct vit_replay **, struct vit_join *join, const struct vit_replay_opt *) VIT_MUST_CHECK;
void vit_replay_free(struct vit_replay *);
/* The next record of this pass. VIT_END: the pass is over; and whatever
 * vit_join_next() and the temporary file say. */
int vit_replay_next(struct vit_replay *, struct vit_replay_item *);
/* Begin the next pass, whose number is to be added to the records' epoch.
 * VIT_END: that was the last one. */
int vit_replay_again(struct vit_replay *);
int64_t vit_replay_pass(const struct vit_replay *);
/* Leave this record out of later passes: it was bad. */
void vit_replay_drop(struct vit_replay *, const struct vit_replay_item *);

#endif
