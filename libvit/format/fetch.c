/* SPDX-License-Identifier: MIT
 *
 * fetch.c - which records of a source come, how often and in which order.
 *
 * Two ways. A format that reads any index at any time: what is wanted is marked
 * once in a bitmap, and each epoch walks a permutation of all positions past
 * those that are not marked, so that limit, shard and filters never change the
 * order of what is left. A format that reads forward only: records are passed
 * or dropped as they come.
 */
#include "format/dataset.h"
#include "format/fetch.h"
#include "format/order.h"
#include "format/plugin.h"
#include "format/source.h"

#include "core/thread.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is asked for -------------------------------------------------------------- */

/* The hold-out is a cut through train: "val" is then the part held out. */
static int choose_split(struct vit_fetch *f, const struct vit_fetch_opt *o, const char *split)
{
	f->base = f->given = split ? split : "train";
	if (!(o->holdout >= 0 && o->holdout < 1))
		return vit_fail(VIT_EUSAGE, "a hold-out of %g is not a share of at least 0 and below 1", o->holdout);
	if (o->holdout == 0)
		return 0;
	f->side = o->holdout_side || !strcmp(f->base, "val");
	if (f->side && strcmp(f->base, "val") && strcmp(f->base, "train"))
		return vit_fail(VIT_EUSAGE, "the part held out is split val, not %s", f->base);
	if (!f->side && strcmp(f->base, "train"))
		return vit_fail(VIT_EUSAGE, "--holdout cuts train in two, train and val; split %s has no part in it", f->base);
	f->base = "train";
	f->given = f->side ? "val" : "train";
	return 0;
}

static int check_options(const struct vit_fetch_opt *o)
{
	if (o->epochs < 1)
		return vit_fail(VIT_EUSAGE, "%lld epochs: at least 1", (long long)o->epochs);
	if (o->n_shard < 0 || (o->n_shard && (o->shard < 0 || o->shard >= o->n_shard)))
		return vit_fail(VIT_EUSAGE, "shard %lld/%lld: shards count from 0", (long long)o->shard, (long long)o->n_shard);
	if (o->shuffle && o->source_order)
		return vit_fail(VIT_EUSAGE, "--shuffle and --order source contradict each other");
	if (o->skip < 0)
		return vit_fail(VIT_EUSAGE, "cannot skip %lld records", (long long)o->skip);
	return 0;
}

/* ---- opening -------------------------------------------------------------------------- */

int vit_has_split(const char *splits, const char *name)
{
	size_t k = strlen(name);
	for (const char *p = splits; p && *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");
		if (n == k && !memcmp(p, name, k))
			return 1;
		p += n;
	}
	return 0;
}

static int check_split(const struct vit_fetch *f)
{
	const char *have = f->info.splits, *where = f->dataset ? f->dataset->name : vit_source_name(f->src);
	if (f->opt.holdout > 0 && f->side && vit_has_split(have, "val"))
		return vit_fail(VIT_EUSAGE, "%s: has a split val of its own; leave out --holdout", where);
	if (!have || !strcmp(f->base, "all") || vit_has_split(have, f->base)) {
		if (f->meta.count == 0)
			return vit_fail(VIT_EFORMAT, "%s: split %s is empty", where, f->base);
		return 0;
	}
	const char *hint = "";
	if (vit_has_split(have, "train") && !vit_has_split(have, "val"))
		hint = "; --holdout 10% --split val takes a tenth of train";
	else if (!strcmp(f->base, "train") && vit_has_split(have, "all"))
		hint = "; with --split all, later programs can still cut it";
	return vit_fail(VIT_EUSAGE, "%s: no split %s; it has: %s%s", where, f->base, have, hint);
}

/* (Re)open the format on the member that it claimed. */
static int open_format(struct vit_fetch *f)
{
	vit_meta_release(&f->meta);
	f->meta = (struct vit_meta){ .count = -1, .labels = VIT_LABELS_NONE };
	f->info = (struct vit_format_info){ .meta = &f->meta };
	memset(f->priv, 0, f->format->priv_size);
	int rc = f->format->open(f->priv, f->src, &f->info);
	f->opened = rc == 0;
	if (rc)
		f->format->close(f->priv);
	if (rc == VIT_ERECORD)          /* here it is the source */
		rc = VIT_EFORMAT;
	f->n = f->meta.count;
	f->index = 0;
	if (!rc && f->info.random && f->n < 0)
		return vit_fail(VIT_EUNSUPPORTED, "format %s: random access without a count", f->format->name);
	return rc;
}

