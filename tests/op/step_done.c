/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <math.h>

static const struct vit_step_attr fixed = { 0 }, eager = { .growth = 2, .backoff = 0.5f, .interval = 1 };
static const struct vit_step_attr patient = { .growth = 2, .backoff = 0.5f, .interval = 4 };

#define SUMS .wsum = 3, .loss = 5, .hits = 1, .gnorm2 = 40, .done = 6, .closed = 9
static const struct vit_step due = { SUMS, .loss_scale = 8, .good = 3 }, early = { SUMS, .loss_scale = 8, .good = 2 };
static const struct vit_step tiny = { SUMS, .loss_scale = 0x1p-14f, .found_inf = 1 };
static const struct vit_step huge = { SUMS, .loss_scale = 0x1p127f };
static const struct vit_step infinite = { .wsum = 3, .loss = INFINITY, .loss_scale = 8, .closed = 4 };
static const struct vit_step again = { SUMS, .loss_scale = 8, .found_inf = 1, .bad = 4 };

static const struct op_case cases[] = {
	{ .label = "", .attr = &fixed, .train = 1 },
	{ .label = "bad", .attr = &fixed, .train = 1, .found_inf = 1 },
	{ .label = "bad again", .attr = &fixed, .train = 1, .step = &again },
	{ .label = "infinite loss", .attr = &fixed, .train = 1, .step = &infinite },
	{ .label = "dynamic, infinite loss", .attr = &eager, .train = 1, .step = &infinite },
	{ .label = "grows", .attr = &eager, .train = 1, .loss_scale = 1024 },
	{ .label = "grows in time", .attr = &patient, .train = 1, .step = &due },
	{ .label = "waits", .attr = &patient, .train = 1, .step = &early },
	{ .label = "largest", .attr = &eager, .train = 1, .step = &huge },
	{ .label = "backs off", .attr = &patient, .train = 1, .loss_scale = 1024, .found_inf = 1 },
	{ .label = "backs off too far", .attr = &patient, .train = 1, .step = &tiny },
};
OP_CASES(step_done, cases)
