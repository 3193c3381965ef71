/* SPDX-License-Identifier: MIT
 *
 * feeder.h - inside the feeder: what its two threads share.
 */
#ifndef VIT_TRAIN_FEEDER_H
#define VIT_TRAIN_FEEDER_H

#include "core/mem.h"
#include "stream/named.h"
#include "train/ahead.h"
#include "train/feed.h"

#include <poll.h>
#include <pthread.h>
#include <xxhash.h>

/* One being trained on, one ready, and room for a slow moment of the pipe. */
enum { FEED_SLOTS = 4 };

struct feed_slot {
	struct vit_batch batch;
	int rc;                         /* 0: a batch; else the end */
	char message[1024];             /* of rc: messages belong to threads */
	struct vit_buf ids;
	size_t *id_at;                  /* offsets into ids: the buffer moves while it grows */
};

struct vit_feeder {
	struct vit_feeder_opt opt;
	struct vit_samples *samples;
	size_t image_bytes, label_bytes;

	pthread_t thread;
	int running, wake;              /* wake: an eventfd, readable once the thread shall end */
	pthread_mutex_t lock;           /* guards head, tail, quit, bad */
	pthread_cond_t space, data;
	uint64_t head, tail;            /* slots filled and given back, ever */
	int quit;
	struct vit_buf bad;             /* messages on bad records, NUL-terminated */
	size_t bad_at;                  /* the first that was not given yet */
	struct feed_slot slot[FEED_SLOTS];

	/* the engine's thread */
	int taken, last;
	double waited;

	/* the reader thread */
	XXH3_state_t *hash;
	int64_t record, in_epoch, epoch;        /* consumed; epoch counts from 0 */
	int64_t since;                          /* records since the last batch was given */
	int64_t seq, hash_from;                 /* as in struct vit_batch */
	int64_t label_epoch;                    /* the records' own epoch number; -1: none seen */
	int64_t pass;
	int gave;                               /* this pass gave a batch with samples */
	struct feed_slot *filling;              /* NULL: none */
	struct vit_preprocess_work work;
	struct vit_ahead *ahead;                /* from the first encoded image on; NULL: images are made here */
	struct vit_named named;                 /* bad records */
	int idle_rc;                            /* what went wrong before a wait; the message is in idle_message */
	char idle_message[1024];
};

void vit_feed_run(struct vit_feeder *);                         /* the reader thread's work */
void vit_feed_idle(struct vit_feeder *);                        /* in it: the input has nothing now */
struct feed_slot *vit_feed_slot(struct vit_feeder *);           /* a free slot; NULL: quit */
void vit_feed_publish(struct vit_feeder *);                     /* give it to the engine */
void vit_feed_bad(struct vit_feeder *, const char *message);    /* a record was left out */

#endif
