/* SPDX-License-Identifier: MIT
 *
 * unit_lt.cu - the shim's cublasLt against the definition of its products and
 * epilogues, and what it must refuse.
 */
#include "unit.h"

#include "cuda/vec.h"
#include "shim_lt.h"

#include <stdio.h>
#include <stdlib.h>

enum { M = 24, N = 16, K = 40 };        /* D [M,N] in columns */
static cudaStream_t stream;
static cublasLtHandle_t handle;
static float *workspace;
enum { WORKSPACE = 1 << 20 };

struct problem {
	cudaDataType in, out;
	cublasOperation_t ta, tb;
	cublasLtEpilogue_t epilogue;
	float beta;
	int64_t m, n, k, aux_ld;
	uint32_t align;
};
static const struct problem usual = {
	CUDA_R_32F, CUDA_R_32F, CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, 0, M, N, K, M, 256,
};

struct asked {
	cublasLtMatmulDesc_t desc;
	cublasLtMatrixLayout_t a, b, d;
	cublasLtMatmulPreference_t f;
	cublasLtMatmulHeuristicResult_t r[4];
	int n;
};

static cublasStatus_t ask(struct asked *q, const struct problem *p)
{
	const size_t room = WORKSPACE;
	unit_check(!cublasLtMatmulDescCreate(&q->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) &&
	           !cublasLtMatmulDescSetAttribute(q->desc, CUBLASLT_MATMUL_DESC_TRANSA, &p->ta, sizeof p->ta) &&
	           !cublasLtMatmulDescSetAttribute(q->desc, CUBLASLT_MATMUL_DESC_TRANSB, &p->tb, sizeof p->tb) &&
	           !cublasLtMatmulDescSetAttribute(q->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &p->epilogue, sizeof p->epilogue) &&
	           !cublasLtMatmulDescSetAttribute(q->desc, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, &p->aux_ld, sizeof p->aux_ld) &&
	           !cublasLtMatrixLayoutCreate(&q->a, p->in, (uint64_t)(p->ta ? p->k : p->m), (uint64_t)(p->ta ? p->m : p->k), p->ta ? p->k : p->m) &&
	           !cublasLtMatrixLayoutCreate(&q->b, p->in, (uint64_t)(p->tb ? p->n : p->k), (uint64_t)(p->tb ? p->k : p->n), p->tb ? p->n : p->k) &&
	           !cublasLtMatrixLayoutCreate(&q->d, p->out, (uint64_t)p->m, (uint64_t)p->n, p->m) &&
	           !cublasLtMatmulPreferenceCreate(&q->f) &&
	           !cublasLtMatmulPreferenceSetAttribute(q->f, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &room, sizeof room) &&
	           !cublasLtMatmulPreferenceSetAttribute(q->f, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &p->align, sizeof p->align),
	           "descriptors of a product");
	return cublasLtMatmulAlgoGetHeuristic(handle, q->desc, q->a, q->b, q->d, q->d, q->f, 4, q->r, &q->n);
}

static void forget(struct asked *q)
{
	cublasLtMatmulDescDestroy(q->desc);
	cublasLtMatrixLayoutDestroy(q->a);
	cublasLtMatrixLayoutDestroy(q->b);
	cublasLtMatrixLayoutDestroy(q->d);
	cublasLtMatmulPreferenceDestroy(q->f);
}

/* ---- matrices of the three types ---- */

static float get(const void *p, int64_t i, cudaDataType t)
{
	if (t == CUDA_R_32F)
		return static_cast<const float *>(p)[i];
	return t == CUDA_R_16BF ? to_f32(static_cast<const bf16 *>(p)[i]) : to_f32(static_cast<const f16 *>(p)[i]);
}

struct matrix {
	void *host, *dev;
	int64_t n;
	cudaDataType type;
};

static size_t bytes_of(const struct matrix *x)
{
	return (size_t)x->n * (x->type == CUDA_R_32F ? 4 : 2);
}

static struct matrix random_matrix(int64_t n, cudaDataType type, uint32_t salt)
{
	struct matrix x = { calloc((size_t)n, 4), NULL, n, type };
	for (int64_t i = 0; i < n; i++) {
		const float v = unit_value(salt + (uint32_t)i);
		if (type == CUDA_R_32F)
			static_cast<float *>(x.host)[i] = v;
		else
			static_cast<uint16_t *>(x.host)[i] = type == CUDA_R_16BF ? __float2bfloat16(v).bits : __float2half(v).bits;
	}
	unit_check(!cudaMalloc(&x.dev, bytes_of(&x)) && !cudaMemcpy(x.dev, x.host, bytes_of(&x), cudaMemcpyHostToDevice), "a matrix");
	return x;
}

