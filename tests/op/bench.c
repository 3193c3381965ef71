/* SPDX-License-Identifier: MIT
 *
 * bench.c - the time of a case: reference and kernel.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Best of several, each at least a millisecond. */
static double best_time(struct setup *s, vit_kernel k, int back)
{
	double best = INFINITY;
	for (int rep = 0, runs = 1; rep < 5;) {
		const double start = now();
		for (int i = 0; i < runs; i++)
			if (back ? setup_backward(s, k) : setup_forward(s, k))
				return NAN;
		const double took = now() - start;
		if (took < 1e-3) {
			runs *= 2;
			continue;
		}
		best = fmin(best, took / runs);
		rep++;
	}
	return best;
}

void bench_case(const struct vit_op *op, const struct op_case *of, const struct vit_backend *backend, struct vit_dev *dev)
{
	struct setup s;
	int rc = setup_new(&s, op, of, (struct target){ .backend = backend, .dev = dev });
	for (int back = 0; !rc && back < 2 && (!back || op->backward); back++) {
		vit_kernel k, reference = back ? op->backward : op->forward;
		rc = setup_find(&s, back, &k);
		if (rc)
			break;
		setup_fill(&s, &(struct variant){ .n_valid = -1 });
		rc = setup_forward(&s, op->forward);
		if (rc)
			break;
		const double flops = op->flops ? op->flops(&s.call, back) : 0, ref = best_time(&s, reference, back);
		printf("%-44s %-8s %10.3f us reference", s.name, back ? "backward" : "forward", ref * 1e6);
		if (k) {
			const double own = best_time(&s, k, back);
			printf("  %10.3f us %s  %8.2f GFLOP/s", own * 1e6, backend->name, flops / own * 1e-9);
			setup_drop(&s);
		}
		printf("\n");
	}
	if (rc)
		check(0, s.name, "%s", vit_errmsg());
	setup_free(&s);
}
