/* SPDX-License-Identifier: MIT
 *
 * eval_run.c - opening, telling a model from samples, and the run.
 */
#include "command.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- operands ----------------------------------------------------------------------- */

/* What a stream holds, by its header's "kind"; 0 with the message set. */
static int kind_of(struct vit_input *in)
{
	const uint8_t *p;
	size_t n;
	if (vit_input_peek(in, 4096, &p, &n))
		return 0;
	if (memmem(p, n, "\xa4kind\xa5model", 11))
		return VIT_MODEL;
	if (memmem(p, n, "\xa4kind\xa7samples", 13))
		return VIT_SAMPLES;
	const char *what = vit_magic(p, n);
	vit_fail(VIT_EUSAGE, "%s is %s; a model and samples are wanted", vit_input_name(in), what ? what : "neither a model nor samples");
	return 0;
}

static int take_model(struct eval *e, struct vit_input *in, const char *name)
{
	if (e->have_model) {
		vit_input_close(in);
		return vit_fail(VIT_EUSAGE, "%s and %s are both models, one is wanted", e->model_name, name);
	}
	e->model_name = name;
	int rc = vit_model_read(&e->model, in, e->backend, e->dev);
	e->have_model = !rc;
	return rc;
}

static int take_samples(struct eval *e, struct vit_input *in)
{
	struct vit_samples_opt o = { .max_record = (size_t)e->cfg->common.max_record };
	if (e->samples) {
		vit_input_close(in);
		return vit_fail(VIT_EUSAGE, "more than one stream of samples; join them with cat");
	}
	return vit_samples_input(&e->samples, in, &o);
}

static int operand(struct eval *e, const char *path)
{
	struct vit_input *in;
	VIT_TRY(vit_input_open(&in, path));
	int kind = kind_of(in);
	if (!kind) {
		vit_input_close(in);
		return VIT_EUSAGE;
	}
	return kind == VIT_SAMPLES ? take_samples(e, in) : take_model(e, in, strcmp(path, "-") ? path : "<stdin>");
}

static int open_operands(struct eval *e, int argc, char **argv)
{
	if (argc < 1)
		return cli_usage("a model is wanted, and samples on stdin or named after it");
	for (int i = 0; i < argc; i++) {
		int status = cli_claim(i ? "SAMPLES" : "MODEL", argv[i]);
		if (status)
			return status;
		int rc = operand(e, argv[i]);
		if (rc)
			return cli_fail(rc);
	}
	if (e->have_model && e->samples)
		return 0;
	/* what is not named is stdin */
	const char *missing = e->have_model ? "SAMPLES" : "MODEL";
	int status = cli_claim(missing, "-");
	if (status)
		return status;
	int rc = operand(e, "-");
	if (!rc && !(e->have_model && e->samples))
		rc = vit_fail(VIT_EUSAGE, "there is no %s", e->have_model ? "stream of samples" : "model");
	return rc ? cli_fail(rc) : 0;
}

/* ---- fitting ---------------------------------------------------------------------------- */

static int trained_on(const struct eval *e, const struct vit_meta *m)
{
	const json_t *tr = json_object_get(e->model.header.meta, "training");
	const char *data = json_string_value(json_object_get(tr, "dataset")), *split = json_string_value(json_object_get(tr, "split"));
	return data && split && m->dataset && m->split && !strcmp(data, m->dataset) && !strcmp(split, m->split);
}

