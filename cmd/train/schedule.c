/* SPDX-License-Identifier: MIT
 *
 * train_schedule.c - how long the run is, from options and headers, before the
 * first step.
 */
#include "command.h"

#include <math.h>

enum { STEPS_MAX = 1000000000 };        /* as --steps */

/* Epochs of the run and passes over the samples. */
static int epochs(struct train *t, const struct vit_meta *m)
{
	int64_t want = t->cfg->epochs;
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
	if (m->count == 0)
		return cli_fail(vit_fail(VIT_EFORMAT, "the stream's header announces no records"));
	if (m->count > 0)
		t->per_epoch = c->drop_last ? m->count / c->batch : m->count / c->batch + (m->count % c->batch > 0);
	if (m->count > 0 && !t->per_epoch)
		return cli_usage("an epoch of %lld records has no full batch of %lld; make --batch-size smaller or leave out --drop-last",
		                 (long long)m->count, (long long)c->batch);
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
