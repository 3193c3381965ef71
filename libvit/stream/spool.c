/* SPDX-License-Identifier: MIT */
#include "stream/spool.h"

#include "core/thread.h"
#include "core/tmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 1 << 20, HOLE = 4096 };

/* Records lie one behind the other in blocks, or in the file; never in both. */
struct entry {
	uint64_t at;            /* address, or offset in the file */
	uint64_t n;
};
struct block {
	struct block *next;
	size_t used, cap;
	uint8_t p[];
};
struct vit_spool {
	struct entry *entry;
	uint32_t len, cap;
	uint32_t in_memory;     /* the first so many */
	uint64_t memory, held;
	struct block *block;
	int fd;
	uint64_t written;       /* bytes in the file; `pending` follows them */
	struct vit_buf pending, got;
};

int vit_spool_new(struct vit_spool **out, size_t memory)
{
	struct vit_spool *s = vit_calloc(1, sizeof *s);
	if (!s)
		return VIT_ENOMEM;
	s->memory = memory ? memory : vit_memory_limit() / 4;
	s->fd = -1;
	*out = s;
	return 0;
}

void vit_spool_free(struct vit_spool *s)
{
	if (!s)
		return;
	while (s->block) {
		struct block *b = s->block;
		s->block = b->next;
		free(b);
	}
	if (s->fd >= 0)
		close(s->fd);
	free(s->entry);
	vit_buf_release(&s->pending);
	vit_buf_release(&s->got);
	free(s);
}

static int write_pending(struct vit_spool *s)
{
	VIT_TRY(vit_tmp_write(s->fd, s->pending.p, s->pending.n, s->written, "records"));
	s->written += s->pending.n;
	s->pending.n = 0;
	return 0;
}

static void add_entry(struct vit_spool *s, uint64_t at, size_t n)
{
	s->entry[s->len++] = (struct entry){ at, n };
}

static int room_for_entry(struct vit_spool *s)
{
	if (s->len < s->cap)
		return 0;
	if (s->len >= UINT32_MAX / 2)
		return vit_fail(VIT_EUNSUPPORTED, "more than %u records cannot be kept", UINT32_MAX / 2);
	uint32_t cap = s->cap ? 2 * s->cap : 1024;
	struct entry *e = vit_realloc(s->entry, cap * sizeof *e);
	if (!e)
		return VIT_ENOMEM;
	s->held += (cap - s->cap) * sizeof *e;
	s->entry = e;
	s->cap = cap;
	return 0;
}

static int add_in_file(struct vit_spool *s, const void *p, size_t n)
{
	if (s->fd < 0)
		VIT_TRY(vit_tmp_open(&s->fd, "records"));
	VIT_TRY(vit_buf_add(&s->pending, p, n));
	add_entry(s, s->written + s->pending.n - n, n);
	return s->pending.n >= BLOCK ? write_pending(s) : 0;
}

static int add_in_memory(struct vit_spool *s, const void *p, size_t n)
{
	struct block *b = s->block;
	if (!b || b->cap - b->used < n) {
		size_t cap = n > BLOCK ? n : BLOCK;
		b = vit_malloc(sizeof *b + cap);
		if (!b)
			return VIT_ENOMEM;
		*b = (struct block){ .next = s->block, .cap = cap };
		s->block = b;
		s->held += cap;
	}
	uint8_t *to = b->p + b->used;
	memcpy(to, p, n);
	b->used += n;
	s->in_memory++;
	add_entry(s, (uintptr_t)to, n);
	return 0;
}

int vit_spool_add(struct vit_spool *s, const void *p, size_t n)
{
	VIT_TRY(room_for_entry(s));
	/* one record in the file sends all later ones there */
	size_t room = s->block ? s->block->cap - s->block->used : 0;
	int fits = s->in_memory == s->len && (n <= room || s->held + (n > BLOCK ? n : BLOCK) <= s->memory);
	return fits ? add_in_memory(s, p, n) : add_in_file(s, p, n);
}

uint32_t vit_spool_len(const struct vit_spool *s)
{
	return s->len;
}

int vit_spool_get(struct vit_spool *s, uint32_t i, const uint8_t **p, size_t *n)
{
	const struct entry *e = &s->entry[i];
	*n = (size_t)e->n;
	if (i < s->in_memory || !e->n) {
		*p = e->n ? (const uint8_t *)(uintptr_t)e->at : NULL;
		return 0;
	}
	VIT_TRY(write_pending(s));
	s->got.n = 0;
	VIT_TRY(vit_buf_reserve(&s->got, (size_t)e->n));
	for (size_t done = 0; done < e->n; ) {
		ssize_t r = pread(s->fd, s->got.p + done, (size_t)e->n - done, (off_t)(e->at + done));
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return r ? vit_fail_errno("temporary file") : vit_fail(VIT_EIO, "temporary file: shorter than written");
		done += (size_t)r;
	}
	*p = s->got.p;
	return 0;
}

/* Whole blocks of the file go back to the system, where it can take them: a
 * window that records pass through does not fill the disk. */
static void punch(const struct vit_spool *s, const struct entry *e)
{
	uint64_t from = (e->at + HOLE - 1) / HOLE * HOLE, to = (e->at + e->n) / HOLE * HOLE;
	if (to > from && to <= s->written)
		(void)fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from));
}

void vit_spool_drop(struct vit_spool *s, uint32_t i)
{
	if (i >= s->in_memory)
		punch(s, &s->entry[i]);
	s->entry[i].n = 0;
}

uint64_t vit_spool_on_disk(const struct vit_spool *s)
{
	return s->written + s->pending.n;
}
