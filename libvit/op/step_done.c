/* SPDX-License-Identifier: MIT
 *
 * step_done: the end of an optimiser step, after the last update.
 *
 *   last_* = the step's sums;  done += !found_inf;  sums and found_inf = 0
 *
 * No inputs, no outputs. A skipped step does not advance the schedule.
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	return vit_want_n(c, 0, 0);
}

static int forward(const struct vit_call *c)
{
	struct vit_step *s = c->step;
	s->last_wsum = s->wsum;
	s->last_loss = s->loss;
	s->last_hits = s->hits;
	s->last_gnorm2 = s->gnorm2;
	s->last_inf = s->found_inf;
	s->done += !s->found_inf;
	s->wsum = s->loss = s->hits = s->gnorm2 = 0;
	s->found_inf = 0;
	return 0;
}

const struct vit_op VIT_OP(step_done) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "step_done", .help = "closes an optimiser step",
	.infer = infer, .forward = forward,
};
