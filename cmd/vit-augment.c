/* SPDX-License-Identifier: MIT
 *
 * vit-augment.c - samples to samples: epochs, order, operations.
 *
 * The main thread frames records and writes; workers decode, apply the
 * operations and encode. What nothing touches passes as the bytes it came in.
 */
#include "vit.h"

#include "augment/parcel.h"
#include "augment/params.h"
#include "cli/cli.h"
#include "core/thread.h"
#include "stream/named.h"
#include "stream/replay.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct config {
	struct cli_common common;
	struct cli_list input;
	const char *recipe;
	int64_t epochs;
	struct cli_optint shuffle;
	struct cli_place start;
	int list;
};

static const struct cli_option options[] = {
	{ .name = "input", .letter = 'i', .type = CLI_LIST, .offset = offsetof(struct config, input), .arg = "FILE",
	  .help = "read this stream instead of stdin; several are read one after the other" },
	{ .name = "recipe", .type = CLI_STR, .offset = offsetof(struct config, recipe), .arg = "NAME",
	  .help = "begin with the operations of a recipe, or of a file (a path with a '/')" },
	{ .name = "epochs", .type = CLI_INT, .offset = offsetof(struct config, epochs), .min = 1, .max = 1e9, .arg = "N",
	  .help = "give a stream of one epoch N times, each with draws of its own", .flags = CLI_RESULT },
	{ .name = "shuffle", .type = CLI_OPTINT, .offset = offsetof(struct config, shuffle), .min = 0, .max = 1e9, .arg = "WINDOW",
	  .help = "shuffle each epoch: all records with --epochs, else a window (10000)", .flags = CLI_RESULT },
	{ .name = "start", .type = CLI_PLACE, .offset = offsetof(struct config, start), .arg = "E[:R]",
	  .help = "begin at epoch E, record R of it, from 0, as a resumed vit-train says; those before are not decoded" },
	{ .name = "list", .type = CLI_FLAG, .offset = offsetof(struct config, list),
	  .help = "list operations and recipes, or what the operation or recipe OP is made of, and exit" },
	{ 0 },
};

struct run {
	const struct config *cfg;
	struct vit_chain *chain;
	struct vit_join *join;
	struct vit_replay *replay;
	struct vit_header header;
	struct vit_output *out;
	struct vit_writer *writer;
	struct vit_workers *workers;
	struct vit_parcel **parcel, *open;       /* all of them; the one being filled */
	int n_parcel, n_idle;
	struct vit_parcel **idle;
	int64_t passes;
	struct cli_place at;                    /* before the start: where we are, */
	int64_t after;                          /* and the seq of the record passed last; -1: not known */
	uint64_t seen, left_out;
	struct vit_named named;                 /* bad records */
	int rc, status;                         /* a failure inside the wait callback; an exit status already said */
	double start;
};

/* ---- --list ------------------------------------------------------------------------ */

static void list_op(const struct vit_augment *op)
{
	char range[160];
	printf("%s: %s\n", op->name, op->help);
	for (const struct vit_param *p = op->params; p->key; p++)
		printf("  %s=%-*s %s (%s%s)\n", p->key, 16 - (int)strlen(p->key), p->def ? p->def : "", p->help,
		       p->def ? "" : "must be given; ", vit_param_range(range, sizeof range, p));
	if (op->reference)
		printf("  as %s\n", op->reference);
	if (op->example)
		printf("  example: vit-augment %s\n", op->example);
}

/* 0: it is one. */
static int list_recipe(const char *name)
{
	static const char *const part[] = { "augment", "train" };
	for (int i = 0; i < 2; i++) {
		char **lines;
		VIT_TRY(vit_recipe_load(name, part[i], &lines));
		printf("%s:\n", part[i]);
		for (char **l = lines; *l; l++)
			printf("  %s\n", *l);
		free(lines);
	}
	return 0;
}