static int fit(struct eval *e)
{
	const struct vit_meta *m = vit_samples_meta(e->samples);
	const char *note = NULL;
	e->predict = e->cfg->predict || m->labels == VIT_LABELS_NONE;
	if (m->labels == VIT_LABELS_SOFT && !e->predict)
		return cli_usage("the samples have soft labels, which have no accuracy; --predict gives predictions");
	if (e->predict && e->cfg->min_top1 > 0)
		return cli_usage("--min-top1 needs labelled samples and a report");
	if (e->predict && e->cfg->confusion)
		return cli_usage("--confusion needs labelled samples and a report");
	if (!e->predict) {
		int rc = vit_classes_map(&e->map, &note, e->model.classes, e->model.n_class, m->classes, m->n_class, 1);
		if (rc)
			return cli_fail(vit_wrap(rc, "the model's classes and the samples'"));
		if (trained_on(e, m))
			cli_warn("the model was trained on this split (%s, %s): its scores say little about new data", m->dataset, m->split);
	}
	if (note)
		cli_note("%s", note);
	int rc = vit_score_init(&e->score, e->model.n_class);
	if (!rc)
		rc = vit_evaluator_new(&e->evaluator, &e->model, e->cfg->batch, 0, e->backend, e->dev);
	return rc ? cli_fail(rc) : 0;
}

int eval_open(struct eval *e, int argc, char **argv)
{
	const struct cli_common *c = &e->cfg->common;
	const char *note = NULL, *suffix = e->cfg->confusion ? strrchr(e->cfg->confusion, '.') : NULL;
	cli_progress_owner(1);
	if (suffix && !strcmp(suffix, ".png"))
		return cli_usage("--confusion %s: the matrix is written as JSON, name a .json file", e->cfg->confusion);
	int rc = vit_device_open(c->device, (int)c->threads, &e->backend, &e->dev, &note);
	if (rc)
		return cli_fail(rc);
	if (note)
		cli_note("%s", note);
	int status = open_operands(e, argc, argv);
	if (!status)
		status = cli_output(&e->out, c->out, 1);
	return status ? status : fit(e);
}

void eval_close(struct eval *e)
{
	vit_evaluator_free(e->evaluator);
	vit_samples_close(e->samples);
	if (e->have_model)
		vit_model_free(&e->model);
	if (e->dev)
		e->backend->close(e->dev);
	vit_score_release(&e->score);
	vit_output_discard(e->out);
	vit_buf_release(&e->text);
	free(e->map);
}

/* ---- running ------------------------------------------------------------------------------ */

static int emit(struct eval *e)
{
	int rc = vit_output_write(e->out, e->text.p, e->text.n);
	e->text.n = 0;
	return rc;
}

static int batch(struct eval *e, const struct vit_batch *b)
{
	const float *logits;
	double t0 = cli_now();
	int rc = vit_evaluator_run(e->evaluator, b->n, b->images, &logits);
	e->seconds += cli_now() - t0;
	if (rc)
		return rc;
	if (e->predict) {
		VIT_TRY(eval_predictions(e, b, logits));
		VIT_TRY(emit(e));
		e->score.count += b->n;
	}
	for (int64_t i = 0; i < b->n && !e->predict; i++) {
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
		int status = rc ? cli_bad_record((uint64_t)e->score.count + cli_bad_count() + 1) : 0;
		if (!rc)
			rc = batch(e, b);
		else if (!status)
			continue;
		if (status || rc)
			return status ? status : cli_fail(rc);
		if (b->resized && !said++)
			cli_verbose("images are resized to the model's size");
		if (cli_progress_due())
			cli_progress("%lld samples  %.0f img/s", (long long)e->score.count, (double)e->score.count / (e->seconds > 0 ? e->seconds : 1));
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
	if (!rc && !e->predict && !isfinite(e->score.loss))
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

int eval_run(struct eval *e)
{
	struct vit_feeder *f;
	const struct vit_meta *m = vit_samples_meta(e->samples);
	struct vit_feeder_opt o = {
		.preprocess = &e->model.preprocess, .batch = e->cfg->batch, .n_class = m->n_class ? m->n_class : e->model.n_class,
		.class_map = e->map, .n_map = m->n_class, .ids = 1, .eager = 1, .passes = 1, .epochs = m->epochs, .count = m->count,
		.limit = e->cfg->common.limit, .soft = m->labels == VIT_LABELS_SOFT, .stop = &cli_signal,
	};
	int rc = vit_feeder_open(&f, e->samples, &o);
	if (rc)
		return cli_fail(rc);
	int status = all(e, f);
	vit_feeder_close(f);
	return status ? status : finish(e);
}