static void check_all(const char *what, const struct matrix *x, double (*want)(int64_t, void *), void *arg)
{
	void *got = malloc(bytes_of(x));
	int bad = 0;
	unit_check(got && !cudaMemcpy(got, x->dev, bytes_of(x), cudaMemcpyDeviceToHost), "a result");
	for (int64_t i = 0; i < x->n; i++) {
		const double w = want(i, arg);
		bad += !(fabs(get(got, i, x->type) - w) <= (fabs(w) + 0.1) * (x->type == CUDA_R_32F ? 1e-5 : x->type == CUDA_R_16F ? 1e-3 : 8e-3));
	}
	unit_check(!bad, "%s: %d of %d elements wrong", what, bad, (int)x->n);
	free(got);
}

/* ---- what must come out ---- */

struct all {
	const struct problem *p;
	struct matrix a, b, d, bias, aux;
};

static double factor_a(const struct all *x, int64_t i, int64_t k) { return get(x->a.host, x->p->ta ? i * K + k : k * M + i, x->p->in); }
static double factor_b(const struct all *x, int64_t k, int64_t j) { return get(x->b.host, x->p->tb ? k * N + j : j * K + k, x->p->in); }

static double before_end(int64_t at, void *arg)
{
	const struct all *x = static_cast<const struct all *>(arg);
	const int64_t i = at % M, j = at / M;
	double sum = x->p->beta * get(x->d.host, at, x->p->out);
	for (int64_t k = 0; k < K; k++)
		sum += factor_a(x, i, k) * factor_b(x, k, j);
	return sum + (x->p->epilogue & CUBLASLT_EPILOGUE_BIAS ? get(x->bias.host, i, x->p->out) : 0);
}

static double tanh_part(double v) { return tanh(sqrt(2 / M_PI) * (v + 0.044715 * v * v * v)); }

static double gelu_slope(double v)
{
	const double h = 1e-5, a = v - h, b = v + h;
	return (0.5 * b * (1 + tanh_part(b)) - 0.5 * a * (1 + tanh_part(a))) / (2 * h);
}

static double result(int64_t at, void *arg)
{
	const struct all *x = static_cast<const struct all *>(arg);
	const double v = before_end(at, arg);
	if ((x->p->epilogue & CUBLASLT_EPILOGUE_DGELU) == CUBLASLT_EPILOGUE_DGELU)
		return v * gelu_slope(get(x->aux.host, at, x->p->out));
	return x->p->epilogue & CUBLASLT_EPILOGUE_GELU ? 0.5 * v * (1 + tanh_part(v)) : v;
}

static double bias_gradient(int64_t at, void *arg)
{
	const struct all *x = static_cast<const struct all *>(arg);
	double sum = 0;
	for (int64_t k = 0; k < (x->p->epilogue & 16 ? N : K); k++)
		sum += x->p->epilogue == CUBLASLT_EPILOGUE_BGRADA ? factor_a(x, at, k) : x->p->epilogue == CUBLASLT_EPILOGUE_BGRADB ? factor_b(x, k, at)
		                                                                       : result(k * M + at, arg);
	return sum;
}

static void check_run(const struct problem *p)
{
	const float alpha = 1;
	struct asked q;
	char what[96];
	snprintf(what, sizeof what, "product, types %d to %d, %c%c, epilogue %d, beta %g", p->in, p->out, "NT"[p->ta], "NT"[p->tb], p->epilogue, p->beta);
	if (ask(&q, p) || q.n < 1) {
		unit_check(0, "%s: is not supported", what);
		forget(&q);
		return;
	}
	const int64_t n_bias = p->epilogue == CUBLASLT_EPILOGUE_BGRADB ? N : M;
	struct all x = { p, random_matrix(M * K, p->in, 1), random_matrix(K * N, p->in, 5000), random_matrix(M * N, p->out, 9000),
	                 random_matrix(n_bias, p->out, 13000), random_matrix(M * N, p->out, 17000) };
	cublasLtMatmulDescSetAttribute(q.desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &x.bias.dev, sizeof x.bias.dev);
	cublasLtMatmulDescSetAttribute(q.desc, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &x.aux.dev, sizeof x.aux.dev);
	const cublasStatus_t s = cublasLtMatmul(handle, q.desc, &alpha, x.a.dev, q.a, x.b.dev, q.b, &p->beta, x.d.dev, q.d, x.d.dev, q.d, &q.r[0].algo,
	                                        workspace, WORKSPACE, stream);
	unit_check(!s && !cudaStreamSynchronize(stream), "%s: %s", what, cublasLtGetStatusName(s));
	check_all(what, &x.d, result, &x);
	if (p->epilogue == CUBLASLT_EPILOGUE_GELU_AUX_BIAS)
		check_all("what GELU_AUX keeps", &x.aux, before_end, &x);
	if (p->epilogue == CUBLASLT_EPILOGUE_DGELU_BGRAD || p->epilogue >= CUBLASLT_EPILOGUE_BGRADA)
		check_all("a bias gradient", &x.bias, bias_gradient, &x);
	const struct matrix *const all[] = { &x.a, &x.b, &x.d, &x.bias, &x.aux };
	for (int i = 0; i < 5; i++) {
		free(all[i]->host);
		cudaFree(all[i]->dev);
	}
	forget(&q);
}

