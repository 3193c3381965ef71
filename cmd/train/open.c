/* SPDX-License-Identifier: MIT
 *
 * train_open.c - before the first record: every header read, every option,
 * output and device checked.
 */
#include "command.h"

#include "format/dataset.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int recipe(const struct train_config *c)
{
	if (!c->recipe)
		return 0;
	char **lines = NULL, where[256];
	int rc = vit_recipe_load(c->recipe, "train", &lines);
	if (rc)
		return cli_fail(rc);
	snprintf(where, sizeof where, "recipe %s", c->recipe);
	int status = cli_apply(where, lines);
	free(lines);
	return status;
}

/* Files written at different times: under one name the last would be all that is left. */
static int distinct_outputs(const struct train_config *c)
{
	const struct { const char *option, *path; } o[] = { { "--output", c->common.out }, { "--checkpoint", c->checkpoint }, { "--best", c->best } };
	for (int i = 0; i < 3; i++)
		for (int k = i + 1; k < 3; k++)
			if (o[i].path && o[k].path && !strcmp(o[i].path, o[k].path) && strncmp(o[i].path, "/dev/", 5))
				return cli_usage("%s and %s are both %s; give each a file of its own", o[i].option, o[k].option, o[i].path);
	return 0;
}

static int check(const struct train_config *c)
{
	if (!c->model && !c->init)
		return cli_usage("what is to be trained? give --model (vit-tiny/16, vit-lite/4, vit:patch=4,dim=192,...) or --init FILE");
	if (c->model && !access(c->model, F_OK))
		return cli_usage("--model %s names a kind of model, and this is a file; to begin with what it has learnt give --init %s", c->model, c->model);
	if (!c->common.limit)
		return cli_usage("--limit 0 leaves nothing to train on");
	if (strcmp(c->opt, "adamw"))
		return cli_usage("--opt %s is unknown; there is adamw", c->opt);
	if (c->resume && !c->checkpoint)
		return cli_usage("--resume needs --checkpoint FILE, where the state of the run lies");
	if (c->best && !c->val)
		return cli_usage("--best needs --val, by which models are compared");
	if (c->class_map && !c->init && !c->val)
		return cli_usage("--class-map names the classes of --init or --val, and neither is given");
	if (c->accum > c->batch)
		return cli_usage("--grad-accum-steps %lld of a batch of %lld: each part needs a sample", (long long)c->accum, (long long)c->batch);
	return distinct_outputs(c);
}

static int betas(const char *text, double *b1, double *b2)
{
	char *end;
	*b1 = strtod(text, &end);
	if (end == text || (*end != '/' && *end != ','))
		goto bad;
	const char *second = end + 1;
	*b2 = strtod(second, &end);
	if (end != second && !*end && *b1 >= 0 && *b1 < 1 && *b2 >= 0 && *b2 < 1)
		return 0;
bad:
	return cli_usage("--opt-betas %s: two numbers of 0 to 1 are wanted, like 0.9/0.999", text);
}

static int fill(struct train *t)
{
	const struct train_config *c = t->cfg;
	t->opt = (struct vit_train_opt) {
		.batch_size = c->batch, .accum = c->accum, .lr = c->lr, .min_lr = c->min_lr, .weight_decay = c->weight_decay,
		.eps = c->eps, .clip = c->clip, .sched = c->sched, .opt = c->opt, .ema = c->model_ema ? c->ema_decay : 0,
		.build = { .train = 1, .smoothing = c->smoothing, .drop = c->drop, .attn_drop = c->attn_drop, .drop_path = c->drop_path },
		.recompute = c->recompute, .freeze = c->freeze.v, .seed = (uint64_t)c->common.seed,
	};
	if (t->opt.min_lr > t->opt.lr)
		return cli_usage("--min-lr %g is above --lr %g", c->min_lr, c->lr);
	return betas(c->betas, &t->opt.beta1, &t->opt.beta2);
}

static int claim(const struct train_config *c, int argc, char **argv)
{
	int status = argc ? 0 : cli_claim("SAMPLES", "-");
	for (int i = 0; i < argc && !status; i++)
		status = cli_claim("SAMPLES", argv[i]);
	if (!status && c->val)
		status = cli_claim("--val", c->val);
	if (!status && c->init)
		status = cli_claim("--init", c->init);
	return status;
}

/* What vit-fetch reads, given to a program that reads its output. */
static int not_samples(const char *path)
{
	struct stat st;
	if (!stat(path, &st) ? S_ISDIR(st.st_mode) : vit_dataset_by_name(path) != NULL)
		return cli_usage("%s is %s; vit-fetch makes samples of it: vit-fetch %s | vit-train ...", path,
		                 vit_dataset_by_name(path) ? "a data set" : "a directory", path);
	return 0;
}

