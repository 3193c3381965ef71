/* SPDX-License-Identifier: MIT
 *
 * stream.h - the vit stream: the one data format between programs.
 *
 * Layout (msgpack, https://github.com/msgpack/msgpack/blob/master/spec.md):
 * a sequence of maps with str keys: header, records, trailer.
 *
 *   header   {"vit":"stream","version":1,"kind":"samples"|"model",
 *             "requires":[str...],"meta":{...},"history":[{...}...]}
 *            The first key is always "vit". Unknown keys are ignored; a version
 *            or an entry of "requires" that is not known is refused by name.
 *   sample   {"id":str,"seq":u64,"epoch":int,"label":int|nd f32 [K],
 *             "image":nd u8 [H,W,C] | {"encoded":bin,"type":str}, ...}
 *            "label" may be absent; unknown keys pass through data filters.
 *   tensor   {"name":str,"tensor":nd,"dtype":str?, "quant":{...}?}
 *   trailer  {"end":true,"count":N,"skipped":M,"bytes":B,"xxh3":u64} with N
 *            records in this segment, M records left out by --max-bad anywhere
 *            upstream, and XXH3-64 (seed 0) over the B bytes from the header's
 *            first to the last before the trailer; the first key is always
 *            "end", and "bytes" and "xxh3" may be absent on input. "error":str: the writer failed, the
 *            records so far are not the whole.
 *   nd       msgpack-numpy's map, keys of type bin: {nd:true,type:"<f4",
 *            kind:b"",shape:[...],data:bin}. Read as well with str keys, and as
 *            plain {"data":bin,"shape":[...],"dtype":"float32"}. Kinds O and V
 *            are never written and always refused.
 *
 * meta of samples: dataset, split: str|nil; classes: [str...]|int|nil; labels:
 * "index"|"soft"|"none"; shape: [H,W,C]|nil; count: int|nil of one epoch;
 * channels: int, only beside shape nil, of all images; epochs: int; shard: {"index":I,"of":N,"total":records of one epoch over all
 * shards|nil}|nil; mean, std: [f64...]; ops: [str...]; random: bool; start:
 * [epoch,record,seq|nil], only where the stream does not begin at the beginning:
 * with that record of that epoch, both from 0, after the record with that seq.
 * count and epochs are those of the whole, and only a reader that knows what came
 * before may take it.
 * history: [{"tool":str,"version":str,"options":{...},"seed":int,"from":[str...]}]
 * where "from" holds the digests of the entries built on: XXH3-64 of an entry's
 * msgpack as 16 hex digits. At most 64 KiB.
 *
 * Segments may follow one another (`cat a b`); see vit_reader_next().
 * Limits on input: nesting 8, 8 dims, one record max_record bytes, map and
 * array counts at most the bytes that are left; nothing is allocated by a
 * claimed count.
 */
#ifndef VIT_STREAM_STREAM_H
#define VIT_STREAM_STREAM_H

#include "core/mem.h"
#include "stream/input.h"
#include "stream/output.h"
#include "tensor/tensor.h"

#include <jansson.h>

struct vit_str {
	const char *p;          /* not NUL-terminated */
	size_t n;
};

enum vit_kind { VIT_SAMPLES = 1, VIT_MODEL = 2 };

/* What a header says. meta and history are owned. */
struct vit_header {
	int kind;
	json_t *meta, *history; /* object, array; never NULL after init */
};
int vit_header_init(struct vit_header *, int kind) VIT_MUST_CHECK;
int vit_header_copy(struct vit_header *, const struct vit_header *from) VIT_MUST_CHECK;
void vit_header_release(struct vit_header *);
/* Append {tool, version, options, seed, from} to the history, where `from`
 * lists the digests of the entries it builds on; `options` is stolen. Equal
 * entries are stored once. VIT_EFORMAT when it would pass 64 KiB. */
int vit_history_add(json_t *history, const char *tool, json_t *options, uint64_t seed) VIT_MUST_CHECK;
int vit_history_merge(json_t *history, const json_t *other) VIT_MUST_CHECK;

/* meta of a samples stream, typed. Strings and arrays live in `arena`. */
enum vit_labels { VIT_LABELS_INDEX, VIT_LABELS_SOFT, VIT_LABELS_NONE };
struct vit_meta {
	const char *dataset, *split;            /* NULL: not said */
	const char **classes;                   /* n_class names, code-point order; NULL: nameless */
	int n_class;                            /* 0: unknown; nameless classes travel as this number */
	int labels;                             /* enum vit_labels */
	int64_t shape[3];                       /* H,W,C; H and W 0: sizes differ; C 0: not known */
	int64_t count;                          /* records of one epoch in this stream; -1: unknown */
	int64_t epochs;
	int64_t start_epoch, start;             /* the first record is this one of this epoch; 0, 0: the beginning */
	int64_t start_after;                    /* where it is not: seq of the record before; -1: not known */
	int64_t shard, n_shard, total;          /* this is shard I of N; total: records of one epoch over all shards; n_shard 0: not sharded */
	int n_mean;                             /* 0, 1 or C */
	float mean[16], std[16];                /* of x / 255 */
	int random;                             /* some op in `ops` draws random numbers: meta "random" */
	json_t *ops;                            /* borrowed from the header: array of op strings, NULL: none */
	struct vit_arena arena;
};
int vit_meta_read(struct vit_meta *, const struct vit_header *) VIT_MUST_CHECK;   /* VIT_EFORMAT names the key */
int vit_meta_write(const struct vit_meta *, struct vit_header *) VIT_MUST_CHECK;  /* keys it does not know stay */
void vit_meta_release(struct vit_meta *);
/* A name that comes twice in a list of classes; NULL: none. Names are identity,
 * so that such a list is refused wherever one is read. */
