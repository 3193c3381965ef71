/* SPDX-License-Identifier: MIT
 *
 * Constant: the base rate after warm-up, whatever the minimum says.
 */
#include "train/train.h"

static double factor(int64_t i, int64_t n, double min_factor)
{
	(void)i;
	(void)n;
	(void)min_factor;
	return 1;
}

const struct vit_sched vit_sched_constant = {
	.name = "constant", .help = "--lr all the way", .factor = factor,
};
