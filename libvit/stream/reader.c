/* SPDX-License-Identifier: MIT
 *
 * reader.c - frames a stream: header, records, trailer, segment after segment.
 * Records are given as bytes inside the input's buffer: nothing is copied.
 */
#include "stream/hash.h"
#include "stream/wire.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 1 << 20 };        /* a claimed length is believed this far at a time */

struct vit_reader {
	struct vit_input *in;
	size_t max;
	struct vit_header first;        /* of the first segment */
	json_t *history;                /* of all segments that are known */
	int history_rc;                 /* it became too long; `history_words` say so */
	char history_words[160];
	uint64_t start;                 /* its first byte in the input */
	XXH3_state_t *hash;
	size_t held;                    /* bytes of the record given last, still in the input */
	uint64_t count, segment_count, skipped;
	int64_t announced;
	int looked_ahead;
	int64_t *shard;                 /* indices met */
	size_t n_shard;
	int over;                       /* code that ended the reading */
	char words[1024];
};

/* ---- framing ---------------------------------------------------------------------- */

static int cut(const struct vit_reader *r, const char *inside)
{
	return vit_fail(VIT_EFORMAT, "%s: ends inside %s at byte %" PRIu64 ": the stream is cut (did the program that wrote it fail?)",
	                vit_input_name(r->in), inside, vit_input_tell(r->in));
}

/* "record 7": the one being read. */
static const char *number_of(const struct vit_reader *r, char buf[40])
{
	snprintf(buf, 40, "record %" PRIu64, r->count + 1);
	return buf;
}

/* The next value as bytes in the input; VIT_END where nothing is left. Never
 * asks the input for a byte behind the value, which may not come for long.
 * `what` NULL: a record. */
static int frame(struct vit_reader *r, size_t max, uint64_t max_elements, const char *what, const uint8_t **p, size_t *n)
{
	char record[40];
	struct vit_scan s;
	size_t want = 1, got, need;
	vit_scan_init(&s, max, max_elements);
	for (;;) {
		VIT_TRY(vit_input_peek(r->in, want, p, &got));
		if (got == 0)
			return VIT_END;
		int rc = vit_scan_run(&s, *p, got, &need);
		*n = s.pos;
		if (rc == 0)
			return 0;
		if (rc < 0)
			return vit_wrap(rc, "%s: %s at byte %" PRIu64, vit_input_name(r->in), what ? what : number_of(r, record), vit_input_tell(r->in));
		if (got < want)
			return cut(r, what ? what : number_of(r, record));
		want = need > got + STEP ? got + STEP : need;
	}
}

static const char *kind_name(int kind)
{
	return kind == VIT_MODEL ? "a model" : "samples";
}

static int not_a_stream(struct vit_reader *r)
{
	const uint8_t *p;
	size_t got;
	VIT_TRY(vit_input_peek(r->in, 512, &p, &got));
	if (got == 0)
		return vit_fail(VIT_EFORMAT, "%s: empty, a vit stream was expected (did the program before it fail?)", vit_input_name(r->in));
	const char *name = vit_magic(p, got);
	return vit_fail(VIT_EFORMAT, "%s: %s, not a vit stream", vit_input_name(r->in), name ? name : "of an unknown format");
}

static int read_header(struct vit_reader *r, struct vit_header *h)
{
	const uint8_t *p;
	size_t n, got;
	VIT_TRY(vit_input_peek(r->in, 5, &p, &got));
	/* fixmap and fixstr in 5 bytes; a larger map takes 7 or 9 */
	if (got == 5 && (p[0] == 0xde || p[0] == 0xdf))
		VIT_TRY(vit_input_peek(r->in, p[0] == 0xde ? 7 : 9, &p, &got));
	if (!vit_map_begins(p, got, "vit"))
		return not_a_stream(r);
	int rc = frame(r, VIT_MAX_HEADER, VIT_MAX_ELEMENTS, "the header", &p, &n);
	if (rc)
		return rc == VIT_END ? cut(r, "the header") : rc;
	rc = vit_header_decode(h, p, n);
	if (rc)
		return vit_wrap(rc, "%s", vit_input_name(r->in));
	if (XXH3_64bits_reset(r->hash) || vit_hash_update(r->hash, p, n))
		rc = vit_fail(VIT_ENOMEM, "%s: hashing failed", vit_input_name(r->in));
	if (rc == 0)
		rc = vit_input_skip(r->in, n);
	if (rc)
		vit_header_release(h);
	return rc;
}

/* ---- segments --------------------------------------------------------------------- */

