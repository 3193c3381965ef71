/* SPDX-License-Identifier: MIT
 *
 * product.h - one product of row-major matrices: by cublasLt where it has an
 * algorithm for exactly this one, else by the kernel of plain.cu, which takes
 * all. Everything is asked for when the plan is made; a run only starts it.
 *
 * Results of cublasLt that sum parts of k in another order from run to run, or
 * in 16 bits, are never taken; timing (VIT_HOW_TUNE) chooses among the others.
 */
#ifndef VIT_CUDA_PRODUCT_H
#define VIT_CUDA_PRODUCT_H

#include "cuda/cuda.h"
#include "cuda/lt.h"

/* What follows the sums, added up; only cublasLt does it. `vector` and what is
 * kept have D's type. */
enum product_end {
	PRODUCT_PLAIN = 0,
	PRODUCT_BIAS = 1,       /* P = A B + vector [n]; without it P = A B */
	PRODUCT_GELU = 2,       /* D = gelu_tanh(P); without it D = P */
	PRODUCT_KEEP = 4,       /* with GELU: aux [m,n] = P */
	PRODUCT_SUM_A = 8,      /* alone: vector [m] = sums over k of A (overwritten) */
};

/* D [m,n] = A [m,k] B [k,n], or that added to D. flip: memory holds the
 * transpose. ld: elements from row to row of what memory holds. D's rows are
 * dense. All members are int64_t, so that specs can be compared as memory. */
struct product_spec {
	int64_t m, n, k;
	int64_t a_type, a_flip, a_ld;
	int64_t b_type, b_flip, b_ld;
	int64_t d_type, end;    /* end: of enum product_end */
	int64_t tf32;           /* factors in f32 may be rounded to TF32 */
};

/* Of all matrices and vectors: what plan.h promises for 16-bit parameters, which
 * have the least. */
enum { PRODUCT_ALIGN = 32 };

struct product {
	struct product_spec spec;
	int by_lt;              /* else plain.cu */
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t a, b, d;         /* as cublasLt names them */
	cublasLtMatmulAlgo_t algo;
};

/* 1: cublasLt does it; 0: it does not, and *p is empty. Nothing is an error: the
 * caller asks for less, in the end for product_plain. tune: by timing, on memory
 * that is allocated for it. */
int product_lt(struct product *p, struct vit_dev *, const struct product_spec *, int tune);
/* The kernel that takes every shape and type; end must be PRODUCT_PLAIN. */
void product_plain(struct product *p, const struct product_spec *);
int64_t product_scratch(const struct product *);        /* bytes; products of one call may share them */
void product_free(struct product *, struct vit_dev *);  /* an empty one too */

/* add: to what D holds. vector, aux: by spec.end, else NULL. */
struct product_run { const void *a, *b; void *d; int add; void *vector, *aux, *scratch; };
int product_run(struct vit_dev *, const struct product *, const struct product_run *) VIT_MUST_CHECK;

/* plain.cu */
int64_t plain_scratch(const struct product_spec *);
int plain_run(cudaStream_t, const struct product_spec *, const struct product_run *) VIT_MUST_CHECK;

/* tune.cu: the fastest of n results. Those of equal specs are timed once per
 * device. Where there is no memory to time on: the first. */
int tune_choose(struct vit_dev *, const struct product *, const cublasLtMatmulHeuristicResult_t *, int n);
void tune_forget(struct vit_dev *);

#endif
