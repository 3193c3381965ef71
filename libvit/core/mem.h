/* SPDX-License-Identifier: MIT
 *
 * mem.h - a growing byte buffer, and an arena for things that die together.
 */
#ifndef VIT_CORE_MEM_H
#define VIT_CORE_MEM_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

/* All of these return NULL with a message set when memory is short. */
void *vit_malloc(size_t n);
void *vit_calloc(size_t n, size_t size);       /* checks n * size for overflow */
void *vit_realloc(void *p, size_t n);          /* on failure p stays valid */
char *vit_strdup(const char *s);
void *vit_aligned_alloc(size_t n);             /* 64-byte aligned, zeroed; release with free() */

/* A byte buffer that grows; zero-initialise, then use. */
struct vit_buf {
	uint8_t *p;
	size_t n, cap;
};
int vit_buf_reserve(struct vit_buf *, size_t more) VIT_MUST_CHECK;   /* room for `more` bytes after n */
int vit_buf_add(struct vit_buf *, const void *p, size_t n) VIT_MUST_CHECK;
int vit_buf_printf(struct vit_buf *, const char *fmt, ...) VIT_PRINTF(2, 3);  /* keeps a NUL after n */
void vit_buf_release(struct vit_buf *);        /* frees and zeroes */

/* An arena: allocations live until the arena is released. Not thread-safe. */
struct vit_arena {
	struct vit_chunk *chunk;
};
void *vit_arena_alloc(struct vit_arena *, size_t n);          /* zeroed, 16-byte aligned, NULL if out of memory */
char *vit_arena_strdup(struct vit_arena *, const char *s);
char *vit_arena_printf(struct vit_arena *, const char *fmt, ...) VIT_PRINTF(2, 3);
void vit_arena_release(struct vit_arena *);

#endif
