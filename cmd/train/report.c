/* SPDX-License-Identifier: MIT
 *
 * train_report.c - what a run says: validation, the log, progress, --explain,
 * how to go on.
 */
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- validation ------------------------------------------------------------------ */

static int score(struct train *t, struct vit_feeder *f)
{
	const struct vit_batch *b;
	const float *logits;
	int rc;
	vit_score_reset(&t->score);
	while ((rc = vit_feeder_next(f, &b)) == 0 || rc == VIT_ERECORD) {
		if (rc) {
			/* named, and counted, at the first validation */
			int status = t->val_read ? 0 : cli_bad_record((uint64_t)(t->cursor.record + t->score.count) + 1);
			if (status)
				return status;
			continue;
		}
		rc = vit_evaluator_run(t->evaluator, b->n, b->images, &logits);
		if (rc)
			return cli_fail(rc);
		for (int64_t i = 0; i < b->n; i++)
			vit_score_add(&t->score, logits + i * t->model.n_class, t->model.n_class, ((const int32_t *)b->labels)[i]);
	}
	if (rc == VIT_END && !t->score.count)
		rc = vit_fail(VIT_EFORMAT, "no samples");
	return rc == VIT_END ? 0 : cli_fail(vit_wrap(rc, "--val"));
}

static int validate(struct train *t)
{
	struct vit_feeder *f = NULL;
	const struct vit_meta *m = vit_samples_meta(t->val);
	struct vit_feeder_opt o = {
		.preprocess = &t->model.preprocess, .batch = t->opt.batch_size, .n_class = t->model.n_class,
		.class_map = t->val_map, .n_map = m->n_class, .need_label = 1, .eager = 1, .threads = (int)t->cfg->common.threads, .passes = 1, .epochs = -1,
		.count = -1, .limit = -1, .stop = &cli_signal,
	};
	int rc = 0;
	if (!t->evaluator)
		rc = vit_evaluator_new(&t->evaluator, &t->model, &(struct vit_evaluator_opt){ .batch = t->opt.batch_size, .use_ema = t->opt.ema > 0,
		                       .amp = t->opt.amp, .how = t->opt.how }, t->backend, t->dev);
	if (!rc && t->val_read)
		rc = vit_samples_rewind(t->val);
	if (!rc)
		rc = vit_feeder_open(&f, t->val, &o);
	if (rc)
		return cli_fail(rc);
	int status = score(t, f);
	vit_feeder_close(f);
	t->val_read = 1;
	return status;
}

static int keep_best(struct train *t, double top1)
{
	struct vit_output *o;
	if (!t->cfg->best || top1 <= t->cursor.best)
		return 0;
	int rc = vit_output_open(&o, t->cfg->best);
	if (rc)
		return cli_fail(rc);
	rc = vit_model_write(&t->model, o, t->opt.ema > 0);
	if (rc)
		vit_output_discard(o);
	else
		rc = vit_output_commit(o, "", 0);
	return rc ? cli_fail(rc) : 0;
}

/* ---- an epoch's end ------------------------------------------------------------------- */

static json_t *epoch_json(struct train *t, const struct vit_train_stats *s, double seconds)
{
	double weight = s->sum_weight - t->at_epoch.sum_weight;
	json_t *j = json_pack("{s:s, s:I, s:I, s:f}", "event", "epoch", "epoch", (json_int_t)t->cursor.epoch + 1,
	                      "step", (json_int_t)s->step, "lr", s->lr);
	if (j && weight > 0) {
		json_object_set_new(j, "loss", json_real((s->sum_loss - t->at_epoch.sum_loss) / weight));
		json_object_set_new(j, "top1", json_real(100 * (s->sum_hits - t->at_epoch.sum_hits) / weight));
	}
	if (j && t->val) {
		json_object_set_new(j, "val_loss", json_real(t->score.loss / (double)t->score.count));
		json_object_set_new(j, "val_top1", json_real(100 * (double)t->score.top1 / (double)t->score.count));
	}
	if (j && t->opt.amp == VIT_F16) {
		json_object_set_new(j, "loss_scale", json_real(s->loss_scale));
		json_object_set_new(j, "steps_skipped", json_integer((json_int_t)s->skipped));
	}
	if (j && seconds > 0)
		json_object_set_new(j, "images_per_second", json_real((double)t->epoch_samples / seconds));
	if (j)
		json_object_set_new(j, "seconds", json_real(cli_now() - t->began));
	return j;
}

