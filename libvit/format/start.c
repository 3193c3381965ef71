/* SPDX-License-Identifier: MIT
 *
 * start.c - a stream that begins in its middle, as the resumed half of a run needs.
 *
 * Records of epochs before the first one are not read at all where each epoch
 * can be opened anew; those before the start are passed over without being read
 * where that is possible. The record before the start is read for its seq, by
 * which who goes on can tell that the place is the right one.
 */
#include "format/fetch.h"
#include "format/order.h"

static int too_far(const struct vit_fetch *f, int64_t there)
{
	return vit_fail(VIT_EUSAGE, "--start %lld:%lld: an epoch has %lld records", (long long)f->opt.start_epoch,
	                (long long)f->opt.start, (long long)there);
}

/* Pass over `n` kept records of f->epoch; *last is the place of the last of them. */
static int64_t pass(struct vit_fetch *f, int64_t n, int64_t *last)
{
	struct vit_order order = vit_order_of((uint64_t)f->n, f->opt.seed, (uint64_t)f->epoch);
	int64_t k = 0;
	for (f->index = 0; k < n && f->index < f->n; f->index++) {
		int64_t i = f->permute ? (int64_t)vit_order_at(&order, (uint64_t)f->index) : f->index;
		if (!vit_fetch_kept(f, i))
			continue;
		*last = i;
		k++;
	}
	return k;
}

static int begin_random(struct vit_fetch *f)
{
	const struct vit_fetch_opt *o = &f->opt;
	struct vit_record r;
	int64_t last = -1;
	if (o->start > f->count)
		return too_far(f, f->count);
	/* the place before the first record of an epoch is the last one of the epoch before */
	f->epoch = o->start ? o->start_epoch : o->start_epoch - 1;
	pass(f, o->start ? o->start : f->count, &last);
	if (!o->start) {
		f->epoch++;
		f->index = 0;
	}
	int (*look)(void *, struct vit_source *, int64_t, struct vit_record *) = f->format->look ? f->format->look : f->format->read;
	int rc = last < 0 ? VIT_ERECORD : look(f->priv, f->src, last, &r);
	if (!rc && r.seq <= INT64_MAX)
		f->after = (int64_t)r.seq;
	return rc == VIT_ERECORD ? 0 : rc;
}

/* What is read on the way is not looked at: a bad record was named by the run before. */
static int begin_forward(struct vit_fetch *f)
{
	const struct vit_fetch_opt *o = &f->opt;
	int64_t passed = 0;
	if (!f->own_epochs)
		f->epoch = o->start_epoch;
	while (passed < o->start || (f->own_epochs && !o->start)) {
		int rc = vit_fetch_next(f, &f->held);
		if (rc == VIT_ERECORD)
			continue;
		if (rc && rc != VIT_END)
			return rc;
		if (rc == VIT_END || f->held.epoch > o->start_epoch) {
			if (passed < o->start || rc == VIT_END)
				return too_far(f, passed);
			f->has_held = 1;
			return 0;
		}
		if (f->held.epoch == o->start_epoch) {
			f->has_held = !o->start;
			if (f->has_held)
				return 0;
			passed++;
		}
		f->after = f->held.seq <= INT64_MAX ? (int64_t)f->held.seq : -1;
	}
	return 0;
}

int vit_fetch_begin(struct vit_fetch *f)
{
	const struct vit_fetch_opt *o = &f->opt;
	int64_t epochs = f->own_epochs ? f->meta.epochs : o->epochs;
	f->after = -1;
	if (!o->start_epoch && !o->start)
		return 0;
	if (f->meta.start_epoch || f->meta.start)
		return vit_fail(VIT_EUSAGE, "--start: the stream begins at record %lld of epoch %lld already", (long long)f->meta.start,
		                (long long)f->meta.start_epoch);
	if (o->start_epoch < 0 || o->start < 0 || o->start_epoch >= epochs)
		return vit_fail(VIT_EUSAGE, "--start %lld: there are %lld epochs, counted from 0", (long long)o->start_epoch, (long long)epochs);
	return f->info.random ? begin_random(f) : begin_forward(f);
}
