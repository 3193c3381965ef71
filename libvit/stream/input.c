/* SPDX-License-Identifier: MIT */
#include "stream/input.h"

#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 128 * 1024, MAX_PEEK = 1 << 30 };

/* Bytes pos..end of `buf` are read and not yet consumed. Memory inputs have
 * all of theirs there from the start; theirs is not freed and never grows. */
struct vit_input {
	const uint8_t *buf;
	uint8_t *owned;
	size_t pos, end, cap;
	uint64_t consumed;
	int at_end;
	ssize_t (*read)(void *ctx, void *buf, size_t n);
	void (*close)(void *ctx);
	void *ctx;
	int fd, may_wait;
	char *name;
	void (*on_wait)(void *);
	void *on_wait_ctx;
	double waited;
};

static int interrupt_fd = -1;

void vit_input_interrupt(int fd)
{
	interrupt_fd = fd;
}

int vit_input_interrupted(void)
{
	struct pollfd p = { .fd = interrupt_fd, .events = POLLIN };
	return interrupt_fd >= 0 && poll(&p, 1, 0) == 1;
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- opening ------------------------------------------------------------------- */

static int new_input(struct vit_input **out, const char *name)
{
	struct vit_input *in = vit_calloc(1, sizeof *in);
	*out = NULL;
	if (!in)
		return VIT_ENOMEM;
	in->fd = -1;
	in->name = vit_strdup(name);
	if (!in->name) {
		free(in);
		return VIT_ENOMEM;
	}
	*out = in;
	return 0;
}

static int open_path(const char *path)
{
	for (;;) {
		/* a FIFO waits here for its writer */
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		if (errno != EINTR)
			return vit_fail_errno("%s", path);
		if (vit_input_interrupted())
			return vit_fail(VIT_EINTR, "%s: interrupted", path);
	}
}

int vit_input_open(struct vit_input **out, const char *path)
{
	int is_stdin = !strcmp(path, "-");
	struct vit_input *in;
	*out = NULL;
	if (!*path)
		return vit_fail(VIT_EIO, "the name of an input is empty");
	VIT_TRY(new_input(&in, is_stdin ? "<stdin>" : path));

	int rc = is_stdin ? STDIN_FILENO : open_path(path);
	if (rc < 0)
		goto out;
	in->fd = rc;
	rc = 0;
	struct stat st;
	if (fstat(in->fd, &st))
		rc = vit_fail_errno("%s", in->name);
	else if (S_ISDIR(st.st_mode))
		rc = vit_fail(VIT_EUSAGE, "%s: is a directory, a file was expected", in->name);
	else
		in->may_wait = !S_ISREG(st.st_mode);
out:
	if (rc)
		vit_input_close(in);
	else
		*out = in;
	return rc;
}

int vit_input_memory(struct vit_input **out, const void *p, size_t n, const char *name)
{
	VIT_TRY(new_input(out, name));
	(*out)->buf = p;
	(*out)->end = n;
	(*out)->at_end = 1;
	return 0;
}

int vit_input_reader(struct vit_input **out, ssize_t (*read_fn)(void *, void *, size_t),
		     void (*close_fn)(void *), void *ctx, const char *name)
{
	VIT_TRY(new_input(out, name));
	(*out)->read = read_fn;
	(*out)->close = close_fn;
	(*out)->ctx = ctx;
	(*out)->may_wait = 1;
	return 0;
}

void vit_input_close(struct vit_input *in)
{
	if (!in)
		return;
	if (in->close)
		in->close(in->ctx);
	if (in->fd > STDIN_FILENO)
		close(in->fd);
	free(in->owned);
	free(in->name);
	free(in);
}

/* ---- reading ------------------------------------------------------------------- */

/* Wait until the descriptor has something, or the process is told to stop. */
static int wait_fd(struct vit_input *in)
{
	struct pollfd p[2] = { { .fd = in->fd, .events = POLLIN }, { .fd = interrupt_fd, .events = POLLIN } };
	for (int timeout = 0;; ) {
		int n = poll(p, 2, timeout);
		if (n < 0 && errno != EINTR)
			return vit_fail_errno("%s", in->name);
		if (n > 0 && p[1].revents)
			return vit_fail(VIT_EINTR, "%s: interrupted", in->name);
		if (n > 0)
			return 0;
		if (n == 0) {
			if (in->on_wait)
				in->on_wait(in->on_wait_ctx);
			timeout = -1;
		}
	}
}

static int read_fd(struct vit_input *in, void *p, size_t n, size_t *got)
{
	for (;;) {
		if (in->may_wait)
			VIT_TRY(wait_fd(in));
		ssize_t r = read(in->fd, p, n);
		if (r >= 0) {
			*got = (size_t)r;
			return 0;
		}
		/* EAGAIN: the descriptor is shared with someone who made it non-blocking */
		if (errno != EINTR && errno != EAGAIN)
			return vit_fail_errno("%s: byte %" PRIu64, in->name, in->consumed + (in->end - in->pos));
	}
}

static int read_fn(struct vit_input *in, void *p, size_t n, size_t *got)
{
	if (in->on_wait)
		in->on_wait(in->on_wait_ctx);
	ssize_t r = in->read(in->ctx, p, n);
	if (r < 0)
		return r == -1 ? VIT_EIO : (int)r;
	*got = (size_t)r;
	return 0;
}

/* One read of at most `n` bytes; *got = 0 and at_end at the end. */
static int read_some(struct vit_input *in, void *p, size_t n, size_t *got)
{
	*got = 0;
	double start = now();
	int rc = in->read ? read_fn(in, p, n, got) : read_fd(in, p, n, got);
	in->waited += now() - start;
	if (!rc && *got == 0)
		in->at_end = 1;
	return rc;
}

/* Room for more behind `end`. It grows by doubling as bytes arrive, so a
 * claimed size costs nothing until its bytes are there. */
static int make_room(struct vit_input *in, size_t want)
{
	size_t held = in->end - in->pos;
	if (in->pos && in->cap - in->pos < want) {
		memmove(in->owned, in->owned + in->pos, held);
		in->pos = 0;
		in->end = held;
	}
	if (in->end < in->cap)
		return 0;
	size_t cap = in->cap ? in->cap * 2 : BLOCK;
	uint8_t *p = vit_realloc(in->owned, cap);
	if (!p)
		return VIT_ENOMEM;
	in->buf = in->owned = p;
	in->cap = cap;
	return 0;
}

static int fill(struct vit_input *in, size_t want)
{
	if (in->pos == in->end && !in->at_end)
		in->pos = in->end = 0;
	while (in->end - in->pos < want && !in->at_end) {
		size_t got;
		VIT_TRY(make_room(in, want));
		VIT_TRY(read_some(in, in->owned + in->end, in->cap - in->end, &got));
		in->end += got;
	}
	return 0;
}

static void consume(struct vit_input *in, size_t n)
{
	in->pos += n;
	in->consumed += n;
}

int vit_input_peek(struct vit_input *in, size_t n, const uint8_t **p, size_t *got)
{
	if (n > MAX_PEEK)
		return vit_fail(VIT_EFORMAT, "%s: %zu bytes in one piece are more than the %d that can be read", in->name, n, MAX_PEEK);
	VIT_TRY(fill(in, n));
	size_t held = in->end - in->pos;
	*p = in->buf ? in->buf + in->pos : (const uint8_t *)"";
	*got = held < n ? held : n;
	return 0;
}

int vit_input_some(struct vit_input *in, const uint8_t **p, size_t *got)
{
	VIT_TRY(fill(in, 1));
	return vit_input_peek(in, in->end - in->pos, p, got);
}

static int ends_early(struct vit_input *in, uint64_t missing)
{
	return vit_fail(VIT_EFORMAT, "%s: ends at byte %" PRIu64 ", %" PRIu64 " more were expected",
			in->name, in->consumed, missing);
}

int vit_input_skip(struct vit_input *in, uint64_t n)
{
	while (n) {
		VIT_TRY(fill(in, 1));
		size_t held = in->end - in->pos;
		if (!held)
			return ends_early(in, n);
		size_t step = held < n ? held : (size_t)n;
		consume(in, step);
		n -= step;
	}
	return 0;
}

int vit_input_read(struct vit_input *in, void *buf, size_t n)
{
	uint8_t *p = buf;
	size_t done = 0;
	while (done < n) {
		size_t held = in->end - in->pos, left = n - done;
		if (!held && left >= BLOCK && !in->at_end) {
			/* large pieces go straight to the caller */
			size_t got;
			VIT_TRY(read_some(in, p + done, left, &got));
			in->consumed += got;
			done += got;
			continue;
		}
		if (!held) {
			VIT_TRY(fill(in, 1));
			if (in->end == in->pos)
				return done ? ends_early(in, left) : VIT_END;
			continue;
		}
		size_t step = held < left ? held : left;
		memcpy(p + done, in->buf + in->pos, step);
		consume(in, step);
		done += step;
	}
	return 0;
}

const char *vit_input_name(const struct vit_input *in)
{
	return in->name;
}

uint64_t vit_input_tell(const struct vit_input *in)
{
	return in->consumed;
}

int vit_input_fd(const struct vit_input *in)
{
	return in->fd;
}

void vit_input_on_wait(struct vit_input *in, void (*fn)(void *), void *ctx)
{
	in->on_wait = fn;
	in->on_wait_ctx = ctx;
}

double vit_input_waited(const struct vit_input *in)
{
	return in->waited;
}
