/* SPDX-License-Identifier: MIT
 *
 * train_run.c - the run: batches, steps, checkpoints, signals, the end.
 *
 * A checkpoint stands for the records of the batches trained on, however far
 * the feeder has read ahead. What is due when an epoch ends (validation, --best,
 * the log) comes before the checkpoint, or the checkpoint says it is still due.
 */
#include "command.h"

#include <stdlib.h>
#include <string.h>

int train_checkpoint(struct train *t)
{
	if (!t->cfg->checkpoint)
		return 0;
	int rc = vit_checkpoint_write(t->trainer, t->cfg->checkpoint, &t->cursor, t->options);
	if (!rc)
		t->saved = t->cursor;
	return rc ? cli_fail(rc) : 0;
}

int train_resume(struct train *t)
{
	const char *path = t->cfg->checkpoint;
	if (!t->cfg->resume)
		return 0;
	char *changed;
	int rc = vit_checkpoint_read(t->trainer, path, &t->cursor, t->options, &changed);
	if (rc == VIT_END) {
		cli_note("%s is not there yet, starting afresh", path);
		return 0;
	}
	if (rc)
		return cli_fail(rc);
	if (changed)
		cli_warn("the last bits of the result may differ from an uninterrupted run: %s", changed);
	free(changed);
	t->saved = t->cursor;
	t->first_step = t->cursor.step;
	cli_note("going on from %s: step %lld of %lld, epoch %lld, record %lld", path, (long long)t->cursor.step, (long long)t->opt.steps,
	         (long long)t->cursor.epoch, (long long)t->cursor.in_epoch);
	return 0;
}

static int open_feeder(struct train *t)
{
	const struct vit_meta *m = vit_samples_meta(t->samples);
	struct vit_feeder_opt o = {
		.preprocess = &t->model.preprocess, .batch = t->opt.batch_size, .n_class = t->model.n_class,
		.class_map = t->map, .n_map = m->n_class, .soft = t->opt.build.soft, .need_label = 1, .threads = (int)t->cfg->common.threads, .drop_last = t->cfg->drop_last, .passes = t->passes,
		.epochs = t->run_epochs, .count = t->cfg->steps ? -1 : m->count, .limit = -1, .skip = t->cursor.record, .epoch = t->cursor.epoch,
		.in_epoch = t->cursor.in_epoch, .hash_from = t->cursor.hash_from, .seq = t->cursor.seq, .hash = t->cursor.hash, .stop = &cli_signal,
	};
	if (m->start_epoch || m->start) {
		if (!t->cursor.record || t->passes > 1)
			return cli_usage("the samples begin at epoch %lld, record %lld (--start)%s; leave --start out", (long long)m->start_epoch,
			                 (long long)m->start, t->passes > 1 ? " and cannot be repeated" : ", and there is no checkpoint to go on from");
		cli_note("the samples begin at epoch %lld, record %lld: those before are not compared with the checkpoint's, only the place is",
		         (long long)m->start_epoch, (long long)m->start);
	}
	int rc = t->passes > 1 ? vit_samples_keep(t->samples) : 0;
	if (!rc)
		rc = vit_feeder_open(&t->feeder, t->samples, &o);
	return rc ? cli_fail(rc) : 0;
}

/* Training on class-sorted data fails quietly; say so early. */
static void look_at_labels(struct train *t, const struct vit_batch *b)
{
	const int32_t *label = b->labels;
	if (!b->n || t->opt.build.soft || t->first_step || t->label_seen > 8 || t->model.n_class < 2)
		return;
	if (!t->label_seen)
		t->label = label[0];
	for (int64_t i = 0; i < b->n; i++)
		t->labels_differ |= label[i] != t->label;
	if (++t->label_seen == 8 && !t->labels_differ)
		cli_warn("the first 8 batches hold one label only; shuffle the samples: vit-fetch --shuffle, or vit-augment --shuffle on a pipe");
}

static int step(struct train *t, const struct vit_batch *b)
{
	look_at_labels(t, b);
	if (b->resized && !t->resized_said) {
		const int64_t *chw = t->model.preprocess.input_size;
		cli_note("images are resized to %lldx%lld, the model's size", (long long)chw[1], (long long)chw[2]);
		t->resized_said = 1;
	}
	int rc = b->n ? vit_trainer_step(t->trainer, b->n, b->images, b->labels) : 0;
	if (rc)
		return cli_fail(rc);
	t->cursor.step += b->n > 0;
	t->cursor.samples += b->n;
	t->cursor.epoch = b->epoch;
	t->cursor.in_epoch = b->in_epoch;
	t->cursor.record = b->record;
	t->cursor.seq = b->seq;
	t->cursor.hash_from = b->hash_from;
	t->cursor.hash = b->hash;
	t->cursor.epoch_end = b->epoch_end;
	t->epoch_samples += b->n;
	return 0;
}

