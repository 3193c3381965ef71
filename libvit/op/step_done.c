/* SPDX-License-Identifier: MIT
 *
 * step_done: the end of an optimiser step, after the last update.
 *
 *   last_* = the step's sums, gnorm2 without the loss scale; total_* += them
 *   done += !found_inf;  skipped += found_inf;  closed += 1;  sums and found_inf = 0
 *
 * No inputs, no outputs. A skipped step does not advance the schedule.
 *
 * growth > 0: the loss scale is dynamic. After a step whose gradients were not
 * finite it is multiplied by backoff, after `interval` good ones in a row by
 * growth, unless that were infinite. `bad` marks what that cannot mend: a loss
 * that is not finite, a scale below 2^-14; without it every such step is bad.
 *
 * Micikevicius et al., 2018.
 */
#include "op/ref.h"

#define LEAST_SCALE 0x1p-14f    /* a gradient that overflows even so is not the scale's fault */

static int infer(struct vit_call *c)
{
	return vit_want_n(c, 0, 0);
}

static void scale(struct vit_step *s, const struct vit_step_attr *a)
{
	if (s->found_inf) {
		s->loss_scale *= a->backoff;
		s->good = 0;
	} else if (++s->good >= a->interval) {
		if (isfinite(s->loss_scale * a->growth))
			s->loss_scale *= a->growth;
		s->good = 0;
	}
}

static int forward(const struct vit_call *c)
{
	const struct vit_step_attr *a = c->attr;
	struct vit_step *s = c->step;
	s->last_wsum = s->wsum;
	s->last_loss = s->loss;
	s->last_hits = s->hits;
	s->last_gnorm2 = s->gnorm2 / ((double)s->loss_scale * (double)s->loss_scale);
	s->last_inf = s->found_inf;
	s->total_wsum += s->wsum;
	s->total_loss += s->loss;
	s->total_hits += s->hits;
	s->closed++;
	s->done += !s->found_inf;
	s->skipped += s->found_inf != 0;
	const int dynamic = a->growth > 0;
	if (dynamic)
		scale(s, a);
	if (!s->bad && (!isfinite(s->loss) || (dynamic ? s->loss_scale < LEAST_SCALE : s->found_inf)))
		s->bad = s->closed;
	s->wsum = s->loss = s->hits = s->gnorm2 = 0;
	s->found_inf = 0;
	return 0;
}

const struct vit_op VIT_OP(step_done) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "step_done", .help = "closes an optimiser step",
	.attr_size = sizeof(struct vit_step_attr),
	.infer = infer, .forward = forward,
};
