/* SPDX-License-Identifier: MIT
 *
 * product.cu - products by cublasLt.
 *
 * It counts in columns: a row-major [r,c] is its [c,r] of the same leading
 * dimension. So it is asked for D^T = B^T A^T: its A is our B, its rows are our
 * columns; its bias has one element per row of D, ours one per column, and its
 * BGRADB sums over k for each column of its B: for each row of our A.
 */
#include "cuda/product.h"

#include <string.h>

enum { RESULTS = 8 };

static cudaDataType_t type_of(int64_t dtype)
{
	return dtype == VIT_F32 ? CUDA_R_32F : dtype == VIT_BF16 ? CUDA_R_16BF : CUDA_R_16F;
}

static cublasLtEpilogue_t epilogue_of(int64_t end)
{
	switch (end) {
	case PRODUCT_BIAS:                               return CUBLASLT_EPILOGUE_BIAS;
	case PRODUCT_GELU:                               return CUBLASLT_EPILOGUE_GELU;
	case PRODUCT_GELU | PRODUCT_BIAS:                return CUBLASLT_EPILOGUE_GELU_BIAS;
	case PRODUCT_GELU | PRODUCT_KEEP:                return CUBLASLT_EPILOGUE_GELU_AUX;
	case PRODUCT_GELU | PRODUCT_KEEP | PRODUCT_BIAS: return CUBLASLT_EPILOGUE_GELU_AUX_BIAS;
	case PRODUCT_SUM_A:                              return CUBLASLT_EPILOGUE_BGRADB;
	default:                                         return CUBLASLT_EPILOGUE_DEFAULT;
	}
}

static int has_vector(const struct product_spec *s) { return (s->end & (PRODUCT_BIAS | PRODUCT_SUM_A)) != 0; }
static int has_aux(const struct product_spec *s) { return (s->end & PRODUCT_KEEP) != 0; }

/* The combinations of types that cublasLtMatmul lists for 32-bit sums; its aux
 * must have rows of a multiple of 8 elements. */
static int listed(const struct product_spec *s)
{
	return s->a_type == s->b_type && (s->d_type == s->a_type || s->d_type == VIT_F32) && (!has_aux(s) || s->n % 8 == 0);
}

static int set(const struct lt *lt, cublasLtMatmulDesc_t d, cublasLtMatmulDescAttributes_t what, const void *to, size_t size)
{
	return lt->cublasLtMatmulDescSetAttribute(d, what, to, size) == CUBLAS_STATUS_SUCCESS;
}

static int set_pointers(const struct lt *lt, const struct product *p, const void *vector, const void *aux)
{
	return (!has_vector(&p->spec) || set(lt, p->desc, CUBLASLT_MATMUL_DESC_BIAS_POINTER, &vector, sizeof vector)) &&
	       (!has_aux(&p->spec) || set(lt, p->desc, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER, &aux, sizeof aux));
}

