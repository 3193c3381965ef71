/* SPDX-License-Identifier: MIT
 *
 * lt.cpp - cublasLt's descriptors, and what it supports. Where the documents
 * leave it open the answer is no: the module must then do without.
 */
#include "lt_product.h"

#include <stdlib.h>
#include <string.h>

struct cublasLtContext {
	int unused;
};
struct cublasLtMatmulPreferenceOpaque_t {
	uint64_t workspace;
	uint32_t align[4];              /* of A, B, C, D */
};

enum level { ALL, BIAS_ONLY, PLAIN, NONE, ABSENT };
static enum level level(void)
{
	static const char *const names[] = { "all", "bias", "plain", "none", "absent" };
	const char *s = getenv("VIT_SHIM_LT");
	if (!s)
		return ALL;
	for (int i = 0; i <= ABSENT; i++)
		if (!strcmp(s, names[i]))
			return (enum level)i;
	shim_die("VIT_SHIM_LT=%s: use all, bias, plain, none or absent", s);
}

/* ---- handle and words ---- */

cublasStatus_t cublasLtCreate(cublasLtHandle_t *out)
{
	if (level() == ABSENT)
		return CUBLAS_STATUS_NOT_INITIALIZED;
	*out = static_cast<cublasLtHandle_t>(calloc(1, sizeof **out));
	return *out ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_ALLOC_FAILED;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t h)
{
	free(h);
	return CUBLAS_STATUS_SUCCESS;
}

size_t cublasLtGetVersion(void)
{
	return 130000;
}

const char *cublasLtGetStatusName(cublasStatus_t s)
{
	switch (s) {
	case CUBLAS_STATUS_SUCCESS: return "CUBLAS_STATUS_SUCCESS";
	case CUBLAS_STATUS_NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
	case CUBLAS_STATUS_ALLOC_FAILED: return "CUBLAS_STATUS_ALLOC_FAILED";
	case CUBLAS_STATUS_INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
	case CUBLAS_STATUS_NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
	default: return "CUBLAS_STATUS_INTERNAL_ERROR";
	}
}

const char *cublasLtGetStatusString(cublasStatus_t s)
{
	return cublasLtGetStatusName(s);
}

/* ---- descriptors ---- */

static cublasStatus_t put(void *to, size_t size, const void *from, size_t given)
{
	if (given != size || !from)
		return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(to, from, size);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *out, cublasComputeType_t compute, cudaDataType scale)
{
	if (scale != CUDA_R_32F)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	*out = static_cast<cublasLtMatmulDesc_t>(calloc(1, sizeof **out));
	if (!*out)
		return CUBLAS_STATUS_ALLOC_FAILED;
	(*out)->compute = compute;
	(*out)->epilogue = CUBLASLT_EPILOGUE_DEFAULT;
	(*out)->bias_type = -1;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t d)
{
	free(d);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t a, const void *from, size_t size)
{
	switch (a) {
	case CUBLASLT_MATMUL_DESC_TRANSA: return put(&d->trans_a, sizeof d->trans_a, from, size);
	case CUBLASLT_MATMUL_DESC_TRANSB: return put(&d->trans_b, sizeof d->trans_b, from, size);
	case CUBLASLT_MATMUL_DESC_EPILOGUE: return put(&d->epilogue, sizeof d->epilogue, from, size);
	case CUBLASLT_MATMUL_DESC_BIAS_POINTER: return put(&d->bias, sizeof d->bias, from, size);
	case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER: return put(&d->aux, sizeof d->aux, from, size);
	case CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD: return put(&d->aux_ld, sizeof d->aux_ld, from, size);
	case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE: return put(&d->bias_type, sizeof d->bias_type, from, size);
	default: return CUBLAS_STATUS_NOT_SUPPORTED;
	}
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *out, cudaDataType type, uint64_t rows, uint64_t cols, int64_t ld)
{
	*out = static_cast<cublasLtMatrixLayout_t>(calloc(1, sizeof **out));
	if (!*out)
		return CUBLAS_STATUS_ALLOC_FAILED;
	**out = { type, rows, cols, ld, 1, 0 };
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t l)
{
	free(l);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t l, cublasLtMatrixLayoutAttribute_t a, const void *from, size_t size)
{
	switch (a) {
	case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT: return put(&l->batch, sizeof l->batch, from, size);
	case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET: return put(&l->stride, sizeof l->stride, from, size);
	default: return CUBLAS_STATUS_NOT_SUPPORTED;
	}
}

