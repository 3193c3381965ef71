/* SPDX-License-Identifier: MIT
 *
 * train_schedule.c - how long the run is, from options and headers, before the
 * first step.
 */
#include "command.h"

#include <math.h>
#include <stdio.h>

enum {
	STEPS_MAX = 1000000000,         /* as --steps */
	/* What a run of a small set has where nothing was said: so many samples seen
	 * and so many steps an epoch, as far as the bounds allow. Passing a few
	 * hundred photographs once teaches nothing. */
	SEEN = 20000, EPOCHS_MOST = 100,
	STEPS_LEAST = 8, BATCH_LEAST = 8,
};

/* Batch and rate for a set smaller than the defaults are made for. */
static void choose_batch(struct train *t, const struct vit_meta *m)
{
	const struct train_config *c = t->cfg;
	if (cli_given("batch-size") || m->count < 1)
		return;
	while (t->opt.batch_size > BATCH_LEAST && t->opt.batch_size / 2 >= c->accum && t->opt.batch_size * STEPS_LEAST > m->count)
		t->opt.batch_size /= 2;
	/* Adam's noise goes with the root of the batch */
	if (!cli_given("lr") && t->opt.min_lr <= c->lr / 4)
		t->opt.lr = c->lr * sqrt((double)t->opt.batch_size / (double)c->batch);
}

static int64_t choose_epochs(const struct train *t, const struct vit_meta *m)
{
	if (t->cfg->epochs || t->cfg->steps || m->epochs != 1 || m->count < 1 || m->start_epoch || m->start)
		return t->cfg->epochs;
	int64_t n = (SEEN + m->count - 1) / m->count;
	return n > EPOCHS_MOST ? EPOCHS_MOST : n;
}

/* One line with all that was chosen, as options to give or to change. */
void train_say_chosen(const struct train *t)
{
	const struct vit_meta *m = vit_samples_meta(t->samples);
	char epochs[48] = "", batch[48] = "", lr[48] = "";
	if (!t->cfg->epochs && t->passes > 1 && !t->cfg->steps)
		snprintf(epochs, sizeof epochs, " --epochs %lld", (long long)t->passes);
	if (t->opt.batch_size != t->cfg->batch)
		snprintf(batch, sizeof batch, " --batch-size %lld", (long long)t->opt.batch_size);
	if (t->opt.lr < t->cfg->lr)
		snprintf(lr, sizeof lr, " --lr %.3g", t->opt.lr);
	if (*epochs || *batch)
		cli_note("chosen for %lld samples, as not given:%s%s%s", (long long)m->count, epochs, batch, lr);
}

/* Epochs of the run and passes over the samples. */
static int epochs(struct train *t, const struct vit_meta *m)
{
	int64_t want = choose_epochs(t, m);
	t->passes = 1;
	t->run_epochs = m->epochs;
	if (want && m->epochs > 1 && want != m->epochs)
		return cli_usage("the stream holds %lld epochs, --epochs asks for %lld; give the same number to vit-fetch or leave --epochs out",
		                 (long long)m->epochs, (long long)want);
	if (want > 1 && m->epochs == 1)
		t->passes = t->run_epochs = want;
	return 0;
}

static int64_t steps_of(const struct train *t, struct cli_span s)
{
	double n = s.unit == CLI_STEPS ? s.value : s.unit == CLI_PERCENT_OF_RUN ? s.value / 100 * (double)t->opt.steps :
		   s.value * (double)t->per_epoch;
	return n < 1e15 ? (int64_t)llround(n) : (int64_t)1e15;
}

static int spans(struct train *t)
{
	const struct train_config *c = t->cfg;
	if (c->warmup.unit == CLI_EPOCHS && c->warmup.value > 0 && !t->per_epoch)
		return cli_usage("--warmup in epochs, and the stream does not say how long one is; give it as 500it or 5%%");
	t->opt.warmup = steps_of(t, c->warmup);
	if (t->opt.warmup > t->opt.steps) {
		cli_note("--warmup is longer than the run and cut to it, %lld steps", (long long)t->opt.steps);
		t->opt.warmup = t->opt.steps;
	}
	if (!c->checkpoint)
		return 0;
	t->every = steps_of(t, c->every);
	if (t->every < 1)       /* an epoch of unknown length: by its end alone */
		t->every = c->every.unit == CLI_EPOCHS && !t->per_epoch ? 0 : 1;
	return 0;
}

int train_schedule(struct train *t)
{
	const struct train_config *c = t->cfg;
	const struct vit_meta *m = vit_samples_meta(t->samples);
	int status = epochs(t, m);
	if (status)
		return status;
	choose_batch(t, m);
	int64_t batch = t->opt.batch_size;
	if (m->count == 0)
		return cli_fail(vit_fail(VIT_EFORMAT, "the stream's header announces no records"));
	if (m->count > 0)
		t->per_epoch = c->drop_last ? m->count / batch : m->count / batch + (m->count % batch > 0);
	if (m->count > 0 && !t->per_epoch)
		return cli_usage("an epoch of %lld records has no full batch of %lld; make --batch-size smaller or leave out --drop-last",
		                 (long long)m->count, (long long)batch);
	if (c->steps) {
		t->opt.steps = c->steps;
		/* as many passes as the steps take */
		if (!c->epochs && m->epochs == 1)
			t->passes = t->run_epochs = t->per_epoch ? (c->steps + t->per_epoch - 1) / t->per_epoch : INT32_MAX;
	} else if (m->count < 0) {
		return cli_usage("how long is the run? the stream does not announce its records; give --steps N, or make the stream with vit-fetch from "
		                 "a source that can be counted");
	} else {
		/* headers are not to be trusted with a size: the rates of all steps are kept */
		if (t->run_epochs > STEPS_MAX / t->per_epoch)
			return cli_usage("%lld epochs of %lld steps are more than %d steps; give --steps", (long long)t->run_epochs, (long long)t->per_epoch,
			                 STEPS_MAX);
		t->opt.steps = t->run_epochs * t->per_epoch;
	}
	t->opt.epochs = t->run_epochs;
	if (t->passes > 1 && m->random)
		cli_warn("the stream holds random operations, all %lld epochs will see the same images; give --epochs to vit-fetch or vit-augment instead",
		         (long long)t->passes);
	return spans(t);
}
