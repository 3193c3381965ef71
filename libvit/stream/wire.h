/* SPDX-License-Identifier: MIT
 *
 * wire.h - msgpack bytes as the stream uses them; inside libvit only.
 *
 * msgpack-c packs and unpacks headers and trailers. Everything from outside is
 * scanned first: msgpack-c allocates by claimed counts (5 bytes can ask for 16
 * GiB), the scan allocates nothing. Records are walked in place by tokens and
 * packed by pack.h.
 */
#ifndef VIT_STREAM_WIRE_H
#define VIT_STREAM_WIRE_H

#include "stream/stream.h"

#include <string.h>

enum {
	VIT_MAX_NEST = 8,
	VIT_MAX_HISTORY = 64 << 10,     /* bytes of the history as msgpack */
	VIT_MAX_HEADER = 64 << 20,
	VIT_MAX_ELEMENTS = 1 << 20,     /* of a header: what msgpack-c may allocate for */
	VIT_MAX_RECORD = 256 << 20,
};

/* ---- tokens: the head of one value ------------------------------------------- */

enum vit_token_type {
	VIT_T_NIL, VIT_T_BOOL, VIT_T_UINT, VIT_T_INT, VIT_T_FLOAT,
	VIT_T_STR, VIT_T_BIN, VIT_T_EXT, VIT_T_ARRAY, VIT_T_MAP,
};
struct vit_token {
	int type;               /* enum vit_token_type; INT is negative, UINT is not */
	size_t head;            /* bytes of the head: the body follows */
	uint64_t u;             /* BOOL, UINT; bytes of STR, BIN, EXT; entries of ARRAY, MAP */
	int64_t i;              /* INT */
	double f;               /* FLOAT */
};
/* 0; VIT_END: `head` bytes are needed, n are there; VIT_EFORMAT: not msgpack. */
int vit_token_read(struct vit_token *, const uint8_t *p, size_t n) VIT_MUST_CHECK;

/* ---- scan: where does a value end, and is it within the limits? ----------------- */

/* Can be carried on as more bytes arrive, so no byte is looked at twice. */
struct vit_scan {
	size_t max, pos;                /* pos: length of the value once done */
	uint64_t pending;               /* values begun or announced and not yet met */
	uint64_t elements, max_elements;
	int depth;
	uint64_t left[VIT_MAX_NEST];
};
void vit_scan_init(struct vit_scan *, size_t max, uint64_t max_elements);
/* A value with this head lies at pos: move pos behind it. VIT_EFORMAT. */
int vit_scan_token(struct vit_scan *, const struct vit_token *) VIT_MUST_CHECK;
/* p[0..n) begins with the same bytes as last time. 0: the value is p[0..pos).
 * VIT_END: at least *need bytes are needed. VIT_EFORMAT. */
int vit_scan_run(struct vit_scan *, const uint8_t *p, size_t n, size_t *need) VIT_MUST_CHECK;

/* ---- cursor: walks a value that the scan has passed ------------------------------- */

struct vit_cur {
	const uint8_t *p, *end;
};
int vit_cur_token(struct vit_cur *, struct vit_token *) VIT_MUST_CHECK;          /* head only */
int vit_cur_bytes(struct vit_cur *, const struct vit_token *, struct vit_str *) VIT_MUST_CHECK;  /* body of STR, BIN, EXT */
int vit_cur_value(struct vit_cur *, struct vit_str *raw) VIT_MUST_CHECK;         /* a whole value, unread */
int vit_cur_key(struct vit_cur *, struct vit_str *key) VIT_MUST_CHECK;           /* a str */
/* Inlined: keys are compared with constants, whose lengths are known. */
static inline int vit_str_is(struct vit_str s, const char *text)
{
	size_t n = strlen(text);
	return s.n == n && memcmp(s.p, text, n) == 0;
}
/* Is this value a map whose first key is the str `key`? */
int vit_map_begins(const uint8_t *p, size_t n, const char *key);

/* ---- packing ------------------------------------------------------------------------ */

int vit_pack_to_buf(void *buf, const char *p, size_t n);        /* for msgpack_packer_init */

/* JSON values to msgpack and back. Integers stay integers, reals are float64,
 * objects keep their order. VIT_EFORMAT for what JSON cannot hold. */
int vit_json_pack(struct vit_buf *, const json_t *) VIT_MUST_CHECK;
int vit_json_unpack(json_t **, const uint8_t *p, size_t n) VIT_MUST_CHECK;       /* scans first */

/* ---- nd --------------------------------------------------------------------------- */

/* An array or, with ndim 0, a numpy scalar; data points into p. VIT_ERECORD. */
int vit_nd_decode(struct vit_tensor *, const uint8_t *p, size_t n) VIT_MUST_CHECK;
/* The same where the cursor is, which moves behind it. */
int vit_cur_nd(struct vit_cur *, struct vit_tensor *) VIT_MUST_CHECK;
/* All of an nd up to its data's bytes, which follow. */
int vit_nd_encode_head(struct vit_buf *, const struct vit_tensor *) VIT_MUST_CHECK;

/* ---- header and trailer ------------------------------------------------------------- */

int vit_header_encode(struct vit_buf *, const struct vit_header *) VIT_MUST_CHECK;
int vit_header_decode(struct vit_header *, const uint8_t *p, size_t n) VIT_MUST_CHECK;

struct vit_trailer {
	uint64_t count, skipped, xxh3;
	uint64_t bytes;         /* of the segment before it; 0: not said */
	int hashed;             /* xxh3 is there */
	char *error;            /* NULL: a good end. Owned */
};
int vit_trailer_encode(struct vit_buf *, const struct vit_trailer *) VIT_MUST_CHECK;
int vit_trailer_decode(struct vit_trailer *, const uint8_t *p, size_t n) VIT_MUST_CHECK;

/* ---- segments ------------------------------------------------------------------------- */

/* Do the headers of two segments fit? VIT_EMISMATCH names the key. */
int vit_segment_agrees(const struct vit_header *first, const struct vit_header *next) VIT_MUST_CHECK;
/* Sum of the counts of the segments from byte `from` on of the regular file
 * `fd`; *sum -1 when one is unknown. Stops quietly where the file is broken. */
int vit_segment_ahead(int fd, uint64_t from, size_t max_record, int64_t *sum, json_t *history) VIT_MUST_CHECK;

#endif
