/* SPDX-License-Identifier: MIT
 *
 * operands.c - what each operand is, by its content, and opening it: a model, a
 * stream of samples, a photo, or whatever else vit-fetch reads.
 */
#include "command.h"

#include "format/dataset.h"
#include "image/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum what { MODEL, STREAM, PHOTO, SOURCE };
struct operand {
	const char *path;
	int absent;                     /* no file has this name */
	int pipe;                       /* read once: stdin, a FIFO */
	enum what what;
	char magic[48];                 /* " is text", of a file that is neither model nor stream */
	struct vit_input *in;           /* open: streams, and what cannot be opened twice */
};

/* ---- telling apart ------------------------------------------------------------------ */

/* A stream's kind may be any key of its header but the first. A coprocess sends a
 * header and one record, then waits for us: never ask for much more than is needed. */
static int kind_of_stream(struct vit_input *in, enum what *what)
{
	const uint8_t *p;
	size_t got = 0;
	for (size_t n = 48; n <= 1 << 16; n *= 4) {
		VIT_TRY(vit_input_peek(in, n, &p, &got));
		const void *model = memmem(p, got, "\xa4kind\xa5model", 11), *samples = memmem(p, got, "\xa4kind\xa7samples", 13);
		if (model || samples) {
			*what = model ? MODEL : STREAM;
			return 0;
		}
		if (got < n)
			break;
	}
	return vit_fail(VIT_EFORMAT, "%s is a vit stream of no kind that is known; a model or samples are wanted", vit_input_name(in));
}

static int look(struct operand *o)
{
	const uint8_t *p;
	size_t got;
	VIT_TRY(vit_input_peek(o->in, 5, &p, &got));
	if (got && vit_is_stream(p, got))
		return kind_of_stream(o->in, &o->what);
	VIT_TRY(vit_input_peek(o->in, 512, &p, &got));
	const char *what = vit_magic(p, got);
	o->what = vit_image_type(p, got) ? PHOTO : SOURCE;
	snprintf(o->magic, sizeof o->magic, " is %s", what ? what : "of no type that is known");
	if (!got && o->pipe)
		return vit_fail(VIT_EFORMAT, "%s is empty; a model, samples or a photo is wanted (did the program before it fail?)", vit_input_name(o->in));
	if (o->what == SOURCE && !strcmp(o->path, "-"))
		return vit_fail(VIT_EUSAGE, "<stdin>%s; a model, samples or a photo is wanted, vit-fetch - makes samples of other things", o->magic);
	return 0;
}

/* Leaves streams open, and closes what is read by name. */
static int tell(struct operand *o)
{
	struct stat st;
	int from_stdin = !strcmp(o->path, "-");
	o->what = SOURCE;
	/* not there: a data set's name, a URL, SOURCE@SPLIT, or an error to be said by who looks for them */
	o->absent = !from_stdin && stat(o->path, &st);
	if (o->absent || (!from_stdin && S_ISDIR(st.st_mode)))
		return 0;
	o->pipe = from_stdin || !S_ISREG(st.st_mode);
	VIT_TRY(vit_input_open(&o->in, o->path));
	VIT_TRY(look(o));
	if (o->what != MODEL && o->what != STREAM && !o->pipe) {
		vit_input_close(o->in);
		o->in = NULL;
	}
	if (o->what == SOURCE && o->in)
		return vit_fail(VIT_EUSAGE, "%s is a pipe of neither a model, samples nor a photo; vit-fetch makes samples of other things", o->path);
	return 0;
}

/* ---- opening ------------------------------------------------------------------------ */

static struct vit_input *let_go(struct operand *o)
{
	struct vit_input *in = o->in;
	o->in = NULL;
	return in;
}

static const char *name_of(const struct operand *o)
{
	return strcmp(o->path, "-") ? o->path : "<stdin>";
}

static int take_model(struct eval *e, struct operand *o)
{
	if (e->have_model)
		return vit_fail(VIT_EUSAGE, "%s and %s are both models, one is wanted", e->model_name, name_of(o));
	e->model_name = name_of(o);
	int rc = vit_model_read(&e->model, let_go(o), e->backend, e->dev);
	e->have_model = !rc;
	return rc;
}

/* All photos from o[0] on that follow one another. */
static int take_photos(struct vit_samples **s, struct operand *o, int n, const struct vit_samples_opt *opt)
{
	struct vit_photo *photo = vit_calloc((size_t)n, sizeof *photo);
	if (!photo)
		return VIT_ENOMEM;
	for (int i = 0; i < n; i++)
		photo[i] = (struct vit_photo){ name_of(&o[i]), let_go(&o[i]) };
	int rc = vit_samples_photos(s, photo, n, opt);
	free(photo);
	return rc;
}

