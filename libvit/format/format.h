/* SPDX-License-Identifier: MIT
 *
 * format.h - what a data format plugin is.
 *
 * A source (directory, archive, single file, pipe) is seen as a sequence of
 * members, each with a name and bytes. A format claims a source by looking at
 * one member's name and first bytes; it then takes the members it wants and
 * gives samples. Formats know nothing of archives, splits by hash, shuffling,
 * sharding or streams: those are done once, for all of them.
 *
 * One file formats/NAME.c ends in `const struct vit_format vit_format_NAME`.
 * The same file compiled -shared as NAME.so is a plugin, built against the
 * installed headers and `pkg-config vit`, found in $VIT_PLUGIN_PATH.
 */
#ifndef VIT_FORMAT_FORMAT_H
#define VIT_FORMAT_FORMAT_H

#include "stream/stream.h"

enum { VIT_FORMAT_ABI = 1 };

/* One member of a source. */
struct vit_member {
	const char *name;       /* path below the source's root, '/' between; "" for a nameless pipe */
	int64_t size;           /* bytes; -1: unknown */
	const uint8_t *head;    /* its first bytes, up to 64 KiB; NULL in a survey */
	size_t n_head;
	/* Names of the container's first members, this one included, so that a probe
	 * can tell kinds of collections apart; a single file: its own. */
	const char *const *sibling;
	int n_sibling;
};

/* A member's whole content, for formats that need random access. Mapped from
 * the file where that is possible, otherwise in memory, and beyond the memory
 * budget in an unlinked temporary file that is mapped. */
struct vit_blob {
	const uint8_t *p;
	size_t n;
	void *priv, *pages;
};

struct vit_source;              /* the members and the options; given to a format */

/* Step to the next member (the first one after open is the one that was
 * claimed); VIT_END. `m` is valid until the next step. Its name is without the
 * suffix of a compression (.gz .bz2 .xz .zst), which is undone by content. */
int vit_source_next(struct vit_source *, struct vit_member *m) VIT_MUST_CHECK;
/* The present member as an input; owned by the source, closed by the next step.
 * gz, zst, xz, bz2 compression is undone (libarchive), whatever the name says. */
int vit_source_input(struct vit_source *, struct vit_input **in) VIT_MUST_CHECK;
/* The present member whole. One that unpacks to more than `max` bytes is refused
 * (VIT_EFORMAT) when it gets there: an archive can claim terabytes. */
int vit_source_load(struct vit_source *, uint64_t max, struct vit_blob *) VIT_MUST_CHECK;
void vit_blob_release(struct vit_blob *);
/* p[0..n) of it is read now. Pages of a mapped file count as memory of the process
 * that looked at them: some tens of MiB later they are given back, and come again
 * when they are read again. */
void vit_blob_used(const struct vit_blob *, const void *p, size_t n);
/* The present member's bytes until the next step, for many small ones: read once
 * into memory that is used again. Larger than --max-record, or not to be had
 * where others can: VIT_ERECORD. */
int vit_source_bytes(struct vit_source *, const uint8_t **p, size_t *n) VIT_MUST_CHECK;
/* The same for another file, which a member names; it takes the place of the
 * present member. VIT_ERECORD: it is not there, or no file. */
int vit_source_beside(struct vit_source *, const char *path, const uint8_t **p, size_t *n) VIT_MUST_CHECK;
/* The path of the present member's container, or of a single file, as it was given; "-": stdin. */
const char *vit_source_path(const struct vit_source *);
const char *vit_source_name(const struct vit_source *);   /* for messages */
const char *vit_source_split(const struct vit_source *);  /* the split asked for, "all" included */
/* All members from the first to the last, by name and size alone: `fn` may load
 * those it wants. Afterwards vit_source_next() gives the first one again. A pipe
 * is kept for this: in memory up to the budget, then in an unlinked file; so it
 * comes before the first vit_source_next(). Ends with fn's nonzero. */
int vit_source_survey(struct vit_source *, int (*fn)(void *ctx, const struct vit_member *), void *ctx) VIT_MUST_CHECK;
/* The same, and `dir` hears the path of each directory that a directory (itself:
 * "") or archive names, empty ones too; it may end in '/', and comes in any order. */
