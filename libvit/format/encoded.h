/* SPDX-License-Identifier: MIT
 *
 * encoded.h - from an image file to a record that holds it undecoded.
 */
#ifndef VIT_FORMAT_ENCODED_H
#define VIT_FORMAT_ENCODED_H

#include "stream/stream.h"

/* The record's id, in `buf`: a name as it is; bytes that are no UTF-8 become %XX. */
int vit_encoded_id(struct vit_record *, struct vit_buf *buf, const char *name, size_t n) VIT_MUST_CHECK;
/* The image of a record that has its id; borrows p. VIT_ERECORD, with `where` and
 * the id in front, when the bytes are of no type that is read, whatever their name. */
int vit_encoded_image(struct vit_record *, const char *where, const uint8_t *p, size_t n) VIT_MUST_CHECK;

#endif
