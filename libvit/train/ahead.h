/* SPDX-License-Identifier: MIT
 *
 * ahead.h - inside the feeder: images made ready by several threads, given back
 * in the order they came.
 */
#ifndef VIT_TRAIN_AHEAD_H
#define VIT_TRAIN_AHEAD_H

#include "train/feed.h"

/* A record on its way into a batch. */
struct feed_item {
	const uint8_t *raw;             /* its bytes */
	size_t n;
	struct vit_place place;
	int rc;                         /* of decoding the record; the message is in `message` */
	struct vit_record r;            /* when rc is 0 */
	/* u8 [H,W,C] of the model, or NULL: still to be made; image_rc, `message` and resized belong to it */
	const uint8_t *pixels;
	int image_rc, resized;
	char message[512];
};

struct vit_ahead;
int vit_ahead_new(struct vit_ahead **, const struct vit_preprocess *, int threads) VIT_MUST_CHECK;
int vit_ahead_full(const struct vit_ahead *);
int64_t vit_ahead_inside(const struct vit_ahead *);
/* Not when it is full. The bytes are copied. */
int vit_ahead_push(struct vit_ahead *, const uint8_t *raw, size_t n, struct vit_place) VIT_MUST_CHECK;
/* The oldest, valid until the next pop; waits until it is ready. NULL: none inside. */
struct feed_item *vit_ahead_pop(struct vit_ahead *);
void vit_ahead_free(struct vit_ahead *);

#endif
