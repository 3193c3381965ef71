/* SPDX-License-Identifier: MIT
 *
 * lt.h - cublasLt, opened with the device.
 *
 * It is never linked: half a gigabyte, which who looks at --version or trains
 * on the CPU should not load, and which lies somewhere else on every machine.
 * So every call goes through the table: lt->cublasLtMatmul(lt->handle, ...).
 * In the shim the table holds the functions of tests/cuda-shim.
 */
#ifndef VIT_CUDA_LT_H
#define VIT_CUDA_LT_H

#include "cuda/port.h"

#include <stddef.h>

extern "C" {
#include "core/err.h"
}

#if defined(VIT_CUDA_SHIM)
#include "shim_lt.h"
#else
#include <cublasLt.h>
#endif

/* All that are used; one more is one line here. */
#define LT_FUNCTIONS(F) \
	F(cublasLtCreate) F(cublasLtDestroy) F(cublasLtGetVersion) F(cublasLtGetStatusString) \
	F(cublasLtMatmul) F(cublasLtMatmulAlgoGetHeuristic) \
	F(cublasLtMatmulDescCreate) F(cublasLtMatmulDescDestroy) F(cublasLtMatmulDescSetAttribute) \
	F(cublasLtMatrixLayoutCreate) F(cublasLtMatrixLayoutDestroy) F(cublasLtMatrixLayoutSetAttribute) \
	F(cublasLtMatmulPreferenceCreate) F(cublasLtMatmulPreferenceDestroy) F(cublasLtMatmulPreferenceSetAttribute)

struct lt {
#define LT_POINTER(name) decltype(&::name) name;
	LT_FUNCTIONS(LT_POINTER)
#undef LT_POINTER
	void *library;          /* of dlopen; never closed: it is half of the process by then */
	cublasLtHandle_t handle;
	size_t version;         /* 130100: 13.1.0 */
};
enum { LT_WORKSPACE = 32 << 20 };       /* bytes for products: what Hopper's kernels want at most; 4 MiB do before it */

/* For the present device. VIT_EUNSUPPORTED with all places that were tried;
 * lt_close(NULL) is allowed. */
int lt_open(struct lt **);
void lt_close(struct lt *);
/* 0, or VIT_EDEVICE: "cublasLt: " and its words. */
int lt_check(const struct lt *, cublasStatus_t) VIT_MUST_CHECK;

#endif