static int list(int argc, char **argv)
{
	for (int rc, i = 0; i < argc; i++) {
		const struct vit_augment *const *a = vit_augments;
		while (*a && strcmp((*a)->name, argv[i]))
			a++;
		if (*a)
			list_op(*a);
		else if ((rc = list_recipe(argv[i])))
			return strchr(argv[i], '/') ? cli_fail(rc) : cli_usage("no operation or recipe \"%s\"; --list names them", argv[i]);
	}
	if (argc)
		return CLI_DONE;
	puts("operations:");
	for (const struct vit_augment *const *a = vit_augments; *a; a++)
		printf("  %-16s %s\n", (*a)->name, (*a)->help);
	puts("recipes:");
	char *recipes = vit_recipe_list();
	for (char *s = recipes; s && *s; ) {
		int name = (int)strcspn(s, "\t"), line = (int)strcspn(s, "\n");
		printf("  %-16.*s %.*s\n", name, s, line - name - 1, s + name + 1);
		s += line + 1;
	}
	free(recipes);
	return CLI_DONE;
}

/* ---- before the first record ---------------------------------------------------------- */

static int add_ops(struct run *r, int argc, char **argv)
{
	char **lines = NULL;
	int rc = vit_chain_new(&r->chain);
	if (rc == 0 && r->cfg->recipe)
		rc = vit_recipe_load(r->cfg->recipe, "augment", &lines);
	for (char **l = lines; rc == 0 && l && *l; l++)
		if ((rc = vit_chain_add(r->chain, *l)))
			rc = vit_wrap(rc, "recipe %s", r->cfg->recipe);
	free(lines);
	for (int i = 0; rc == 0 && i < argc; i++) {
		rc = vit_chain_add(r->chain, argv[i]);
		if (rc && access(argv[i], F_OK) == 0)
			rc = vit_fail(VIT_EUSAGE, "%s: operands are operations; name input files with -i", argv[i]);
	}
	return rc;
}

static int open_input(struct run *r)
{
	static const char *const from_stdin[] = { "-" };
	const struct cli_list *in = &r->cfg->input;
	int rc = in->n ? 0 : cli_claim("samples", NULL);
	for (int i = 0; rc == 0 && i < in->n; i++)
		rc = cli_claim("-i", in->v[i]);
	if (rc)
		return r->status = rc, VIT_EUSAGE;
	return vit_join_open(&r->join, in->n ? in->v : from_stdin, in->n ? in->n : 1, (size_t)r->cfg->common.max_record);
}

static int set_epochs(struct run *r, struct vit_meta *meta)
{
	int64_t want = r->cfg->epochs;
	r->passes = 1;
	if (!want || want == meta->epochs)
		return 0;
	if (meta->epochs != 1)
		return vit_fail(VIT_EUSAGE, "the stream has %" PRId64 " epochs already, --epochs asks for %" PRId64
		                "; leave it out or repeat a stream of one epoch", meta->epochs, want);
	if (meta->random)
		cli_warn("random operations before --epochs give every epoch the same images; put --epochs into the first vit-augment");
	r->passes = meta->epochs = want;
	return 0;
}

/* What --start needs, and what the start of our own input allows. */
static int check_start(const struct run *r, const struct vit_meta *m)
{
	const struct config *c = r->cfg;
	int64_t epoch = c->start.epoch, record = c->start.record;
	if ((epoch || record) && epoch >= m->epochs)
		return vit_fail(VIT_EUSAGE, "--start %" PRId64 ": there are %" PRId64 " epochs, counted from 0", epoch, m->epochs);
	if ((m->start_epoch || m->start) && (epoch || record || c->shuffle.given || c->common.limit >= 0 || r->passes > 1))
		return vit_fail(VIT_EUSAGE, "the samples begin at epoch %" PRId64 ", record %" PRId64 " (--start): orders, limits and repetitions need "
		                "those before too; give --start to this vit-augment alone", m->start_epoch, m->start);
	return 0;
}

/* One entry for the program's options and one for each operation, so that
 * `A B` and `A | B` leave the same history. */
static int add_history(struct run *r)
{
	uint64_t seed = (uint64_t)r->cfg->common.seed;
	json_t *opt = cli_options_json();
	int rc = 0;
	if (!opt)
		return vit_fail(VIT_ENOMEM, "out of memory");
	json_object_del(opt, "seed");           /* has a key of its own */
	if (json_object_size(opt))
		rc = vit_history_add(r->header.history, "vit-augment", opt, seed);
	else
		json_decref(opt);
	for (int i = 0; rc == 0 && i < vit_chain_len(r->chain); i++)
		rc = vit_history_add(r->header.history, "vit-augment", json_pack("{s:s}", "op", vit_chain_op(r->chain, i)), seed);
	return rc;
}

