/* SPDX-License-Identifier: MIT */
#include "stream/replay.h"

#include "core/rng.h"
#include "core/thread.h"
#include "stream/spool.h"

#include <stdlib.h>
#include <string.h>

struct held {                           /* a record in the window */
	uint8_t *raw;                   /* NULL: number `at` of a spool */
	uint32_t at;
	struct vit_replay_item item;
};

struct vit_replay {
	struct vit_join *join;
	struct vit_replay_opt opt;
	int several;                    /* the stream itself has several epochs */
	struct vit_spool *spool;        /* with several passes */
	struct vit_spool *beyond;       /* with one: what the window holds beyond `memory` */
	uint32_t *order;                /* of the spool, with VIT_SHUFFLE_ALL */
	int64_t pass, epoch;            /* epoch: of the records being read, in a stream of several */
	uint32_t at;                    /* next in the spool, from the second pass on */
	int64_t given;                  /* records of this epoch read so far, for the limit */
	int ended;                      /* the input is read */
	/* the window */
	struct held *held, out, next;   /* out: given last; next: read, but of the next epoch */
	int64_t n_held, cap;
	uint64_t bytes;
	int drain;
	struct vit_draws draws;
};

static void begin_draws(struct vit_replay *r, int64_t epoch)
{
	r->draws = (struct vit_draws){ .key = vit_key(vit_key(r->opt.seed, (uint64_t)epoch), vit_name_key("shuffle")) };
}

int vit_replay_new(struct vit_replay **out, struct vit_join *join, const struct vit_replay_opt *opt)
{
	struct vit_meta meta;
	VIT_TRY(vit_meta_read(&meta, vit_join_header(join)));
	int64_t epochs = meta.epochs;
	vit_meta_release(&meta);
	if (opt->passes > 1 && epochs != 1)
		return vit_fail(VIT_EUSAGE, "the stream has %lld epochs; only a stream of one can be repeated", (long long)epochs);
	struct vit_replay *r = vit_calloc(1, sizeof *r);
	if (!r)
		return VIT_ENOMEM;
	r->join = join;
	r->opt = *opt;
	r->several = epochs != 1;
	if (!r->opt.memory)
		r->opt.memory = vit_memory_limit() / 4;
	if (!r->opt.window)
		r->opt.window = VIT_WINDOW;
	if (r->opt.window > INT32_MAX)
		r->opt.window = INT32_MAX;
	if (opt->shuffle == VIT_SHUFFLE_ALL && opt->passes == 1)
		r->opt.shuffle = VIT_SHUFFLE_WINDOW;
	begin_draws(r, 0);
	int rc = opt->passes > 1 ? vit_spool_new(&r->spool, opt->memory) : 0;
	if (rc)
		vit_replay_free(r);
	else
		*out = r;
	return rc;
}

void vit_replay_free(struct vit_replay *r)
{
	if (!r)
		return;
	for (int64_t i = 0; i < r->n_held; i++)
		free(r->held[i].raw);
	free(r->held);
	free(r->out.raw);
	free(r->next.raw);
	free(r->order);
	vit_spool_free(r->spool);
	vit_spool_free(r->beyond);
	free(r);
}

/* ---- the records of one epoch, in the stream's order ------------------------------ */

/* In a stream of several epochs: has another one begun? */
static int look_at_epoch(struct vit_replay *r, const struct vit_replay_item *item, int *begun)
{
	int64_t epoch;
	*begun = 0;
	if (!r->several)
		return 0;
	/* a bad record stays where it is; whoever works on it will say so */
	if (vit_record_epoch(item->raw, item->n, &epoch) || epoch == r->epoch)
		return 0;
	r->epoch = epoch;
	*begun = 1;
	return 0;
}

/* From the input, up to the limit of each epoch. *begun: the first of an epoch. */
static int from_input(struct vit_replay *r, struct vit_replay_item *item, int *begun)
{
	for (;;) {
		int rc = r->ended ? VIT_END : vit_join_next(r->join, &item->raw, &item->n);
		if (rc == VIT_END)
			r->ended = 1;
		VIT_TRY(rc);
		VIT_TRY(look_at_epoch(r, item, begun));
		if (*begun)
			r->given = 0;
		if (r->opt.limit < 0 || r->given < r->opt.limit)
			break;
		/* nothing else is wanted: the writer may stop, its trailer is not awaited */
		if (!r->several) {
			r->ended = 1;
			return VIT_END;
		}
	}
	r->given++;
	item->input = vit_input_name(vit_reader_input(vit_join_reader(r->join)));
	item->number = vit_reader_count(vit_join_reader(r->join));
	if (!r->spool)
		return 0;
	item->index = vit_spool_len(r->spool);
	return vit_spool_add(r->spool, item->raw, item->n);
}

static int from_spool(struct vit_replay *r, struct vit_replay_item *item)
{
	while (r->at < vit_spool_len(r->spool)) {
		item->index = r->order ? r->order[r->at] : r->at;
		r->at++;
		item->input = vit_input_name(vit_reader_input(vit_join_reader(r->join)));
		item->number = item->index + 1u;
		VIT_TRY(vit_spool_get(r->spool, item->index, &item->raw, &item->n));
		if (item->n)
			return 0;
	}
	return VIT_END;
}

/* ---- orders ----------------------------------------------------------------------- */