int vit_source_survey_all(struct vit_source *, int (*fn)(void *ctx, const struct vit_member *),
                          int (*dir)(void *ctx, const char *path), void *ctx) VIT_MUST_CHECK;
/* Where members can be opened in any order (directories, zip, single files): how
 * many there are, numbered as a survey gives them; -1: only one after the other.
 * Before the first vit_source_next(), which may begin again. */
int64_t vit_source_members(struct vit_source *);
/* Make member `i` the present one. Only where vit_source_members() >= 0. One that
 * cannot be read is VIT_ERECORD. */
int vit_source_goto(struct vit_source *, int64_t i, struct vit_member *m) VIT_MUST_CHECK;
/* The same by name and size alone: its bytes are opened when they are asked for. */
int vit_source_at(struct vit_source *, int64_t i, struct vit_member *m) VIT_MUST_CHECK;
/* Hidden files and what operating systems leave (__MACOSX), which are no members;
 * complete after a survey or vit_source_members(). */
int64_t vit_source_hidden(const struct vit_source *);
/* A line for the user, as "3 .heic files are no type that is read": kept until
 * the source closes; equal ones once. */
int vit_source_notice(struct vit_source *, const char *fmt, ...) VIT_PRINTF(2, 3);
/* Names for the labels, given by the user: one a line; NULL: none. */
const char *const *vit_source_classes(const struct vit_source *, int *n);
/* 1: what was read can be read again (files, directories), 0: it comes once (a pipe) */
int vit_source_again(const struct vit_source *);

/* What a format tells about an opened source. Memory: `meta->arena` or static. */
struct vit_format_info {
	struct vit_meta *meta;          /* dataset, classes, shape, labels, mean/std, count of the split asked for */
	const char *splits;             /* space-separated names it has; NULL: the source does not say */
	int random;                     /* read() takes any index in any order */
	/* A source that is itself a stream: its history and the meta keys nobody
	 * here knows go into ours. Borrowed from `priv`. NULL: none. */
	const struct vit_header *header;
	/* Records that such a stream says were left out before; final after the last
	 * read. `info` stays where it is until close. */
	uint64_t skipped;
};

struct vit_format {
	uint32_t abi, size;             /* VIT_FORMAT_ABI, sizeof(struct vit_format) */
	const char *name, *help;        /* "idx", "MNIST's IDX files, plain or gz" */
	size_t priv_size;               /* zeroed bytes for `priv` */
	/* How sure it is that it can read a source with this member: 0 no .. 100
	 * certain. Looks only; must be safe for any bytes. */
	int (*probe)(const struct vit_member *);
	/* Take the members, fill `info`. A split that is not there: leave count 0
	 * and say in `splits` what is. */
	int (*open)(void *priv, struct vit_source *, struct vit_format_info *);
	/* Record `i` of the split asked for: id, label, image or encoded, and seq
	 * (i unless the source stores another). Borrowed until the next read.
	 * Without `random`, i rises by one from 0. VIT_END, VIT_ERECORD, VIT_EFORMAT. */
	int (*read)(void *priv, struct vit_source *, int64_t i, struct vit_record *);
	void (*close)(void *priv);
	/* As read(), without the image, for conditions on ids and labels; only where
	 * `random`. NULL: read() is called. */
	int (*look)(void *priv, struct vit_source *, int64_t i, struct vit_record *);
	/* The source was rewound: record 0 is the next, and all is as it was at open.
	 * NULL: the format is closed and opened for a further epoch. */
	int (*again)(void *priv, struct vit_source *);
};

/* Built-in formats, NULL-terminated; generated from formats/. */
extern const struct vit_format *const vit_formats[];

/* Plugins: files NAME.so in the absolute directories of $VIT_PLUGIN_PATH. A file
 * or directory that others may write is refused. Built-ins are probed first. */
int vit_format_by_name(const char *name, const struct vit_format **) VIT_MUST_CHECK;   /* "plugin:NAME" or "NAME" */
/* Names found on the path, without opening any; newline-separated, malloc'd. */
char *vit_format_plugins(void);