/* A source with no split named: test, else val, else all of it. */
static int take_source(struct eval *e, struct vit_samples **s, const char *path, struct vit_samples_opt *opt)
{
	struct stat st;
	const char *at = strrchr(path, '@');
	if (at && at != path && !strchr(at, '/') && stat(path, &st))
		return vit_samples_fetch(s, path, NULL, opt);
	if (e->cfg->holdout > 0)
		return vit_samples_fetch(s, path, "val", opt);
	VIT_TRY(vit_samples_fetch(s, path, "all", opt));
	const char *splits = vit_samples_splits(*s), *split = vit_has_split(splits, "test") ? "test" : vit_has_split(splits, "val") ? "val" : NULL;
	if (!split)
		return 0;
	vit_samples_close(*s);
	*s = NULL;
	VIT_TRY(vit_samples_fetch(s, path, split, opt));
	cli_note("%s: %s is evaluated; name another split as in %s@train", path, split, path);
	return 0;
}

static int open_set(struct eval *e, struct operand *o, int n)
{
	const struct eval_config *c = e->cfg;
	struct vit_samples_opt opt = {
		.max_record = (size_t)c->common.max_record, .holdout = c->holdout, .seed = (uint64_t)c->common.seed, .progress = cli_download,
	};
	struct eval_set *set = &e->set[e->n_set];
	set->name = name_of(o);
	int rc = o->what == PHOTO ? take_photos(&set->samples, o, n, &opt) : o->what == STREAM ? vit_samples_input(&set->samples, let_go(o), &opt) :
		 take_source(e, &set->samples, o->path, &opt);
	if (rc)
		return rc;
	e->n_set++;
	set->source = o->what == SOURCE;
	for (int i = 0; vit_samples_notice(set->samples, i); i++)
		cli_note("%s", vit_samples_notice(set->samples, i));
	return 0;
}

/* Models first: samples may be many, and are of no use without. */
static int open_all(struct eval *e, struct operand *o, int n)
{
	for (int i = 0; i < n; i++) {
		int rc = o[i].what == MODEL ? take_model(e, &o[i]) : 0;
		if (rc)
			return cli_fail(rc);
	}
	for (int i = 0, k; i < n; i = k) {
		k = i + 1;
		while (o[i].what == PHOTO && k < n && o[k].what == PHOTO)
			k++;
		int rc = o[i].what == MODEL ? 0 : open_set(e, &o[i], k - i);
		/* a file among others that is nothing is a bad photo */
		int status = !rc ? 0 : rc == VIT_EFORMAT && o[i].what == SOURCE && n > 2 ? cli_bad_record((uint64_t)i) : cli_fail(rc);
		if (status)
			return status;
	}
	int sources = 0;
	for (int i = 0; i < e->n_set; i++)
		sources += e->set[i].source;
	return e->cfg->holdout > 0 && !sources ? cli_usage("--holdout cuts a SOURCE that is named; who made these samples has cut them") : 0;
}

/* What was not named is stdin. */
static int missing(struct operand *o, int n, int *used)
{
	int models = 0;
	for (int i = 0; i < n; i++)
		models += o[i].what == MODEL;
	*used = n;
	/* of two models the second is refused when it is opened */
	if (models > 1 || (models && models < n))
		return 0;
	/* the model's name, more likely than a data set before a model on stdin */
	if (!models && o[0].absent && !vit_dataset_by_name(o[0].path))
		return cli_fail(vit_fail(VIT_EIO, "%s: there is no such file", o[0].path));
	const char *what = models ? "SAMPLES" : "MODEL";
	int status = cli_claim(what, "-");
	if (status)
		return status;
	o[n].path = "-";
	*used = n + 1;
	int rc = tell(&o[n]);
	if (!models && (rc == VIT_EUSAGE || *o[n].magic || (!rc && o[n].what != MODEL)))
		rc = vit_fail(VIT_EUSAGE, "there is no model: %s%s", *o[0].magic ? o[0].path : "neither named nor on stdin",
		              *o[0].magic ? o[0].magic : "");
	else if (!rc && models && o[n].what == MODEL)
		rc = vit_fail(VIT_EUSAGE, "there is no stream of samples, photo or folder");
	return rc ? cli_fail(rc) : 0;
}

int eval_operands(struct eval *e, int argc, char **argv)
{
	if (argc < 1)
		return cli_usage("a model is wanted, and samples or photos on stdin or named after it");
	struct operand *o = vit_calloc((size_t)argc + 1, sizeof *o);
	e->set = vit_calloc((size_t)argc + 1, sizeof *e->set);
	int n = argc, rc = o && e->set ? 0 : VIT_ENOMEM, status = rc ? cli_fail(rc) : 0;
	for (int i = 0; i < argc && !status; i++) {
		o[i].path = argv[i];
		status = cli_claim(i ? "SAMPLES" : "MODEL", argv[i]);
		if (!status && (rc = tell(&o[i])))
			status = cli_fail(rc);
	}
	if (!status)
		status = missing(o, argc, &n);
	if (!status)
		status = open_all(e, o, n);
	for (int i = 0; o && i < n; i++)
		vit_input_close(o[i].in);
	free(o);
	return status;
}
