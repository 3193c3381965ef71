/* SPDX-License-Identifier: MIT
 *
 * vit-show - tell what a file or stream holds. The parts are in cmd/show.
 */
#include "show/command.h"

#include "stream/show.h"
#include "train/curve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AT(field) offsetof(struct show_config, field)

static const struct cli_option options[] = {
	{ .name = "json", .type = CLI_FLAG, .offset = AT(json), .help = "one JSON object a file" },
	{ .name = "dump", .type = CLI_FLAG, .offset = AT(dump),
	  .help = "one JSON line a record: images as shape and hash, tensors with statistics" },
	{ .name = "curve", .type = CLI_STR, .offset = AT(curve), .arg = "FILE",
	  .help = "draw the learning curve of a training log as PNG: loss and top-1 over epochs, or over steps" },
	{ .name = "grid", .type = CLI_STR, .offset = AT(grid), .arg = "ROWSxCOLUMNS",
	  .help = "a contact sheet of the first images as PNG, with class names; written to -o or stdout" },
	{ 0 },
};

/* Opened, looked at, and given to the part that knows it. */
static int show_input(struct show *s, const char *path, json_t *about)
{
	struct vit_input *in;
	const uint8_t *p;
	size_t n;
	VIT_TRY(vit_input_open(&in, path));
	int rc = vit_input_peek(in, 4096, &p, &n);
	if (rc == 0 && s->cfg->curve && !vit_curve_probe(p, n))
		rc = vit_fail(VIT_EFORMAT, "%s: no training log (vit-train --log), --curve draws no other file", vit_input_name(in));
	if (rc == 0 && vit_is_stream(p, n)) {
		rc = show_stream(s, in, about);
		in = NULL;      /* the reader has closed it */
	} else if (rc == 0 && vit_curve_probe(p, n)) {
		rc = show_log(s, in, about);
	} else if (rc == 0) {
		rc = show_other(s, &in, about);
	}
	vit_input_close(in);
	return rc;
}

static int show_file(struct show *s, const char *path)
{
	struct stat st;
	json_t *about = json_object();
	json_object_set_new(about, "file", vit_show_name(strcmp(path, "-") ? path : "<stdin>"));
	int rc = !stat(path, &st) && S_ISDIR(st.st_mode) ? show_source(s, path, "a directory", about) : show_input(s, path, about);
	json_decref(about);
	return rc;
}

/* "8x8" */
static int grid_size(struct show *s)
{
	char rest;
	if (sscanf(s->cfg->grid, "%dx%d%c", &s->rows, &s->columns, &rest) == 2 && s->rows >= 1 && s->rows <= 200 && s->columns >= 1 && s->columns <= 200)
		return 0;
	return cli_usage("--grid %s: rows and columns of 1 to 200 are wanted, like 8x8", s->cfg->grid);
}

static int check(struct show *s, int n)
{
	const struct show_config *c = s->cfg;
	if (c->json && c->dump)
		return cli_usage("--json and --dump exclude each other");
	if (c->curve && n > 1)
		return cli_usage("--curve draws one training log: name one file");
	if (!c->grid)
		return 0;
	if (c->json || c->dump || c->curve)
		return cli_usage("--grid gives a picture alone: leave out --%s", c->json ? "json" : c->dump ? "dump" : "curve");
	return grid_size(s);
}

static int run(void *config, int argc, char **argv)
{
	struct show s = { .cfg = config };
	char dash[] = "-", *stdin_only[] = { dash };
	char **path = argc ? argv : stdin_only;
	int n = argc ? argc : 1, status = check(&s, n);
	cli_progress_owner(1);
	for (int i = 0; i < n && !status; i++)
		status = cli_claim("FILE", path[i]);
	if (status || (status = cli_output(&s.out, s.cfg->common.out, !s.cfg->grid)))
		return status;
	if (s.cfg->grid)
		status = show_grid(&s, n, path);
	for (int i = 0; i < n && !cli_signal && !s.cfg->grid; i++) {
		int rc = show_file(&s, path[i]), file_status = rc ? cli_fail(rc) : 0;
		status = file_status > status ? file_status : status;
		if ((rc = show_flush(&s))) {
			status = cli_fail(rc);
			break;
		}
	}
	vit_buf_release(&s.text);
	/* -o is a report: it appears when all of it is true */
	if (status || cli_signal) {
		vit_output_discard(s.out);
		return cli_signal ? cli_fail(0) : status;
	}
	int rc = vit_output_commit(s.out, "", 0);
	return rc ? cli_fail(rc) : 0;
}

static const struct cli_program program = {
	.name = "vit-show",
	.summary = "tell what a file or stream holds",
	.synopsis = "vit-show [OPTION]... [FILE]...",
	.example = "vit-fetch fashion-mnist --limit 1000 | vit-show\nvit-show model.vit --json\nvit-show train.jsonl --curve curve.png\n"
		   "vit-show --grid 6x8 photos/ -o sheet.png",
	.arguments = "FILE is a stream, model, log, image, archive, a directory of images, or any of them compressed. "
		     "Without FILE, or for -, standard input is read",
	.options = options,
	.common = CLI_USE_OUT | CLI_USE_LIMIT | CLI_USE_MAX_RECORD | CLI_USE_PROGRESS,
	.config_size = sizeof(struct show_config),
	.run = run,
};

int main(int argc, char **argv)
{
	return cli_main(argc, argv, &program);
}