static void check_refused(const char *what, const struct problem *p)
{
	struct asked q;
	const cublasStatus_t s = ask(&q, p);
	unit_check(s == CUBLAS_STATUS_NOT_SUPPORTED && !q.n, "%s: should not be supported", what);
	forget(&q);
}

static void refusals(void)
{
	struct problem p = usual;
	p.in = CUDA_R_16BF;
	p.m = 20;
	check_refused("16-bit columns of 40 bytes", &p);
	p.m = M;
	p.align = 8;
	check_refused("16-bit factors on 8-byte borders", &p);
	p = usual;
	p.in = CUDA_R_32F;
	p.out = CUDA_R_16BF;
	check_refused("f32 factors, a 16-bit result", &p);
	p = usual;
	p.epilogue = CUBLASLT_EPILOGUE_GELU_AUX;
	p.aux_ld = M + 4;
	check_refused("an aux whose rows are no multiple of 8", &p);
	p = usual;
	p.epilogue = CUBLASLT_EPILOGUE_BGRADB;
	check_refused("sums over k of a B that lies in columns", &p);
	setenv("VIT_SHIM_LT", "plain", 1);
	p = usual;
	p.epilogue = CUBLASLT_EPILOGUE_BIAS;
	check_refused("an epilogue under VIT_SHIM_LT=plain", &p);
	setenv("VIT_SHIM_LT", "none", 1);
	check_refused("a product under VIT_SHIM_LT=none", &usual);
	unsetenv("VIT_SHIM_LT");
}

void unit_lt(void)
{
	static const struct { cudaDataType in, out; } type[] = {
		{ CUDA_R_32F, CUDA_R_32F }, { CUDA_R_16BF, CUDA_R_16BF }, { CUDA_R_16BF, CUDA_R_32F }, { CUDA_R_16F, CUDA_R_16F },
	};
	static const struct { cublasLtEpilogue_t e; cublasOperation_t ta, tb; } end[] = {
		{ CUBLASLT_EPILOGUE_DEFAULT, CUBLAS_OP_N, CUBLAS_OP_N }, { CUBLASLT_EPILOGUE_DEFAULT, CUBLAS_OP_T, CUBLAS_OP_T },
		{ CUBLASLT_EPILOGUE_BIAS, CUBLAS_OP_T, CUBLAS_OP_N }, { CUBLASLT_EPILOGUE_GELU_AUX_BIAS, CUBLAS_OP_T, CUBLAS_OP_N },
		{ CUBLASLT_EPILOGUE_DGELU, CUBLAS_OP_N, CUBLAS_OP_N }, { CUBLASLT_EPILOGUE_DGELU_BGRAD, CUBLAS_OP_N, CUBLAS_OP_N },
		{ CUBLASLT_EPILOGUE_BGRADA, CUBLAS_OP_N, CUBLAS_OP_T }, { CUBLASLT_EPILOGUE_BGRADB, CUBLAS_OP_N, CUBLAS_OP_T },
	};
	unit_check(!cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) && !cublasLtCreate(&handle) && !cudaMalloc(&workspace, WORKSPACE),
	           "a handle");
	for (size_t t = 0; t < sizeof type / sizeof type[0]; t++)
		for (size_t e = 0; e < sizeof end / sizeof end[0]; e++)
			for (int beta = 0; beta < 2; beta++) {
				struct problem p = usual;
				p.in = type[t].in;
				p.out = type[t].out;
				p.epilogue = end[e].e;
				p.ta = end[e].ta;
				p.tb = end[e].tb;
				p.beta = (float)beta;
				check_run(&p);
			}
	refusals();
	cublasLtDestroy(handle);
	cudaFree(workspace);
	cudaStreamDestroy(stream);
}
