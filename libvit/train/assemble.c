/* SPDX-License-Identifier: MIT
 *
 * The feeder's reader thread: frames records, makes their images or has them
 * made ahead, and assembles batches that do not cross epochs.
 *
 * A full batch waits until the next record shows whether the epoch ends with
 * it, unless the feeder is eager.
 */
#include "train/feeder.h"

#include <inttypes.h>
#include <string.h>

enum { WORTH_A_THREAD = 4096 };         /* bytes of an encoded image */

static int slot_for(struct vit_feeder *f)
{
	if (f->filling)
		return 0;
	f->filling = vit_feed_slot(f);
	if (!f->filling)
		return VIT_EPIPE;
	f->filling->rc = 0;
	f->filling->ids.n = 0;
	f->filling->batch.n = 0;
	f->filling->batch.resized = 0;
	return 0;
}

static void publish(struct vit_feeder *f, int epoch_end)
{
	struct feed_slot *s = f->filling;
	for (int64_t i = 0; f->opt.ids && i < s->batch.n; i++)
		s->batch.id[i] = (const char *)s->ids.p + s->id_at[i];
	s->batch.epoch_end = epoch_end;
	f->filling = NULL;
	f->since = 0;
	f->gave |= s->batch.n > 0;
	vit_feed_publish(f);
}

/* Samples in the batch being filled. */
static int64_t filled(const struct vit_feeder *f)
{
	return f->filling ? f->filling->batch.n : 0;
}

/* Where the input stands now belongs to the batch that holds the last record. */
static void mark(struct vit_feeder *f, struct vit_batch *b)
{
	b->epoch = f->epoch;
	b->in_epoch = f->in_epoch;
	b->record = f->record;
	b->seq = f->seq;
	b->hash_from = f->hash_from;
	b->hash = XXH3_64bits_digest(f->hash);
}

/* An epoch ended: give what is there, or drop a short rest. What was dropped, or
 * was bad, leaves an empty batch behind: the full one before it was given without
 * knowing that the epoch ends with it. */
static void epoch_ends(struct vit_feeder *f)
{
	if (!f->since || (f->opt.eager && !filled(f)) || slot_for(f))
		return;
	struct vit_batch *b = &f->filling->batch;
	if (!b->n || (f->opt.drop_last && b->n < f->opt.batch)) {
		b->n = 0;
		mark(f, b);
	}
	publish(f, 1);
}

/* The input is at its end, good or bad. */
static void end(struct vit_feeder *f, int rc)
{
	char message[sizeof f->slot[0].message];
	snprintf(message, sizeof message, "%s", vit_errmsg());
	if (f->filling)
		f->filling->batch.n = 0;
	if (slot_for(f))
		return;
	f->filling->rc = rc;
	memcpy(f->filling->message, message, sizeof message);
	f->filling = NULL;
	vit_feed_publish(f);
}

/* ---- labels ------------------------------------------------------------------------ */

/* The model's index of the stream's label, or -1 with the message set. */
static int64_t map_label(struct vit_feeder *f, const struct feed_item *it, int64_t label)
{
	const struct vit_feeder_opt *o = &f->opt;
	int64_t n = o->class_map ? o->n_map : o->n_class;
	if (label < 0 || label >= n) {
		vit_place_fail(it->place, VIT_ERECORD, &it->r, "label %lld of %lld classes", (long long)label, (long long)n);
		return -1;
	}
	return o->class_map ? o->class_map[label] : label;
}

static int soft_label(struct vit_feeder *f, const struct feed_item *it, float *out)
{
	const struct vit_tensor *soft = &it->r.soft;
	int64_t k = vit_tensor_count(soft), n = f->opt.class_map ? f->opt.n_map : f->opt.n_class;
	if (k != n || soft->dtype != VIT_F32)
		return vit_place_fail(it->place, VIT_ERECORD, &it->r, "a soft label of %lld classes, the model has %lld", (long long)k, (long long)n);
	for (int64_t i = 0; i < k; i++) {
		float x;
		memcpy(&x, (const char *)soft->data + (size_t)i * sizeof x, sizeof x);
		int64_t to = map_label(f, it, i);
		if (to < 0)
			return VIT_ERECORD;
		/* a class map may give several of theirs one of ours */
		out[to] += x;
	}
	return 0;
}

