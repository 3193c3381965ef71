/* SPDX-License-Identifier: MIT
 *
 * feed.h - from sample streams to batches: inputs opened and replayed, and a
 * reader thread that keeps batches ready ahead of the engine.
 */
#ifndef VIT_TRAIN_FEED_H
#define VIT_TRAIN_FEED_H

#include "format/format.h"
#include "model/model.h"

#include <signal.h>

/* ---- samples: one or more streams, or SOURCE@SPLIT, as one --------------- */

struct vit_samples_opt {
	size_t memory;                  /* bytes of kept records in memory, the rest goes to an unlinked file; 0: default */
	size_t max_record;
	double holdout;                 /* of SOURCE@SPLIT */
	uint64_t seed;
	int64_t limit;                  /* of streams: records of each epoch; 0: all */
	/* of a SOURCE that is downloaded: struct vit_fetch_opt */
	int (*progress)(void *ctx, const char *what, int64_t done, int64_t total);
	void *progress_ctx;
};
struct vit_samples;
/* `path`: n stream files ("-" is stdin), read one after another as `cat` would
 * join them; their headers are read now. VIT_EMISMATCH names the key in which
 * they differ. */
int vit_samples_open(struct vit_samples **, const char *const *path, int n, const struct vit_samples_opt *) VIT_MUST_CHECK;
/* The same from a stream that was opened already; takes `in` over, also on failure. */
int vit_samples_input(struct vit_samples **, struct vit_input *in, const struct vit_samples_opt *) VIT_MUST_CHECK;
/* A stream file, or SOURCE@SPLIT read as vit-fetch does, in source order. */
int vit_samples_open_source(struct vit_samples **, const char *name, const struct vit_samples_opt *) VIT_MUST_CHECK;
/* Any source that vit-fetch reads, in source order; `split` NULL: as SOURCE@SPLIT says, else train. */
int vit_samples_fetch(struct vit_samples **, const char *name, const char *split, const struct vit_samples_opt *) VIT_MUST_CHECK;
/* Of a source: the names of the splits it has; NULL: it does not say, or is no source. */
const char *vit_samples_splits(const struct vit_samples *);
/* Line `i` of what the user should know about a source; NULL: no more. */
const char *vit_samples_notice(const struct vit_samples *, int i);
/* Image files in this order, each a record without a label whose id is its path.
 * One that cannot be told by name (stdin, a FIFO) comes with its input, which is
 * taken over, also on failure; for the others `in` is NULL. Paths are borrowed. */
struct vit_photo {
	const char *path;
	struct vit_input *in;
};
int vit_samples_photos(struct vit_samples **, const struct vit_photo *, int n, const struct vit_samples_opt *) VIT_MUST_CHECK;
const struct vit_header *vit_samples_header(const struct vit_samples *);
const struct vit_meta *vit_samples_meta(const struct vit_samples *);     /* count: over all inputs */
/* Before the first record: keep them, so that rewind works. */
int vit_samples_keep(struct vit_samples *) VIT_MUST_CHECK;
/* The next record's bytes, valid until the next call. VIT_END at the good end
 * of all inputs; VIT_ERECORD may go on; else as vit_reader_next(). */
int vit_samples_next(struct vit_samples *, const uint8_t **raw, size_t *n);
/* After VIT_END, when they are kept: begin again. */
int vit_samples_rewind(struct vit_samples *) VIT_MUST_CHECK;
/* Where the record given last came from; `input` lives as long as the samples. */
struct vit_place {
	const char *input;
	uint64_t record;                /* from 1 */
};
struct vit_place vit_samples_place(const struct vit_samples *);
/* vit_fail with "<input>: record N (id): " in front; `r` NULL: no id. */
int vit_place_fail(struct vit_place, int code, const struct vit_record *r, const char *fmt, ...) VIT_PRINTF(4, 5);
/* Called in the reading thread before it may block for long, with the
 * descriptor it will read (-1: none). */
void vit_samples_on_wait(struct vit_samples *, void (*fn)(void *ctx, int fd), void *ctx);
uint64_t vit_samples_skipped(const struct vit_samples *);
void vit_samples_close(struct vit_samples *);

/* ---- feeder ---------------------------------------------------------------- */

struct vit_feeder_opt {
	const struct vit_preprocess *preprocess;
	int64_t batch;                  /* samples per batch */
	int n_class, soft;              /* labels: i32, or f32 [n_class] when soft */
	const int *class_map;           /* from the stream's index to the model's; NULL: the same */
	int n_map;
	int need_label;                 /* a record without one is an error; else its label is -1 */
	int drop_last;
	int ids;                        /* keep the records' ids */
	int eager;                      /* give a full batch at once, without looking whether it ends an epoch */
	int prompt;                     /* with eager: before waiting for input give what there is, however little */
	int threads;                    /* that decode encoded images; up to 1: the reader alone */
	int64_t passes;                 /* over samples that are kept; 1 */
	int64_t epochs, count;          /* announced; -1: unknown. More is VIT_EFORMAT */
	int64_t limit;                  /* records; -1: all */
	/* Where a resumed run goes on: records to skip undecoded; those from `hash_from`
	 * on must have this hash. Of a stream that does not begin at the beginning (meta
	 * start) only what is left is skipped, and `seq`, the last one's, is compared:
	 * -1: not known. */
	int64_t skip, epoch, in_epoch, hash_from, seq;
	uint64_t hash;
	const volatile sig_atomic_t *stop;      /* non-zero ends a wait for data; may be NULL */
};
struct vit_batch {
	int64_t n;                      /* 0: only to say that the epoch ends, with records that were dropped or bad */
	uint8_t *images;                /* [n,H,W,C] */
	void *labels;
	const char **id;                /* with ids */
	int64_t epoch, in_epoch, record;/* of the last record: its epoch from 0, records of it, of all */
	int64_t seq;                    /* of that record; -1: not known */
	int64_t hash_from;              /* the first record in the hash: those before were not there */
	uint64_t hash;                  /* over all records consumed from there up to here */
	int epoch_end;                  /* the epoch ends with this batch */
	int resized;                    /* an image was brought to the model's size */
};
/* The order of batches and records is the stream's. `samples` is borrowed and
 * belongs to the feeder's thread until close. */
struct vit_feeder;
int vit_feeder_open(struct vit_feeder **, struct vit_samples *, const struct vit_feeder_opt *) VIT_MUST_CHECK;
/* The next batch, valid until the next call but one that gives VIT_ERECORD: a bad
 * record was left out, call again. VIT_END; VIT_EMISMATCH: on resume the records
 * are not those the run began with; VIT_EPIPE: *stop was set. */
int vit_feeder_next(struct vit_feeder *, const struct vit_batch **);
double vit_feeder_waited(const struct vit_feeder *);     /* seconds next() waited for data */
void vit_feeder_close(struct vit_feeder *);

#endif
