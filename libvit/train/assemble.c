/* SPDX-License-Identifier: MIT
 *
 * The feeder's reader thread: frames, decodes and preprocesses records and
 * assembles batches that do not cross epochs.
 *
 * A full batch waits until the next record shows whether the epoch ends with
 * it, unless the feeder is eager.
 */
#include "train/feeder.h"

#include <inttypes.h>
#include <string.h>

/* The batch being filled and where it ends in the input. */
struct work {
	struct vit_feeder *f;
	struct feed_slot *slot;         /* NULL: none being filled */
};

static int slot_for(struct work *w)
{
	if (w->slot)
		return 0;
	w->slot = vit_feed_slot(w->f);
	if (!w->slot)
		return VIT_EPIPE;
	w->slot->rc = 0;
	w->slot->ids.n = 0;
	w->slot->batch.n = 0;
	w->slot->batch.resized = 0;
	return 0;
}

static void publish(struct work *w, int epoch_end)
{
	struct vit_feeder *f = w->f;
	struct feed_slot *s = w->slot;
	for (int64_t i = 0; f->opt.ids && i < s->batch.n; i++)
		s->batch.id[i] = (const char *)s->ids.p + s->id_at[i];
	s->batch.epoch_end = epoch_end;
	w->slot = NULL;
	f->since = 0;
	f->gave |= s->batch.n > 0;
	vit_feed_publish(f);
}

/* Where the input stands now belongs to the batch that holds the last record. */
static void mark(struct vit_feeder *f, struct vit_batch *b)
{
	b->epoch = f->epoch;
	b->in_epoch = f->in_epoch;
	b->record = f->record;
	b->hash = XXH3_64bits_digest(f->hash);
}

/* An epoch ended: give what is there, or drop a short rest. What was dropped, or
 * was bad, leaves an empty batch behind: the full one before it was given without
 * knowing that the epoch ends with it. */
static void epoch_ends(struct work *w)
{
	struct vit_feeder *f = w->f;
	if (!f->since || (f->opt.eager && (!w->slot || !w->slot->batch.n)) || slot_for(w))
		return;
	struct vit_batch *b = &w->slot->batch;
	if (!b->n || (f->opt.drop_last && b->n < f->opt.batch)) {
		b->n = 0;
		mark(f, b);
	}
	publish(w, 1);
}

/* The input is at its end, good or bad. */
static void end(struct work *w, int rc)
{
	char message[sizeof w->f->slot[0].message];
	snprintf(message, sizeof message, "%s", vit_errmsg());
	if (w->slot)
		w->slot->batch.n = 0;
	if (slot_for(w))
		return;
	w->slot->rc = rc;
	memcpy(w->slot->message, message, sizeof message);
	w->slot = NULL;
	vit_feed_publish(w->f);
}

/* ---- labels ------------------------------------------------------------------------ */

/* The model's index of the stream's label, or -1 with the message set. */
static int64_t map_label(struct vit_feeder *f, const struct vit_record *r, int64_t label)
{
	const struct vit_feeder_opt *o = &f->opt;
	int64_t n = o->class_map ? o->n_map : o->n_class;
	if (label < 0 || label >= n) {
		vit_samples_fail(f->samples, VIT_ERECORD, r, "label %lld of %lld classes", (long long)label, (long long)n);
		return -1;
	}
	return o->class_map ? o->class_map[label] : label;
}

static int soft_label(struct vit_feeder *f, const struct vit_record *r, float *out)
{
	int64_t k = vit_tensor_count(&r->soft), n = f->opt.class_map ? f->opt.n_map : f->opt.n_class;
	if (k != n || r->soft.dtype != VIT_F32)
		return vit_samples_fail(f->samples, VIT_ERECORD, r, "a soft label of %lld classes, the model has %lld", (long long)k, (long long)n);
	for (int64_t i = 0; i < k; i++) {
		float x;
		memcpy(&x, (const char *)r->soft.data + (size_t)i * sizeof x, sizeof x);
		int64_t to = map_label(f, r, i);
		if (to < 0)
			return VIT_ERECORD;
		out[to] = x;
	}
	return 0;
}

static int label(struct vit_feeder *f, const struct vit_record *r, void *out)
{
	if (r->label_kind == VIT_LABEL_NONE && f->opt.need_label)
		return vit_samples_fail(f->samples, VIT_EMISMATCH, r, "no label; training needs one in every record");
	if (f->opt.soft) {
		memset(out, 0, f->label_bytes);
		if (r->label_kind == VIT_LABEL_SOFT)
			return soft_label(f, r, out);
	} else if (r->label_kind == VIT_LABEL_SOFT) {
		return vit_samples_fail(f->samples, VIT_ERECORD, r, "a soft label in a stream whose header says 'index'");
	}
	int64_t k = r->label_kind == VIT_LABEL_NONE ? -1 : map_label(f, r, r->label);
	if (k < 0 && r->label_kind != VIT_LABEL_NONE)
		return VIT_ERECORD;
	if (!f->opt.soft)
		memcpy(out, &(int32_t){ (int32_t)k }, sizeof(int32_t));
	else if (k >= 0)
		((float *)out)[k] = 1;
	return 0;
}

/* ---- records ------------------------------------------------------------------------- */

