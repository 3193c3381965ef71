/* SPDX-License-Identifier: MIT
 *
 * vit-fetch - from data sets, archives, directories and files to samples.
 */
#include "cli/cli.h"
#include "format/dataset.h"
#include "vit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config {
	struct cli_common common;
	const char *split, *format, *cache, *sha256, *classes;
	double holdout;
	int64_t epochs, skip;
	int shuffle, order, list, verify;
	struct cli_part shard;
	struct cli_place start;
	struct cli_list where;
};

enum { ORDER_AUTO, ORDER_SOURCE };

static const struct cli_option options[] = {
	{ .name = "split", .type = CLI_STR, .offset = offsetof(struct config, split), .arg = "NAME", .flags = CLI_RESULT,
	  .group = "What", .help = "train (the default), test, ..., or all" },
	{ .name = "holdout", .type = CLI_FRACTION, .offset = offsetof(struct config, holdout), .max = 1, .arg = "SHARE",
	  .flags = CLI_RESULT, .help = "cut train in two by the ids: --split val is this share, --split train the rest" },
	{ .name = "where", .type = CLI_LIST, .offset = offsetof(struct config, where), .arg = "label=NAME", .flags = CLI_RESULT,
	  .help = "only records with this label, or one of label=NAME,NAME; given again: all must hold" },
	{ .name = "classes", .type = CLI_STR, .offset = offsetof(struct config, classes), .arg = "FILE",
	  .help = "names for labels that are numbers, one a line: the first is label 0" },
	{ .name = "skip", .type = CLI_INT, .offset = offsetof(struct config, skip), .max = 9e18, .arg = "N", .flags = CLI_RESULT,
	  .help = "leave out the first N of each epoch" },
	{ .name = "shard", .type = CLI_PART, .offset = offsetof(struct config, shard), .arg = "I/N", .flags = CLI_RESULT,
	  .help = "only part I of N, counted from 0: the parts together are the whole" },
	{ .name = "format", .type = CLI_STR, .offset = offsetof(struct config, format), .arg = "NAME",
	  .help = "read SOURCE as this format; plugin:NAME is one from $VIT_PLUGIN_PATH" },
	{ .name = "epochs", .type = CLI_INT, .offset = offsetof(struct config, epochs), .def = "1", .min = 1, .max = 1e9,
	  .arg = "N", .flags = CLI_RESULT, .group = "Order", .help = "give the source N times" },
	{ .name = "shuffle", .type = CLI_FLAG, .offset = offsetof(struct config, shuffle), .flags = CLI_RESULT,
	  .help = "a new order in each epoch, by --seed; split train of what can be listed has it anyway" },
	{ .name = "order", .type = CLI_CHOICE, .offset = offsetof(struct config, order), .values = "auto|source", .def = "auto",
	  .flags = CLI_RESULT, .help = "source: as stored" },
	{ .name = "start", .type = CLI_PLACE, .offset = offsetof(struct config, start), .arg = "E[:R]",
	  .help = "begin at epoch E, record R of it, from 0, as a resumed vit-train says; what comes is the same" },
	{ .name = "list", .type = CLI_FLAG, .offset = offsetof(struct config, list), .group = "More",
	  .help = "name the formats, data sets (where they are, or what they weigh) and plug-ins, and stop" },
	{ .name = "cache", .type = CLI_STR, .offset = offsetof(struct config, cache), .arg = "DIR",
	  .help = "where downloads are kept and data sets lie (default $XDG_CACHE_HOME/vit or ~/.cache/vit)" },
	{ .name = "sha256", .type = CLI_STR, .offset = offsetof(struct config, sha256), .arg = "HEX",
	  .help = "the digest that the file or URL must have, checked before the first record" },
	{ .name = "verify", .type = CLI_FLAG, .offset = offsetof(struct config, verify),
	  .help = "read every record before the first is written; compare a data set with what was published" },
	{ 0 },
};

/* ---- --list ---------------------------------------------------------------------- */

/* "(here: DIR)" or what a download of it would take */
static int list_dataset(const struct vit_dataset *d, const char *cache)
{
	char *path, size[32];
	int64_t total = 0;
	int rc = vit_dataset_find(d, cache, &path);
	printf("  %-16s %s ", d->name, d->help);
	if (!rc) {
		printf("(here: %s)\n", path);
		free(path);
		return 0;
	}
	for (const struct vit_dataset_file *f = d->files; f && f->name; f++)
		total += f->size > 0 ? f->size : 0;
	printf("(not here%s%s)\n", total ? ", a download of " : "", total ? cli_bytes(size, total) : "");
	return rc == VIT_END ? 0 : rc;
}

static int list(const char *cache)
{
	puts("formats:");
	for (int i = 0; vit_formats[i]; i++)
		printf("  %-16s %s\n", vit_formats[i]->name, vit_formats[i]->help);
	puts("data sets:");
	for (int i = 0; vit_datasets[i]; i++)
		if (list_dataset(vit_datasets[i], cache))
			return cli_fail(VIT_ENOMEM);
	char *names = vit_format_plugins(), *save = NULL;
	if (!names)
		return cli_fail(VIT_ENOMEM);
	if (*names)
		puts("plug-ins:");
	for (char *name = strtok_r(names, "\n", &save); name; name = strtok_r(NULL, "\n", &save))
		printf("  plugin:%s\n", name);
	free(names);
	return CLI_DONE;
}

/* ---- the stream ---------------------------------------------------------------------- */

/* Everything that made the records, nothing of where they lay: the same data from
 * a directory, an archive and a pipe are the same bytes. */
