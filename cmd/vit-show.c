/* SPDX-License-Identifier: MIT
 *
 * vit-show - tell what a file or stream holds.
 */
#include "cli/cli.h"
#include "draw/draw.h"
#include "stream/show.h"
#include "train/curve.h"
#include "vit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct config {
	struct cli_common common;
	int json, dump;
	const char *curve;
};

static const struct cli_option options[] = {
	{ .name = "json", .type = CLI_FLAG, .offset = offsetof(struct config, json), .help = "one JSON object a file" },
	{ .name = "dump", .type = CLI_FLAG, .offset = offsetof(struct config, dump),
	  .help = "one JSON line a record: images as shape and hash, tensors with statistics" },
	{ .name = "curve", .type = CLI_STR, .offset = offsetof(struct config, curve), .arg = "FILE",
	  .help = "draw the learning curve of a training log as PNG" },
	{ 0 },
};

/* What is written at the end of one file, or as its records pass. */
struct show {
	struct config *cfg;
	struct vit_output *out;
	struct vit_buf text;
};

/* Names come from the file: none of them may drive the terminal. JSON escapes
 * them itself. */
static void disarm(struct vit_buf *b)
{
	for (size_t i = 0; i < b->n; i++)
		if ((b->p[i] < 32 && b->p[i] != '\n') || b->p[i] == 127)
			b->p[i] = '?';
}

static int flush(struct show *s)
{
	disarm(&s->text);
	int rc = s->text.n ? vit_output_write(s->out, s->text.p, s->text.n) : 0;
	s->text.n = 0;
	return rc;
}

static int put_json(struct show *s, const json_t *v)
{
	char *line = json_dumps(v, JSON_COMPACT | JSON_REAL_PRECISION(9));
	int rc = line ? vit_buf_printf(&s->text, "%s\n", line) : vit_fail(VIT_ENOMEM, "out of memory");
	free(line);
	return rc ? rc : s->text.n >= 64 << 10 ? flush(s) : 0;
}

/* ---- streams -------------------------------------------------------------------- */

static int dump(struct show *s, struct vit_reader *r)
{
	const uint8_t *raw;
	size_t n;
	int rc = 0, kind = vit_reader_header(r)->kind;
	int64_t left = s->cfg->common.limit;
	while (left != 0 && (rc = vit_reader_next(r, &raw, &n)) == 0) {
		json_t *v;
		rc = vit_show_record(&v, kind, raw, n);
		if (rc)
			return vit_reader_fail(r, rc, NULL, "%s", vit_errmsg());
		rc = put_json(s, v);
		json_decref(v);
		if (rc)
			return rc;
		left -= left > 0;
	}
	return rc == VIT_END ? 0 : rc;
}

static int summary(struct show *s, struct vit_reader *r, json_t *about)
{
	json_object_set_new(about, "format", json_string("vit stream"));
	int rc = vit_show_stream(r, about);
	if (s->cfg->json) {
		if (rc)
			json_object_set_new(about, "error", json_string(vit_errmsg()));
		VIT_TRY(put_json(s, about));
		return rc;
	}
	/* what was found before the damage is worth seeing; the message comes last */
	char *words = rc ? vit_strdup(vit_errmsg()) : NULL;
	int text_rc = vit_buf_printf(&s->text, "%s: %s (vit stream, version 1)\n", vit_input_name(vit_reader_input(r)),
	                             json_string_value(json_object_get(about, "kind")));
	if (!text_rc)
		text_rc = vit_show_text(&s->text, about);
	if (words)
		vit_fail(rc, "%s", words);
	free(words);
	return rc ? rc : text_rc;
}

static int show_stream(struct show *s, struct vit_input *in, json_t *about)
{
	struct vit_reader *r;
	VIT_TRY(vit_reader_open(&r, in, &(struct vit_reader_opt){ .max_record = (size_t)s->cfg->common.max_record }));
	int rc = s->cfg->dump ? dump(s, r) : summary(s, r, about);
	vit_reader_close(r);
	return rc;
}

/* ---- training logs --------------------------------------------------------------- */

static int draw(const struct config *cfg, const struct vit_curve *c, const char *name)
{
	const struct vit_module *m;
	struct vit_output *out;
	json_t *title = json_string(name);      /* NULL: not UTF-8, which cairo would choke on */
	int rc = vit_module_open("draw", &m);
	if (rc == 0)
		rc = vit_output_open(&out, cfg->curve);
	if (rc == 0) {
		rc = ((const struct vit_draw *)(const void *)m)->curve(c, title ? name : "training log", out);
		if (rc)
			vit_output_discard(out);
		else
			rc = vit_output_commit(out, "", 0);
	}
	json_decref(title);
	return rc;
}