/* After a step: an epoch's end, a checkpoint, a signal. */
static int between(struct train *t)
{
	if (cli_progress_due())
		train_progress(t);
	int64_t at = t->cursor.step;
	int last = at == t->opt.steps, ended = t->cursor.epoch_end != 0;
	/* a run cut by --steps is validated where it stops */
	if (last)
		t->cursor.epoch_end = 1;
	if (t->cursor.epoch_end && !cli_signal) {
		int status = train_epoch_end(t);
		if (status)
			return status;
	}
	int due = t->every ? at % t->every == 0 : ended;
	if (due || last || cli_signal) {
		int status = train_checkpoint(t);
		if (status)
			return status;
	}
	return cli_signal ? cli_fail(0) : 0;
}

/* The input failed: its cause is said, what is on disk stays. */
static int broken(struct train *t, int rc)
{
	int status = cli_fail(rc);
	if (cli_signal && t->cursor.step > t->first_step) {
		int written = train_checkpoint(t);
		status = written ? written : status;
	}
	/* other samples than those of the checkpoint: the same line would fail again */
	if (rc != VIT_EMISMATCH)
		train_resume_hint(t);
	return status;
}

/* The schedule is done; the stream has to end here too, and well. */
static int drain(struct train *t)
{
	const struct vit_batch *b;
	int rc;
	if (t->cfg->steps)
		return 0;
	while ((rc = vit_feeder_next(t->feeder, &b)) == VIT_ERECORD || (!rc && !b->n)) {
		int status = rc ? cli_bad_record((uint64_t)t->cursor.record) : 0;
		if (status)
			return status;
	}
	if (!rc)
		rc = vit_fail(VIT_EFORMAT, "the samples go on after the %lld steps their header announced", (long long)t->opt.steps);
	return rc == VIT_END ? 0 : broken(t, rc);
}

static int ended(struct train *t)
{
	if (!t->cursor.step)
		return cli_fail(vit_fail(VIT_EFORMAT, "the samples end before the first batch is full"));
	if (t->cursor.step < t->opt.steps) {
		cli_note("the samples ended after %lld of %lld steps", (long long)t->cursor.step, (long long)t->opt.steps);
		int status = t->at_epoch.step == t->cursor.step ? 0 : train_epoch_end(t);
		return status ? status : train_checkpoint(t);
	}
	return 0;
}

static int log_start(const struct train *t)
{
	int rc = cli_log(json_pack("{s:s, s:I, s:I, s:I, s:I, s:s, s:s}", "event", "start", "step", (json_int_t)t->cursor.step,
	                           "steps", (json_int_t)t->opt.steps, "epochs", (json_int_t)t->run_epochs,
	                           "parameters", (json_int_t)vit_graph_params(&t->model.graph), "device", t->backend->describe(t->dev),
	                           "amp", vit_amps[t->cfg->common.amp]));
	return rc ? cli_fail(rc) : 0;
}

int train_loop(struct train *t)
{
	int status = open_feeder(t);
	if (!status)
		status = log_start(t);
	t->began = t->epoch_began = cli_now();
	/* the run stopped between the end of an epoch and what was due then */
	if (!status && t->cursor.epoch_end)
		status = train_epoch_end(t);
	while (!status && t->cursor.step < t->opt.steps) {
		const struct vit_batch *b;
		int rc = vit_feeder_next(t->feeder, &b);
		if (rc == VIT_ERECORD)
			status = cli_bad_record((uint64_t)t->cursor.record + 1);
		else if (rc == VIT_END)
			break;
		else if (rc)
			return broken(t, rc);
		else if (!(status = step(t, b)))
			status = between(t);
	}
	if (!status)
		status = t->cursor.step == t->opt.steps ? drain(t) : ended(t);
	cli_progress_end();
	if (status && cli_signal)
		train_resume_hint(t);
	return status;
}

static int log_end(struct train *t)
{
	struct vit_train_stats s;
	int rc = vit_trainer_stats(t->trainer, &s);
	if (rc)
		return cli_fail(rc);
	json_t *j = json_pack("{s:s, s:I, s:I, s:I, s:f}", "event", "end", "step", (json_int_t)t->cursor.step, "samples", (json_int_t)t->cursor.samples,
	                      "skipped", (json_int_t)cli_bad_count(), "seconds", cli_now() - t->began);
	if (s.skipped) {
		cli_note("fp16: %lld step%s skipped while the loss scale settled", (long long)s.skipped, s.skipped == 1 ? " was" : "s were");
		if (j)
			json_object_set_new(j, "steps_skipped", json_integer((json_int_t)s.skipped));
	}
	rc = cli_log(j);
	return rc ? cli_fail(rc) : 0;
}

int train_finish(struct train *t)
{
	int status = cli_bad_end((uint64_t)(t->cursor.record + t->score.count));
	if (status)
		return status;
	int rc = vit_model_write(&t->model, t->out, t->opt.ema > 0);
	if (!rc) {
		rc = vit_output_commit(t->out, "", 0);
		t->out = NULL;
	}
	if (rc)
		return cli_fail(rc);
	return log_end(t);
}