/* A line that stays, for who watches the live one or asked with -v. */
static void say_epoch(const struct train *t, const json_t *j)
{
	char took[32], val[64] = "";
	void (*say)(const char *, ...) = cli_progress_wanted() ? cli_note : cli_verbose;
	if (t->val)
		snprintf(val, sizeof val, ", val loss %.4f top-1 %.2f %%", json_number_value(json_object_get(j, "val_loss")),
		         json_number_value(json_object_get(j, "val_top1")));
	say("epoch %lld of %lld: loss %.4f top-1 %.2f %%%s, %s", (long long)t->cursor.epoch + 1, (long long)t->run_epochs,
	    json_number_value(json_object_get(j, "loss")), json_number_value(json_object_get(j, "top1")), val,
	    cli_duration(took, cli_now() - t->began));
}

int train_epoch_end(struct train *t)
{
	struct vit_train_stats s;
	double seconds = cli_now() - t->epoch_began;    /* of training, before validation */
	int rc = vit_trainer_stats(t->trainer, &s);
	if (rc)
		return cli_fail(rc);
	int status = t->val ? validate(t) : 0;
	if (status) {
		/* still due when the run goes on */
		int written = cli_signal ? train_checkpoint(t) : 0;
		return written ? written : status;
	}
	double top1 = t->val ? 100 * (double)t->score.top1 / (double)t->score.count : 0;
	status = t->val ? keep_best(t, top1) : 0;
	if (status)
		return status;
	if (t->val && top1 > t->cursor.best)
		t->cursor.best = top1;
	json_t *j = epoch_json(t, &s, seconds);
	if (!j)
		return cli_fail(vit_fail(VIT_ENOMEM, "out of memory"));
	say_epoch(t, j);
	rc = cli_log(j);
	t->cursor.epoch_end = 0;
	t->at_epoch = s;
	t->epoch_samples = 0;
	t->epoch_began = cli_now();
	return rc ? cli_fail(rc) : 0;
}

/* ---- progress ---------------------------------------------------------------------------- */

void train_progress(struct train *t)
{
	struct vit_train_stats s;
	if (vit_trainer_stats(t->trainer, &s))
		return;         /* the next step says why */
	double run = cli_now() - t->began, weight = s.sum_weight - t->at_epoch.sum_weight;
	double speed = run > 0 ? (double)(s.step - t->first_step) / run : 0;
	char eta[32], skipped[48] = "";
	if (s.skipped)
		snprintf(skipped, sizeof skipped, "  %lld skipped", (long long)s.skipped);
	cli_duration(eta, speed > 0 ? (double)(t->opt.steps - s.step) / speed : 0);
	/* what a narrow terminal can do without comes last */
	cli_progress("step %lld/%lld  loss %.3f  top1 %.1f%%  ETA %s  %.0f img/s  waiting %.0f%%  lr %.2e%s",
	             (long long)s.step, (long long)t->opt.steps, weight > 0 ? (s.sum_loss - t->at_epoch.sum_loss) / weight : s.loss,
	             weight > 0 ? 100 * (s.sum_hits - t->at_epoch.sum_hits) / weight : 0, eta,
	             speed * (double)t->opt.batch_size, run > 0 ? 100 * vit_feeder_waited(t->feeder) / run : 0, s.lr, skipped);
}

/* ---- how to go on -------------------------------------------------------------------------- */

static void add_quoted(struct vit_buf *b, const char *word)
{
	int plain = *word && !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-")];
	int rc = plain ? vit_buf_printf(b, " %s", word) : vit_buf_printf(b, " '");
	for (; !plain && rc >= 0 && *word; word++)
		rc = *word == '\'' ? vit_buf_printf(b, "'\\''") : vit_buf_printf(b, "%c", *word);
	if (!plain && rc >= 0)
		(void)vit_buf_printf(b, "'");
}

/* This program's own command line, as the system keeps it. */
void train_resume_hint(const struct train *t)
{
	if (!t->cfg->checkpoint || access(t->cfg->checkpoint, F_OK))
		return;
	FILE *f = fopen("/proc/self/cmdline", "rb");
	if (!f)
		return;
	struct vit_buf line = { 0 };
	char *word = NULL;
	size_t cap = 0;
	for (int i = 0; getdelim(&word, &cap, 0, f) > 0; i++)
		if (i)
			add_quoted(&line, word);
	fclose(f);
	free(word);
	cli_note("to go on, give the same samples to: vit-train%s%s", line.p ? (const char *)line.p : "", t->cfg->resume ? "" : " --resume");
	vit_buf_release(&line);
	/* what is repeated here has to be read here whole */
	if (t->passes == 1 && t->saved.record)
		cli_note("--start %lld:%lld of vit-fetch (of vit-augment, where that orders the records) begins there at once", (long long)t->saved.epoch,
		         (long long)t->saved.in_epoch);
}

