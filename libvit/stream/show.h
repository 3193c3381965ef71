/* SPDX-License-Identifier: MIT
 *
 * show.h - streams described for people and for other programs, as JSON.
 */
#ifndef VIT_STREAM_SHOW_H
#define VIT_STREAM_SHOW_H

#include "stream/stream.h"

/* A name of any bytes, as a path is, for JSON: what is no UTF-8 as %XX. NULL: no memory. */
json_t *vit_show_name(const char *name);

/* Read the stream to its end and describe it in the object `about`:
 *   kind, meta, history, records, skipped, bytes, and
 *   samples: announced (of an epoch, over all segments), classes
 *            [{name?,label,count}], unlabelled, soft, images
 *            {height:[min,max],width:[..],channels:[..],encoded:{type:count}}
 *   model:   tensors [{name,shape,dtype,params}], params
 * At an error (the reader's own codes) it holds what was found up to there. */
int vit_show_stream(struct vit_reader *, json_t *about) VIT_MUST_CHECK;

/* What vit_show_stream() found, for a person. */
int vit_show_text(struct vit_buf *, const json_t *about) VIT_MUST_CHECK;

/* Samples from anywhere, counted: `classes` as a header's meta has them, kept. */
struct vit_tally;
int vit_tally_new(struct vit_tally **, const json_t *classes) VIT_MUST_CHECK;
int vit_tally_add(struct vit_tally *, const struct vit_record *) VIT_MUST_CHECK;    /* VIT_ERECORD */
/* Into `about`: records, bytes (of images), classes, unlabelled, soft, images. */
void vit_tally_report(struct vit_tally *, json_t *about);
void vit_tally_free(struct vit_tally *);        /* NULL is fine */
/* These keys, for a person. */
int vit_tally_text(struct vit_buf *, const json_t *about) VIT_MUST_CHECK;

/* One record as JSON, *v owned by the caller: images as shape and XXH3-64,
 * tensors as shape and statistics. VIT_ERECORD. */
int vit_show_record(json_t **v, int kind, const uint8_t *raw, size_t n) VIT_MUST_CHECK;

#endif