static int make_header(struct run *r)
{
	struct vit_meta meta;
	VIT_TRY(vit_header_copy(&r->header, vit_join_header(r->join)));
	VIT_TRY(vit_meta_read(&meta, &r->header));
	int64_t limit = r->cfg->common.limit;
	int rc = set_epochs(r, &meta);
	if (rc == 0)
		rc = check_start(r, &meta);
	if (rc == 0)
		rc = vit_chain_prepare(r->chain, &meta, &r->header);
	if (limit >= 0 && meta.count > limit)
		meta.count = limit;
	/* a program that changes nothing passes the header on to the letter */
	if (rc == 0 && (vit_chain_len(r->chain) || r->passes > 1 || limit >= 0))
		rc = vit_meta_write(&meta, &r->header);
	vit_meta_release(&meta);
	return rc ? rc : add_history(r);
}

/* The header is complete and goes out with the first records. */
static int open_writer(struct run *r)
{
	const struct cli_place *start = &r->cfg->start;
	if (start->epoch || start->record) {
		struct vit_meta meta;
		VIT_TRY(vit_meta_read(&meta, &r->header));
		meta.start_epoch = start->epoch;
		meta.start = start->record;
		meta.start_after = r->after;
		int rc = vit_meta_write(&meta, &r->header);
		vit_meta_release(&meta);
		VIT_TRY(rc);
	}
	return vit_writer_open(&r->writer, r->out, &r->header);
}

static int work(void *ctx, void *job)
{
	(void)ctx;
	return vit_parcel_work(job);
}

static int start_workers(struct run *r)
{
	int n = (int)r->cfg->common.threads;
	/* each thread has one to work on and one waiting; one more is being filled */
	r->n_parcel = n > 1 ? 2 * n + 1 : 2;
	r->parcel = vit_calloc((size_t)r->n_parcel, sizeof *r->parcel);
	r->idle = vit_calloc((size_t)r->n_parcel, sizeof *r->idle);
	if (!r->parcel || !r->idle)
		return VIT_ENOMEM;
	for (int i = 0; i < r->n_parcel; i++) {
		VIT_TRY(vit_parcel_new(&r->parcel[i], r->chain, (uint64_t)r->cfg->common.seed));
		r->parcel[i]->at_once = n <= 1;
		r->idle[r->n_idle++] = r->parcel[i];
	}
	/* room for all: push must never wait for us to pop */
	return vit_workers_new(&r->workers, n, r->n_parcel, work, NULL);
}

static int prepare(struct run *r, int argc, char **argv)
{
	const struct config *c = r->cfg;
	VIT_TRY(add_ops(r, argc, argv));
	VIT_TRY(open_input(r));
	VIT_TRY(make_header(r));
	struct vit_replay_opt opt = { .passes = r->passes, .window = c->shuffle.value, .limit = c->common.limit,
	                              .memory = (size_t)c->common.memory, .seed = (uint64_t)c->common.seed };
	if (c->shuffle.given)
		opt.shuffle = c->shuffle.value ? VIT_SHUFFLE_WINDOW : VIT_SHUFFLE_ALL;
	VIT_TRY(vit_replay_new(&r->replay, r->join, &opt));
	VIT_TRY(start_workers(r));
	r->status = cli_output(&r->out, c->common.out, 0);
	if (r->status)
		return VIT_EUSAGE;
	r->after = -1;
	return c->start.epoch || c->start.record ? 0 : open_writer(r);
}

/* ---- the start ------------------------------------------------------------------------------ */

static int too_far(const struct run *r)
{
	const struct cli_place *start = &r->cfg->start;
	return vit_fail(VIT_EUSAGE, "--start %" PRId64 ":%" PRId64 ": epoch %" PRId64 " has %" PRId64 " records", start->epoch, start->record,
	                r->at.epoch, r->at.record);
}

