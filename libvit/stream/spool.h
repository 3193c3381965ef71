/* SPDX-License-Identifier: MIT
 *
 * spool.h - records kept to be read again: in memory up to a budget, the rest
 * in a temporary file that has no name, so nothing is left behind.
 */
#ifndef VIT_STREAM_SPOOL_H
#define VIT_STREAM_SPOOL_H

#include "core/mem.h"

struct vit_spool;

/* `memory`: bytes to keep in memory, 0: a quarter of what the process may use.
 * The file lies in $TMPDIR or /var/tmp and is made when first needed. */
int vit_spool_new(struct vit_spool **, size_t memory) VIT_MUST_CHECK;
void vit_spool_free(struct vit_spool *);

/* Keep a copy of p[0..n), n >= 1, as number vit_spool_len(). At most 2^32 - 1. */
int vit_spool_add(struct vit_spool *, const void *p, size_t n) VIT_MUST_CHECK;
uint32_t vit_spool_len(const struct vit_spool *);
/* Number `i`; *p is valid until the next call on this spool. *n is 0 when it
 * was dropped. */
int vit_spool_get(struct vit_spool *, uint32_t i, const uint8_t **p, size_t *n) VIT_MUST_CHECK;
void vit_spool_drop(struct vit_spool *, uint32_t i);

/* Bytes that are in the file rather than in memory. */
uint64_t vit_spool_on_disk(const struct vit_spool *);

#endif
