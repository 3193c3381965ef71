/* SPDX-License-Identifier: MIT
 *
 * kept.c - a pipe whose bytes are kept, so that what was read to find out what
 * it is, or to count what is in it, can be read again.
 */
#include "format/container.h"

#include "core/tmp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vit_kept {
	struct vit_input *in;
	size_t memory;
	struct vit_buf buf;     /* the first bytes */
	int fd;                 /* those beyond `memory`; -1: none yet */
	uint64_t have, pos;     /* bytes kept; place of the present reader */
	int whole, forgotten;
};

int vit_kept_new(struct vit_kept **out, struct vit_input *in, size_t memory)
{
	struct vit_kept *k = vit_calloc(1, sizeof *k);
	*out = k;
	if (!k) {
		vit_input_close(in);
		return VIT_ENOMEM;
	}
	k->in = in;
	k->memory = memory;
	k->fd = -1;
	return 0;
}

static void drop(struct vit_kept *k)
{
	vit_buf_release(&k->buf);
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

void vit_kept_free(struct vit_kept *k)
{
	if (!k)
		return;
	drop(k);
	vit_input_close(k->in);
	free(k);
}

static int keep(struct vit_kept *k, const uint8_t *p, size_t n)
{
	size_t left = k->memory > k->buf.n ? k->memory - k->buf.n : 0, first = k->fd >= 0 ? 0 : n < left ? n : left;
	if (first)
		VIT_TRY(vit_buf_add(&k->buf, p, first));
	if (first < n) {
		if (k->fd < 0)
			VIT_TRY(vit_tmp_open(&k->fd, "a pipe"));
		VIT_TRY(vit_tmp_write(k->fd, p + first, n - first, k->have + first - k->buf.n, "a pipe"));
	}
	k->have += n;
	return 0;
}

static ssize_t kept_bytes(struct vit_kept *k, void *buf, size_t n)
{
	if (k->pos < k->buf.n) {
		if (n > k->buf.n - k->pos)
			n = k->buf.n - (size_t)k->pos;
		memcpy(buf, k->buf.p + k->pos, n);
	} else {
		if (n > k->have - k->pos)
			n = (size_t)(k->have - k->pos);
		ssize_t got;
		do
			got = pread(k->fd, buf, n, (off_t)(k->pos - k->buf.n));
		while (got < 0 && errno == EINTR);
		if (got <= 0)
			return vit_fail_errno("%s: the temporary file it is kept in", vit_input_name(k->in));
		n = (size_t)got;
	}
	k->pos += n;
	return (ssize_t)n;
}

/* What the pipe has now, at most n bytes; 0 at its end. */
static ssize_t fresh_bytes(struct vit_kept *k, void *buf, size_t n)
{
	const uint8_t *p;
	size_t got;
	int rc = vit_input_some(k->in, &p, &got);
	if (rc)
		return rc;
	if (got > n)
		got = n;
	if (got && !k->forgotten)
		rc = keep(k, p, got);
	else if (k->forgotten && (k->buf.p || k->fd >= 0))
		drop(k);        /* its reader is past them */
	if (rc)
		return rc;
	if (got)
		memcpy(buf, p, got);
	k->pos += got;
	rc = vit_input_skip(k->in, got);
	return rc ? rc : (ssize_t)got;
}

static ssize_t kept_read(void *ctx, void *buf, size_t n)
{
	struct vit_kept *k = ctx;
	return k->pos < k->have ? kept_bytes(k, buf, n) : k->whole ? 0 : fresh_bytes(k, buf, n);
}

int vit_kept_input(struct vit_kept *k, struct vit_input **in)
{
	k->pos = 0;
	return vit_input_reader(in, kept_read, NULL, k, vit_input_name(k->in));
}

int vit_kept_all(struct vit_kept *k)
{
	uint8_t block[1 << 15];
	ssize_t got = 1;
	uint64_t was = k->pos;
	k->pos = k->have;
	while (got > 0)
		got = kept_read(k, block, sizeof block);
	k->pos = was;
	k->whole = got == 0;
	return (int)got;
}

int vit_kept_whole(const struct vit_kept *k)
{
	return k->whole;
}

void vit_kept_forget(struct vit_kept *k)
{
	k->forgotten = !k->whole;
}

void vit_kept_on_wait(struct vit_kept *k, void (*fn)(void *), void *ctx)
{
	vit_input_on_wait(k->in, fn, ctx);
}