static int label(struct vit_feeder *f, const struct feed_item *it, void *out)
{
	const struct vit_record *r = &it->r;
	if (r->label_kind == VIT_LABEL_NONE && f->opt.need_label)
		return vit_place_fail(it->place, VIT_EMISMATCH, r, "no label; training needs one in every record");
	if (f->opt.soft) {
		memset(out, 0, f->label_bytes);
		if (r->label_kind == VIT_LABEL_SOFT)
			return soft_label(f, it, out);
	} else if (r->label_kind == VIT_LABEL_SOFT) {
		return vit_place_fail(it->place, VIT_ERECORD, r, "a soft label in a stream whose header says 'index'");
	}
	int64_t k = r->label_kind == VIT_LABEL_NONE ? -1 : map_label(f, it, r->label);
	if (k < 0 && r->label_kind != VIT_LABEL_NONE)
		return VIT_ERECORD;
	if (!f->opt.soft)
		memcpy(out, &(int32_t){ (int32_t)k }, sizeof(int32_t));
	else if (k >= 0)
		((float *)out)[k] = 1;
	return 0;
}

/* ---- records ------------------------------------------------------------------------- */

/* The image into the batch: made ahead, or now. */
static int image(struct vit_feeder *f, struct feed_item *it, uint8_t *out)
{
	int rc;
	if (it->pixels) {
		rc = it->image_rc ? vit_fail(it->image_rc, "%s", it->message) : 0;
		if (!rc)
			memcpy(out, it->pixels, f->image_bytes);
	} else {
		rc = vit_preprocess_record(f->opt.preprocess, &f->work, &it->r, out, &it->resized);
	}
	return rc ? vit_place_fail(it->place, rc, &it->r, "%s", vit_errmsg()) : 0;
}

static int fill(struct vit_feeder *f, struct feed_item *it)
{
	VIT_TRY(slot_for(f));
	struct feed_slot *s = f->filling;
	struct vit_batch *b = &s->batch;
	VIT_TRY(label(f, it, (char *)b->labels + (size_t)b->n * f->label_bytes));
	VIT_TRY(image(f, it, b->images + (size_t)b->n * f->image_bytes));
	if (f->opt.ids) {
		s->id_at[b->n] = s->ids.n;
		VIT_TRY(vit_buf_add(&s->ids, it->r.id.p, it->r.id.n));
		VIT_TRY(vit_buf_add(&s->ids, "", 1));
	}
	b->resized |= it->resized;
	b->n++;
	return 0;
}

/* A record of another epoch than the one before: the epoch before is over. */
static int epoch_of(struct vit_feeder *f, const struct feed_item *it)
{
	if (f->label_epoch >= 0 && it->r.epoch != f->label_epoch) {
		epoch_ends(f);
		f->epoch++;
		f->in_epoch = 0;
	}
	f->label_epoch = it->r.epoch;
	if (f->opt.epochs > 0 && f->epoch >= f->opt.epochs)
		return vit_place_fail(it->place, VIT_EFORMAT, &it->r, "it begins epoch %lld; the header announced %lld",
		                      (long long)f->epoch + 1, (long long)f->opt.epochs);
	return 0;
}

/* Left out. Each is named once, not once per pass or epoch. */
static void bad(struct vit_feeder *f, const struct feed_item *it)
{
	if (!f->pass && (it->rc || !vit_named_before(&f->named, &it->r)))
		vit_feed_bad(f, vit_errmsg());
}

