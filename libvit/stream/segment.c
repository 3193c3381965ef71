/* SPDX-License-Identifier: MIT
 *
 * segment.c - streams joined by cat: do they fit, and how many records do they
 * announce together?
 */
#include "stream/wire.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int differ(const char *key, const json_t *a, const json_t *b)
{
	char *x = a ? json_dumps(a, JSON_ENCODE_ANY | JSON_COMPACT) : NULL, *y = b ? json_dumps(b, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	int rc = vit_fail(VIT_EMISMATCH, "joined streams differ in \"%s\": %.200s, then %.200s", key, x ? x : "nothing", y ? y : "nothing");
	free(x);
	free(y);
	return rc;
}

static const json_t *value(const struct vit_header *h, const char *key)
{
	const json_t *v = json_object_get(h->meta, key);
	return json_is_null(v) ? NULL : v;
}

static int same(const json_t *a, const json_t *b)
{
	return a == b || (a && b && json_equal(a, b));
}

static int agree_on(const char *key, const struct vit_header *a, const struct vit_header *b)
{
	const json_t *x = value(a, key), *y = value(b, key);
	return same(x, y) ? 0 : differ(key, x, y);
}

/* Of all images, in whichever place the header says it; NULL: it does not. */
static const json_t *channels(const struct vit_header *h)
{
	const json_t *shape = value(h, "shape");
	return json_is_array(shape) ? json_array_get(shape, 2) : value(h, "channels");
}

int vit_segment_agrees(const struct vit_header *a, const struct vit_header *b)
{
	if (a->kind == VIT_MODEL || b->kind == VIT_MODEL)
		return vit_fail(VIT_EMISMATCH, a->kind == b->kind ? "two models joined: models do not concatenate"
		                                                  : "joined streams differ in \"kind\": a model and samples");
	const json_t *ca = channels(a), *cb = channels(b);
	/* who announces none does not disagree: the records tell */
	if (ca && cb && !same(ca, cb))
		return differ("channels", ca, cb);
	if (value(a, "start") || value(b, "start"))
		return vit_fail(VIT_EMISMATCH, "a stream that was begun with --start is joined with another; it comes alone");
	VIT_TRY(agree_on("classes", a, b));
	VIT_TRY(agree_on("labels", a, b));
	VIT_TRY(agree_on("epochs", a, b));
	const json_t *sa = value(a, "shard"), *sb = value(b, "shard");
	if (!sa != !sb || !same(json_object_get(sa, "of"), json_object_get(sb, "of")))
		return differ("shard", sa, sb);
	return 0;
}

/* ---- looking ahead ------------------------------------------------------------- */

/* A window on the file: records are walked head by head, bodies are seeked over. */
struct window {
	int fd;
	uint64_t at;            /* of buf[0] in the file */
	size_t n;
	uint8_t buf[64 << 10];
};

static int look(struct window *w, uint64_t at, size_t want, const uint8_t **p, size_t *got)
{
	if (at < w->at || at + want > w->at + w->n) {
		w->at = at;
		w->n = 0;
		for (ssize_t r = 1; r > 0 && w->n < sizeof w->buf; w->n += (size_t)r) {
			r = pread(w->fd, w->buf + w->n, sizeof w->buf - w->n, (off_t)(at + w->n));
			if (r < 0)
				return vit_fail_errno("looking ahead");
		}
	}
	*p = w->buf + (at - w->at);
	*got = w->n - (size_t)(at - w->at);
	return *got ? 0 : VIT_END;
}

/* Length of the value at `at`. VIT_END where there is none or it is broken. */
static int measure(struct window *w, uint64_t at, size_t max, size_t *len)
{
	struct vit_scan s;
	vit_scan_init(&s, max, max);
	while (s.pending) {
		struct vit_token t;
		const uint8_t *p;
		size_t got;
		VIT_TRY(look(w, at + s.pos, 16, &p, &got));
		if (vit_token_read(&t, p, got) || vit_scan_token(&s, &t))
			return VIT_END;
	}
	*len = s.pos;
	return 0;
}

static int read_header_at(struct window *w, uint64_t at, size_t len, int64_t *count, json_t *history)
{
	const json_t *v;
	struct vit_header h;
	uint8_t *p = vit_malloc(len);
	if (!p)
		return VIT_ENOMEM;
	size_t got = 0;
	for (ssize_t r = 1; r > 0 && got < len; got += (size_t)(r > 0 ? r : 0))
		r = pread(w->fd, p + got, len - got, (off_t)(at + got));
	int rc = got == len && vit_header_decode(&h, p, len) == 0 ? 0 : VIT_END;
	free(p);
	if (rc)
		return rc;
	v = value(&h, "count");
	*count = json_is_integer(v) ? json_integer_value(v) : -1;
	rc = vit_history_merge(history, h.history);
	vit_header_release(&h);
	return rc;
}

/* Does the file end in the trailer of the segment that begins at `from`? Then
 * there is no other, and nothing needs to be walked. */
static int is_last(struct window *w, uint64_t from)
{
	enum { TAIL = 128 };
	static const uint8_t mark[] = { 0xa3, 'e', 'n', 'd', 0xc3 };
	struct stat st;
	const uint8_t *p, *end;
	size_t got, len;
	if (fstat(w->fd, &st) || (uint64_t)st.st_size < from + TAIL || look(w, (uint64_t)st.st_size - TAIL, TAIL, &p, &got) || got != TAIL)
		return 0;
	end = memmem(p, TAIL, mark, sizeof mark);
	uint64_t at = (uint64_t)st.st_size - TAIL + (end ? (size_t)(end - p) : 0) - 1;
	struct vit_trailer t;
	if (!end || end == p || measure(w, at, TAIL, &len) || at + len != (uint64_t)st.st_size || vit_trailer_decode(&t, end - 1, len))
		return 0;
	free(t.error);
	return t.bytes == at - from;
}

int vit_segment_ahead(int fd, uint64_t from, size_t max_record, int64_t *sum, json_t *history)
{
	struct window *w = vit_malloc(sizeof *w);
	size_t len, got;
	int rc = 0;
	if (!w)
		return VIT_ENOMEM;
	w->fd = fd;
	w->at = from;
	w->n = 0;
	*sum = 0;
	int alone = is_last(w, from);
	for (uint64_t at = from; rc == 0; at += len) {
		const uint8_t *p;
		int64_t count;
		if ((rc = look(w, at, 16, &p, &got)))
			break;
		int is_header = vit_map_begins(p, got, "vit");
		if ((rc = measure(w, at, max_record, &len)))
			break;
		if (!is_header)
			continue;
		if ((rc = read_header_at(w, at, len, &count, history)))
			break;
		*sum = count < 0 || *sum < 0 || count > INT64_MAX - *sum ? -1 : *sum + count;
		if (alone)
			break;
	}
	free(w);
	return rc == VIT_END ? 0 : rc;
}
