/* SPDX-License-Identifier: MIT
 *
 * Cosine: half a period from the base rate to the minimum, which the last step
 * reaches. Loshchilov & Hutter, "SGDR", 2017, without restarts.
 */
#include "train/train.h"

#include <math.h>

static double factor(int64_t i, int64_t n, double min_factor)
{
	double t = n > 1 ? (double)i / (double)(n - 1) : 0;
	return min_factor + (1 - min_factor) * 0.5 * (1 + cos(t * 3.14159265358979323846));
}

const struct vit_sched vit_sched_cosine = {
	.name = "cosine", .help = "half a cosine from --lr to --min-lr", .factor = factor,
};
