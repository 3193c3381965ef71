/* SPDX-License-Identifier: MIT
 *
 * Sample streams read as one: files in a row, a pipe, or SOURCE@SPLIT, kept
 * for another pass where that is asked for.
 */
#include "stream/join.h"
#include "stream/spool.h"
#include "train/feed.h"

#include <stdlib.h>
#include <string.h>

struct vit_samples {
	struct vit_join *join;          /* one of three: files in a row, */
	struct vit_reader *reader;      /* one stream that was open already, */
	struct vit_fetch *fetch;        /* a source read as vit-fetch does */
	struct vit_buf coded;           /* the fetch's records as bytes */
	const char *name;               /* of the fetch, for messages */
	struct vit_header header;
	struct vit_meta meta;
	size_t memory;
	struct vit_spool *spool;        /* NULL: not kept */
	uint32_t at;                    /* in the spool */
	int again;                      /* the records come from the spool */
	int complete;                   /* the first pass ended well */
	uint64_t count;                 /* records given in this pass */
	void (*wait)(void *, int);
	void *wait_ctx;
};

static int begin(struct vit_samples *s, const struct vit_header *h, const struct vit_samples_opt *o)
{
	VIT_TRY(vit_header_copy(&s->header, h));
	s->memory = o->memory;
	return vit_meta_read(&s->meta, &s->header);
}

static int finish(struct vit_samples **out, struct vit_samples *s, int rc)
{
	if (rc) {
		vit_samples_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

int vit_samples_open(struct vit_samples **out, const char *const *path, int n, const struct vit_samples_opt *o)
{
	struct vit_samples *s = vit_calloc(1, sizeof *s);
	if (!s)
		return VIT_ENOMEM;
	int rc = vit_join_open(&s->join, path, n, o->max_record);
	if (!rc)
		rc = begin(s, vit_join_header(s->join), o);
	if (!rc && n > 1 && s->meta.epochs > 1)
		rc = vit_fail(VIT_EUSAGE, "%d inputs of %lld epochs each; give files of one epoch and --epochs %lld", n,
		              (long long)s->meta.epochs, (long long)s->meta.epochs);
	return finish(out, s, rc);
}

int vit_samples_input(struct vit_samples **out, struct vit_input *in, const struct vit_samples_opt *o)
{
	struct vit_samples *s = vit_calloc(1, sizeof *s);
	if (!s) {
		vit_input_close(in);
		return VIT_ENOMEM;
	}
	struct vit_reader_opt ro = { .kind = VIT_SAMPLES, .max_record = o->max_record };
	int rc = vit_reader_open(&s->reader, in, &ro);
	if (!rc)
		rc = begin(s, vit_reader_header(s->reader), o);
	return finish(out, s, rc);
}

int vit_samples_open_source(struct vit_samples **out, const char *name, const struct vit_samples_opt *o)
{
	const char *at = strrchr(name, '@');
	if (!at || at == name || strchr(at, '/') || !at[1])
		return vit_samples_open(out, &name, 1, o);
	struct vit_samples *s = vit_calloc(1, sizeof *s);
	if (!s)
		return VIT_ENOMEM;
	const char *const source[] = { name, NULL };
	struct vit_fetch_opt fo = { .holdout = o->holdout, .epochs = 1, .source_order = 1, .limit = -1, .seed = o->seed, .memory = o->memory };
	s->name = name;
	int rc = vit_fetch_open(&s->fetch, source, &fo);
	if (!rc)
		rc = begin(s, vit_fetch_header(s->fetch), o);
	return finish(out, s, rc);
}

const struct vit_header *vit_samples_header(const struct vit_samples *s)
{
	return &s->header;
}

const struct vit_meta *vit_samples_meta(const struct vit_samples *s)
{
	return &s->meta;
}

static int next_fetched(struct vit_samples *s, const uint8_t **raw, size_t *n)
{
	struct vit_record r;
	int rc = vit_fetch_next(s->fetch, &r);
	if (rc)
		return rc;
	s->coded.n = 0;
	VIT_TRY(vit_record_encode(&s->coded, &r));
	*raw = s->coded.p;
	*n = s->coded.n;
	return 0;
}

static int next_kept(struct vit_samples *s, const uint8_t **raw, size_t *n)
{
	if (s->at == vit_spool_len(s->spool))
		return VIT_END;
	return vit_spool_get(s->spool, s->at++, raw, n);
}

int vit_samples_keep(struct vit_samples *s)
{
	return vit_spool_new(&s->spool, s->memory);
}

int vit_samples_next(struct vit_samples *s, const uint8_t **raw, size_t *n)
{
	int rc;
	if (s->again) {
		rc = next_kept(s, raw, n);
	} else {
		rc = s->fetch ? next_fetched(s, raw, n) : s->join ? vit_join_next(s->join, raw, n) : vit_reader_next(s->reader, raw, n);
		if (!rc && s->spool)
			rc = vit_spool_add(s->spool, *raw, *n);
		s->complete |= rc == VIT_END;
	}
	s->count += rc == 0;
	return rc;
}

int vit_samples_rewind(struct vit_samples *s)
{
	if (!s->spool || !s->complete)
		return vit_fail(VIT_EUSAGE, "these samples cannot be read again");
	s->again = 1;
	s->count = 0;
	s->at = 0;
	return 0;
}

static struct vit_reader *present(const struct vit_samples *s)
{
	return s->join ? vit_join_reader(s->join) : s->reader;
}

int vit_samples_fail(const struct vit_samples *s, int code, const struct vit_record *r, const char *fmt, ...)
{
	char text[768], id[160] = "";
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (r && r->id.n)
		snprintf(id, sizeof id, " (%.*s)", (int)(r->id.n < 120 ? r->id.n : 120), r->id.p);
	const char *name = s->fetch ? s->name : vit_input_name(vit_reader_input(present(s)));
	return vit_fail(code, "%s: record %llu%s: %s", name, (unsigned long long)s->count, id, text);
}

static void on_wait(void *ctx)
{
	struct vit_samples *s = ctx;
	s->wait(s->wait_ctx, vit_input_fd(vit_reader_input(present(s))));
}

void vit_samples_on_wait(struct vit_samples *s, void (*fn)(void *ctx, int fd), void *ctx)
{
	s->wait = fn;
	s->wait_ctx = ctx;
	if (s->join)
		vit_join_on_wait(s->join, fn ? on_wait : NULL, s);
	else if (s->reader)
		vit_input_on_wait(vit_reader_input(s->reader), fn ? on_wait : NULL, s);
}

uint64_t vit_samples_skipped(const struct vit_samples *s)
{
	return s->join ? vit_join_skipped(s->join) : s->reader ? vit_reader_skipped(s->reader) : 0;
}

void vit_samples_close(struct vit_samples *s)
{
	if (!s)
		return;
	vit_join_close(s->join);
	vit_reader_close(s->reader);
	if (s->fetch)
		vit_fetch_close(s->fetch);
	vit_spool_free(s->spool);
	vit_buf_release(&s->coded);
	vit_meta_release(&s->meta);
	vit_header_release(&s->header);
	free(s);
}