static int add_dataset(struct vit_fetch *f)
{
	struct vit_meta *m = &f->meta;
	const struct vit_dataset *d = f->dataset;
	/* a format that recognises a data set need not know its mean; a stream says all itself */
	if (!d && m->dataset && !f->info.header)
		d = vit_dataset_by_name(m->dataset);
	if (!d)
		return 0;
	m->dataset = d->name;
	int n = 0;
	while (d->classes && d->classes[n])
		n++;
	if (n && !m->classes) {
		if (m->n_class > n)
			return vit_fail(VIT_EFORMAT, "%s: labels up to %d, the data set has %d classes", d->name, m->n_class - 1, n);
		m->classes = vit_arena_alloc(&m->arena, (size_t)n * sizeof *m->classes);
		if (!m->classes)
			return VIT_ENOMEM;
		memcpy(m->classes, d->classes, (size_t)n * sizeof *m->classes);
		m->n_class = n;
	}
	for (int i = 0; i < 3; i++)
		if (d->shape[i] && m->shape[i] && d->shape[i] != m->shape[i])
			return vit_fail(VIT_EFORMAT, "%s: images of %lldx%lldx%lld, the data set has %lldx%lldx%lld", d->name,
			                (long long)m->shape[0], (long long)m->shape[1], (long long)m->shape[2],
			                (long long)d->shape[0], (long long)d->shape[1], (long long)d->shape[2]);
	m->n_mean = d->n_mean;
	memcpy(m->mean, d->mean, sizeof d->mean);
	memcpy(m->std, d->std, sizeof d->std);
	return 0;
}

/* The user's names for labels that are numbers. */
static int add_classes(struct vit_fetch *f)
{
	struct vit_meta *m = &f->meta;
	int n;
	const char *const *names = vit_source_classes(f->src, &n);
	/* a format that asked for them used them */
	if (!names || (m->classes && m->n_class == n && !strcmp(m->classes[0], names[0])))
		return 0;
	if (m->classes || m->labels != VIT_LABELS_INDEX)
		return vit_fail(VIT_EUSAGE, "--classes names labels that are numbers; %s %s", vit_source_name(f->src),
		                m->classes ? "names its classes itself" : "has no labels");
	if (m->n_class > n)
		return vit_fail(VIT_EUSAGE, "--classes: %d names, %s has labels up to %d", n, vit_source_name(f->src), m->n_class - 1);
	m->classes = vit_arena_alloc(&m->arena, (size_t)n * sizeof *m->classes);
	if (!m->classes)
		return VIT_ENOMEM;
	memcpy(m->classes, names, (size_t)n * sizeof *m->classes);
	m->n_class = n;
	return 0;
}

/* Is the order a permutation? Training reads shuffled data unless told not to. */
static int choose_order(struct vit_fetch *f)
{
	const struct vit_fetch_opt *o = &f->opt;
	f->own_epochs = f->meta.epochs > 1;
	if (f->own_epochs && (o->epochs > 1 || o->shuffle || o->limit >= 0 || o->skip))
		return vit_fail(VIT_EUSAGE, "%s: a stream of %lld epochs already; it cannot be repeated, shuffled or limited",
		                vit_source_name(f->src), (long long)f->meta.epochs);
	if (f->meta.n_shard && o->n_shard)
		return vit_fail(VIT_EUSAGE, "%s: is shard %lld/%lld of another run; shard the whole", vit_source_name(f->src),
		                (long long)f->meta.shard, (long long)f->meta.n_shard);
	f->permute = f->info.random && !f->own_epochs && !o->source_order && (o->shuffle || !strcmp(f->given, "train"));
	if (o->shuffle && !f->permute) {
		char epochs[40] = "";
		if (o->epochs > 1)
			snprintf(epochs, sizeof epochs, "--epochs %lld ", (long long)o->epochs);
		return vit_fail(VIT_EUSAGE, "%s: is read from front to back and cannot be shuffled here; leave out %s--shuffle and pipe it "
		                "through vit-augment %s--shuffle", vit_source_name(f->src), epochs, epochs);
	}
	if (o->epochs > 1 && !f->info.random && !vit_source_again(f->src))
		return vit_fail(VIT_EUSAGE, "%s: a pipe is read once; repeat it with vit-augment --epochs %lld",
		                vit_source_name(f->src), (long long)o->epochs);
	return 0;
}

/* The header: what the source says, then what was selected of it. */
static int make_header(struct vit_fetch *f)
{
	struct vit_meta m = f->meta;
	m.split = f->given;
	m.count = f->count;
	if (f->opt.n_shard) {
		m.shard = f->opt.shard;
		m.n_shard = f->opt.n_shard;
		m.total = f->total;
	} else if (m.n_shard) {
		m.total = f->count == f->n ? m.total : -1;
	}
	if (!f->own_epochs)
		m.epochs = f->opt.epochs;
	if (f->opt.start_epoch || f->opt.start) {
		m.start_epoch = f->opt.start_epoch;
		m.start = f->opt.start;
		m.start_after = f->after;
	}
	if (f->info.header)
		VIT_TRY(vit_header_copy(&f->header, f->info.header));
	else
		VIT_TRY(vit_header_init(&f->header, VIT_SAMPLES));
	return vit_meta_write(&m, &f->header);
}

