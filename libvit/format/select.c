/* SPDX-License-Identifier: MIT
 *
 * select.c - filters, hold-out, skip and limit, shards, and verification.
 *
 * The order of the steps is a promise: filters, then skip and limit in the
 * order of the first epoch, then the shard. So a limit is the same set in each
 * epoch and over all shards.
 */
#include "format/dataset.h"
#include "format/fetch.h"
#include "format/order.h"
#include "format/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static void set(struct vit_fetch *f, int64_t i, int on)
{
	uint64_t bit = UINT64_C(1) << (i & 63);
	if (on)
		f->keep[i >> 6] |= bit;
	else
		f->keep[i >> 6] &= ~bit;
}

/* ---- conditions ------------------------------------------------------------------- */

/* The label called by these n bytes; -1: none. */
static int64_t label_of(const struct vit_meta *m, const char *name, size_t n)
{
	for (int i = 0; m->classes && i < m->n_class; i++)
		if (!strncmp(m->classes[i], name, n) && !m->classes[i][n])
			return i;
	char *end;
	errno = 0;
	long long k = strtoll(name, &end, 10);
	return n && end == name + n && !errno && k >= 0 && (m->n_class == 0 || k < m->n_class) ? k : -1;
}

static int no_class(const struct vit_meta *m, const char *text)
{
	if (!m->classes)
		return vit_fail(VIT_EUSAGE, "--where %s: the classes have no names; labels are 0 to %d", text, m->n_class - 1);
	struct vit_buf b = { 0 };
	for (int i = 0; i < m->n_class && i < 12; i++)
		VIT_TRY(vit_buf_printf(&b, "%s%s", i ? ", " : "", m->classes[i]));
	int rc = vit_fail(VIT_EUSAGE, "--where %s: no such class; there are %s%s", text, b.p ? (char *)b.p : "none",
	                  m->n_class > 12 ? ", ..." : "");
	vit_buf_release(&b);
	return rc;
}

/* "label=ants" or, any of them, "label=ants,bees"; a name may have commas itself. */
static int parse_where(struct vit_fetch *f, const char *text, struct vit_fetch_where *w)
{
	const struct vit_meta *m = &f->meta;
	if (strncmp(text, "label=", 6))
		return vit_fail(VIT_EUSAGE, "--where %s: only label=NAME, label=NUMBER and lists of them, label=NAME,NAME, are known", text);
	const char *name = text + 6;
	int most = 1;
	for (const char *p = name; *p; p++)
		most += *p == ',';
	w->label = vit_arena_alloc(&f->arena, (size_t)most * sizeof *w->label);
	if (!w->label)
		return VIT_ENOMEM;
	w->label[0] = label_of(m, name, strlen(name));
	if (w->label[0] >= 0) {
		w->n = 1;
		return 0;
	}
	for (size_t n;; name += n + 1) {
		n = strcspn(name, ",");
		w->label[w->n] = label_of(m, name, n);
		if (w->label[w->n++] < 0)
			return no_class(m, text);
		if (!name[n])
			return 0;
	}
}

/* The hash of the id alone decides, so no other option moves a record across. */
static int held_out(const struct vit_fetch *f, const struct vit_record *r)
{
	return (double)(XXH3_64bits(r->id.p, r->id.n) >> 11) * 0x1p-53 < f->opt.holdout;
}

int vit_fetch_wanted(const struct vit_fetch *f, const struct vit_record *r)
{
	for (int i = 0; i < f->n_where; i++) {
		const struct vit_fetch_where *w = &f->where[i];
		int k = 0;
		while (k < w->n && (r->label_kind != VIT_LABEL_INDEX || r->label != w->label[k]))
			k++;
		if (k == w->n)
			return 0;
	}
	return f->opt.holdout <= 0 || held_out(f, r) == f->side;
}

int vit_fetch_in_shard(const struct vit_fetch *f, const struct vit_record *r)
{
	return !f->opt.n_shard || (int64_t)(r->seq % (uint64_t)f->opt.n_shard) == f->opt.shard;
}

/* ---- selection ------------------------------------------------------------------------ */

/* Keep what `ok` says of what is kept; a record that cannot be read stays, so
 * that it is reported where it would have come. */
static int filter(struct vit_fetch *f, int (*ok)(const struct vit_fetch *, const struct vit_record *), int64_t *left)
{
	int (*read)(void *, struct vit_source *, int64_t, struct vit_record *) = f->format->look ? f->format->look : f->format->read;
	*left = 0;
	for (int64_t i = 0; i < f->n; i++) {
		struct vit_record r;
		if (!vit_fetch_kept(f, i))
			continue;
		int rc = read(f->priv, f->src, i, &r);
		if (rc && rc != VIT_ERECORD)
			return rc;
		int keep = rc || ok(f, &r);
		set(f, i, keep);
		*left += keep;
	}
	return 0;
}

