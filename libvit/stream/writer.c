/* SPDX-License-Identifier: MIT
 *
 * writer.c - header, records, trailer to an output. Small records are gathered:
 * one write per 3 KiB record halves the speed of a pipe.
 */
#include "stream/hash.h"
#include "stream/wire.h"

#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATHER = 128 << 10, LARGE = 64 << 10 };

struct vit_writer {
	struct vit_output *out;
	struct vit_buf buf;
	XXH3_state_t *hash;
	uint64_t count, bytes;  /* records, and bytes in the hash */
	int failed;             /* code of the first failure: later calls give it again */
	char words[1024];
};

static int fail(struct vit_writer *w, int rc)
{
	if (rc && !w->failed) {
		w->failed = rc;
		snprintf(w->words, sizeof w->words, "%s", vit_errmsg());
	}
	return rc;
}

static int check(const struct vit_writer *w)
{
	return w->failed ? vit_fail(w->failed, "%s", w->words) : 0;
}

static int write_out(struct vit_writer *w, const void *p, size_t n)
{
	if (vit_hash_update(w->hash, p, n))
		return fail(w, vit_fail(VIT_ENOMEM, "hashing failed"));
	w->bytes += n;
	return fail(w, vit_output_write(w->out, p, n));
}

int vit_writer_open(struct vit_writer **out, struct vit_output *o, const struct vit_header *h)
{
	struct vit_writer *w = vit_calloc(1, sizeof *w);
	*out = NULL;
	if (!w)
		return VIT_ENOMEM;
	w->out = o;
	w->hash = XXH3_createState();
	int rc = w->hash && !XXH3_64bits_reset(w->hash) ? 0 : vit_fail(VIT_ENOMEM, "out of memory");
	if (rc == 0)
		rc = vit_header_encode(&w->buf, h);
	if (rc)
		vit_writer_close(w);
	else
		*out = w;
	return rc;
}

void vit_writer_close(struct vit_writer *w)
{
	if (!w)
		return;
	vit_buf_release(&w->buf);
	XXH3_freeState(w->hash);
	free(w);
}

int vit_writer_flush(struct vit_writer *w)
{
	VIT_TRY(check(w));
	if (w->buf.n == 0)
		return 0;
	VIT_TRY(write_out(w, w->buf.p, w->buf.n));
	w->buf.n = 0;
	return 0;
}

static int gathered(struct vit_writer *w)
{
	return w->buf.n >= GATHER ? vit_writer_flush(w) : 0;
}

/* Bytes that follow what is in the buffer; large ones are not copied. */
static int emit(struct vit_writer *w, const void *p, size_t n)
{
	if (n < LARGE) {
		VIT_TRY(fail(w, vit_buf_add(&w->buf, p, n)));
		return gathered(w);
	}
	VIT_TRY(vit_writer_flush(w));
	return write_out(w, p, n);
}

int vit_writer_put(struct vit_writer *w, const struct vit_record *r)
{
	VIT_TRY(check(w));
	/* a record that cannot be written leaves no trace and is no end */
	VIT_TRY(vit_record_encode(&w->buf, r));
	w->count++;
	return gathered(w);
}

int vit_writer_raws(struct vit_writer *w, const void *records, size_t n, uint64_t count)
{
	VIT_TRY(check(w));
	w->count += count;
	return emit(w, records, n);
}

int vit_writer_raw(struct vit_writer *w, const void *record, size_t n)
{
	return vit_writer_raws(w, record, n, 1);
}

static int text(msgpack_packer *pk, const char *s)
{
	return msgpack_pack_str_with_body(pk, s, strlen(s));
}

int vit_writer_tensor(struct vit_writer *w, const char *name, const struct vit_tensor *t)
{
	VIT_TRY(check(w));
	msgpack_packer pk;
	msgpack_packer_init(&pk, &w->buf, vit_pack_to_buf);
	int is_bf16 = t->dtype == VIT_BF16;
	size_t before = w->buf.n;
	int rc = msgpack_pack_map(&pk, is_bf16 ? 3 : 2) || text(&pk, "name") || text(&pk, name) || text(&pk, "tensor") ? VIT_ENOMEM : 0;
	if (rc == 0)
		rc = vit_nd_encode_head(&w->buf, t);
	if (rc) {
		w->buf.n = before;
		return vit_wrap(rc, "tensor \"%s\"", name);
	}
	VIT_TRY(emit(w, t->data, vit_tensor_bytes(t)));
	if (is_bf16 && (text(&pk, "dtype") || text(&pk, vit_dtypes[VIT_BF16].name)))
		return fail(w, VIT_ENOMEM);
	w->count++;
	return gathered(w);
}

static int finish(struct vit_writer *w, uint64_t skipped, const char *error)
{
	VIT_TRY(vit_writer_flush(w));
	struct vit_trailer t = { .count = w->count, .skipped = skipped, .bytes = w->bytes, .xxh3 = XXH3_64bits_digest(w->hash), .hashed = 1,
	                         .error = (char *)(uintptr_t)error };
	VIT_TRY(fail(w, vit_trailer_encode(&w->buf, &t)));
	int rc = fail(w, vit_output_write(w->out, w->buf.p, w->buf.n));
	w->buf.n = 0;
	return rc;
}

int vit_writer_end(struct vit_writer *w, uint64_t skipped)
{
	return finish(w, skipped, NULL);
}

int vit_writer_abort(struct vit_writer *w, const char *error)
{
	return finish(w, 0, error);
}
