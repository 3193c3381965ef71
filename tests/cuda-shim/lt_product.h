/* SPDX-License-Identifier: MIT
 *
 * lt_product.h - a product as its descriptors say, by value.
 */
#ifndef SHIM_LT_PRODUCT_H
#define SHIM_LT_PRODUCT_H

#include "runtime.h"
#include "shim_lt.h"

struct cublasLtMatmulDescOpaque_t {
	cublasComputeType_t compute;
	int32_t trans_a, trans_b;
	int32_t epilogue, bias_type;    /* -1: D's */
	void *bias, *aux;
	int64_t aux_ld;
};
struct cublasLtMatrixLayoutOpaque_t {
	cudaDataType type;
	uint64_t rows, cols;
	int64_t ld;                     /* elements from column to column */
	int32_t batch;
	int64_t stride;                 /* elements from matrix to matrix of a batch */
};

/* D = alpha op(A) op(B) + beta C, and the epilogue. */
struct shim_product {
	struct cublasLtMatmulDescOpaque_t desc;
	struct cublasLtMatrixLayoutOpaque_t a_is, b_is, c_is, d_is;
	const void *a, *b, *c;
	void *d;
	float alpha, beta;
	void *workspace;
	size_t workspace_bytes;         /* scribbled over */
};
void shim_product_run(const void *product);

/* cublasLt's epilogues are sums of these. */
enum { LT_RELU = 2, LT_BIAS = 4, LT_BGRAD = 16, LT_GELU = 32, LT_DGELU = 64, LT_AUX = 128, LT_BGRADA = 256, LT_BGRADB = 512 };

static inline int64_t shim_lt_size(cudaDataType t) { return t == CUDA_R_32F ? 4 : 2; }

#endif
