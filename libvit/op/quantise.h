/* SPDX-License-Identifier: MIT
 *
 * quantise.h - the canonical 7-bit activation, shared by quantise and linear_i8.
 *
 * The factor 63 / a is rounded once, its product with x once, and ties go to
 * even: so every backend finds the same integers.
 */
#ifndef VIT_OP_QUANTISE_H
#define VIT_OP_QUANTISE_H

#include "op/ref.h"

static inline real quantise_most(const real *x, int64_t K)
{
	double most = 0;
	for (int64_t k = 0; k < K; k++)
		most = fmax(most, fabs((double)x[k]));
	return (real)most;
}

static inline int32_t quantise(real x, real most)
{
	/* below it 63 / a would not be finite */
	if (!(most >= (real)1e-30))
		return 0;
	const real factor = (real)63 / most, scaled = x * factor;
	return (int32_t)rint((double)scaled);
}

#endif
