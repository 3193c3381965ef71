/* SPDX-License-Identifier: MIT
 *
 * The learning-rate table of a run. It is made once, before the first step, and
 * indexed by the optimiser steps really taken, so that nothing on the host
 * decides a rate while the run goes on.
 */
#include "train/train.h"

#include <string.h>

static const struct vit_sched *find(const char *name)
{
	for (int i = 0; vit_scheds[i]; i++)
		if (!strcmp(vit_scheds[i]->name, name))
			return vit_scheds[i];
	return NULL;
}

static int unknown(const char *name)
{
	char list[256] = "";
	for (int i = 0; vit_scheds[i]; i++) {
		size_t n = strlen(list);
		if (n + strlen(vit_scheds[i]->name) + 3 < sizeof list) {
			strcat(list, i ? ", " : "");
			strcat(list, vit_scheds[i]->name);
		}
	}
	return vit_fail(VIT_EUSAGE, "schedule '%s' is unknown; there are %s", name, list);
}

int vit_lr_table(float *lr, int64_t steps, int64_t warmup, double base, double min, const char *sched)
{
	const struct vit_sched *s = find(sched);
	if (!s)
		return unknown(sched);
	if (base <= 0 || min < 0 || min > base)
		return vit_fail(VIT_EUSAGE, "learning rate %g with minimum %g: the rate must be above 0 and the minimum between 0 and it", base, min);
	if (warmup < 0 || warmup > steps)
		return vit_fail(VIT_EUSAGE, "warm-up of %lld steps in a run of %lld", (long long)warmup, (long long)steps);
	for (int64_t i = 0; i < warmup; i++)
		lr[i] = (float)(base * (double)(i + 1) / (double)warmup);
	for (int64_t i = warmup; i < steps; i++)
		lr[i] = (float)(base * s->factor(i - warmup, steps - warmup, min / base));
	return 0;
}
