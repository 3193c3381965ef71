/* SPDX-License-Identifier: MIT
 *
 * vits.c - streams of samples (stream/stream.h) as a source.
 *
 * Files are mapped and scanned once, which checks their hash and leaves an index
 * of the records, so that they come in any order. A pipe is passed on record by
 * record. Ids, seq, labels and keys nobody here knows stay as they are.
 */
#include "format/format.h"

#include <stdlib.h>
#include <string.h>

struct place {
	const uint8_t *p;
	uint32_t n, blob;               /* no record is longer than 1 GiB */
};

struct vits {
	struct vit_reader *reader;      /* a pipe's */
	struct vit_blob *blob;          /* files', one each */
	struct place *record;
	size_t n_blob, n_record, cap;
	uint64_t skipped;
	struct vit_header header;
	int has_header;
	struct vit_meta meta;
	struct vit_format_info *info;
};

static int vits_probe(const struct vit_member *m)
{
	/* a map of at most 15 keys, "vit": "stream", then "kind" somewhere: samples and
	 * models alike, as the reader says best what a model is */
	static const uint8_t begin[] = { 0xa3, 'v', 'i', 't', 0xa6, 's', 't', 'r', 'e', 'a', 'm' };
	if (m->n_head < 4 + sizeof begin)
		return 0;
	const uint8_t *p = m->head;
	size_t skip = (p[0] & 0xf0) == 0x80 ? 1 : p[0] == 0xde ? 3 : 0;
	return skip && !memcmp(p + skip, begin, sizeof begin) ? 100 : 0;
}

/* ---- the source's input, lent to a reader that would close its own ------------------ */

static ssize_t lent_read(void *ctx, void *buf, size_t n)
{
	struct vit_input *in = ctx;
	const uint8_t *p;
	size_t got;
	int rc = vit_input_some(in, &p, &got);
	if (rc)
		return rc;
	if (got > n)
		got = n;
	if (got)
		memcpy(buf, p, got);
	rc = vit_input_skip(in, got);
	return rc ? rc : (ssize_t)got;
}

static const struct vit_reader_opt samples = { .kind = VIT_SAMPLES };

static int open_pipe(struct vits *v, struct vit_source *s)
{
	struct vit_input *in, *lent;
	VIT_TRY(vit_source_input(s, &in));
	VIT_TRY(vit_input_reader(&lent, lent_read, NULL, in, vit_source_name(s)));
	VIT_TRY(vit_reader_open(&v->reader, lent, &samples));
	VIT_TRY(vit_header_copy(&v->header, vit_reader_header(v->reader)));
	v->has_header = 1;
	return vit_meta_read(&v->meta, &v->header);
}

/* ---- files ------------------------------------------------------------------------------ */

static int add_record(struct vits *v, const uint8_t *p, size_t n)
{
	if (v->n_record == v->cap) {
		size_t cap = v->cap ? v->cap * 2 : 1024;
		struct place *record = vit_realloc(v->record, cap * sizeof *record);
		if (!record)
			return VIT_ENOMEM;
		v->record = record;
		v->cap = cap;
	}
	v->record[v->n_record++] = (struct place){ p, (uint32_t)n, (uint32_t)v->n_blob - 1 };
	return 0;
}

/* Further files must continue the first one as concatenated streams must. */
static int agree(struct vits *v, const struct vit_header *h, const char *name)
{
	static const char *const same[] = { "classes", "labels", "epochs", "split" };
	if (!v->has_header) {
		v->has_header = 1;
		VIT_TRY(vit_header_copy(&v->header, h));
		return vit_meta_read(&v->meta, &v->header);
	}
	for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
		json_t *a = json_object_get(v->header.meta, same[i]), *b = json_object_get(h->meta, same[i]);
		if (a != b && !json_equal(a, b))
			return vit_fail(VIT_EMISMATCH, "%s: its %s differ from those of the files before it", name, same[i]);
	}
	struct vit_meta m;
	VIT_TRY(vit_meta_read(&m, h));
	int channels = m.shape[2] && v->meta.shape[2] && m.shape[2] != v->meta.shape[2];
	if (memcmp(m.shape, v->meta.shape, sizeof m.shape))
		memset(v->meta.shape, 0, sizeof v->meta.shape);
	/* together they are more than the shard that each of them is */
	v->meta.n_shard = 0;
	vit_meta_release(&m);
	if (channels)
		return vit_fail(VIT_EMISMATCH, "%s: its channels differ from those of the files before it", name);
	return 0;
}

