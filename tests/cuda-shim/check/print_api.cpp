/* SPDX-License-Identifier: MIT
 *
 * print_api.cpp - every value, size and signature of the shim's declarations.
 * Compiled against them and against CUDA's own headers, it must print the same.
 */
#if defined(VIT_CUDA_SHIM)
#define SHIM_C_API
#include "shim.h"
#include "shim_lt.h"
#else
#include <cublasLt.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime_api.h>
#endif

#include <stddef.h>
#include <stdio.h>
#include <typeinfo>

#define VALUE(x) printf("%s = %lld\n", #x, (long long)(x))
#define SIZE(t) printf("%s: %zu bytes on %zu\n", #t, sizeof(t), alignof(t))
#define FIELD(t, f) printf("%s.%s: %zu bytes, type %s\n", #t, #f, sizeof(t::f), typeid(decltype(t::f)).name())
#define OFFSET(t, f) printf("%s.%s: at %zu\n", #t, #f, offsetof(t, f))
#define SIGNATURE(f) printf("%s: %s\n", #f, typeid(decltype(f)).name())

static void values(void)
{
	VALUE(cudaSuccess);
	VALUE(cudaErrorInvalidValue);
	VALUE(cudaErrorMemoryAllocation);
	VALUE(cudaErrorInitializationError);
	VALUE(cudaErrorCudartUnloading);
	VALUE(cudaErrorInvalidConfiguration);
	VALUE(cudaErrorInvalidMemcpyDirection);
	VALUE(cudaErrorInsufficientDriver);
	VALUE(cudaErrorInvalidDeviceFunction);
	VALUE(cudaErrorNoDevice);
	VALUE(cudaErrorInvalidDevice);
	VALUE(cudaErrorNoKernelImageForDevice);
	VALUE(cudaErrorECCUncorrectable);
	VALUE(cudaErrorInvalidResourceHandle);
	VALUE(cudaErrorIllegalState);
	VALUE(cudaErrorNotReady);
	VALUE(cudaErrorIllegalAddress);
	VALUE(cudaErrorLaunchOutOfResources);
	VALUE(cudaErrorLaunchTimeout);
	VALUE(cudaErrorHardwareStackError);
	VALUE(cudaErrorIllegalInstruction);
	VALUE(cudaErrorMisalignedAddress);
	VALUE(cudaErrorInvalidAddressSpace);
	VALUE(cudaErrorInvalidPc);
	VALUE(cudaErrorLaunchFailure);
	VALUE(cudaErrorNotSupported);
	VALUE(cudaErrorStreamCaptureUnsupported);
	VALUE(cudaErrorStreamCaptureInvalidated);
	VALUE(cudaErrorStreamCaptureUnmatched);
	VALUE(cudaErrorStreamCaptureIsolation);
	VALUE(cudaErrorUnknown);
	VALUE(cudaMemcpyHostToHost);
	VALUE(cudaMemcpyHostToDevice);
	VALUE(cudaMemcpyDeviceToHost);
	VALUE(cudaMemcpyDeviceToDevice);
	VALUE(cudaMemcpyDefault);
	VALUE(cudaFuncAttributeMaxDynamicSharedMemorySize);
	VALUE(cudaFuncAttributePreferredSharedMemoryCarveout);
	VALUE(cudaStreamCaptureModeGlobal);
	VALUE(cudaStreamCaptureModeThreadLocal);
	VALUE(cudaStreamCaptureModeRelaxed);
	VALUE(cudaStreamCaptureStatusNone);
	VALUE(cudaStreamCaptureStatusActive);
	VALUE(cudaStreamCaptureStatusInvalidated);
	VALUE(cudaDevAttrMultiProcessorCount);
	VALUE(cudaDevAttrComputeCapabilityMajor);
	VALUE(cudaDevAttrComputeCapabilityMinor);
	VALUE(cudaDevAttrMaxSharedMemoryPerBlockOptin);
	VALUE(CUDA_R_32F);
	VALUE(CUDA_R_16F);
	VALUE(CUDA_R_16BF);
	VALUE(CUBLAS_STATUS_SUCCESS);
	VALUE(CUBLAS_STATUS_NOT_INITIALIZED);
	VALUE(CUBLAS_STATUS_ALLOC_FAILED);
	VALUE(CUBLAS_STATUS_INVALID_VALUE);
	VALUE(CUBLAS_STATUS_ARCH_MISMATCH);
	VALUE(CUBLAS_STATUS_EXECUTION_FAILED);
	VALUE(CUBLAS_STATUS_INTERNAL_ERROR);
	VALUE(CUBLAS_STATUS_NOT_SUPPORTED);
	VALUE(CUBLAS_OP_N);
	VALUE(CUBLAS_OP_T);
	VALUE(CUBLAS_COMPUTE_32F);
	VALUE(CUBLAS_COMPUTE_32F_PEDANTIC);
	VALUE(CUBLAS_COMPUTE_32F_FAST_TF32);
	VALUE(CUBLASLT_MATMUL_DESC_TRANSA);
	VALUE(CUBLASLT_MATMUL_DESC_TRANSB);
	VALUE(CUBLASLT_MATMUL_DESC_EPILOGUE);
	VALUE(CUBLASLT_MATMUL_DESC_BIAS_POINTER);
	VALUE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_POINTER);
	VALUE(CUBLASLT_MATMUL_DESC_EPILOGUE_AUX_LD);
	VALUE(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE);
	VALUE(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
	VALUE(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
	VALUE(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
	VALUE(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
	VALUE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
	VALUE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
	VALUE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
	VALUE(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
	VALUE(CUBLASLT_REDUCTION_SCHEME_NONE);
	VALUE(CUBLASLT_REDUCTION_SCHEME_INPLACE);
	VALUE(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
	VALUE(CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE);
	VALUE(CUBLASLT_REDUCTION_SCHEME_MASK);
	VALUE(CUBLASLT_EPILOGUE_DEFAULT);
	VALUE(CUBLASLT_EPILOGUE_RELU);
	VALUE(CUBLASLT_EPILOGUE_BIAS);
	VALUE(CUBLASLT_EPILOGUE_RELU_BIAS);
	VALUE(CUBLASLT_EPILOGUE_GELU);
	VALUE(CUBLASLT_EPILOGUE_GELU_BIAS);
	VALUE(CUBLASLT_EPILOGUE_GELU_AUX);
	VALUE(CUBLASLT_EPILOGUE_GELU_AUX_BIAS);
	VALUE(CUBLASLT_EPILOGUE_DGELU);
	VALUE(CUBLASLT_EPILOGUE_DGELU_BGRAD);
	VALUE(CUBLASLT_EPILOGUE_BGRADA);
	VALUE(CUBLASLT_EPILOGUE_BGRADB);
	VALUE(cudaStreamDefault);
	VALUE(cudaStreamNonBlocking);
	VALUE(cudaEventDefault);
	VALUE(cudaEventBlockingSync);
	VALUE(cudaEventDisableTiming);
	VALUE(cudaEventWaitDefault);
	VALUE(cudaHostAllocDefault);
}

static void types(void)
{
	SIZE(dim3);
	SIZE(uint3);
	SIZE(__nv_bfloat16);
	SIZE(__half);
	SIZE(cudaError_t);
	SIZE(cudaStream_t);
	SIZE(cudaMemcpyKind);
	SIZE(cudaDataType);
	SIZE(cublasLtMatmulAlgo_t);
	SIZE(cublasLtMatmulHeuristicResult_t);
	SIZE(cublasLtEpilogue_t);
	SIZE(cublasComputeType_t);
	FIELD(cudaDeviceProp, totalGlobalMem);
	FIELD(cudaDeviceProp, sharedMemPerBlock);
	FIELD(cudaDeviceProp, sharedMemPerBlockOptin);
	FIELD(cudaDeviceProp, sharedMemPerMultiprocessor);
	FIELD(cudaDeviceProp, major);
	FIELD(cudaDeviceProp, minor);
	FIELD(cudaDeviceProp, multiProcessorCount);
	FIELD(cudaDeviceProp, warpSize);
	FIELD(cudaDeviceProp, maxThreadsPerBlock);
	FIELD(cudaDeviceProp, name);
	OFFSET(cublasLtMatmulHeuristicResult_t, algo);
	OFFSET(cublasLtMatmulHeuristicResult_t, workspaceSize);
	OFFSET(cublasLtMatmulHeuristicResult_t, state);
	OFFSET(cublasLtMatmulHeuristicResult_t, wavesCount);
}

static void signatures(void)
{
	SIGNATURE(cudaGetLastError);
	SIGNATURE(cudaPeekAtLastError);
	SIGNATURE(cudaGetErrorString);
	SIGNATURE(cudaGetErrorName);
	SIGNATURE(cudaGetDeviceCount);
	SIGNATURE(cudaGetDevice);
	SIGNATURE(cudaSetDevice);
	SIGNATURE(cudaGetDeviceProperties);
	SIGNATURE(cudaDeviceGetAttribute);
	SIGNATURE(cudaDriverGetVersion);
	SIGNATURE(cudaRuntimeGetVersion);
	SIGNATURE(cudaDeviceSynchronize);
	SIGNATURE(cudaFuncSetAttribute);
	SIGNATURE(cudaMalloc);
	SIGNATURE(cudaFree);
	SIGNATURE(cudaMallocHost);
	SIGNATURE(cudaHostAlloc);
	SIGNATURE(cudaFreeHost);
	SIGNATURE(cudaMemGetInfo);
	SIGNATURE(cudaMemcpy);
	SIGNATURE(cudaMemcpyAsync);
	SIGNATURE(cudaMemset);
	SIGNATURE(cudaMemsetAsync);
	SIGNATURE(cudaStreamCreateWithFlags);
	SIGNATURE(cudaStreamDestroy);
	SIGNATURE(cudaStreamSynchronize);
	SIGNATURE(cudaStreamQuery);
	SIGNATURE(cudaStreamWaitEvent);
	SIGNATURE(cudaStreamBeginCapture);
	SIGNATURE(cudaStreamEndCapture);
	SIGNATURE(cudaStreamIsCapturing);
	SIGNATURE(cudaEventCreateWithFlags);
	SIGNATURE(cudaEventDestroy);
	SIGNATURE(cudaEventRecord);
	SIGNATURE(cudaEventSynchronize);
	SIGNATURE(cudaEventQuery);
	SIGNATURE(cudaEventElapsedTime);
	SIGNATURE(cudaGraphInstantiate);
	SIGNATURE(cudaGraphLaunch);
	SIGNATURE(cudaGraphUpload);
	SIGNATURE(cudaGraphExecDestroy);
	SIGNATURE(cudaGraphDestroy);
	SIGNATURE(cublasLtCreate);
	SIGNATURE(cublasLtDestroy);
	SIGNATURE(cublasLtGetVersion);
	SIGNATURE(cublasLtGetStatusString);
	SIGNATURE(cublasLtGetStatusName);
	SIGNATURE(cublasLtMatmulDescCreate);
	SIGNATURE(cublasLtMatmulDescDestroy);
	SIGNATURE(cublasLtMatmulDescSetAttribute);
	SIGNATURE(cublasLtMatrixLayoutCreate);
	SIGNATURE(cublasLtMatrixLayoutDestroy);
	SIGNATURE(cublasLtMatrixLayoutSetAttribute);
	SIGNATURE(cublasLtMatmulPreferenceCreate);
	SIGNATURE(cublasLtMatmulPreferenceDestroy);
	SIGNATURE(cublasLtMatmulPreferenceSetAttribute);
	SIGNATURE(cublasLtMatmulAlgoGetHeuristic);
	SIGNATURE(cublasLtMatmul);
}

int main(void)
{
	values();
	types();
	signatures();
	return 0;
}