static int describe(const struct lt *lt, struct product *p)
{
	const struct product_spec *s = &p->spec;
	const cublasComputeType_t compute = s->tf32 && s->a_type == VIT_F32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
	const cublasOperation_t op_a = s->b_flip ? CUBLAS_OP_T : CUBLAS_OP_N, op_b = s->a_flip ? CUBLAS_OP_T : CUBLAS_OP_N;
	const cublasLtEpilogue_t end = epilogue_of(s->end);
	const int32_t vector_type = type_of(s->d_type);
	/* the heuristic reads no memory, but how far these addresses are aligned */
	const void *const aligned = reinterpret_cast<const void *>((uintptr_t)4096 + PRODUCT_ALIGN);
	return lt->cublasLtMatmulDescCreate(&p->desc, compute, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
	       set(lt, p->desc, CUBLASLT_MATMUL_DESC_TRANSA, &op_a, sizeof op_a) &&
	       set(lt, p->desc, CUBLASLT_MATMUL_DESC_TRANSB, &op_b, sizeof op_b) &&
	       set(lt, p->desc, CUBLASLT_MATMUL_DESC_EPILOGUE, &end, sizeof end) &&
	       (!has_vector(s) || set(lt, p->desc, CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, &vector_type, sizeof vector_type)) &&
	       (!has_aux(s) || set(lt, p->desc, CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD, &s->n, sizeof s->n)) &&
	       set_pointers(lt, p, aligned, aligned);
}

/* A row-major matrix of these rows and columns, or its transpose in memory. */
static int layout(const struct lt *lt, cublasLtMatrixLayout_t *l, int64_t type, int64_t flip, int64_t rows, int64_t cols, int64_t ld)
{
	const uint64_t r = (uint64_t)(flip ? rows : cols), c = (uint64_t)(flip ? cols : rows);
	return lt->cublasLtMatrixLayoutCreate(l, type_of(type), r, c, ld) == CUBLAS_STATUS_SUCCESS;
}

static int set_preference(const struct lt *lt, cublasLtMatmulPreference_t f, cublasLtMatmulPreferenceAttributes_t what, const void *to, size_t size)
{
	return lt->cublasLtMatmulPreferenceSetAttribute(f, what, to, size) == CUBLAS_STATUS_SUCCESS;
}

static int prefer(const struct lt *lt, cublasLtMatmulPreference_t f)
{
	static const cublasLtMatmulPreferenceAttributes_t matrix[] = {
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
		CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES,
	};
	const uint64_t most = LT_WORKSPACE;
	/* parts of k in f32, added by a kernel that follows: "in place" takes turns
	 * through counters, "output type" would round the parts */
	const uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, align = PRODUCT_ALIGN;
	int ok = set_preference(lt, f, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &most, sizeof most) &&
	         set_preference(lt, f, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes);
	for (int i = 0; i < 4; i++)
		ok = ok && set_preference(lt, f, matrix[i], &align, sizeof align);
	return ok;
}

/* Results that can run in the workspace, best first; their number. */
static int ask(const struct lt *lt, const struct product *p, cublasLtMatmulHeuristicResult_t *r)
{
	cublasLtMatmulPreference_t f = NULL;
	int n = 0, usable = 0;
	if (lt->cublasLtMatmulPreferenceCreate(&f) != CUBLAS_STATUS_SUCCESS)
		return 0;
	if (!prefer(lt, f) ||
	    lt->cublasLtMatmulAlgoGetHeuristic(lt->handle, p->desc, p->a, p->b, p->d, p->d, f, RESULTS, r, &n) != CUBLAS_STATUS_SUCCESS)
		n = 0;
	for (int i = 0; i < n; i++)
		if (r[i].state == CUBLAS_STATUS_SUCCESS && r[i].workspaceSize <= LT_WORKSPACE)
			r[usable++] = r[i];
	(void)lt->cublasLtMatmulPreferenceDestroy(f);
	return usable;
}

int product_lt(struct product *p, struct vit_dev *dev, const struct product_spec *s, int tune)
{
	const struct lt *lt = dev->lt;
	cublasLtMatmulHeuristicResult_t r[RESULTS] = {};
	int n = 0;
	memset(p, 0, sizeof *p);
	p->spec = *s;
	if (listed(s) && describe(lt, p) && layout(lt, &p->a, s->b_type, s->b_flip, s->k, s->n, s->b_ld) &&
	    layout(lt, &p->b, s->a_type, s->a_flip, s->m, s->k, s->a_ld) && layout(lt, &p->d, s->d_type, 0, s->m, s->n, s->n))
		n = ask(lt, p, r);
	p->by_lt = n > 0;
	if (n)
		p->algo = r[tune ? tune_choose(dev, p, r, n) : 0].algo;
	else
		product_free(p, dev);
	return p->by_lt;
}

void product_plain(struct product *p, const struct product_spec *s)
{
	memset(p, 0, sizeof *p);
	p->spec = *s;
}

int64_t product_scratch(const struct product *p)
{
	return p->by_lt ? 0 : plain_scratch(&p->spec);
}

void product_free(struct product *p, struct vit_dev *dev)
{
	const struct lt *lt = dev->lt;
	const cublasLtMatrixLayout_t l[] = { p->a, p->b, p->d };
	for (int i = 0; i < 3; i++)
		if (l[i])
			(void)lt->cublasLtMatrixLayoutDestroy(l[i]);
	if (p->desc)
		(void)lt->cublasLtMatmulDescDestroy(p->desc);
	memset(p, 0, sizeof *p);
}

int product_run(struct vit_dev *dev, const struct product *p, const struct product_run *r)
{
	const struct lt *lt = dev->lt;
	const float one = 1.0f, beta = r->add ? 1.0f : 0.0f;
	if (!p->by_lt)
		return plain_run(dev->stream, &p->spec, r);
	if (!set_pointers(lt, p, r->vector, r->aux))
		return vit_fail(VIT_EDEVICE, "cublasLt refused the address of a bias");
	return lt_check(lt, lt->cublasLtMatmul(lt->handle, p->desc, &one, r->b, p->a, r->a, p->b, &beta, r->d, p->d, r->d, p->d, &p->algo, dev->lt_ws,
	                                       LT_WORKSPACE, dev->stream));
}
