/* SPDX-License-Identifier: MIT */
#include "check.h"

static const struct vit_step_attr fixed = { 0 }, dynamic = { .growth = 2, .backoff = 0.5f, .interval = 1 };

static const struct op_case cases[] = {
	{ .label = "", .attr = &fixed, .train = 1 },
	{ .label = "bad", .attr = &fixed, .train = 1, .found_inf = 1 },
	{ .label = "grows", .attr = &dynamic, .train = 1, .loss_scale = 1024 },
	{ .label = "backs off", .attr = &dynamic, .train = 1, .loss_scale = 1024, .found_inf = 1 },
};
OP_CASES(step_done, cases)
