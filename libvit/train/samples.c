/* SPDX-License-Identifier: MIT
 *
 * Sample streams read as one: files in a row, a pipe, SOURCE@SPLIT, or photos,
 * kept for another pass where that is asked for.
 */
#include "format/dataset.h"
#include "image/decode.h"
#include "stream/join.h"
#include "stream/spool.h"
#include "train/feed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct vit_samples {
	struct vit_join *join;          /* one of four: files in a row, */
	struct vit_reader *reader;      /* one stream that was open already, */
	struct vit_fetch *fetch;        /* a source read as vit-fetch does, */
	struct vit_photo *photo;        /* image files */
	int n_photo;
	size_t max_photo;               /* bytes of one */
	struct vit_buf file;            /* the present one */
	struct vit_buf coded;           /* records that did not come as a stream, as bytes */
	const char *name;               /* of what is no stream, for messages */
	struct vit_header header;
	struct vit_meta meta;
	size_t memory;
	struct vit_spool *spool;        /* NULL: not kept */
	uint32_t at;                    /* in the spool */
	int again;                      /* the records come from the spool */
	int complete;                   /* the first pass ended well */
	uint64_t count;                 /* records given in this pass */
	int64_t limit, taken;           /* records of an epoch, 0: all; of the present one so far */
	int64_t epoch, begun;           /* the present one as its records say, and how many began */
	void (*wait)(void *, int);
	void *wait_ctx;
};

static int begin(struct vit_samples *s, const struct vit_header *h, const struct vit_samples_opt *o)
{
	VIT_TRY(vit_header_copy(&s->header, h));
	s->memory = o->memory;
	VIT_TRY(vit_meta_read(&s->meta, &s->header));
	s->limit = o->limit;
	s->epoch = -1;
	s->begun = s->meta.start_epoch;
	if (s->limit && s->meta.count > s->limit)
		s->meta.count = s->limit;
	return 0;
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
	struct stat st;
	if (!at || at == name || strchr(at, '/') || !at[1]) {
		int there = !stat(name, &st);
		if (there ? S_ISDIR(st.st_mode) : vit_dataset_by_name(name) != NULL)
			return vit_fail(VIT_EUSAGE, "%s: which split of it? name it as in %s@val", name, name);
		return vit_samples_open(out, &name, 1, o);
	}
	return vit_samples_fetch(out, name, NULL, o);
}

int vit_samples_fetch(struct vit_samples **out, const char *name, const char *split, const struct vit_samples_opt *o)
{
	struct vit_samples *s = vit_calloc(1, sizeof *s);
	if (!s)
		return VIT_ENOMEM;
	const char *const source[] = { name, NULL };
	struct vit_fetch_opt fo = { .split = split, .holdout = o->holdout, .epochs = 1, .source_order = 1, .limit = -1, .seed = o->seed,
	                            .memory = o->memory, .progress = o->progress, .progress_ctx = o->progress_ctx };
	s->name = name;
	int rc = vit_fetch_open(&s->fetch, source, &fo);
	if (!rc)
		rc = begin(s, vit_fetch_header(s->fetch), o);
	return finish(out, s, rc);
}

const char *vit_samples_splits(const struct vit_samples *s)
{
	return s->fetch ? vit_fetch_splits(s->fetch) : NULL;
}

const char *vit_samples_notice(const struct vit_samples *s, int i)
{
	return s->fetch ? vit_fetch_notice(s->fetch, i) : NULL;
}

/* ---- photos ------------------------------------------------------------------------- */

static void drop_photos(struct vit_samples *s)
{
	for (int i = 0; s->photo && i < s->n_photo; i++)
		vit_input_close(s->photo[i].in);
	free(s->photo);
}

int vit_samples_photos(struct vit_samples **out, const struct vit_photo *photo, int n, const struct vit_samples_opt *o)
{
	const struct vit_meta m = { .labels = VIT_LABELS_NONE, .count = n, .epochs = 1 };
	struct vit_header h = { 0 };
	struct vit_samples *s = vit_calloc(1, sizeof *s);
	struct vit_photo *copy = vit_calloc((size_t)n, sizeof *copy);
	if (!s || !copy) {
		for (int i = 0; i < n; i++)
			vit_input_close(photo[i].in);
		free(s);
		free(copy);
		return VIT_ENOMEM;
	}
	memcpy(copy, photo, (size_t)n * sizeof *copy);
	s->photo = copy;
	s->n_photo = n;
	s->name = photo[0].path;
	s->max_photo = o->max_record ? o->max_record : 256 << 20;
	int rc = vit_header_init(&h, VIT_SAMPLES);
	if (!rc)
		rc = vit_meta_write(&m, &h);
	if (!rc)
		rc = begin(s, &h, o);
	vit_header_release(&h);
	return finish(out, s, rc);
}