static int add_shard(struct vit_reader *r, const struct vit_header *h)
{
	const json_t *index = json_object_get(json_object_get(h->meta, "shard"), "index");
	if (!json_is_integer(index))
		return 0;
	int64_t i = json_integer_value(index);
	for (size_t k = 0; k < r->n_shard; k++)
		if (r->shard[k] == i)
			return vit_fail(VIT_EMISMATCH, "%s: shard %" PRId64 " comes twice", vit_input_name(r->in), i);
	int64_t *p = vit_realloc(r->shard, (r->n_shard + 1) * sizeof *p);
	if (!p)
		return VIT_ENOMEM;
	r->shard = p;
	p[r->n_shard++] = i;
	return 0;
}

static void add_announced(struct vit_reader *r, const struct vit_header *h)
{
	const json_t *v = json_object_get(h->meta, "count");
	int64_t n = json_is_integer(v) ? json_integer_value(v) : -1;
	if (r->looked_ahead)
		return;
	r->announced = n < 0 || r->announced < 0 || n > INT64_MAX - r->announced ? -1 : r->announced + n;
}

/* Too long a history is said when it is asked for. */
static void add_history(struct vit_reader *r, int rc)
{
	if (!rc || r->history_rc)
		return;
	r->history_rc = rc;
	snprintf(r->history_words, sizeof r->history_words, "%s", vit_errmsg());
}

static int next_segment(struct vit_reader *r)
{
	struct vit_header h;
	VIT_TRY(read_header(r, &h));
	int rc = vit_segment_agrees(&r->first, &h);
	if (rc)
		vit_wrap(rc, "%s", vit_input_name(r->in));
	if (rc == 0)
		rc = add_shard(r, &h);
	add_announced(r, &h);
	add_history(r, vit_history_merge(r->history, h.history));
	vit_header_release(&h);
	r->segment_count = 0;
	return rc;
}

static int check_trailer(struct vit_reader *r, const struct vit_trailer *t)
{
	const char *name = vit_input_name(r->in);
	if (t->error)
		return vit_fail(VIT_EUPSTREAM, "%s", t->error);
	if (t->count != r->segment_count)
		return vit_fail(VIT_EFORMAT, "%s: %" PRIu64 " records, the trailer says %" PRIu64 ": the stream is damaged", name, r->segment_count, t->count);
	if (t->hashed && t->xxh3 != XXH3_64bits_digest(r->hash))
		return vit_fail(VIT_EFORMAT, "%s: the hash of the bytes is not the trailer's: the stream is damaged", name);
	r->skipped += t->skipped;
	return 0;
}

/* A trailer was met. 0: another segment began; VIT_END. */
static int end_segment(struct vit_reader *r, const uint8_t *p, size_t n)
{
	struct vit_trailer t;
	size_t got;
	int rc = vit_trailer_decode(&t, p, n);
	if (rc)
		return vit_wrap(rc, "%s", vit_input_name(r->in));
	rc = check_trailer(r, &t);
	free(t.error);
	VIT_TRY(rc);
	VIT_TRY(vit_input_skip(r->in, n));
	VIT_TRY(vit_input_peek(r->in, 1, &p, &got));
	return got ? next_segment(r) : VIT_END;
}

/* ---- the reader ------------------------------------------------------------------- */

static int next(struct vit_reader *r, const uint8_t **raw, size_t *n)
{
	char record[40];
	size_t held = r->held;
	r->held = 0;
	VIT_TRY(vit_input_skip(r->in, held));
	for (;;) {
		int rc = frame(r, r->max, r->max, NULL, raw, n);
		if (rc == VIT_END)
			return vit_fail(VIT_EFORMAT, "%s: ends after %" PRIu64 " records without a trailer: the stream is cut (did the program that wrote it fail?)",
			                vit_input_name(r->in), r->count);
		VIT_TRY(rc);
		uint8_t b = (*raw)[0];
		if ((b & 0xf0) != 0x80 && b != 0xde && b != 0xdf)
			return vit_fail(VIT_EFORMAT, "%s: %s at byte %" PRIu64 " is not a map", vit_input_name(r->in), number_of(r, record),
			                vit_input_tell(r->in));
		if (vit_map_begins(*raw, *n, "vit"))
			return vit_fail(VIT_EFORMAT, "%s: a new stream begins after %" PRIu64 " records and no trailer: the one before was cut",
			                vit_input_name(r->in), r->count);
		if (!vit_map_begins(*raw, *n, "end"))
			break;
		VIT_TRY(end_segment(r, *raw, *n));
	}
	vit_hash_update(r->hash, *raw, *n);
	r->held = *n;
	r->count++;
	r->segment_count++;
	return 0;
}