/* Is this record the first one to be given? Others are passed over. */
static int reached(struct run *r, const struct vit_replay_item *item, int *here)
{
	const struct cli_place *start = &r->cfg->start;
	struct vit_record rec;
	/* one that cannot be read belongs where it stands; whoever works on it says what is wrong */
	int bad = vit_record_decode(&rec, item->raw, item->n);
	int64_t epoch = bad ? r->at.epoch : rec.epoch + vit_replay_pass(r->replay);
	if (epoch > start->epoch && r->at.epoch == start->epoch && r->at.record < start->record)
		return too_far(r);
	if (epoch != r->at.epoch)
		r->at = (struct cli_place){ epoch, 0 };
	*here = epoch > start->epoch || (epoch == start->epoch && r->at.record >= start->record);
	if (*here)
		return 0;
	r->at.record++;
	r->after = bad || rec.seq > INT64_MAX ? -1 : (int64_t)rec.seq;
	return 0;
}

/* The records end before the start: it may be the end itself. */
static int nothing_left(struct run *r)
{
	return r->at.epoch < r->cfg->start.epoch || r->at.record < r->cfg->start.record ? too_far(r) : open_writer(r);
}

/* ---- records ------------------------------------------------------------------------------ */

/* Good records lie one behind the other: all up to the next bad one are one piece. */
static int write_good(struct run *r, const struct vit_parcel *b, int *i)
{
	const struct vit_parcel_row *first = &b->row[*i];
	size_t n = 0;
	int from = *i;
	for (; *i < b->n && !b->row[*i].error; (*i)++)
		n += b->row[*i].out_n;
	return n ? vit_writer_raws(r->writer, b->out.p + first->out, n, (uint64_t)(*i - from)) : 0;
}

static int write_parcel(struct run *r, const struct vit_parcel *b)
{
	for (int i = 0; i < b->n; i++) {
		VIT_TRY(write_good(r, b, &i));
		if (i == b->n)
			break;
		const struct vit_parcel_row *row = &b->row[i];
		struct vit_record rec;
		int known = !vit_record_decode(&rec, b->in.p + row->in, row->item.n);
		int rc = vit_fail(VIT_ERECORD, "%s", row->error);
		/* it is dropped: the passes to come lack it as well */
		r->left_out += (uint64_t)(r->passes - vit_replay_pass(r->replay));
		/* a stream of several epochs has it in each */
		if (!known || !vit_named_before(&r->named, &rec))
			r->status = cli_bad_record(r->seen);
		if (r->status)
			return rc;
		vit_replay_drop(r->replay, &row->item);
	}
	return 0;
}

/* Write the oldest parcel inside the workers and make it idle. */
static int take_back(struct run *r)
{
	void *job;
	int rc = vit_workers_pop(r->workers, &job);
	if (rc == 0)
		rc = write_parcel(r, job);
	r->idle[r->n_idle++] = job;
	return rc;
}

static int hand_over(struct run *r)
{
	struct vit_parcel *b = r->open;
	r->open = NULL;
	return b ? vit_workers_push(r->workers, b) : 0;
}

/* Everything that was read is written. */
static int drain(struct run *r)
{
	VIT_TRY(hand_over(r));
	while (vit_workers_inside(r->workers))
		VIT_TRY(take_back(r));
	return 0;
}

/* The input has nothing for us now: whoever reads us gets what there is. */
static void on_wait(void *ctx)
{
	struct run *r = ctx;
	if (!r->writer)
		return;
	if (r->rc == 0)
		r->rc = drain(r);
	if (r->rc == 0)
		r->rc = vit_writer_flush(r->writer);
}

static int add(struct run *r, const struct vit_replay_item *item)
{
	while (vit_workers_inside(r->workers) && (vit_workers_ready(r->workers) || (!r->open && !r->n_idle)))
		VIT_TRY(take_back(r));
	if (!r->open) {
		r->open = r->idle[--r->n_idle];
		vit_parcel_clear(r->open, vit_replay_pass(r->replay));
	}
	VIT_TRY(vit_parcel_add(r->open, item));
	return vit_parcel_full(r->open) ? hand_over(r) : 0;
}

static void show_progress(struct run *r)
{
	double t = cli_now() - r->start;
	if (cli_progress_due())
		cli_progress("%" PRIu64 " records, %.0f/s", r->seen, t > 0 ? (double)r->seen / t : 0);
}

