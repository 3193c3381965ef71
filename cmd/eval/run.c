/* SPDX-License-Identifier: MIT
 *
 * run.c - fitting samples to the model, and the run.
 */
#include "command.h"

#include "draw/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- fitting ---------------------------------------------------------------------------- */

/* Classes of one set against the model's. */
static int match(struct eval *e, struct eval_set *set)
{
	const struct vit_meta *m = vit_samples_meta(set->samples);
	const char *note = NULL;
	int rc = vit_classes_map(&set->map, &note, e->model.classes, e->model.n_class, m->classes, m->n_class, &e->class_file, 1);
	if (rc)
		return cli_fail(vit_wrap(rc, "%s: the model's classes and the samples'", set->name));
	if (note)
		cli_note("%s: %s", set->name, note);
	eval_warn_seen(e, set);
	return 0;
}

/* Predictions where they are asked for or there is nothing to score. */
static int choose(struct eval *e)
{
	const struct eval_config *c = e->cfg;
	const char *with = NULL, *without = NULL;
	for (int i = 0; i < e->n_set; i++) {
		const struct vit_meta *m = vit_samples_meta(e->set[i].samples);
		*(m->labels == VIT_LABELS_NONE ? &without : &with) = e->set[i].name;
		if (m->labels == VIT_LABELS_SOFT && !c->predict)
			return cli_usage("%s: the samples have soft labels, which have no accuracy; --predict gives predictions", e->set[i].name);
	}
	if (with && without && !c->predict)
		return cli_usage("%s has labels, %s has none; --predict gives predictions of both", with, without);
	e->predict = c->predict || without;
	e->json = c->report == EVAL_JSON || c->predict == 1 + EVAL_JSON;
	if (e->predict && c->min_top1 > 0)
		return cli_usage("--min-top1 needs labelled samples and a report");
	if (e->predict && c->confusion)
		return cli_usage("--confusion needs labelled samples and a report");
	return 0;
}

/* A file that will be written later: whether it can be is asked now. */
static int try_confusion(const struct eval *e)
{
	struct vit_output *o;
	const struct vit_module *m;
	const char *path = e->cfg->confusion, *report = e->cfg->common.out;
	if (report && !strcmp(report, path) && strncmp(path, "/dev/", 5))
		return vit_fail(VIT_EUSAGE, "%s is the report's file (-o), too; give each a file of its own", path);
	if (eval_is_png(path) && e->model.n_class > VIT_DRAW_CLASSES)
		return vit_fail(VIT_EUSAGE, "%d classes, a picture shows at most %d; a FILE not in .png is written as JSON", e->model.n_class,
		                VIT_DRAW_CLASSES);
	VIT_TRY(vit_output_open(&o, path));
	vit_output_discard(o);
	return eval_is_png(path) ? vit_module_open("draw", &m) : 0;
}

static int fit(struct eval *e)
{
	const struct eval_config *c = e->cfg;
	int status = choose(e), rc;
	if (!status && c->class_map && (rc = vit_class_file_read(&e->class_file, c->class_map)))
		status = cli_fail(vit_wrap(rc, "--class-map"));
	if (!status && c->confusion && (rc = try_confusion(e)))
		status = cli_fail(vit_wrap(rc, "--confusion"));
	for (int i = 0; i < e->n_set && !status && !e->predict; i++)
		status = match(e, &e->set[i]);
	if (status)
		return status;
	rc = vit_score_init(&e->score, e->model.n_class);
	return rc ? cli_fail(rc) : 0;
}

int eval_is_png(const char *path)
{
	const char *suffix = strrchr(path, '.');
	return suffix && !strcasecmp(suffix, ".png");
}

int eval_open(struct eval *e, int argc, char **argv)
{
	const struct cli_common *c = &e->cfg->common;
	const char *note = NULL;
	cli_progress_owner(1);
	int rc = vit_device_open(c->device, (int)c->threads, &e->backend, &e->dev, &note);
	if (rc)
		return cli_fail(rc);
	if (note)
		cli_note("%s", note);
	rc = vit_backend_amp(e->backend, (enum vit_amp)c->amp, c->deterministic, &e->amp, &e->how);
	if (rc)
		return cli_fail(vit_wrap(rc, "--amp %s", vit_amps[c->amp]));
	int status = eval_operands(e, argc, argv);
	if (!status)
		status = cli_output(&e->out, c->out, 1);
	return status ? status : fit(e);
}

void eval_close(struct eval *e)
{
	for (int i = 0; i < EVAL_SIZES; i++)
		vit_evaluator_free(e->evaluator[i]);
	for (int i = 0; i < e->n_set; i++) {
		vit_samples_close(e->set[i].samples);
		free(e->set[i].map);
	}
	free(e->set);
	vit_class_file_release(&e->class_file);
	if (e->have_model)
		vit_model_free(&e->model);
	if (e->dev)
		e->backend->close(e->dev);
	vit_score_release(&e->score);
	vit_output_discard(e->out);
	vit_buf_release(&e->text);
}

/* ---- running ------------------------------------------------------------------------------ */

static int emit(struct eval *e)
{
	int rc = vit_output_write(e->out, e->text.p, e->text.n);
	e->text.n = 0;
	return rc;
}