/* ---- --explain -------------------------------------------------------------------------------- */

static void explain_run(const struct train *t)
{
	const struct vit_train_opt *o = &t->opt;
	const struct vit_meta *m = vit_samples_meta(t->samples);
	printf("samples     %s, split %s, %lld records an epoch, %d classes\n", m->dataset ? m->dataset : "unnamed",
	       m->split ? m->split : "unnamed", (long long)m->count, m->n_class);
	printf("run         %lld epochs, %lld steps of %lld samples in %lld part(s)\n", (long long)t->run_epochs, (long long)o->steps,
	       (long long)o->batch_size, (long long)o->accum);
	printf("optimiser   %s, betas %g/%g, eps %g, weight decay %g, clip %g\n", o->opt, o->beta1, o->beta2, o->eps, o->weight_decay, o->clip);
	printf("schedule    %s from %g to %g after %lld steps of warm-up\n", o->sched, o->lr, o->min_lr, (long long)o->warmup);
	printf("regular     smoothing %g, dropout %g, attention %g, drop path %g, average %g\n", o->build.smoothing, o->build.drop,
	       o->build.attn_drop, o->build.drop_path, o->ema);
}

static void explain_precision(const struct train *t)
{
	static const char *const words[] = {
		"float32", "float32, factors of products rounded to TF32",
		"bfloat16 between layers and in products; sums, statistics, losses and the optimiser's weights float32",
		"float16 between layers and in products, under a moving loss scale; sums, statistics, losses and the optimiser's weights float32",
	};
	printf("precision   %s\n", words[t->cfg->common.amp]);
}

/* Where each kind lies: all on the device but the feeder's four batches of images. */
static int explain_memory(struct train *t, const struct vit_train_cost *c)
{
	const int64_t *chw = t->model.preprocess.input_size;
	size_t batches = (size_t)(4 * t->opt.batch_size * chw[0] * chw[1] * chw[2]), validation = 0;
	const struct vit_evaluator_opt o = { .batch = t->opt.batch_size, .amp = t->opt.amp, .how = t->opt.how };
	int rc = t->val ? vit_evaluator_cost(&validation, &t->model, &o, t->backend, t->dev) : 0;
	if (rc)
		return cli_fail(rc);
	const struct { const char *what; size_t bytes; } kind[] = {
		{ "activations", c->arena_bytes }, { "parameters", c->bytes.weights }, { "optimiser", c->bytes.update },
		{ "products", t->backend->own_bytes }, { "validation", validation }, { "batches", batches },
	};
	const double mib = 1048576;
	size_t all = 0;
	for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
		all += kind[i].bytes;
	printf("memory      %.1f MiB:", (double)all / mib);
	for (size_t i = 0; i < sizeof kind / sizeof *kind; i++)
		if (kind[i].bytes)
			printf("%s %s %.1f", i ? "," : "", kind[i].what, (double)kind[i].bytes / mib);
	printf("\n");
	return 0;
}

int train_explain(struct train *t)
{
	struct vit_train_cost c;
	int rc = vit_train_cost(&c, &t->model, &t->opt, t->backend, t->dev);
	if (rc)
		return cli_fail(rc);
	char *config = json_dumps(t->model.config, JSON_COMPACT);
	const int64_t *chw = t->model.preprocess.input_size;
	printf("model       %s\n", config ? config : "");
	printf("input       %lldx%lldx%lld\n", (long long)chw[1], (long long)chw[2], (long long)chw[0]);
	explain_run(t);
	printf("device      %s\n", t->backend->describe(t->dev));
	explain_precision(t);
	printf("parameters  %lld, trained %lld\n", (long long)c.params, (long long)c.trained);
	printf("work        %.4g GFLOP a step, %.4g TFLOP in all\n", c.flops_step / 1e9, c.flops_step * (double)t->opt.steps / 1e12);
	free(config);
	return explain_memory(t, &c);
}