const char *vit_classes_twice(const char *const *names, int n);

/* One sample. Pointers are borrowed from whoever filled it. */
enum vit_label_kind { VIT_LABEL_NONE, VIT_LABEL_INDEX, VIT_LABEL_SOFT };
struct vit_field {
	struct vit_str key;
	const uint8_t *raw;     /* the value, as msgpack bytes */
	size_t n;
};
enum { VIT_MAX_FIELDS = 24 };
struct vit_record {
	struct vit_str id;
	uint64_t seq;           /* position in the unsharded source */
	int64_t epoch;
	int label_kind;
	int64_t label;
	struct vit_tensor soft;         /* f32 [K], may be unaligned: copy before use */
	struct vit_tensor image;        /* u8 [H,W,C]; data NULL: none */
	struct vit_str encoded, type;   /* or a file's bytes, and "jpeg", ...; p NULL: none */
	struct vit_field field[VIT_MAX_FIELDS];   /* keys this struct does not know, in order */
	int n_field;
};
/* Decode one record's bytes; the result borrows from `raw`. VIT_ERECORD. */
int vit_record_decode(struct vit_record *, const uint8_t *raw, size_t n) VIT_MUST_CHECK;
/* Its epoch alone; what follows that is not looked at. VIT_ERECORD. */
int vit_record_epoch(const uint8_t *raw, size_t n, int64_t *epoch) VIT_MUST_CHECK;
/* Append the record's bytes to `out`. Canonical: same record, same bytes. */
int vit_record_encode(struct vit_buf *out, const struct vit_record *) VIT_MUST_CHECK;

/* One tensor of a model. */
struct vit_tensor_record {
	struct vit_str name;
	struct vit_tensor tensor;       /* may be unaligned: copy before use */
	struct vit_str quant;           /* raw msgpack of "quant"; p NULL: none */
};
int vit_tensor_record_decode(struct vit_tensor_record *, const uint8_t *raw, size_t n) VIT_MUST_CHECK;

/* What a file is, by its first bytes (512 are enough): "a JPEG image", "a vit
 * stream", "text", "empty". NULL: not known. */
const char *vit_magic(const uint8_t *p, size_t n);
int vit_is_stream(const uint8_t *p, size_t n);

/* Reading. */
struct vit_reader_opt {
	size_t max_record;      /* bytes; 0: 256 MiB */
	int kind;               /* required kind; 0: any */
};
struct vit_reader;
/* Takes `in` over, also on failure. Reads the header. A stream that is empty,
 * is not a vit stream, or has another kind: VIT_EFORMAT saying what it is. */
int vit_reader_open(struct vit_reader **, struct vit_input *in, const struct vit_reader_opt *) VIT_MUST_CHECK;
void vit_reader_close(struct vit_reader *);
const struct vit_header *vit_reader_header(const struct vit_reader *);
struct vit_input *vit_reader_input(struct vit_reader *);
/* The next record's bytes, valid until the next call. VIT_END after a good
 * trailer at the end of the input. VIT_EUPSTREAM with the writer's own words
 * after an abort trailer; VIT_EFORMAT when the stream is cut, damaged or the
 * hash or count differs. A further segment is checked against the first: kind,
 * channels, classes, epochs must agree, and no shard may come twice. */
int vit_reader_next(struct vit_reader *, const uint8_t **raw, size_t *n);
uint64_t vit_reader_count(const struct vit_reader *);     /* records given so far, over all segments */
uint64_t vit_reader_skipped(const struct vit_reader *);   /* sum of the trailers' skipped */
/* Sum of the counts (per epoch) of the headers of all segments when the input
 * is a regular file, found by seeking at the first call; of those met so far on
 * a pipe. -1: unknown. */
int64_t vit_reader_announced(struct vit_reader *);
/* Merge the histories of all segments into `history`, as far as they are known:
 * as with vit_reader_announced(), and after it. */
int vit_reader_history(const struct vit_reader *, json_t *history) VIT_MUST_CHECK;
/* vit_fail with "<name>: record N (id): " in front. */
int vit_reader_fail(const struct vit_reader *, int code, const struct vit_record *, const char *fmt, ...) VIT_PRINTF(4, 5);

/* Writing: small records are gathered to 64 KiB per write. */
struct vit_writer;
/* The output stays the caller's. The header is written with the first flush. */
int vit_writer_open(struct vit_writer **, struct vit_output *, const struct vit_header *) VIT_MUST_CHECK;
int vit_writer_put(struct vit_writer *, const struct vit_record *) VIT_MUST_CHECK;
int vit_writer_raw(struct vit_writer *, const void *record, size_t n) VIT_MUST_CHECK;
/* The same for `count` records that lie one behind the other. */
int vit_writer_raws(struct vit_writer *, const void *records, size_t n, uint64_t count) VIT_MUST_CHECK;
int vit_writer_tensor(struct vit_writer *, const char *name, const struct vit_tensor *) VIT_MUST_CHECK;
int vit_writer_flush(struct vit_writer *) VIT_MUST_CHECK;
int vit_writer_end(struct vit_writer *, uint64_t skipped) VIT_MUST_CHECK;      /* trailer, flushed */
int vit_writer_abort(struct vit_writer *, const char *error);                  /* best effort */
void vit_writer_close(struct vit_writer *);

#endif