/* All of `in`, which is `path`, into s->file. */
static int load(struct vit_samples *s, struct vit_input *in, const char *path)
{
	const uint8_t *p;
	size_t got = 0;
	s->file.n = 0;
	do {
		VIT_TRY(vit_input_skip(in, got));
		VIT_TRY(vit_input_some(in, &p, &got));
		if (s->file.n + got > s->max_photo)
			return vit_fail(VIT_ERECORD, "%s: larger than the %zu bytes a record may have (--max-record)", path, s->max_photo);
		VIT_TRY(vit_buf_add(&s->file, p, got));
	} while (got);
	return 0;
}

static int next_photo(struct vit_samples *s, const uint8_t **raw, size_t *n)
{
	if (s->count == (uint64_t)s->n_photo)
		return VIT_END;
	struct vit_photo *photo = &s->photo[s->count++];
	if (!photo->in)
		VIT_TRY(vit_input_open(&photo->in, photo->path));
	int rc = load(s, photo->in, photo->path);
	s->name = photo->path;
	vit_input_close(photo->in);
	photo->in = NULL;
	VIT_TRY(rc);
	const char *type = vit_image_type(s->file.p, s->file.n);
	struct vit_record r = {
		.id = { photo->path, strlen(photo->path) }, .seq = s->count - 1, .encoded = { (const char *)s->file.p, s->file.n },
		.type = { type ? type : "", type ? strlen(type) : 0 },
	};
	s->coded.n = 0;
	VIT_TRY(vit_record_encode(&s->coded, &r));
	*raw = s->coded.p;
	*n = s->coded.n;
	return 0;
}

/* ---- reading -------------------------------------------------------------------------- */

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

static int next_new(struct vit_samples *s, const uint8_t **raw, size_t *n)
{
	return s->fetch ? next_fetched(s, raw, n) : s->photo ? next_photo(s, raw, n) : s->join ? vit_join_next(s->join, raw, n) :
	       vit_reader_next(s->reader, raw, n);
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

/* A record that cannot be decoded belongs to the epoch of the one before. */
static void look_at_epoch(struct vit_samples *s, const uint8_t *raw, size_t n)
{
	struct vit_record r;
	if (vit_record_decode(&r, raw, n) || r.epoch == s->epoch)
		return;
	/* a stream that begins within an epoch (--start) has given its first ones before */
	s->taken = s->epoch < 0 ? s->meta.start : 0;
	s->epoch = r.epoch;
	s->begun++;
}

static int next_of_epoch(struct vit_samples *s, const uint8_t **raw, size_t *n)
{
	for (;;) {
		/* nothing else is wanted: the writer may stop, its trailer is not awaited */
		if (s->limit && s->taken >= s->limit && s->begun >= s->meta.epochs)
			return VIT_END;
		int rc = next_new(s, raw, n);
		if (rc || !s->limit)
			return rc;
		look_at_epoch(s, *raw, *n);
		if (s->taken++ < s->limit)
			return 0;
		s->count++;
	}
}

int vit_samples_next(struct vit_samples *s, const uint8_t **raw, size_t *n)
{
	int rc;
	if (s->again) {
		rc = next_kept(s, raw, n);
	} else {
		rc = next_of_epoch(s, raw, n);
		if (!rc && s->spool)
			rc = vit_spool_add(s->spool, *raw, *n);
		s->complete |= rc == VIT_END;
	}
	/* photos count by themselves: also one that could not be read has its place */
	s->count += rc == 0 && !(s->photo && !s->again);
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

struct vit_place vit_samples_place(const struct vit_samples *s)
{
	return (struct vit_place){ s->name ? s->name : vit_input_name(vit_reader_input(present(s))), s->count };
}

int vit_place_fail(struct vit_place place, int code, const struct vit_record *r, const char *fmt, ...)
{
	char text[768], id[160] = "";
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	/* a photo is its own input */
	if (r && r->id.n == strlen(place.input) && !memcmp(r->id.p, place.input, r->id.n))
		return vit_fail(code, "%s: %s", place.input, text);
	if (r && r->id.n)
		snprintf(id, sizeof id, " (%.*s)", (int)(r->id.n < 120 ? r->id.n : 120), r->id.p);
	return vit_fail(code, "%s: record %llu%s: %s", place.input, (unsigned long long)place.record, id, text);
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
	drop_photos(s);
	vit_buf_release(&s->file);
	vit_spool_free(s->spool);
	vit_buf_release(&s->coded);
	vit_meta_release(&s->meta);
	vit_header_release(&s->header);
	free(s);
}