static int consume(struct vit_feeder *f, struct feed_item *it)
{
	int rc = it->rc ? vit_place_fail(it->place, it->rc, NULL, "%s", it->message) : epoch_of(f, it);
	if (rc && rc != VIT_ERECORD)
		return rc;
	if (filled(f) == f->opt.batch)
		publish(f, 0);
	f->seq = rc || it->r.seq > INT64_MAX ? -1 : (int64_t)it->r.seq;
	f->record++;
	f->in_epoch++;
	f->since++;
	XXH3_64bits_update(f->hash, it->raw, it->n);
	if (f->opt.count >= 0 && f->in_epoch > f->opt.count)
		return vit_place_fail(it->place, VIT_EFORMAT, rc ? NULL : &it->r, "more records in an epoch than the %lld that were announced; "
		                      "were streams joined on a pipe, whose first header is all that is known at the start: join them in a file, "
		                      "name each as an operand, or give --steps", (long long)f->opt.count);
	if (!rc)
		rc = fill(f, it);
	if (rc == VIT_ERECORD) {
		bad(f, it);
		rc = 0;
	}
	if (rc)
		return rc;
	if (filled(f))
		mark(f, &f->filling->batch);
	if (f->opt.eager && filled(f) == f->opt.batch)
		publish(f, 0);
	return 0;
}

/* ---- ahead --------------------------------------------------------------------------- */

/* Everything that was read is in batches. */
static int drain(struct vit_feeder *f)
{
	struct feed_item *it;
	while (f->ahead && (it = vit_ahead_pop(f->ahead)))
		VIT_TRY(consume(f, it));
	return 0;
}

void vit_feed_idle(struct vit_feeder *f)
{
	if (!f->opt.prompt || f->idle_rc)
		return;
	f->idle_rc = drain(f);
	if (f->idle_rc)
		snprintf(f->idle_message, sizeof f->idle_message, "%s", vit_errmsg());
	else if (filled(f))
		publish(f, 0);
}

static int push(struct vit_feeder *f, const uint8_t *raw, size_t n)
{
	if (vit_ahead_full(f->ahead))
		VIT_TRY(consume(f, vit_ahead_pop(f->ahead)));
	return vit_ahead_push(f->ahead, raw, n, vit_samples_place(f->samples));
}

/* Pixels are copied or cut, and small files decoded, faster than a thread is
 * woken (CIFAR's JPEGs of 1 KB: 66,000 a second here, 47,000 by two threads).
 * The first file that is worth it starts the threads, for all that follow. */
static int take(struct vit_feeder *f, const uint8_t *raw, size_t n)
{
	if (f->ahead)
		return push(f, raw, n);
	struct feed_item it = { .raw = raw, .n = n, .place = vit_samples_place(f->samples) };
	it.rc = vit_record_decode(&it.r, raw, n);
	if (it.rc)
		snprintf(it.message, sizeof it.message, "%s", vit_errmsg());
	if (!it.rc && it.r.encoded.n >= WORTH_A_THREAD && f->opt.threads > 1) {
		VIT_TRY(vit_ahead_new(&f->ahead, f->opt.preprocess, f->opt.threads));
		return push(f, raw, n);
	}
	return consume(f, &it);
}

static int next(struct vit_feeder *f, const uint8_t **raw, size_t *n)
{
	if (f->opt.limit >= 0 && f->record + (f->ahead ? vit_ahead_inside(f->ahead) : 0) >= f->opt.limit)
		return VIT_END;
	return vit_samples_next(f->samples, raw, n);
}

/* One pass over the samples is done; VIT_END: it was the last. One that gave no
 * batch is: the next ones would give none either, for ever. */