static int scan(struct vits *v, const struct vit_blob *b, const char *name)
{
	struct vit_input *in;
	struct vit_reader *r;
	VIT_TRY(vit_input_memory(&in, b->p, b->n, name));
	VIT_TRY(vit_reader_open(&r, in, &samples));
	int rc = agree(v, vit_reader_header(r), name);
	while (!rc) {
		const uint8_t *p;
		size_t n;
		rc = vit_reader_next(r, &p, &n);
		if (rc)
			break;
		/* memory is read in place, so what we are given is ours to keep */
		if (p < b->p || p + n > b->p + b->n)
			rc = vit_fail(VIT_EUNSUPPORTED, "%s: cannot be indexed", name);
		else
			rc = add_record(v, p, n);
		vit_blob_used(b, p, n);
	}
	if (rc == VIT_END)
		rc = vit_reader_history(r, v->header.history);
	v->skipped += vit_reader_skipped(r);
	vit_reader_close(r);
	return rc;
}

static int open_files(struct vits *v, struct vit_source *s)
{
	struct vit_member m;
	int rc;
	while (!(rc = vit_source_next(s, &m))) {
		if (!vits_probe(&m))
			continue;
		struct vit_blob *blob = vit_realloc(v->blob, (v->n_blob + 1) * sizeof *blob);
		if (!blob)
			return VIT_ENOMEM;
		v->blob = blob;
		VIT_TRY(vit_source_load(s, UINT64_MAX, &blob[v->n_blob]));
		v->n_blob++;
		VIT_TRY(scan(v, &v->blob[v->n_blob - 1], m.name));
	}
	return rc == VIT_END ? 0 : rc;
}

/* ---- the format --------------------------------------------------------------------------- */

static int vits_open(void *priv, struct vit_source *s, struct vit_format_info *info)
{
	struct vits *v = priv;
	struct vit_member m;
	if (vit_source_again(s)) {
		VIT_TRY(open_files(v, s));
	} else {
		VIT_TRY(vit_source_next(s, &m));
		VIT_TRY(open_pipe(v, s));
	}
	struct vit_arena arena = info->meta->arena;
	*info->meta = v->meta;
	info->meta->arena = arena;
	info->header = &v->header;
	info->splits = v->meta.split;
	/* several epochs in one stream are passed on as they are */
	info->random = !v->reader && v->meta.epochs <= 1;
	if (info->random) {
		info->meta->count = (int64_t)v->n_record;
		/* what there is of it is a whole of its own, to be ordered and cut anew */
		info->meta->start_epoch = info->meta->start = 0;
	}
	/* joined shards begin with a header that speaks of the first one only, and of a
	 * pipe nobody knows what follows */
	if (info->meta->n_shard && info->meta->count != v->meta.count) {
		info->meta->n_shard = 0;
	} else if (info->meta->n_shard && v->reader) {
		info->meta->n_shard = 0;
		info->meta->count = -1;
	}
	info->skipped = v->skipped;
	v->info = info;
	return 0;
}

static int vits_read(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	struct vits *v = priv;
	const uint8_t *p = NULL;
	size_t n = 0;
	int rc = 0;
	if (v->reader) {
		rc = vit_reader_next(v->reader, &p, &n);
		v->info->skipped = vit_reader_skipped(v->reader);
	} else if ((uint64_t)i < v->n_record) {
		const struct place *at = &v->record[i];
		p = at->p;
		n = at->n;
		vit_blob_used(&v->blob[at->blob], p, n);
	} else {
		rc = VIT_END;
	}
	if (rc)
		return rc;
	rc = vit_record_decode(r, p, n);
	return rc ? vit_wrap(rc, "%s: record %lld", vit_source_name(s), (long long)i + 1) : 0;
}

static void vits_close(void *priv)
{
	struct vits *v = priv;
	vit_reader_close(v->reader);
	for (size_t i = 0; i < v->n_blob; i++)
		vit_blob_release(&v->blob[i]);
	free(v->blob);
	free(v->record);
	vit_header_release(&v->header);
	vit_meta_release(&v->meta);
}

const struct vit_format vit_format_vits = {
	.abi = VIT_FORMAT_ABI,
	.size = sizeof(struct vit_format),
	.name = "vits",
	.help = "samples streams, as vit-fetch and vit-augment write them",
	.priv_size = sizeof(struct vits),
	.probe = vits_probe,
	.open = vits_open,
	.read = vits_read,
	.close = vits_close,
};
