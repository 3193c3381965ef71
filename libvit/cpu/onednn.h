/* SPDX-License-Identifier: MIT
 *
 * onednn.h - oneDNN's product in place of our own where it is faster. Nothing
 * else in the module knows oneDNN.
 */
#ifndef VIT_CPU_ONEDNN_H
#define VIT_CPU_ONEDNN_H

#include <stdint.h>

enum cpu_product { CPU_FORWARD, CPU_DX, CPU_DW };

/* 1: oneDNN is the faster one for this product of y[m,n] = x[m,k] w[n,k]^T on
 * vectors of `lanes` floats. A matter of shape alone: a plan and every run of
 * it choose alike. */
int cpu_onednn_wins(enum cpu_product, int lanes, int64_t m, int64_t n, int64_t k);

/* c[m,n] = A B, or c += A B (add), all row-major with row strides lda, ldb, ldc.
 * A is a[m,k], or a[k,m] transposed (ta); B is b[k,n], or b[n,k] transposed (tb).
 * Runs on the calling thread alone, called from any thread of a team, so the
 * bits depend on the sizes only. Allocates: oneDNN packs into memory of its own
 * where it packs. VIT_ENOMEM, without a message: threads have no say in it. */
int cpu_onednn(int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, int add,
               float *c, int64_t ldc);

/* "oneDNN 2.6.3" */
void cpu_onednn_version(char *to, int size);

#endif