static int open_samples(struct train *t, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		int status = not_samples(argv[i]);
		if (status)
			return status;
	}
	static const char *const standard[] = { "-" };
	const struct cli_common *c = &t->cfg->common;
	struct vit_samples_opt o = {
		.memory = (size_t)c->memory, .max_record = (size_t)c->max_record, .seed = (uint64_t)c->seed, .limit = c->limit > 0 ? c->limit : 0,
	};
	int rc = vit_samples_open(&t->samples, argc ? (const char *const *)argv : standard, argc ? argc : 1, &o);
	if (rc)
		return cli_fail(rc);
	const struct vit_meta *m = vit_samples_meta(t->samples);
	if (m->labels == VIT_LABELS_NONE)
		return cli_fail(vit_fail(VIT_EMISMATCH, "%s: the samples have no labels, and training needs one in every record; photos get "
		                         "them from a folder for each class, as DIR/ants/1.jpg and DIR/bees/2.jpg", argc ? argv[0] : "<stdin>"));
	if (m->n_class < 1)
		return cli_fail(vit_fail(VIT_EMISMATCH, "the stream's header names no classes; training needs their number"));
	t->opt.build.soft = m->labels == VIT_LABELS_SOFT;
	rc = t->cfg->class_map ? vit_class_file_read(&t->class_file, t->cfg->class_map) : 0;
	return rc ? cli_fail(vit_wrap(rc, "--class-map")) : 0;
}

static int open_val(struct train *t)
{
	const struct train_config *c = t->cfg;
	if (!c->val)
		return 0;
	struct vit_samples_opt o = {
		.memory = (size_t)c->common.memory, .max_record = (size_t)c->common.max_record,
		.holdout = c->holdout, .seed = (uint64_t)c->common.seed, .progress = cli_download,
	};
	int rc = vit_samples_open_source(&t->val, c->val, &o);
	const char *note = NULL;
	if (!rc)
		rc = vit_samples_keep(t->val);
	if (!rc) {
		const struct vit_meta *m = vit_samples_meta(t->val);
		rc = vit_classes_map(&t->val_map, &note, t->model.classes, t->model.n_class, m->classes, m->n_class, &t->class_file, 1);
	}
	if (!rc)
		rc = vit_score_init(&t->score, t->model.n_class);
	if (rc)
		return cli_fail(vit_wrap(rc, "--val %s", c->val));
	for (int i = 0; vit_samples_notice(t->val, i); i++)
		cli_note("--val %s", vit_samples_notice(t->val, i));
	if (note)
		cli_note("--val %s: %s", c->val, note);
	return 0;
}

/* A file that will be written later: whether it can be is asked now. */
static int probe_output(const char *path)
{
	struct vit_output *o;
	if (!path)
		return 0;
	int rc = vit_output_open(&o, path);
	if (rc)
		return cli_fail(rc);
	vit_output_discard(o);
	return 0;
}

static int open_outputs(struct train *t)
{
	int status = cli_output(&t->out, t->cfg->common.out, 0);
	if (!status)
		status = probe_output(t->cfg->checkpoint);
	if (!status)
		status = probe_output(t->cfg->best);
	return status;
}

static int open_device(struct train *t)
{
	const char *note = NULL;
	int rc = vit_device_open(t->cfg->common.device, (int)t->cfg->common.threads, &t->backend, &t->dev, &note);
	if (rc)
		return cli_fail(rc);
	if (note)
		cli_note("%s", note);
	cli_verbose("device: %s", t->backend->describe(t->dev));
	/* an explanation times nothing */
	const struct cli_common *c = &t->cfg->common;
	rc = vit_backend_amp(t->backend, (enum vit_amp)c->amp, c->deterministic || t->cfg->explain, &t->opt.amp, &t->opt.how);
	return rc ? cli_fail(vit_wrap(rc, "--amp %s", vit_amps[c->amp])) : 0;
}

/* What must be alike when the run is resumed: the options, and what they become
 * with these samples. */
static int keep_options(struct train *t)
{
	t->options = cli_options_json();
	if (!t->options || json_object_set_new(t->options, "seed", json_integer((json_int_t)t->opt.seed)) ||
	    json_object_set_new(t->options, "length of the run", json_integer((json_int_t)t->opt.steps)))
		return cli_fail(vit_fail(VIT_ENOMEM, "out of memory"));
	return 0;
}

int train_open(struct train *t, int argc, char **argv)
{
	const struct train_config *c = t->cfg;
	cli_progress_owner(1);
	t->cursor.best = -1;
	int status = recipe(c);
	if (!status)
		status = check(c);
	if (!status)
		status = fill(t);
	if (!status)
		status = claim(c, argc, argv);
	if (!status && !c->explain)
		status = open_outputs(t);
	if (!status)
		status = open_samples(t, argc, argv);
	if (!status)
		status = train_schedule(t);
	if (!status)
		status = open_device(t);
	if (!status)
		status = train_model(t);
	if (!status)
		status = open_val(t);
	if (!status)
		status = keep_options(t);
	if (!status && !c->explain)
		train_say_chosen(t);
	return status;
}

void train_close(struct train *t)
{
	vit_feeder_close(t->feeder);
	vit_samples_close(t->samples);
	vit_samples_close(t->val);
	vit_evaluator_free(t->evaluator);
	vit_trainer_free(t->trainer);
	if (t->have_model)
		vit_model_free(&t->model);
	if (t->dev)
		t->backend->close(t->dev);
	vit_score_release(&t->score);
	vit_output_discard(t->out);
	json_decref(t->options);
	vit_class_file_release(&t->class_file);
	free(t->map);
	free(t->val_map);
}