static int start(struct vit_fetch *f, const char *const *source, const struct vit_fetch_opt *o)
{
	const char *split = o->split ? vit_arena_strdup(&f->arena, o->split) : NULL;
	VIT_TRY(check_options(o));
	VIT_TRY(vit_fetch_resolve(f, source, &split));
	VIT_TRY(choose_split(f, o, split));
	size_t memory = o->memory ? o->memory : (size_t)(vit_memory_limit() / 4);
	const struct vit_source_opt source_opt = { f->base, memory, o->max_record, o->classes };
	VIT_TRY(vit_source_open(&f->src, (const char *const *)f->path, &source_opt));
	const char *name = o->format ? o->format : f->dataset ? f->dataset->format : NULL;
	VIT_TRY(vit_format_find(f->src, name, &f->format));
	f->priv = vit_calloc(1, f->format->priv_size ? f->format->priv_size : 1);
	if (!f->priv)
		return VIT_ENOMEM;
	VIT_TRY(open_format(f));
	VIT_TRY(check_split(f));
	/* may open the format once more, so what is added to its meta comes after */
	if (o->verify)
		VIT_TRY(vit_fetch_verify(f));
	VIT_TRY(add_dataset(f));
	VIT_TRY(add_classes(f));
	VIT_TRY(choose_order(f));
	VIT_TRY(vit_fetch_select(f));
	VIT_TRY(vit_fetch_begin(f));
	return make_header(f);
}

int vit_fetch_open(struct vit_fetch **out, const char *const *source, const struct vit_fetch_opt *o)
{
	struct vit_fetch *f = vit_calloc(1, sizeof *f);
	if (!f)
		return VIT_ENOMEM;
	f->opt = *o;
	int rc = start(f, source, o);
	if (rc)
		vit_fetch_close(f);
	else
		*out = f;
	return rc;
}

const struct vit_format *vit_fetch_format(const struct vit_fetch *f)
{
	return f->format;
}

const char *vit_fetch_splits(const struct vit_fetch *f)
{
	return f->info.splits;
}

uint64_t vit_fetch_skipped(const struct vit_fetch *f)
{
	return f->info.skipped;
}

const char *vit_fetch_notice(const struct vit_fetch *f, int i)
{
	return vit_source_noticed(f->src, i);
}

void vit_fetch_on_wait(struct vit_fetch *f, void (*fn)(void *), void *ctx)
{
	vit_source_on_wait(f->src, fn, ctx);
}

const struct vit_header *vit_fetch_header(const struct vit_fetch *f)
{
	return &f->header;
}

void vit_fetch_close(struct vit_fetch *f)
{
	if (!f)
		return;
	if (f->opened)
		f->format->close(f->priv);
	free(f->priv);
	vit_source_close(f->src);
	vit_header_release(&f->header);
	vit_meta_release(&f->meta);
	vit_arena_release(&f->arena);
	for (char **p = f->path; p && *p; p++)
		free(*p);
	free(f->path);
	free(f->keep);
	free(f);
}

/* ---- reading ---------------------------------------------------------------------------- */

static int next_random(struct vit_fetch *f, struct vit_record *r)
{
	for (; f->epoch < f->opt.epochs; f->epoch++, f->index = 0) {
		struct vit_order order = vit_order_of((uint64_t)f->n, f->opt.seed, (uint64_t)f->epoch);
		while (f->index < f->n) {
			int64_t i = f->permute ? (int64_t)vit_order_at(&order, (uint64_t)f->index) : f->index;
			f->index++;
			if (!vit_fetch_kept(f, i))
				continue;
			VIT_TRY(f->format->read(f->priv, f->src, i, r));
			if (!f->own_epochs)
				r->epoch = f->epoch;
			return 0;
		}
	}
	return VIT_END;
}

int vit_fetch_reopen(struct vit_fetch *f)
{
	const struct vit_format *again;
	f->passed = f->index = 0;
	if (f->format->again) {
		VIT_TRY(vit_source_rewind(f->src));
		return f->format->again(f->priv, f->src);
	}
	f->format->close(f->priv);
	f->opened = 0;
	VIT_TRY(vit_source_rewind(f->src));
	VIT_TRY(vit_format_find(f->src, f->opt.format ? f->opt.format : f->format->name, &again));
	if (again != f->format)
		return vit_fail(VIT_EFORMAT, "%s: changed while it was read", vit_source_name(f->src));
	return open_format(f);
}

static int next_forward(struct vit_fetch *f, struct vit_record *r)
{
	const struct vit_fetch_opt *o = &f->opt;
	for (;;) {
		int rc = VIT_END;
		if (o->limit < 0 || f->passed - o->skip < o->limit)
			rc = f->format->read(f->priv, f->src, f->index, r);
		if (rc == VIT_END) {
			if (++f->epoch >= o->epochs)
				return VIT_END;
			VIT_TRY(vit_fetch_reopen(f));
			continue;
		}
		f->index++;
		if (rc)
			return rc;
		if (!vit_fetch_wanted(f, r) || f->passed++ < o->skip || !vit_fetch_in_shard(f, r))
			continue;
		if (!f->own_epochs)
			r->epoch = f->epoch;
		return 0;
	}
}

int vit_fetch_next(struct vit_fetch *f, struct vit_record *r)
{
	if (f->has_held) {
		f->has_held = 0;
		*r = f->held;
		return 0;
	}
	if (f->epoch >= f->opt.epochs)
		return VIT_END;
	return f->info.random ? next_random(f, r) : next_forward(f, r);
}
