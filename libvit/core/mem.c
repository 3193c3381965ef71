/* SPDX-License-Identifier: MIT */
#include "core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *p, size_t n)
{
	if (!p)
		vit_fail(VIT_ENOMEM, "out of memory: %zu bytes were asked for", n);
	return p;
}

/* At least one byte each, so that NULL always means failure. */
void *vit_malloc(size_t n)
{
	return checked(malloc(n ? n : 1), n);
}

void *vit_calloc(size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total))
		return checked(NULL, SIZE_MAX);
	return checked(calloc(total ? total : 1, 1), total);
}

void *vit_realloc(void *p, size_t n)
{
	return checked(realloc(p, n ? n : 1), n);
}

char *vit_strdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = vit_malloc(n);
	return p ? memcpy(p, s, n) : NULL;
}

void *vit_aligned_alloc(size_t n)
{
	if (n > SIZE_MAX - 64)
		return checked(NULL, n);
	size_t padded = n ? (n + 63) / 64 * 64 : 64;
	void *p = checked(aligned_alloc(64, padded), n);
	return p ? memset(p, 0, padded) : NULL;
}

/* ---- buffer ----------------------------------------------------------------- */

int vit_buf_reserve(struct vit_buf *b, size_t more)
{
	if (more <= b->cap - b->n)
		return 0;
	size_t need;
	if (__builtin_add_overflow(b->n, more, &need))
		return vit_fail(VIT_ENOMEM, "out of memory: a buffer cannot grow by %zu bytes", more);
	size_t cap = b->cap <= SIZE_MAX / 2 && b->cap * 2 > need ? b->cap * 2 : need;
	if (cap < 256)
		cap = 256;
	uint8_t *p = vit_realloc(b->p, cap);
	if (!p)
		return VIT_ENOMEM;
	b->p = p;
	b->cap = cap;
	return 0;
}

int vit_buf_add(struct vit_buf *b, const void *p, size_t n)
{
	VIT_TRY(vit_buf_reserve(b, n));
	if (n)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

int vit_buf_printf(struct vit_buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return vit_fail(VIT_EFORMAT, "text cannot be formatted");
	VIT_TRY(vit_buf_reserve(b, (size_t)n + 1));
	va_start(ap, fmt);
	vsnprintf((char *)b->p + b->n, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->n += (size_t)n;
	return 0;
}

void vit_buf_release(struct vit_buf *b)
{
	free(b->p);
	*b = (struct vit_buf) { 0 };
}

/* ---- arena ------------------------------------------------------------------- */

enum { CHUNK = 16 * 1024, ALIGN = 16 };

struct vit_chunk {
	struct vit_chunk *next;
	size_t used, cap;
	_Alignas(ALIGN) unsigned char data[];
};

void *vit_arena_alloc(struct vit_arena *a, size_t n)
{
	if (n > SIZE_MAX / 2)
		return checked(NULL, n);
	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	struct vit_chunk *c = a->chunk;
	if (!c || n > c->cap - c->used) {
		size_t cap = n > CHUNK ? n : CHUNK;
		struct vit_chunk *fresh = vit_calloc(1, sizeof *fresh + cap);
		if (!fresh)
			return NULL;
		fresh->cap = cap;
		if (c && n > CHUNK) {
			/* a big block of its own goes behind, so that the
			 * present chunk's rest stays in use */
			fresh->next = c->next;
			c->next = fresh;
		} else {
			fresh->next = c;
			a->chunk = fresh;
		}
		c = fresh;
	}
	void *p = c->data + c->used;
	c->used += n;
	return p;
}

char *vit_arena_strdup(struct vit_arena *a, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = vit_arena_alloc(a, n);
	return p ? memcpy(p, s, n) : NULL;
}

char *vit_arena_printf(struct vit_arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	char *p = n < 0 ? NULL : vit_arena_alloc(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void vit_arena_release(struct vit_arena *a)
{
	for (struct vit_chunk *c = a->chunk, *next; c; c = next) {
		next = c->next;
		free(c);
	}
	a->chunk = NULL;
}
