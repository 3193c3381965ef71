/* SPDX-License-Identifier: MIT
 *
 * Linear: a straight line from the base rate to the minimum, which the last
 * step reaches.
 */
#include "train/train.h"

static double factor(int64_t i, int64_t n, double min_factor)
{
	double t = n > 1 ? (double)i / (double)(n - 1) : 0;
	return 1 + (min_factor - 1) * t;
}

const struct vit_sched vit_sched_linear = {
	.name = "linear", .help = "a straight line from --lr to --min-lr", .factor = factor,
};