/* One pass. A record keeps its bytes when neither its image nor its epoch changes. */
static int one_pass(struct run *r)
{
	int keep = !vit_chain_touches(r->chain) && vit_replay_pass(r->replay) == 0, rc;
	struct vit_replay_item item;
	while ((rc = vit_replay_next(r->replay, &item)) == 0) {
		VIT_TRY(r->rc);
		if (cli_signal)
			return VIT_EINTR;
		r->seen++;
		if (!r->writer) {
			int here = 0;
			VIT_TRY(reached(r, &item, &here));
			if (!here)
				continue;
			VIT_TRY(open_writer(r));
		}
		VIT_TRY(keep ? vit_writer_raw(r->writer, item.raw, item.n) : add(r, &item));
		if (r->seen % 64 == 0)
			show_progress(r);
	}
	VIT_TRY(r->rc);
	return rc == VIT_END ? drain(r) : rc;
}

static int all_passes(struct run *r)
{
	int rc;
	r->start = cli_now();
	vit_join_on_wait(r->join, on_wait, r);
	do {
		VIT_TRY(one_pass(r));
	} while ((rc = vit_replay_again(r->replay)) == 0);
	if (rc != VIT_END)
		return rc;
	r->status = cli_bad_end(r->seen);
	if (r->status)
		return VIT_ERECORD;
	if (!r->writer)
		VIT_TRY(nothing_left(r));
	VIT_TRY(vit_writer_end(r->writer, vit_join_skipped(r->join) * (uint64_t)r->passes + r->left_out));
	rc = vit_output_commit(r->out, "", 0);
	r->out = NULL;
	return rc;
}

/* Tell whoever reads us why the records end here; the message stays. */
static void abort_stream(struct run *r, int rc)
{
	char why[1024];
	snprintf(why, sizeof why, "%s", vit_errmsg());
	if (cli_signal)
		vit_fail(rc, "vit-augment: ended by signal %d", (int)cli_signal);
	else if (rc != VIT_EUPSTREAM)
		vit_wrap(rc, "vit-augment");
	if (rc != VIT_EPIPE && r->writer) {
		char error[1024];
		snprintf(error, sizeof error, "%s", vit_errmsg());
		(void)vit_writer_abort(r->writer, error);
	}
	vit_fail(rc, "%s", why);
}

static void release(struct run *r)
{
	vit_workers_free(r->workers);
	for (int i = 0; r->parcel && i < r->n_parcel; i++)
		vit_parcel_free(r->parcel[i]);
	free(r->parcel);
	free(r->idle);
	vit_writer_close(r->writer);
	vit_output_discard(r->out);
	vit_header_release(&r->header);
	vit_replay_free(r->replay);
	vit_join_close(r->join);
	vit_chain_free(r->chain);
	vit_named_release(&r->named);
}

static int run(void *config, int argc, char **argv)
{
	struct run r = { .cfg = config };
	if (r.cfg->list)
		return list(argc, argv);
	int rc = prepare(&r, argc, argv);
	if (rc == 0) {
		rc = all_passes(&r);
		cli_progress_end();
		if (rc && r.out)
			abort_stream(&r, rc);
	}
	int status = r.status && !cli_signal ? r.status : cli_fail(rc);
	release(&r);
	return status;
}

int main(int argc, char **argv)
{
	static const struct cli_program program = {
		.name = "vit-augment",
		.summary = "change the images of a samples stream",
		.synopsis = "vit-augment [OPTION]... [OP]...",
		.example = "vit-fetch fashion-mnist | vit-augment --epochs 5 --shuffle random-crop:padding=2 hflip |\n    vit-train --model vit-lite/4 -o model.vit",
		.arguments = "OP is NAME:KEY=VALUE,KEY=VALUE, as random-crop:size=32,padding=4; --list names them, --list OP tells the\n"
		             "parameters of one and an example. Lists are written with '/', sizes as 224 or 224x160. Operations are applied in order.",
		.options = options,
		.common = CLI_USE_THREADS | CLI_USE_SEED | CLI_USE_MEMORY | CLI_USE_LIMIT | CLI_USE_MAX_BAD | CLI_USE_PROGRESS |
		          CLI_USE_OUT | CLI_USE_MAX_RECORD | CLI_SAMPLES_OUT,
		.config_size = sizeof(struct config),
		.run = run,
	};
	return cli_main(argc, argv, &program);
}