static int fill(struct work *w, const struct vit_record *r)
{
	struct vit_feeder *f = w->f;
	VIT_TRY(slot_for(w));
	struct vit_batch *b = &w->slot->batch;
	VIT_TRY(label(f, r, (char *)b->labels + (size_t)b->n * f->label_bytes));
	int resized = 0;
	int rc = vit_preprocess_record(f->opt.preprocess, r, b->images + (size_t)b->n * f->image_bytes, &resized);
	if (rc)
		return vit_samples_fail(f->samples, rc, r, "%s", vit_errmsg());
	if (f->opt.ids) {
		w->slot->id_at[b->n] = w->slot->ids.n;
		VIT_TRY(vit_buf_add(&w->slot->ids, r->id.p, r->id.n));
		VIT_TRY(vit_buf_add(&w->slot->ids, "", 1));
	}
	b->resized |= resized;
	b->n++;
	return 0;
}

/* A record of another epoch than the one before: the epoch before is over. */
static int epoch_of(struct work *w, const struct vit_record *r)
{
	struct vit_feeder *f = w->f;
	if (f->label_epoch >= 0 && r->epoch != f->label_epoch) {
		epoch_ends(w);
		f->epoch++;
		f->in_epoch = 0;
	}
	f->label_epoch = r->epoch;
	if (f->opt.epochs > 0 && f->epoch >= f->opt.epochs)
		return vit_samples_fail(f->samples, VIT_EFORMAT, r, "it begins epoch %lld; the header announced %lld",
		                        (long long)f->epoch + 1, (long long)f->opt.epochs);
	return 0;
}

static int consume(struct work *w, const uint8_t *raw, size_t n)
{
	struct vit_feeder *f = w->f;
	struct vit_record r;
	int rc = vit_record_decode(&r, raw, n);
	if (rc)
		rc = vit_samples_fail(f->samples, rc, NULL, "%s", vit_errmsg());
	else
		rc = epoch_of(w, &r);
	if (rc && rc != VIT_ERECORD)
		return rc;
	if (w->slot && w->slot->batch.n == f->opt.batch)
		publish(w, 0);
	f->record++;
	f->in_epoch++;
	f->since++;
	XXH3_64bits_update(f->hash, raw, n);
	if (f->opt.count >= 0 && f->in_epoch > f->opt.count)
		return vit_samples_fail(f->samples, VIT_EFORMAT, rc ? NULL : &r, "more records in an epoch than the %lld that were announced; "
		                        "were streams joined on a pipe, whose first header is all that is known at the start: join them in a file, "
		                        "name each as an operand, or give --steps", (long long)f->opt.count);
	if (!rc)
		rc = fill(w, &r);
	if (rc == VIT_ERECORD) {
		if (!f->pass)   /* each is named once, not once per pass */
			vit_feed_bad(f, vit_errmsg());
		rc = 0;
	}
	if (rc)
		return rc;
	if (w->slot && w->slot->batch.n)
		mark(f, &w->slot->batch);
	if (f->opt.eager && w->slot && w->slot->batch.n == f->opt.batch)
		publish(w, 0);
	return 0;
}

static int next(struct vit_feeder *f, const uint8_t **raw, size_t *n)
{
	if (f->opt.limit >= 0 && f->record >= f->opt.limit)
		return VIT_END;
	return vit_samples_next(f->samples, raw, n);
}

/* One pass over the samples is done; VIT_END: it was the last. One that gave no
 * batch is: the next ones would give none either, for ever. */
static int again(struct work *w)
{
	struct vit_feeder *f = w->f;
	epoch_ends(w);
	if (++f->pass >= f->opt.passes || !f->gave)
		return VIT_END;
	f->gave = 0;
	f->epoch++;
	f->in_epoch = 0;
	f->label_epoch = -1;
	return vit_samples_rewind(f->samples);
}

/* Skip what an earlier run consumed: hashed, not decoded but for the last one,
 * which tells the epoch the next one is compared with. */
static int skip(struct work *w)
{
	struct vit_feeder *f = w->f;
	const uint8_t *raw;
	size_t n;
	f->gave = 1;
	while (f->record < f->opt.skip) {
		int rc = next(f, &raw, &n);
		if (rc == VIT_END && f->pass + 1 < f->opt.passes) {
			VIT_TRY(again(w));
			f->gave = 1;
			continue;
		}
		if (rc == VIT_ERECORD)
			continue;
		if (rc == VIT_END)
			return vit_fail(VIT_EMISMATCH, "the input ends after %lld records, the checkpoint was %lld in: it is not the input the run began with",
			                (long long)f->record, (long long)f->opt.skip);
		if (rc)
			return rc;
		XXH3_64bits_update(f->hash, raw, n);
		f->record++;
		struct vit_record r;
		if (f->record == f->opt.skip && !vit_record_decode(&r, raw, n))
			f->label_epoch = r.epoch;
	}
	uint64_t hash = XXH3_64bits_digest(f->hash);
	if (hash != f->opt.hash)
		return vit_fail(VIT_EMISMATCH, "the first %lld records have hash %016" PRIx64 ", in the run that wrote the checkpoint %016" PRIx64
		                ": give the same input, or start afresh without --resume", (long long)f->opt.skip, hash, f->opt.hash);
	f->epoch = f->opt.epoch;
	f->in_epoch = f->opt.in_epoch;
	return 0;
}

void vit_feed_run(struct vit_feeder *f)
{
	struct work w = { .f = f };
	const uint8_t *raw;
	size_t n;
	f->label_epoch = -1;
	int rc = f->opt.skip > 0 ? skip(&w) : 0;
	while (!rc) {
		rc = next(f, &raw, &n);
		if (!rc)
			rc = consume(&w, raw, n);
		else if (rc == VIT_END)
			rc = again(&w);
		else if (rc == VIT_ERECORD) {
			vit_feed_bad(f, vit_errmsg());
			rc = 0;
		}
	}
	end(&w, rc);
}