int vit_reader_next(struct vit_reader *r, const uint8_t **raw, size_t *n)
{
	if (r->over)
		return r->over == VIT_END ? VIT_END : vit_fail(r->over, "%s", r->words);
	int rc = next(r, raw, n);
	r->over = rc;
	if (rc < 0)
		snprintf(r->words, sizeof r->words, "%s", vit_errmsg());
	return rc;
}

static int open_stream(struct vit_reader *r, int kind)
{
	/* larger pipes mean fewer switches between the two programs; the system may refuse */
	int fd = vit_input_fd(r->in);
	if (fd >= 0)
		(void)fcntl(fd, F_SETPIPE_SZ, 1 << 20);
	r->hash = XXH3_createState();
	if (!r->hash)
		return vit_fail(VIT_ENOMEM, "out of memory");
	r->start = vit_input_tell(r->in);
	VIT_TRY(read_header(r, &r->first));
	r->history = json_deep_copy(r->first.history);
	if (!r->history)
		return vit_fail(VIT_ENOMEM, "out of memory");
	if (kind && kind != r->first.kind)
		return vit_fail(VIT_EFORMAT, "%s: holds %s, %s %s wanted", vit_input_name(r->in), kind_name(r->first.kind), kind_name(kind),
		                kind == VIT_MODEL ? "is" : "are");
	VIT_TRY(add_shard(r, &r->first));
	add_announced(r, &r->first);
	return 0;
}

int vit_reader_open(struct vit_reader **out, struct vit_input *in, const struct vit_reader_opt *opt)
{
	struct vit_reader *r = vit_calloc(1, sizeof *r);
	*out = NULL;
	if (!r) {
		vit_input_close(in);
		return VIT_ENOMEM;
	}
	r->in = in;
	r->max = opt && opt->max_record ? opt->max_record : VIT_MAX_RECORD;
	int rc = open_stream(r, opt ? opt->kind : 0);
	if (rc)
		vit_reader_close(r);
	else
		*out = r;
	return rc;
}

void vit_reader_close(struct vit_reader *r)
{
	if (!r)
		return;
	vit_input_close(r->in);
	vit_header_release(&r->first);
	json_decref(r->history);
	XXH3_freeState(r->hash);
	free(r->shard);
	free(r);
}

const struct vit_header *vit_reader_header(const struct vit_reader *r)
{
	return &r->first;
}

struct vit_input *vit_reader_input(struct vit_reader *r)
{
	return r->in;
}

uint64_t vit_reader_count(const struct vit_reader *r)
{
	return r->count;
}

uint64_t vit_reader_skipped(const struct vit_reader *r)
{
	return r->skipped;
}

/* Does byte r->start of the file hold the header? It does not when the
 * descriptor was handed over in the middle of a file. */
static int can_look_ahead(const struct vit_reader *r, int fd)
{
	struct stat st;
	uint8_t b[16];
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	ssize_t n = pread(fd, b, sizeof b, (off_t)r->start);
	return n == sizeof b && vit_map_begins(b, sizeof b, "vit") && lseek(fd, 0, SEEK_CUR) >= (off_t)vit_input_tell(r->in);
}

int64_t vit_reader_announced(struct vit_reader *r)
{
	int fd = vit_input_fd(r->in);
	if (!r->looked_ahead && can_look_ahead(r, fd)) {
		int64_t sum;
		r->looked_ahead = 1;
		int rc = vit_segment_ahead(fd, r->start, r->max, &sum, r->history);
		add_history(r, rc);
		if (rc == 0)
			r->announced = sum;
	}
	return r->announced;
}

int vit_reader_history(const struct vit_reader *r, json_t *history)
{
	if (r->history_rc)
		return vit_fail(r->history_rc, "%s: %s", vit_input_name(r->in), r->history_words);
	return vit_history_merge(history, r->history);
}

int vit_reader_fail(const struct vit_reader *r, int code, const struct vit_record *rec, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!rec || !rec->id.n)
		return vit_fail(code, "%s: record %" PRIu64 ": %s", vit_input_name(r->in), r->count, text);
	return vit_fail(code, "%s: record %" PRIu64 " (%.*s): %s", vit_input_name(r->in), r->count,
	                (int)(rec->id.n < 200 ? rec->id.n : 200), rec->id.p, text);
}
