/* SPDX-License-Identifier: MIT
 *
 * input.h - a byte source one can look ahead in: file, pipe, memory, or any
 * read function (an archive member, a decompressor).
 *
 * Nothing is ever opened twice to find out what it is: probes peek.
 */
#ifndef VIT_STREAM_INPUT_H
#define VIT_STREAM_INPUT_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct vit_input;

/* `path` "-" is stdin, called "<stdin>" in messages. A directory is VIT_EUSAGE.
 * After a failure of one of these three the input is NULL. */
int vit_input_open(struct vit_input **, const char *path) VIT_MUST_CHECK;
/* `p` must outlive the input. */
int vit_input_memory(struct vit_input **, const void *p, size_t n, const char *name) VIT_MUST_CHECK;
/* read: like read(2): bytes, 0 at the end, or what vit_fail() returned; a plain -1
 * after vit_fail() counts as VIT_EIO. close may be NULL. */
int vit_input_reader(struct vit_input **, ssize_t (*read)(void *ctx, void *buf, size_t n),
                     void (*close)(void *ctx), void *ctx, const char *name) VIT_MUST_CHECK;
void vit_input_close(struct vit_input *);       /* NULL is fine */

/* Look at up to `n` bytes (n <= 1 GiB) without consuming them. *got < n only at
 * the end of the input. *p is valid until the next call on this input. */
int vit_input_peek(struct vit_input *, size_t n, const uint8_t **p, size_t *got) VIT_MUST_CHECK;
/* Look at what is there without waiting for more than the first byte; *got 0 at
 * the end of the input. *p as for peek. */
int vit_input_some(struct vit_input *, const uint8_t **p, size_t *got) VIT_MUST_CHECK;
/* Consume `n` bytes, peeked or not; VIT_EFORMAT if the input ends before. */
int vit_input_skip(struct vit_input *, uint64_t n) VIT_MUST_CHECK;
/* Exactly `n` bytes; VIT_END if none was left, VIT_EFORMAT if some but not enough. */
int vit_input_read(struct vit_input *, void *buf, size_t n) VIT_MUST_CHECK;

const char *vit_input_name(const struct vit_input *);
uint64_t vit_input_tell(const struct vit_input *);     /* bytes consumed */
int vit_input_fd(const struct vit_input *);            /* -1: not a descriptor */

/* Called before a read that would block, so that a filter can flush what it has. */
void vit_input_on_wait(struct vit_input *, void (*fn)(void *), void *ctx);
/* Seconds spent waiting inside read so far. */
double vit_input_waited(const struct vit_input *);

/* For the whole process: once descriptor `fd` is readable, reads that would wait
 * give VIT_EINTR instead. A signal handler writes a byte to it, so that no
 * signal is lost between looking and waiting, whichever thread it hits.
 * -1: none. */
void vit_input_interrupt(int fd);
int vit_input_interrupted(void);         /* 1 once that descriptor is readable */

#endif