/* Unless told otherwise cublasLt counts on 256-byte borders, and has no workspace. */
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *out)
{
	*out = static_cast<cublasLtMatmulPreference_t>(calloc(1, sizeof **out));
	if (!*out)
		return CUBLAS_STATUS_ALLOC_FAILED;
	for (int i = 0; i < 4; i++)
		(*out)->align[i] = 256;
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t p)
{
	free(p);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t p, cublasLtMatmulPreferenceAttributes_t a, const void *from,
                                                    size_t size)
{
	uint32_t mask;
	switch (a) {
	case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES: return put(&p->workspace, sizeof p->workspace, from, size);
	case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK: return put(&mask, sizeof mask, from, size);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES: return put(&p->align[0], sizeof *p->align, from, size);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES: return put(&p->align[1], sizeof *p->align, from, size);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES: return put(&p->align[2], sizeof *p->align, from, size);
	case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES: return put(&p->align[3], sizeof *p->align, from, size);
	default: return CUBLAS_STATUS_NOT_SUPPORTED;
	}
}

/* ---- what is supported ---- */

/* Largest power of two that divides the address; of none, nothing is known. */
static uint32_t border(const void *p)
{
	const uintptr_t u = (uintptr_t)p;
	const uintptr_t low = u & -u;
	return u && low < 256 ? (uint32_t)low : 256;
}

static int shapes_fit(const struct shim_product *p)
{
	const struct cublasLtMatmulDescOpaque_t *e = &p->desc;
	const struct cublasLtMatrixLayoutOpaque_t *const all[] = { &p->a_is, &p->b_is, &p->c_is, &p->d_is };
	const uint64_t m = e->trans_a ? p->a_is.cols : p->a_is.rows, k = e->trans_a ? p->a_is.rows : p->a_is.cols;
	const uint64_t kb = e->trans_b ? p->b_is.cols : p->b_is.rows, n = e->trans_b ? p->b_is.rows : p->b_is.cols;
	for (int i = 0; i < 4; i++)
		if (!all[i]->rows || !all[i]->cols || all[i]->ld < (int64_t)all[i]->rows || all[i]->batch != p->d_is.batch || all[i]->batch < 1)
			return 0;
	return k == kb && p->d_is.rows == m && p->d_is.cols == n && p->c_is.rows == m && p->c_is.cols == n;
}

static int types_fit(const struct shim_product *p)
{
	const cudaDataType in = p->a_is.type, out = p->d_is.type;
	const cublasComputeType_t c = p->desc.compute;
	if (in != p->b_is.type || out != p->c_is.type || (out != in && out != CUDA_R_32F))
		return 0;
	if (in != CUDA_R_32F && in != CUDA_R_16BF && in != CUDA_R_16F)
		return 0;
	return c == CUBLAS_COMPUTE_32F || c == CUBLAS_COMPUTE_32F_PEDANTIC || (c == CUBLAS_COMPUTE_32F_FAST_TF32 && in == CUDA_R_32F);
}