static int permute(struct vit_replay *r)
{
	uint32_t n = vit_spool_len(r->spool);
	if (!r->order)
		r->order = vit_calloc(n ? n : 1, sizeof *r->order);
	if (!r->order)
		return VIT_ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		r->order[i] = i;
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = vit_below(vit_draw(&r->draws), i), t = r->order[j];
		r->order[j] = r->order[i - 1];
		r->order[i - 1] = t;
	}
	return 0;
}

/* First pass of VIT_SHUFFLE_ALL: everything into the spool. */
static int read_all(struct vit_replay *r)
{
	struct vit_replay_item item;
	int rc, begun;
	while ((rc = from_input(r, &item, &begun)) == 0)
		continue;
	return rc == VIT_END ? permute(r) : rc;
}

/* The next record in the stream's order, from wherever it is. */
static int in_order(struct vit_replay *r, struct vit_replay_item *item, int *begun)
{
	*begun = 0;
	if (r->pass > 0 || r->opt.shuffle == VIT_SHUFFLE_ALL)
		return from_spool(r, item);
	return from_input(r, item, begun);
}

static int hold_in_file(struct vit_replay *r, struct held *h, const struct vit_replay_item *item)
{
	if (!r->beyond)
		VIT_TRY(vit_spool_new(&r->beyond, 1));
	*h = (struct held){ .at = vit_spool_len(r->beyond), .item = *item };
	return vit_spool_add(r->beyond, item->raw, item->n);
}

/* Keep the item's bytes, unless a spool has them already. */
static int hold(struct vit_replay *r, struct held *h, const struct vit_replay_item *item)
{
	if (r->spool) {
		*h = (struct held){ .at = item->index, .item = *item };
		return 0;
	}
	if (item->n > r->opt.memory - r->bytes)
		return hold_in_file(r, h, item);
	*h = (struct held){ .raw = vit_malloc(item->n), .item = *item };
	if (!h->raw)
		return VIT_ENOMEM;
	h->item.raw = memcpy(h->raw, item->raw, item->n);
	r->bytes += item->n;
	return 0;
}

/* The bytes of what was held; they may be gone with the next record held. */
static int give(struct vit_replay *r, struct held *h)
{
	struct vit_spool *from = r->spool ? r->spool : r->beyond;
	return h->raw ? 0 : vit_spool_get(from, h->at, &h->item.raw, &h->item.n);
}

static void let_go(struct vit_replay *r, struct held *h)
{
	if (h->raw)
		r->bytes -= h->item.n;
	else if (h->item.input && r->beyond)
		vit_spool_drop(r->beyond, h->at);
	free(h->raw);
	*h = (struct held){ 0 };
}

/* Grown as it fills: a window larger than the stream costs nothing. */
static int room_in_window(struct vit_replay *r)
{
	if (r->n_held < r->cap)
		return 0;
	int64_t cap = r->cap ? 2 * r->cap : 256;
	struct held *p = vit_realloc(r->held, (size_t)cap * sizeof *p);
	if (!p)
		return VIT_ENOMEM;
	r->held = p;
	r->cap = cap;
	return 0;
}

/* Read until the window is full or its epoch ends. */
static int fill(struct vit_replay *r)
{
	struct vit_replay_item item = { 0 };
	while (!r->drain && r->n_held < r->opt.window) {
		int begun, rc = in_order(r, &item, &begun);
		if (rc == VIT_END)
			r->drain = 1;
		else if (rc)
			return rc;
		else if (begun && r->n_held) {
			r->drain = 1;
			VIT_TRY(hold(r, &r->next, &item));
		} else {
			if (begun)
				begin_draws(r, r->epoch);
			VIT_TRY(room_in_window(r));
			VIT_TRY(hold(r, &r->held[r->n_held], &item));
			r->n_held++;
		}
	}
	return 0;
}

/* The window is empty and the next epoch's first record is waiting. */
static void begin_epoch(struct vit_replay *r)
{
	r->held[r->n_held++] = r->next;         /* there is room: it held records before */
	r->next = (struct held){ 0 };
	r->drain = 0;
	begin_draws(r, r->epoch);
}

static int from_window(struct vit_replay *r, struct vit_replay_item *item)
{
	let_go(r, &r->out);
	VIT_TRY(fill(r));
	if (!r->n_held && r->next.item.input) {
		begin_epoch(r);
		VIT_TRY(fill(r));
	}
	if (!r->n_held)
		return VIT_END;
	uint32_t i = vit_below(vit_draw(&r->draws), (uint32_t)r->n_held);
	r->out = r->held[i];
	r->held[i] = r->held[--r->n_held];
	VIT_TRY(give(r, &r->out));
	*item = r->out.item;
	return 0;
}

int vit_replay_next(struct vit_replay *r, struct vit_replay_item *item)
{
	int begun;
	*item = (struct vit_replay_item){ 0 };
	if (r->opt.shuffle == VIT_SHUFFLE_WINDOW)
		return from_window(r, item);
	if (r->opt.shuffle == VIT_SHUFFLE_ALL && !r->order)
		VIT_TRY(read_all(r));
	return in_order(r, item, &begun);
}

int vit_replay_again(struct vit_replay *r)
{
	if (r->pass + 1 >= r->opt.passes)
		return VIT_END;
	r->pass++;
	r->at = 0;
	r->drain = 0;
	begin_draws(r, r->pass);
	return r->opt.shuffle == VIT_SHUFFLE_ALL ? permute(r) : 0;
}

int64_t vit_replay_pass(const struct vit_replay *r)
{
	return r->pass;
}

void vit_replay_drop(struct vit_replay *r, const struct vit_replay_item *item)
{
	if (r->spool)
		vit_spool_drop(r->spool, item->index);
}