/* A plan's time goes by its rows, used or not: the smallest that holds the batch. */
static int evaluate(struct eval *e, const struct vit_batch *b, const float **logits)
{
	int i = 0;
	while (INT64_C(1) << i < b->n)
		i++;
	int64_t rows = INT64_C(1) << i < e->cfg->batch ? INT64_C(1) << i : e->cfg->batch;
	if (!e->evaluator[i])
		VIT_TRY(vit_evaluator_new(&e->evaluator[i], &e->model, &(struct vit_evaluator_opt){ .batch = rows, .amp = e->amp, .how = e->how }, e->backend, e->dev));
	double t0 = cli_now();
	int rc = vit_evaluator_run(e->evaluator[i], b->n, b->images, logits);
	e->seconds += cli_now() - t0;
	return rc;
}

static int batch(struct eval *e, const struct vit_batch *b)
{
	const float *logits;
	if (!b->n)
		return 0;
	VIT_TRY(evaluate(e, b, &logits));
	e->seen += b->n;
	if (e->predict) {
		VIT_TRY(eval_predictions(e, b, logits));
		return emit(e);
	}
	for (int64_t i = 0; i < b->n; i++) {
		int32_t label = ((const int32_t *)b->labels)[i];
		if (label < 0)
			return vit_fail(VIT_EMISMATCH, "the sample with id %s has no label; --predict gives predictions instead", b->id[i]);
		vit_score_add(&e->score, logits + i * e->model.n_class, e->model.n_class, label);
	}
	return 0;
}

static int all(struct eval *e, struct vit_feeder *f)
{
	const struct vit_batch *b;
	int rc, said = 0;
	while ((rc = vit_feeder_next(f, &b)) == 0 || rc == VIT_ERECORD) {
		int status = rc ? cli_bad_record((uint64_t)e->seen + cli_bad_count() + 1) : 0;
		if (!rc)
			rc = batch(e, b);
		else if (!status)
			continue;
		if (status || rc)
			return status ? status : cli_fail(rc);
		if (b->resized && !said++)
			cli_verbose("images are resized to the model's size");
		if (cli_progress_due())
			cli_progress("%lld samples  %.0f img/s", (long long)e->seen, (double)e->seen / (e->seconds > 0 ? e->seconds : 1));
		if (cli_signal)
			return cli_fail(0);
	}
	cli_progress_end();
	return rc == VIT_END ? 0 : cli_fail(rc);
}

static int finish(struct eval *e)
{
	int rc = 0;
	if (!e->predict && !e->score.count)
		rc = vit_fail(VIT_EFORMAT, "no samples to score");
	if (!rc && (e->not_a_number || (!e->predict && !isfinite(e->score.loss))))
		cli_warn("%s: its outputs are not all finite numbers, it is damaged or its training diverged", e->model_name);
	if (!rc && !e->predict)
		rc = e->cfg->report == EVAL_JSON ? eval_report_json(e) : eval_report_text(e);
	if (!rc)
		rc = emit(e);
	if (!rc && e->cfg->confusion)
		rc = eval_confusion(e, e->cfg->confusion);
	if (rc)
		return cli_fail(rc);
	double top1 = e->score.count ? (double)e->score.top1 / (double)e->score.count : 0;
	int rejected = !e->predict && top1 < e->cfg->min_top1;
	rc = vit_output_commit(e->out, rejected ? ".rejected" : "", 0);
	e->out = NULL;
	if (rc)
		return cli_fail(rc);
	if (rejected)
		cli_error("top-1 %.2f %% is below --min-top1 %.2f %%", 100 * top1, 100 * e->cfg->min_top1);
	return rejected ? CLI_THRESHOLD : CLI_DONE;
}

/* Streams joined on a pipe announce only the first one's records: counts are
 * left to the trailers. */
static int run_set(struct eval *e, struct eval_set *set)
{
	struct vit_feeder *f;
	const struct vit_meta *m = vit_samples_meta(set->samples);
	int64_t limit = e->cfg->common.limit;
	struct vit_feeder_opt o = {
		.preprocess = &e->model.preprocess, .batch = e->cfg->batch, .n_class = m->n_class ? m->n_class : e->model.n_class,
		.class_map = set->map, .n_map = m->n_class, .ids = 1, .eager = 1, .prompt = e->predict, .threads = (int)e->cfg->common.threads,
		.passes = 1, .epochs = m->epochs, .count = -1, .limit = limit < 0 ? -1 : limit > e->seen ? limit - e->seen : 0,
		.soft = m->labels == VIT_LABELS_SOFT, .stop = &cli_signal,
	};
	int rc = vit_feeder_open(&f, set->samples, &o);
	if (rc)
		return cli_fail(rc);
	int status = all(e, f);
	vit_feeder_close(f);
	return status;
}

int eval_run(struct eval *e)
{
	int status = 0;
	for (int i = 0; i < e->n_set && !status; i++)
		status = run_set(e, &e->set[i]);
	if (!status)
		status = cli_bad_end((uint64_t)e->seen + cli_bad_count());
	return status ? status : finish(e);
}