static int epilogue_fits(const struct shim_product *p)
{
	const struct cublasLtMatmulDescOpaque_t *e = &p->desc;
	const int32_t known[] = { CUBLASLT_EPILOGUE_RELU, CUBLASLT_EPILOGUE_BIAS, CUBLASLT_EPILOGUE_RELU_BIAS, CUBLASLT_EPILOGUE_GELU,
	                          CUBLASLT_EPILOGUE_GELU_BIAS, CUBLASLT_EPILOGUE_GELU_AUX, CUBLASLT_EPILOGUE_GELU_AUX_BIAS,
	                          CUBLASLT_EPILOGUE_DGELU, CUBLASLT_EPILOGUE_DGELU_BGRAD, CUBLASLT_EPILOGUE_BGRADA, CUBLASLT_EPILOGUE_BGRADB };
	int found = 0;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		found |= e->epilogue == known[i];
	if (!found || p->d_is.batch != 1 || level() >= PLAIN || (level() == BIAS_ONLY && e->epilogue != CUBLASLT_EPILOGUE_BIAS))
		return 0;
	if ((e->epilogue & (LT_BIAS | LT_BGRAD | LT_BGRADA | LT_BGRADB)) && e->bias_type >= 0 && e->bias_type != p->d_is.type)
		return 0;
	if ((e->epilogue & LT_AUX) && (e->aux_ld % 8 || e->aux_ld < (int64_t)p->d_is.rows))
		return 0;
	/* the sums over k run along columns: of A as it lies, of B only if it is turned */
	return !(e->epilogue & LT_BGRADA && e->trans_a) && !(e->epilogue & LT_BGRADB && !e->trans_b);
}

/* Tensor cores of 16-bit factors, and fused ends, want rows of 16 bytes. */
static int borders_fit(const struct shim_product *p, const uint32_t *align)
{
	const struct cublasLtMatrixLayoutOpaque_t *const all[] = { &p->a_is, &p->b_is, &p->c_is, &p->d_is };
	const int strict = p->a_is.type != CUDA_R_32F || p->desc.epilogue != CUBLASLT_EPILOGUE_DEFAULT;
	for (int i = 0; i < 4; i++) {
		const int64_t size = shim_lt_size(all[i]->type), want = strict ? 16 : size;
		if (align[i] % want || all[i]->ld * size % want || all[i]->stride * size % want)
			return 0;
	}
	return 1;
}

static cublasStatus_t supported(const struct shim_product *p, const uint32_t *align)
{
	if (!shapes_fit(p))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (level() >= NONE || !types_fit(p) || !borders_fit(p, align))
		return CUBLAS_STATUS_NOT_SUPPORTED;
	if (p->desc.epilogue != CUBLASLT_EPILOGUE_DEFAULT && !epilogue_fits(p))
		return CUBLAS_STATUS_NOT_SUPPORTED;
	return CUBLAS_STATUS_SUCCESS;
}

/* ---- algorithms ---- */

/* What the heuristic counted on, inside cublasLtMatmulAlgo_t. */
struct algo {
	uint64_t magic, problem, workspace;
	uint32_t align[4], bias, aux;
};
static_assert(sizeof(struct algo) <= sizeof(cublasLtMatmulAlgo_t), "an algorithm is 64 bytes");
static const uint64_t magic = 0x73686d6c74616c67;

/* Everything but the addresses. */
static uint64_t problem_of(const struct shim_product *p)
{
	const struct cublasLtMatrixLayoutOpaque_t *const all[] = { &p->a_is, &p->b_is, &p->c_is, &p->d_is };
	uint64_t h = 1469598103934665603u;
	const auto mix = [&h](uint64_t x) { h = (h ^ x) * 1099511628211u; };
	mix((uint64_t)p->desc.compute);
	mix((uint64_t)(p->desc.trans_a << 1 | p->desc.trans_b));
	mix((uint64_t)p->desc.epilogue);
	mix((uint64_t)p->desc.aux_ld);
	for (int i = 0; i < 4; i++) {
		mix((uint64_t)all[i]->type);
		mix(all[i]->rows);
		mix(all[i]->cols);
		mix((uint64_t)all[i]->ld);
		mix((uint64_t)all[i]->batch);
	}
	return h;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, cublasLtMatrixLayout_t a,
                                              cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t f, int most, cublasLtMatmulHeuristicResult_t *r, int *n)
{
	*n = 0;
	if (!handle || !desc || !a || !b || !c || !d || !f || most < 1)
		return CUBLAS_STATUS_INVALID_VALUE;
	const struct shim_product p = { *desc, *a, *b, *c, *d, NULL, NULL, NULL, NULL, 1, 0, NULL, 0 };
	const cublasStatus_t s = supported(&p, f->align);
	if (s)
		return s;
	/* one that wants all the workspace, one that wants none */
	for (int i = 0; i < 2 && i < most; i++) {
		struct algo x = { magic, problem_of(&p), i ? 0 : f->workspace, {}, border(desc->bias), border(desc->aux) };
		memcpy(x.align, f->align, sizeof x.align);
		memset(&r[i], 0, sizeof r[i]);
		memcpy(r[i].algo.data, &x, sizeof x);
		r[i].workspaceSize = x.workspace;
		r[i].wavesCount = 1;
		(*n)++;
	}
	return CUBLAS_STATUS_SUCCESS;
}