/* Public data sets known by name; generated from datasets/. */
struct vit_dataset {
	const char *name, *help;
	const char *format;                     /* name of the format that reads it */
	const char *const *where;               /* folders below /usr/share/datasets and the cache, NULL-terminated */
	const char *const *classes;             /* in label order, NULL-terminated; NULL: the files say */
	int64_t shape[3];
	int n_mean;
	float mean[3], std[3];                  /* of x / 255 over the training split */
	const char *obtain;                     /* what else to do when it cannot be downloaded, after "or" */
	/* What --verify compares: records of a split, and XXH3-64 over label (one
	 * byte) and pixels (H,W,C) of each in source order; 0: no digest known. */
	struct vit_dataset_check {
		const char *split;
		int64_t count;
		uint64_t xxh3;
	} check[3];
	/* Where it comes from; ends with name NULL; NULL: not to be had that way. The
	 * files are put into <cache>/<name>, where `where` finds them. */
	const struct vit_dataset_file {
		const char *name;
		const char *url[4];             /* the same file, NULL-terminated */
		const char *sha256;
		int64_t size;
	} *files;
};
extern const struct vit_dataset *const vit_datasets[];

/* Reading a source as vit-fetch does. */
struct vit_fetch_opt {
	const char *split;              /* NULL: "train"; "all"; NAME */
	double holdout;                 /* 0..1: share of ids that belong to "val" of this split; 0: none */
	int holdout_side;               /* 0: the rest (train), 1: the held-out part */
	int64_t epochs;                 /* >= 1 */
	int shuffle;                    /* permute within each epoch, keyed by (seed, epoch) */
	int source_order;
	int64_t limit, skip;            /* records per epoch after selection; limit -1: all */
	int64_t shard, n_shard;         /* n_shard 0: not sharded */
	const char **where;             /* "label=NAME" or "label=N"; all must hold; NULL-terminated or NULL */
	const char *format;             /* NULL: probe */
	const char *cache;              /* directory; NULL: the default */
	uint64_t seed;
	size_t memory;                  /* bytes for blobs; 0: a quarter of what the process may use */
	size_t max_record;              /* bytes of a member that becomes one record; 0: 256 MiB */
	const char *sha256;             /* the one source's file must have this digest; NULL: any */
	const char *classes;            /* file of class names, one a line, for sources whose labels are numbers; NULL: none */
	int64_t start_epoch, start;     /* begin there: records before it are not read where that is possible */
	/* A download goes on, in words; `what` NULL: it is over; nonzero ends it. NULL: silent. */
	int (*progress)(void *ctx, const char *what, int64_t done, int64_t total);
	void *progress_ctx;
	int verify;                     /* read every record of the split once before the first is given; a data set is compared with what is known of it */
};
struct vit_fetch;
/* Opens data set names, directories, archives, files, "-" and SOURCE@SPLIT.
 * `source` NULL-terminated list: read one after another as one source. */
int vit_fetch_open(struct vit_fetch **, const char *const *source, const struct vit_fetch_opt *) VIT_MUST_CHECK;
const struct vit_header *vit_fetch_header(const struct vit_fetch *);
int vit_fetch_next(struct vit_fetch *, struct vit_record *);   /* VIT_END, VIT_ERECORD (may go on), ... */
/* The format that reads it, and the splits the source has, space-separated, NULL
 * where it does not say; both as long as the fetch is open. */
const struct vit_format *vit_fetch_format(const struct vit_fetch *);
const char *vit_fetch_splits(const struct vit_fetch *);
int vit_has_split(const char *splits, const char *name);      /* is it among those? splits may be NULL */
uint64_t vit_fetch_skipped(const struct vit_fetch *);          /* left out upstream; final after VIT_END */
/* Line `i` of what the user should know about the source; NULL: no more. Complete after open. */
const char *vit_fetch_notice(const struct vit_fetch *, int i);
/* `fn` is called before a read from a pipe would block, so that a filter can
 * flush what it has. */
void vit_fetch_on_wait(struct vit_fetch *, void (*fn)(void *), void *ctx);
void vit_fetch_close(struct vit_fetch *);

#endif