static void cut(struct vit_fetch *f, int64_t *left)
{
	struct vit_order order = vit_order_of((uint64_t)f->n, f->opt.seed, 0);
	int64_t place = 0, kept = 0;
	for (int64_t k = 0; k < f->n; k++) {
		int64_t i = f->permute ? (int64_t)vit_order_at(&order, (uint64_t)k) : k;
		if (!vit_fetch_kept(f, i))
			continue;
		int in = place >= f->opt.skip && (f->opt.limit < 0 || place - f->opt.skip < f->opt.limit);
		place++;
		kept += in;
		set(f, i, in);
	}
	*left = kept;
}

static int nothing_left(const struct vit_fetch *f)
{
	return vit_fail(VIT_EUSAGE, "%s: none of the %lld records of split %s meets all conditions", vit_source_name(f->src),
	                (long long)f->n, f->base);
}

static int select_random(struct vit_fetch *f)
{
	const struct vit_fetch_opt *o = &f->opt;
	int filters = f->n_where || o->holdout > 0, window = o->skip > 0 || (o->limit >= 0 && o->limit < f->n);
	f->count = f->total = f->n;
	if (!filters && !window && !o->n_shard)
		return 0;
	size_t words = ((size_t)f->n + 63) / 64;
	f->keep = vit_malloc(words * sizeof *f->keep);
	if (!f->keep)
		return VIT_ENOMEM;
	memset(f->keep, 0xff, words * sizeof *f->keep);
	if (filters)
		VIT_TRY(filter(f, vit_fetch_wanted, &f->total));
	if (!f->total)
		return nothing_left(f);
	if (window)
		cut(f, &f->total);
	f->count = f->total;
	return o->n_shard ? filter(f, vit_fetch_in_shard, &f->count) : 0;
}

/* A forward source's counts are known as long as nothing depends on the records. */
static void count_forward(struct vit_fetch *f)
{
	const struct vit_fetch_opt *o = &f->opt;
	f->count = f->total = -1;
	if (f->n < 0 || f->n_where || o->holdout > 0)
		return;
	int64_t n = f->n > o->skip ? f->n - o->skip : 0;
	f->total = o->limit >= 0 && o->limit < n ? o->limit : n;
	/* whether seq runs from 0 is known only of formats that are no stream themselves */
	if (!o->n_shard)
		f->count = f->total;
	else if (!f->info.header && o->skip == 0)
		f->count = (f->total - o->shard + o->n_shard - 1) / o->n_shard;
}

int vit_fetch_select(struct vit_fetch *f)
{
	int n = 0;
	while (f->opt.where && f->opt.where[n])
		n++;
	f->where = vit_arena_alloc(&f->arena, (size_t)(n + 1) * sizeof *f->where);
	if (!f->where)
		return VIT_ENOMEM;
	for (; f->n_where < n; f->n_where++)
		VIT_TRY(parse_where(f, f->opt.where[f->n_where], &f->where[f->n_where]));
	if (f->info.random)
		return select_random(f);
	count_forward(f);
	return 0;
}

/* ---- verification ------------------------------------------------------------------------ */

int vit_fetch_verify(struct vit_fetch *f)
{
	if (!f->info.random && !vit_source_again(f->src))
		return vit_fail(VIT_EUSAGE, "%s: --verify reads everything before the first record, and a pipe comes only once; name a file",
		                vit_source_name(f->src));
	XXH3_state_t *h = XXH3_createState();
	if (!h)
		return vit_fail(VIT_ENOMEM, "no memory for a digest");
	XXH3_64bits_reset(h);
	int rc = 0;
	int64_t n = 0;
	for (; !f->info.random || n < f->n; n++) {
		struct vit_record r;
		rc = f->format->read(f->priv, f->src, n, &r);
		if (rc)
			break;
		uint8_t label = (uint8_t)r.label;
		XXH3_64bits_update(h, &label, 1);
		if (r.image.data)
			XXH3_64bits_update(h, r.image.data, vit_tensor_bytes(&r.image));
	}
	if (rc == VIT_END)
		rc = vit_fetch_reopen(f);
	if (!rc && f->dataset)
		rc = vit_dataset_compare(f->dataset, f->base, n, XXH3_64bits_digest(h));
	XXH3_freeState(h);
	return rc ? vit_wrap(rc == VIT_ERECORD ? VIT_EFORMAT : rc, "--verify") : 0;
}