/* Addresses must be what the heuristic was told, and on the device. */
static cublasStatus_t check_run(const struct shim_product *p, const struct algo *x)
{
	const void *const at[] = { p->a, p->b, p->beta != 0 ? p->c : p->d, p->d };
	const struct cublasLtMatrixLayoutOpaque_t *const all[] = { &p->a_is, &p->b_is, &p->c_is, &p->d_is };
	if (x->magic != magic || x->problem != problem_of(p))
		return CUBLAS_STATUS_INVALID_VALUE;
	for (int i = 0; i < 4; i++) {
		const struct cublasLtMatrixLayoutOpaque_t *l = all[i];
		const int64_t n = (int64_t)(l->cols - 1) * l->ld + (int64_t)l->rows + (l->batch - 1) * l->stride;
		if ((uintptr_t)at[i] % x->align[i] || !shim_on_device(at[i], (size_t)(n * shim_lt_size(l->type))))
			return CUBLAS_STATUS_INVALID_VALUE;
	}
	if (p->desc.epilogue & (LT_BIAS | LT_BGRAD | LT_BGRADA | LT_BGRADB) && (border(p->desc.bias) < x->bias || !shim_on_device(p->desc.bias, 1)))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (p->desc.epilogue & LT_AUX && (border(p->desc.aux) < x->aux || !shim_on_device(p->desc.aux, 1)))
		return CUBLAS_STATUS_INVALID_VALUE;
	if (p->workspace_bytes < x->workspace || (x->workspace && ((uintptr_t)p->workspace % 256 || !shim_on_device(p->workspace, x->workspace))))
		return CUBLAS_STATUS_INVALID_VALUE;
	return p->beta != 0 && p->c == p->d && p->c_is.ld != p->d_is.ld ? CUBLAS_STATUS_INVALID_VALUE : CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t desc, const void *alpha, const void *a, cublasLtMatrixLayout_t a_is,
                              const void *b, cublasLtMatrixLayout_t b_is, const void *beta, const void *c, cublasLtMatrixLayout_t c_is, void *d,
                              cublasLtMatrixLayout_t d_is, const cublasLtMatmulAlgo_t *algo, void *workspace, size_t bytes, cudaStream_t stream)
{
	struct algo x;
	if (!handle || !algo || shim_stream_check(stream))
		return CUBLAS_STATUS_INVALID_VALUE;
	memcpy(&x, algo->data, sizeof x);
	struct shim_product p = { *desc, *a_is, *b_is, *c_is, *d_is, a, b, c, d, *static_cast<const float *>(alpha), *static_cast<const float *>(beta),
	                          workspace, bytes };
	cublasStatus_t s = supported(&p, x.align);
	if (!s)
		s = check_run(&p, &x);
	if (s)
		return s;
	p.workspace_bytes = x.workspace < 4096 ? x.workspace : 4096;    /* enough to be noticed */
	return shim_queue(stream, SHIM_WORK, shim_product_run, &p, sizeof p) ? CUBLAS_STATUS_INTERNAL_ERROR : CUBLAS_STATUS_SUCCESS;
}