static int add_history(struct vit_header *h, const struct config *c)
{
	json_t *o = cli_options_json();
	const char *split = json_string_value(json_object_get(h->meta, "split"));
	json_t *dataset = json_object_get(h->meta, "dataset");
	if (!o)
		return VIT_ENOMEM;
	/* later programs compare what a model was trained on with what it is tested on */
	if (json_is_string(dataset))
		json_object_set(o, "dataset", dataset);
	json_object_del(o, "split");    /* SOURCE@SPLIT says it as well as --split */
	if (split && strcmp(split, "train"))
		json_object_set_new(o, "split", json_string(split));
	return vit_history_add(h->history, "vit-fetch", o, (uint64_t)c->common.seed);
}

static int copy(struct vit_fetch *f, struct vit_writer *w, uint64_t *bad)
{
	struct vit_record r;
	for (uint64_t n = 1;; n++) {
		int rc = vit_fetch_next(f, &r);
		if (rc == VIT_END)
			return cli_bad_end(n - 1) ? VIT_ERECORD : 0;
		if (cli_signal)
			return vit_fail(VIT_EINTR, "interrupted by signal %d", (int)cli_signal);
		if (rc == VIT_ERECORD) {
			if (cli_bad_record(n))
				return rc;
			++*bad;
			continue;
		}
		if (rc)
			return rc;
		VIT_TRY(vit_writer_put(w, &r));
		if ((n & 1023) == 0 && cli_progress_due())
			cli_progress("%llu records, epoch %lld", (unsigned long long)n, (long long)r.epoch + 1);
	}
}

/* What fails here fails again at the next record. */
static void flush(void *w)
{
	(void)!vit_writer_flush(w);
}

static int stream(struct vit_fetch *f, struct vit_header *h, struct vit_output *out)
{
	struct vit_writer *w;
	uint64_t bad = 0;
	int rc = vit_writer_open(&w, out, h);
	if (rc)
		return rc;
	vit_fetch_on_wait(f, flush, w);
	rc = copy(f, w, &bad);
	vit_fetch_on_wait(f, NULL, NULL);
	if (!rc)
		rc = vit_writer_end(w, bad + vit_fetch_skipped(f));
	if (rc && rc != VIT_EPIPE) {
		/* later programs of the pipe report this as the first cause */
		char text[1100];
		snprintf(text, sizeof text, "%s%s", rc == VIT_EUPSTREAM ? "" : "vit-fetch: ", vit_errmsg());
		(void)vit_writer_abort(w, text);
	}
	vit_writer_close(w);
	return rc;
}

/* What the source said since the last call. */
static void notices(const struct vit_fetch *f, int *said)
{
	const char *text;
	for (; (text = vit_fetch_notice(f, *said)); ++*said)
		cli_note("%s", text);
}

static int run(void *config, int argc, char **argv)
{
	struct config *c = config;
	static char *stdin_only[] = { (char *)"-", NULL };
	if (c->list)
		return list(c->cache);
	if (!argc) {
		argc = 1;
		argv = stdin_only;
	}
	for (int i = 0; i < argc; i++) {
		int status = cli_claim("SOURCE", argv[i]);
		if (status)
			return status;
	}
	struct vit_output *out;
	int status = cli_output(&out, c->common.out, 0);
	if (status)
		return status;
	struct vit_fetch_opt o = {
		.split = c->split, .holdout = c->holdout, .epochs = c->epochs, .shuffle = c->shuffle,
		.source_order = c->order == ORDER_SOURCE, .limit = c->common.limit, .skip = c->skip,
		.shard = c->shard.i, .n_shard = c->shard.n, .where = c->where.v, .format = c->format, .cache = c->cache,
		.seed = (uint64_t)c->common.seed, .memory = (size_t)c->common.memory, .verify = c->verify, .sha256 = c->sha256,
		.max_record = (size_t)c->common.max_record, .classes = c->classes,
		.start_epoch = c->start.epoch, .start = c->start.record, .progress = cli_download,
	};
	struct vit_fetch *f = NULL;
	struct vit_header h = { 0 };
	int said = 0, rc = vit_fetch_open(&f, (const char *const *)argv, &o);
	if (!rc)
		notices(f, &said);
	if (!rc)
		rc = vit_header_copy(&h, vit_fetch_header(f));
	if (!rc)
		rc = add_history(&h, c);
	if (!rc)
		rc = stream(f, &h, out);
	cli_progress_end();
	if (f)
		notices(f, &said);
	vit_header_release(&h);
	vit_fetch_close(f);
	if (rc) {
		vit_output_discard(out);
		/* a bad record too many was said where it was met */
		return rc == VIT_ERECORD ? CLI_ERROR : cli_fail(rc);
	}
	return cli_fail(vit_output_commit(out, "", 0));
}

static const struct cli_program program = {
	.name = "vit-fetch",
	.summary = "read samples from data sets, archives, directories and files",
	.synopsis = "vit-fetch [OPTION]... SOURCE...",
	.example = "vit-fetch fashion-mnist --limit 100 | vit-show",
	.arguments = "SOURCE is a data set's name, a directory, an archive, a file, - for stdin, or a URL (http, https, ftp, file);\n"
	             "SOURCE@SPLIT is short for --split SPLIT\n\n"
	             "what is not on this machine is downloaded once and kept in the cache, which --list and --cache are about;\n"
	             "a download that was interrupted goes on from where it was",
	.options = options,
	.common = CLI_USE_SEED | CLI_USE_MEMORY | CLI_USE_LIMIT | CLI_USE_MAX_BAD | CLI_USE_MAX_RECORD | CLI_USE_PROGRESS | CLI_USE_OUT |
	          CLI_SAMPLES_OUT,
	.config_size = sizeof(struct config),
	.run = run,
};

int main(int argc, char **argv)
{
	return cli_main(argc, argv, &program);
}
