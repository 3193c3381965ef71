/* SPDX-License-Identifier: MIT
 *
 * blob.c - whole files: mapped, in memory, or spooled to disk.
 *
 * blob.priv is the allocation when the bytes are in memory; NULL: mapped, and
 * blob.pages then says which of them were looked at.
 */
#include "format/source.h"

#include "core/tmp.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 1 << 20 };
/* A page fault maps its neighbours too, up to a large page; and what may be mapped
 * before it is given back. */
enum { LARGE_PAGE = 2 << 20, NEAR = 1 << 16, MOST_MAPPED = 48 << 20, JUMPS = 8 };

/* Bytes low..high were looked at one after the other. */
struct pages {
	size_t low, high;
	int jumps, random;              /* looks in a row that did not follow the one before; so the kernel was told */
};

static int map(struct vit_blob *b, int fd, size_t n, const char *name)
{
	struct pages *pages = vit_calloc(1, sizeof *pages);
	if (!pages)
		return VIT_ENOMEM;
	void *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		free(pages);
		return vit_fail_errno("%s: cannot be mapped", name);
	}
	*b = (struct vit_blob){ .p = p, .n = n, .pages = pages };
	return 0;
}

/* The next bytes of `in`, of which `have` were taken; *got 0 at the end. */
static int some(struct vit_input *in, uint64_t have, uint64_t max, const uint8_t **p, size_t *got)
{
	VIT_TRY(vit_input_peek(in, STEP, p, got));
	if (*got > max - have)
		return vit_fail(VIT_EFORMAT, "%s: goes on after the %llu bytes that it may have", vit_input_name(in),
		                (unsigned long long)max);
	return 0;
}

/* What `buf` holds and the rest of `in`, through an unlinked file. */
static int spool(struct vit_blob *b, struct vit_buf *buf, struct vit_input *in, uint64_t max)
{
	size_t total = buf->n;
	int fd;
	VIT_TRY(vit_tmp_open(&fd, "data"));
	int rc = vit_tmp_write(fd, buf->p, buf->n, 0, "data");
	vit_buf_release(buf);
	while (!rc) {
		const uint8_t *p;
		size_t got;
		rc = some(in, total, max, &p, &got);
		if (rc || !got)
			break;
		rc = vit_tmp_write(fd, p, got, total, "data");
		total += got;
		if (!rc)
			rc = vit_input_skip(in, got);
	}
	if (!rc)
		rc = map(b, fd, total, vit_input_name(in));
	close(fd);
	return rc;
}

int vit_blob_fill(struct vit_blob *b, struct vit_input *in, int plain, int64_t size, uint64_t max, size_t budget)
{
	*b = (struct vit_blob){ 0 };
	struct stat st;
	if (plain && vit_input_fd(in) >= 0 && !fstat(vit_input_fd(in), &st) && S_ISREG(st.st_mode) && st.st_size > 0)
		return map(b, vit_input_fd(in), (size_t)st.st_size, vit_input_name(in));

	struct vit_buf buf = { 0 };
	int rc = 0;
	/* a claimed size spares copies, up to a limit: it may be a lie */
	if (size > 0 && size <= 64 << 20 && (uint64_t)size <= budget)
		rc = vit_buf_reserve(&buf, (size_t)size);
	while (!rc) {
		const uint8_t *p;
		size_t got;
		rc = some(in, buf.n, max, &p, &got);
		if (rc || !got)
			break;
		if (buf.n + got > budget) {
			rc = spool(b, &buf, in, max);
			goto out;
		}
		rc = vit_buf_add(&buf, p, got);
		if (!rc)
			rc = vit_input_skip(in, got);
	}
	if (!rc && buf.n) {
		/* exactly as long: growth may have doubled it */
		uint8_t *p = vit_realloc(buf.p, buf.n);
		if (p)
			buf.p = p;
		*b = (struct vit_blob){ .p = buf.p, .n = buf.n, .priv = buf.p };
		buf = (struct vit_buf){ 0 };
	}
out:
	vit_buf_release(&buf);
	return rc;
}

int vit_blob_in_memory(const struct vit_blob *b)
{
	return b->priv != NULL;
}

static void give_back(const struct vit_blob *b, size_t low, size_t high)
{
	low = low / LARGE_PAGE * LARGE_PAGE;
	high = b->n - high > LARGE_PAGE ? (high / LARGE_PAGE + 1) * LARGE_PAGE : b->n;
	madvise((void *)(uintptr_t)(b->p + low), high - low, MADV_DONTNEED);
}

/* Reading ahead of looks that jump about reads forty times what is looked at. */
static void set_random(const struct vit_blob *b, struct pages *g, int random)
{
	g->random = random;
	madvise((void *)(uintptr_t)b->p, b->n, random ? MADV_RANDOM : MADV_NORMAL);
}

void vit_blob_used(const struct vit_blob *b, const void *p, size_t n)
{
	struct pages *g = b->pages;
	if (!g || b->n <= MOST_MAPPED)
		return;
	size_t at = (size_t)((const uint8_t *)p - b->p);
	int on = at >= g->high && at - g->high < NEAR;
	g->jumps = !on ? g->jumps + (g->jumps < JUMPS) : g->jumps - (g->jumps > 0);
	if (g->random ? !g->jumps : g->jumps == JUMPS)
		set_random(b, g, !g->random);
	if (!on || at - g->low > MOST_MAPPED) {
		give_back(b, g->low, g->high);
		g->low = at;
	}
	g->high = at + n;
}

void vit_blob_release(struct vit_blob *b)
{
	if (b->priv)
		free(b->priv);
	else if (b->n)
		munmap((void *)(uintptr_t)b->p, b->n);
	free(b->pages);
	*b = (struct vit_blob){ 0 };
}