static int again(struct vit_feeder *f)
{
	epoch_ends(f);
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
static int skip(struct vit_feeder *f)
{
	const uint8_t *raw;
	size_t n;
	f->gave = 1;
	while (f->record < f->opt.skip) {
		int rc = next(f, &raw, &n);
		if (rc == VIT_END && f->pass + 1 < f->opt.passes) {
			VIT_TRY(again(f));
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
		if (f->record >= f->hash_from)
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
	return 0;
}

/* A place in the stream: records of an epoch that were passed, and the last one's seq. */
struct place {
	int64_t epoch, record, label, seq;
	int moved;
};

static int wrong_start(const struct vit_feeder *f, const struct vit_meta *m, const char *why)
{
	return vit_fail(VIT_EMISMATCH, "the samples begin at epoch %lld, record %lld, and the checkpoint stands at epoch %lld, record %lld: %s",
	                (long long)m->start_epoch, (long long)m->start, (long long)f->opt.epoch, (long long)f->opt.in_epoch, why);
}

static void step(struct place *at, const struct vit_record *r)
{
	if (r && at->label >= 0 && r->epoch != at->label) {
		at->epoch++;
		at->record = 0;
	}
	at->record++;
	at->label = r ? r->epoch : at->label;
	at->seq = r && r->seq <= INT64_MAX ? (int64_t)r->seq : -1;
	at->moved = 1;
}

/* The same for a stream that was begun with --start. Nobody can hash what is not
 * there, so the place is told by its numbers and by the last record's seq. */
static int skip_started(struct vit_feeder *f, const struct vit_meta *m)
{
	const struct vit_feeder_opt *o = &f->opt;
	struct place at = { m->start_epoch, m->start, m->start ? m->start_epoch : -1, m->start_after, 0 };
	const uint8_t *raw;
	size_t n;
	while (at.epoch < o->epoch || (at.epoch == o->epoch && at.record < o->in_epoch)) {
		struct vit_record r;
		int rc = next(f, &raw, &n);
		if (rc == VIT_ERECORD)
			continue;
		if (rc)
			return rc == VIT_END ? wrong_start(f, m, "they end before it") : rc;
		step(&at, vit_record_decode(&r, raw, n) ? NULL : &r);
	}
	/* the first record of an epoch is where the one before it ended, if its last record was the last consumed */
	if (!at.moved && !at.record && at.epoch - 1 == o->epoch && at.seq >= 0 && at.seq == o->seq)
		at.label = m->start_epoch - 1;
	else if (at.epoch != o->epoch || at.record != o->in_epoch)
		return wrong_start(f, m, "that is too late; give its numbers to --start, or leave --start out");
	if (at.seq >= 0 && o->seq >= 0 && at.seq != o->seq)
		return wrong_start(f, m, "another record comes before that place than when the checkpoint was written, as it does when bad ones are "
		                   "left out before vit-train; leave --start out");
	f->label_epoch = at.label;
	f->record = f->hash_from = o->skip;
	f->gave = 1;
	return 0;
}

/* No record came: what was read before is given first, then this is said. */
static int stopped(struct vit_feeder *f, int rc)
{
	char message[1024];
	snprintf(message, sizeof message, "%s", vit_errmsg());
	VIT_TRY(drain(f));
	if (rc == VIT_END)
		return again(f);
	if (rc != VIT_ERECORD)
		return vit_fail(rc, "%s", message);
	vit_feed_bad(f, message);
	return 0;
}

void vit_feed_run(struct vit_feeder *f)
{
	const uint8_t *raw;
	size_t n;
	f->label_epoch = -1;
	f->seq = f->opt.skip > 0 ? f->opt.seq : -1;
	f->hash_from = f->opt.hash_from;
	const struct vit_meta *m = vit_samples_meta(f->samples);
	int rc = f->opt.skip <= 0 ? 0 : m->start_epoch || m->start ? skip_started(f, m) : skip(f);
	f->epoch = f->opt.epoch;
	f->in_epoch = f->opt.in_epoch;
	while (!rc) {
		rc = next(f, &raw, &n);
		if (f->idle_rc)
			rc = vit_fail(f->idle_rc, "%s", f->idle_message);
		else
			rc = rc ? stopped(f, rc) : take(f, raw, n);
	}
	end(f, rc);
}
