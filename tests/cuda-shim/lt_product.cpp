/* SPDX-License-Identifier: MIT
 *
 * lt_product.cpp - cublasLtMatmul's arithmetic, sums in f64.
 */
#include "lt_product.h"

#include <stdlib.h>
#include <string.h>

static float load(const void *p, int64_t i, cudaDataType type)
{
	if (type == CUDA_R_32F)
		return static_cast<const float *>(p)[i];
	const uint16_t bits = static_cast<const uint16_t *>(p)[i];
	return type == CUDA_R_16BF ? __bfloat162float(bf16 { bits }) : __half2float(f16 { bits });
}

static void store(void *p, int64_t i, cudaDataType type, float x)
{
	if (type == CUDA_R_32F)
		static_cast<float *>(p)[i] = x;
	else
		static_cast<uint16_t *>(p)[i] = type == CUDA_R_16BF ? __float2bfloat16(x).bits : __float2half(x).bits;
}

/* To 10 bits of fraction, ties away from zero (PTX: cvt.rna.tf32). */
static float to_tf32(float x)
{
	return x != x ? x : shim_float((shim_bits(x) + 0x1000) & ~0x1fffu);
}

static float *buffer(int64_t n)
{
	float *p = static_cast<float *>(malloc((size_t)(n ? n : 1) * sizeof *p));
	if (!p)
		shim_die("no memory for a product");
	return p;
}

/* op(X), row by row: [r][c]; of type f32. */
static float *matrix(const void *x, const struct cublasLtMatrixLayoutOpaque_t *l, int trans, int tf32)
{
	const int64_t rows = (int64_t)(trans ? l->cols : l->rows), cols = (int64_t)(trans ? l->rows : l->cols);
	float *to = buffer(rows * cols);
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < cols; j++) {
			const float v = load(x, trans ? i * l->ld + j : j * l->ld + i, l->type);
			to[i * cols + j] = tf32 ? to_tf32(v) : v;
		}
	return to;
}

static float gelu(float x)
{
	return 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
}

static float gelu_slope(float x)
{
	const float t = tanhf(0.7978845608f * (x + 0.044715f * x * x * x));
	return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * 0.7978845608f * (1 + 3 * 0.044715f * x * x);
}

/* One element of D from its sum: bias, what is kept for backward, activation. */
static float finish(const struct shim_product *p, int64_t i, int64_t j, float x, cudaDataType bias_type)
{
	const struct cublasLtMatmulDescOpaque_t *e = &p->desc;
	const int64_t at = j * e->aux_ld + i;
	if (e->epilogue & LT_BIAS)
		x += load(e->bias, i, bias_type);
	if (e->epilogue & LT_DGELU)
		return x * gelu_slope(load(e->aux, at, p->d_is.type));
	if (e->epilogue & LT_AUX)
		store(e->aux, at, p->d_is.type, x);
	if (e->epilogue & LT_RELU)
		return x > 0 ? x : 0;
	return e->epilogue & LT_GELU ? gelu(x) : x;
}

static void sum_columns(const struct shim_product *p, const float *x, int64_t rows, int64_t cols, cudaDataType type)
{
	for (int64_t j = 0; j < cols; j++) {
		double sum = 0;
		for (int64_t i = 0; i < rows; i++)
			sum += x[i * cols + j];
		store(p->desc.bias, j, type, (float)sum);
	}
}

static void sum_rows(const struct shim_product *p, const float *x, int64_t rows, int64_t cols, cudaDataType type)
{
	for (int64_t i = 0; i < rows; i++) {
		double sum = 0;
		for (int64_t j = 0; j < cols; j++)
			sum += x[i * cols + j];
		store(p->desc.bias, i, type, (float)sum);
	}
}

static void run_one(const struct shim_product *p)
{
	const struct cublasLtMatmulDescOpaque_t *e = &p->desc;
	const int64_t m = (int64_t)p->d_is.rows, n = (int64_t)p->d_is.cols, k = (int64_t)(e->trans_a ? p->a_is.rows : p->a_is.cols);
	const int tf32 = e->compute == CUBLAS_COMPUTE_32F_FAST_TF32;
	const cudaDataType bias_type = e->bias_type < 0 ? p->d_is.type : (cudaDataType)e->bias_type;
	float *a = matrix(p->a, &p->a_is, e->trans_a, tf32), *b = matrix(p->b, &p->b_is, e->trans_b, tf32), *d = buffer(m * n);
	double *sum = static_cast<double *>(malloc((size_t)n * sizeof *sum));
	if (!sum)
		shim_die("no memory for a product");
	for (int64_t i = 0; i < m; i++) {
		for (int64_t j = 0; j < n; j++)
			sum[j] = 0;
		for (int64_t q = 0; q < k; q++)
			for (int64_t j = 0; j < n; j++)
				sum[j] += (double)a[i * k + q] * b[q * n + j];
		for (int64_t j = 0; j < n; j++) {
			const double c = p->beta != 0 ? (double)p->beta * load(p->c, j * p->c_is.ld + i, p->c_is.type) : 0;
			d[i * n + j] = finish(p, i, j, (float)(p->alpha * sum[j] + c), bias_type);
			store(p->d, j * p->d_is.ld + i, p->d_is.type, d[i * n + j]);
		}
	}
	if (e->epilogue & LT_BGRAD)
		sum_rows(p, d, m, n, bias_type);
	if (e->epilogue & LT_BGRADA)
		sum_rows(p, a, m, k, bias_type);
	if (e->epilogue & LT_BGRADB)
		sum_columns(p, b, k, n, bias_type);
	free(a);
	free(b);
	free(d);
	free(sum);
}

static const char *step(const void *p, const struct cublasLtMatrixLayoutOpaque_t *l)
{
	return static_cast<const char *>(p) + l->stride * shim_lt_size(l->type);
}

void shim_product_run(const void *product)
{
	struct shim_product p = *static_cast<const struct shim_product *>(product);
	shim_memory_open();
	if (p.workspace_bytes)
		memset(p.workspace, 0xff, p.workspace_bytes);
	for (int32_t i = 0; i < p.d_is.batch; i++) {
		run_one(&p);
		p.a = step(p.a, &p.a_is);
		p.b = step(p.b, &p.b_is);
		p.c = step(p.c, &p.c_is);
		p.d = const_cast<char *>(step(p.d, &p.d_is));
	}
	shim_memory_close();
}
