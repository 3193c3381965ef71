/* SPDX-License-Identifier: MIT */
#include "augment/parcel.h"

#include <inttypes.h>
#include <stdlib.h>

/* Enough to make handing over cheap, little enough to stay in a core's cache. */
enum { MAX_ROWS = 64, MAX_BYTES = 256 << 10 };

int vit_parcel_new(struct vit_parcel **out, const struct vit_chain *chain, uint64_t seed)
{
	struct vit_parcel *b = vit_calloc(1, sizeof *b);
	if (!b)
		return VIT_ENOMEM;
	b->chain = chain;
	b->seed = seed;
	b->row = vit_calloc(MAX_ROWS, sizeof *b->row);
	int rc = b->row ? vit_chain_work_new(&b->work) : VIT_ENOMEM;
	if (rc)
		vit_parcel_free(b);
	else
		*out = b;
	return rc;
}

void vit_parcel_clear(struct vit_parcel *b, int64_t pass)
{
	for (int i = 0; i < b->n; i++) {
		free(b->row[i].error);
		b->row[i].error = NULL;
	}
	b->n = 0;
	b->in.n = b->out.n = 0;
	b->pass = pass;
}

void vit_parcel_free(struct vit_parcel *b)
{
	if (!b)
		return;
	vit_parcel_clear(b, 0);
	vit_chain_work_free(b->work);
	vit_buf_release(&b->in);
	vit_buf_release(&b->out);
	free(b->row);
	free(b);
}

/* The row's error, with the record it is about; the rest of the parcel goes on. */
static int note_bad(struct vit_parcel_row *row, const struct vit_record *r)
{
	size_t n = r->id.n < 200 ? r->id.n : 200;
	vit_wrap(VIT_ERECORD, "%s: record %" PRIu64 "%s%.*s%s", row->item.input, row->item.number, n ? " (" : "", (int)n,
	         n ? r->id.p : "", n ? ")" : "");
	row->error = vit_strdup(vit_errmsg());
	return row->error ? 0 : VIT_ENOMEM;
}

static int work_row(struct vit_parcel *b, struct vit_parcel_row *row, const uint8_t *raw)
{
	struct vit_record r;
	row->out = b->out.n;
	int rc = vit_record_decode(&r, raw, row->item.n);
	if (rc) {
		r.id = (struct vit_str){ 0 };
	} else {
		r.epoch += b->pass;
		rc = vit_chain_apply(b->chain, b->work, b->seed, &r);
	}
	if (rc == 0)
		rc = vit_record_encode(&b->out, &r);
	if (rc) {
		b->out.n = row->out;
		return rc == VIT_ERECORD ? note_bad(row, &r) : rc;
	}
	row->out_n = b->out.n - row->out;
	return 0;
}

int vit_parcel_work(struct vit_parcel *b)
{
	for (int i = 0; i < b->n && !b->at_once; i++)
		VIT_TRY(work_row(b, &b->row[i], b->in.p + b->row[i].in));
	return 0;
}

int vit_parcel_add(struct vit_parcel *b, const struct vit_replay_item *item)
{
	struct vit_parcel_row *row = &b->row[b->n];
	*row = (struct vit_parcel_row){ .item = *item, .in = b->in.n };
	if (b->at_once)
		VIT_TRY(work_row(b, row, item->raw));
	/* who reports a bad record looks at it again */
	if (!b->at_once || row->error)
		VIT_TRY(vit_buf_add(&b->in, item->raw, item->n));
	b->n++;
	return 0;
}

int vit_parcel_full(const struct vit_parcel *b)
{
	return b->n == MAX_ROWS || b->in.n >= MAX_BYTES || b->out.n >= MAX_BYTES;
}
