/* SPDX-License-Identifier: MIT
 *
 * join.h - several inputs read one after the other as one samples stream.
 *
 * As `cat` joins segments, but every header is read before the first record,
 * so that disagreement shows at once and the counts add up.
 */
#ifndef VIT_STREAM_JOIN_H
#define VIT_STREAM_JOIN_H

#include "stream/stream.h"

struct vit_join;

/* Opens all of path[0..n), "-" is stdin, and reads their headers. VIT_EMISMATCH
 * names the input and key that differ from the first. */
int vit_join_open(struct vit_join **, const char *const *path, int n, size_t max_record) VIT_MUST_CHECK;
void vit_join_close(struct vit_join *);         /* NULL is fine */

/* The first input's header with all histories merged, count the sum of all
 * (nil when one is unknown), shape nil where they differ, and no shard when all
 * shards are there. */
const struct vit_header *vit_join_header(const struct vit_join *);

/* As vit_reader_next(); VIT_END after the last input. */
int vit_join_next(struct vit_join *, const uint8_t **raw, size_t *n);
/* The input being read, for messages. */
struct vit_reader *vit_join_reader(const struct vit_join *);
uint64_t vit_join_skipped(const struct vit_join *);
/* vit_input_on_wait() of all inputs. */
void vit_join_on_wait(struct vit_join *, void (*fn)(void *), void *ctx);

#endif