static int may_use_utf8(void)
{
	static const char *const name[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	for (int i = 0; i < 3; i++) {
		const char *v = getenv(name[i]);
		if (v && *v)
			return strcasestr(v, "utf-8") || strcasestr(v, "utf8");
	}
	return 0;
}

static int describe_log(struct show *s, const struct vit_curve *c, const char *name, json_t *about)
{
	if (s->cfg->json) {
		json_t *v = vit_curve_json(c);
		json_object_set_new(about, "format", json_string("training log"));
		json_object_update(about, v);
		json_decref(v);
		return put_json(s, about);
	}
	VIT_TRY(vit_buf_printf(&s->text, "%s: training log, %zu %s\n", name, c->n, c->by_step ? "steps" : "epochs"));
	return vit_curve_text(&s->text, c, may_use_utf8());
}

static int show_log(struct show *s, struct vit_input *in, json_t *about)
{
	struct vit_curve c;
	VIT_TRY(vit_curve_read(&c, in));
	int rc = describe_log(s, &c, vit_input_name(in), about);
	if (rc == 0 && s->cfg->curve)
		rc = draw(s->cfg, &c, vit_input_name(in));
	vit_curve_release(&c);
	return rc;
}

/* ---- other files -------------------------------------------------------------------- */

/* Which of our formats would read it? */
static const struct vit_format *probe(const char *name, int fd, const uint8_t *p, size_t n)
{
	const char *slash = strrchr(name, '/');
	struct stat st;
	int64_t size = !fstat(fd, &st) && S_ISREG(st.st_mode) ? st.st_size : -1;
	const struct vit_member m = { .name = slash ? slash + 1 : name, .size = size, .head = p, .n_head = n };
	const struct vit_format *best = NULL;
	int most = 0;
	for (const struct vit_format *const *f = vit_formats; *f; f++) {
		int sure = (*f)->probe ? (*f)->probe(&m) : 0;
		if (sure > most) {
			most = sure;
			best = *f;
		}
	}
	return best;
}

static int show_other(struct show *s, struct vit_input *in, json_t *about)
{
	const uint8_t *p;
	size_t n;
	VIT_TRY(vit_input_peek(in, 64 << 10, &p, &n));
	const char *name = vit_input_name(in), *what = vit_magic(p, n);
	const struct vit_format *f = n ? probe(name, vit_input_fd(in), p, n) : NULL;
	const char *format = what ? what : f ? f->help : NULL;
	if (n == 0)
		return vit_fail(VIT_EFORMAT, "%s: empty", name);
	if (!format)
		return vit_fail(VIT_EFORMAT, "%s: of an unknown format", name);
	if (s->cfg->dump)
		return vit_fail(VIT_EFORMAT, "%s: %s: only the records of a vit stream can be dumped", name, format);
	if (!s->cfg->json)
		return f ? vit_buf_printf(&s->text, "%s: %s%sread by vit-fetch as %s (%s)\n", name, what ? what : "", what ? ", " : "", f->name, f->help)
		         : vit_buf_printf(&s->text, "%s: %s\n", name, format);
	json_object_set_new(about, "format", json_string(format));
	if (f)
		json_object_set_new(about, "reader", json_string(f->name));
	return put_json(s, about);
}

static int show_file(struct show *s, const char *path)
{
	struct vit_input *in;
	const uint8_t *p;
	size_t n;
	VIT_TRY(vit_input_open(&in, path));
	json_t *about = json_object();
	json_object_set_new(about, "file", json_string(vit_input_name(in)));
	int rc = vit_input_peek(in, 4096, &p, &n);
	if (rc == 0 && s->cfg->curve && !vit_curve_probe(p, n))
		rc = vit_fail(VIT_EFORMAT, "%s: no training log (vit-train --log), --curve draws no other file", vit_input_name(in));
	if (rc == 0 && vit_is_stream(p, n)) {
		rc = show_stream(s, in, about);
		in = NULL;      /* the reader has closed it */
	} else if (rc == 0 && vit_curve_probe(p, n)) {
		rc = show_log(s, in, about);
	} else if (rc == 0) {
		rc = show_other(s, in, about);
	}
	vit_input_close(in);
	json_decref(about);
	return rc;
}

static int run(void *config, int argc, char **argv)
{
	struct show s = { .cfg = config };
	char dash[] = "-", *stdin_only[] = { dash };
	char **path = argc ? argv : stdin_only;
	int n = argc ? argc : 1, status = 0;
	if (s.cfg->json && s.cfg->dump)
		return cli_usage("--json and --dump exclude each other");
	if (s.cfg->curve && n > 1)
		return cli_usage("--curve draws one training log: name one file");
	for (int i = 0; i < n && !status; i++)
		status = cli_claim("FILE", path[i]);
	if (status || (status = cli_output(&s.out, s.cfg->common.out, 1)))
		return status;
	for (int i = 0; i < n && !cli_signal; i++) {
		int rc = show_file(&s, path[i]), file_status = rc ? cli_fail(rc) : 0;
		status = file_status > status ? file_status : status;
		if ((rc = flush(&s))) {
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
	.example = "vit-fetch fashion-mnist --limit 1000 | vit-show\nvit-show model.vit --json\nvit-show train.jsonl --curve curve.png",
	.arguments = "Without FILE, or for -, standard input is read",
	.options = options,
	.common = CLI_USE_OUT | CLI_USE_LIMIT | CLI_USE_MAX_RECORD,
	.config_size = sizeof(struct config),
	.run = run,
};

int main(int argc, char **argv)
{
	return cli_main(argc, argv, &program);
}
