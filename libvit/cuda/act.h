/* SPDX-License-Identifier: MIT
 *
 * act.h - activations over rows of n elements, forward and backward, and sums
 * of columns. Floating types may all differ.
 */
#ifndef VIT_CUDA_ACT_H
#define VIT_CUDA_ACT_H

#include "cuda/cuda.h"

struct act_rows { int64_t rows, n; };

/* y = act(p); y may be p. */
struct act_forward {
	const void *p;
	void *y;
	int p_type, y_type, act;
};
int act_forward(cudaStream_t, struct act_rows, const struct act_forward *) VIT_MUST_CHECK;

/* Every row of to := row [n]. */
struct act_fill {
	const void *row;
	void *to;
	int row_type, to_type;
};
int act_fill(cudaStream_t, struct act_rows, const struct act_fill *) VIT_MUST_CHECK;

/* dp = dy act'(p), and sums of its columns in parts, before dp is rounded. */
struct act_backward {
	const void *dy, *p;             /* p: for VIT_ACT_NONE NULL */
	void *dp;                       /* rows of ld elements; NULL: not kept */
	float *part;                    /* [act_parts, n], scratch; NULL: no sums */
	int dy_type, p_type, dp_type;
	int act;
	int64_t ld;
};
int act_backward(cudaStream_t, struct act_rows, const struct act_backward *) VIT_MUST_CHECK;
int64_t act_parts(struct act_rows);

/* to[n] = the sum over `parts` rows of part [parts,n], or that added to it. */
int act_sum(cudaStream_t, const float *part, int64_t parts, int64_t n, void *to, int to_type, int add) VIT_MUST_CHECK;

#endif
