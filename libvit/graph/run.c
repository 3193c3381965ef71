/* SPDX-License-Identifier: MIT
 *
 * run.c - one run of a plan: send the step, walk the list or play its tape.
 * Nothing is allocated (but tapes) and nothing waits for the device.
 */
#include "graph/internal.h"

#include <stddef.h>
#include <stdio.h>

static int skipped(const struct vit_instr *in, int flags)
{
	return (in->what == VIT_ZERO && !(flags & VIT_RUN_FIRST)) || (in->what == VIT_UPDATE && !(flags & VIT_RUN_LAST)) || in->what == VIT_LOWER;
}

/* Lowered parameters before a run that would read old ones. An optimiser's plan
 * keeps its copy up to date; nobody tells when the EMA moved, so that is made anew
 * each time. Never part of a tape. */
static int lower(struct vit_plan *p, int flags)
{
	struct vit_params *w = p->params;
	if (p->opt.amp != VIT_F32 && (w->stale || p->priv->use_ema)) {
		int rc = p->instr[0].run(&p->instr[0].call);
		if (rc)
			return vit_wrap(rc, "%s", p->instr[0].call.name);
		w->stale = w->stale && p->priv->use_ema;
	}
	if (p->opt.amp == VIT_F32 && p->opt.optim && flags & VIT_RUN_LAST)
		w->stale = 1;
	return 0;
}

static int walk(const struct vit_plan *p, int flags, vit_plan_hook hook, void *arg)
{
	for (int i = 0; i < p->n_instr; i++) {
		const struct vit_instr *in = &p->instr[i];
		if (skipped(in, flags))
			continue;
		if (hook)
			VIT_TRY(hook(arg, in, 1));
		int rc = in->run(&in->call);
		if (rc)
			return vit_wrap(rc, "%s", in->call.name);
		if (hook)
			VIT_TRY(hook(arg, in, 0));
	}
	return 0;
}

/* ---- tapes ---------------------------------------------------------------------------
 * A run of some flags queues the same kernels with the same arguments each time:
 * what changes lies in the step block. So the first one is walked, which loads
 * all it needs, the second is recorded, and from then on the tape is played. */

void vit_tapes_erase(struct vit_plan *p)
{
	for (int i = 0; p->priv && i < 4; i++) {
		struct tape *t = &p->priv->tape[i];
		if (t->tape)
			p->backend->erase(p->dev, t->tape);
		*t = (struct tape){ 0 };
	}
}

/* VIT_END: not for now. A recording that was begun is ended in any case, and
 * the first error is the one to hear of. */
static int record(struct vit_plan *p, int flags, void **tape)
{
	char why[1024];
	VIT_TRY(p->backend->record(p->dev, 1, NULL));
	int rc = walk(p, flags, NULL, NULL);
	if (!rc)
		return p->backend->record(p->dev, 0, tape);
	snprintf(why, sizeof why, "%s", vit_errmsg());
	(void)p->backend->record(p->dev, 0, NULL);
	return vit_fail(rc, "%s", why);
}

static int run(struct vit_plan *p, int flags, vit_plan_hook hook, void *arg)
{
	struct tape *t = &p->priv->tape[flags & (VIT_RUN_FIRST | VIT_RUN_LAST)];
	if (!hook && !t->tape && t->ran && p->backend->record) {
		int rc = record(p, flags, &t->tape);
		if (rc && rc != VIT_END)
			return rc;
	}
	/* a hook looks between the instructions: it needs them one by one */
	if (!hook && t->tape)
		return p->backend->play(p->dev, t->tape);
	VIT_TRY(walk(p, flags, hook, arg));
	t->ran = 1;
	return 0;
}

int vit_plan_run(struct vit_plan *p, int flags, vit_plan_hook hook, void *arg)
{
	if (!p->arena)
		return vit_fail(VIT_EUSAGE, "plan: run before bind");
	if (p->host->n_valid < 0 || p->host->n_valid > p->opt.B)
		return vit_fail(VIT_EUSAGE, "plan: %d valid rows in a batch of %lld", (int)p->host->n_valid, (long long)p->opt.B);
	p->host->micro = flags & VIT_RUN_FIRST ? 0 : p->host->micro + 1;
	/* what follows in the block is the device's own */
	VIT_TRY(vit_send(p->backend, p->dev, p->step, p->host, offsetof(struct vit_step, done)));
	VIT_TRY(lower(p, flags));
	return run(p, flags, hook, arg);
}

int vit_plan_step_get(const struct vit_plan *p, struct vit_step *s)
{
	VIT_TRY(p->backend->copy(p->dev, s, p->step, sizeof *s, VIT_FROM_DEVICE));
	return p->backend->sync(p->dev);
}

int vit_plan_step_put(struct vit_plan *p, const struct vit_step *s)
{
	VIT_TRY(p->backend->copy(p->dev, p->step, s, sizeof *s, VIT_TO_DEVICE));
	return p->backend->sync(p->dev);
}
