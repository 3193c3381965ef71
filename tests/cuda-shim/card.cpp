/* SPDX-License-Identifier: MIT
 *
 * card.cpp - the card that is played: what it has, and the errors of calls.
 */
#include "block.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- settings ---- */

static long number(const char *name, long otherwise)
{
	const char *s = getenv(name);
	char *end;
	if (!s)
		return otherwise;
	const long n = strtol(s, &end, 10);
	if (end == s || *end || n < 0)
		shim_die("%s=%s: a number is wanted", name, s);
	return n;
}

static const struct card {
	long arch;
	size_t smem, smem_sm;
} cards[] = {
	{ 90, 227 << 10, 228 << 10 },
	{ 80, 163 << 10, 164 << 10 },
	{ 86, 99 << 10, 100 << 10 },
};

static const struct card *card(void)
{
	const long arch = number("VIT_SHIM_CARD", 90);
	for (size_t i = 0; i < sizeof cards / sizeof cards[0]; i++)
		if (cards[i].arch == arch)
			return &cards[i];
	shim_die("VIT_SHIM_CARD=%ld: use 90, 80 or 86", arch);
}

size_t shim_card_smem(void)
{
	return card()->smem;
}

size_t shim_card_memory(void)
{
	return (size_t)number("VIT_SHIM_MEMORY", 8192) << 20;
}

/* ---- errors ---- */

static thread_local cudaError_t last;

cudaError_t shim_fail(cudaError_t e)
{
	if (e)
		last = e;
	return e;
}

cudaError_t cudaGetLastError(void)
{
	const cudaError_t e = last;
	last = cudaSuccess;
	return e;
}

cudaError_t cudaPeekAtLastError(void)
{
	return last;
}

static const struct {
	cudaError_t error;
	const char *name, *text;
} errors[] = {
#define ERROR(name, text) { name, #name, text }
	ERROR(cudaSuccess, "no error"),
	ERROR(cudaErrorInvalidValue, "invalid argument"),
	ERROR(cudaErrorMemoryAllocation, "out of memory"),
	ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
	ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
	ERROR(cudaErrorInsufficientDriver, "CUDA driver version is insufficient for CUDA runtime version"),
	ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
	ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
	ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
	ERROR(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
	ERROR(cudaErrorNotReady, "device not ready"),
	ERROR(cudaErrorNotSupported, "operation not supported"),
	ERROR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
	ERROR(cudaErrorStreamCaptureInvalidated, "operation failed due to a previous error during capture"),
	ERROR(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
#undef ERROR
};

const char *cudaGetErrorString(cudaError_t e)
{
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (errors[i].error == e)
			return errors[i].text;
	return "unrecognized error code";
}

const char *cudaGetErrorName(cudaError_t e)
{
	for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++)
		if (errors[i].error == e)
			return errors[i].name;
	return "unrecognized error code";
}

/* ---- the device ---- */

static int present;

static int driver(void)
{
	return (int)number("VIT_SHIM_DRIVER", CUDART_VERSION);
}

static int devices(void)
{
	return (int)number("VIT_SHIM_DEVICES", 1);
}

cudaError_t cudaDriverGetVersion(int *v)
{
	*v = driver();
	return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int *v)
{
	*v = CUDART_VERSION;
	return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int *n)
{
	*n = 0;
	if (driver() < CUDART_VERSION)
		return shim_fail(cudaErrorInsufficientDriver);
	if (!devices())
		return shim_fail(cudaErrorNoDevice);
	*n = devices();
	return cudaSuccess;
}

static cudaError_t check_device(int device)
{
	int n;
	const cudaError_t e = cudaGetDeviceCount(&n);
	return e ? e : device < 0 || device >= n ? shim_fail(cudaErrorInvalidDevice) : cudaSuccess;
}

cudaError_t cudaSetDevice(int device)
{
	const cudaError_t e = check_device(device);
	if (!e)
		present = device;
	return e;
}

cudaError_t cudaGetDevice(int *device)
{
	*device = present;
	return check_device(present);
}

/* Few multiprocessors: what sizes its grid by them must go round several times. */
enum { MULTIPROCESSORS = 3 };

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
	const cudaError_t e = check_device(device);
	if (e)
		return e;
	memset(p, 0, sizeof *p);
	snprintf(p->name, sizeof p->name, "shim on the CPU");
	p->totalGlobalMem = shim_card_memory();
	p->sharedMemPerBlock = 48 << 10;
	p->sharedMemPerBlockOptin = card()->smem;
	p->sharedMemPerMultiprocessor = card()->smem_sm;
	p->major = (int)card()->arch / 10;
	p->minor = (int)card()->arch % 10;
	p->multiProcessorCount = MULTIPROCESSORS;
	p->warpSize = 32;
	p->maxThreadsPerBlock = SHIM_MAX_THREADS;
	return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr a, int device)
{
	struct cudaDeviceProp p;
	const cudaError_t e = cudaGetDeviceProperties(&p, device);
	if (e)
		return e;
	switch (a) {
	case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
	case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
	case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
	case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)p.sharedMemPerBlockOptin; break;
	default: return shim_fail(cudaErrorInvalidValue);
	}
	return cudaSuccess;
}

/* ---- attributes of kernels ---- */

static struct {
	const void *kernel;
	int smem;
} *allowed;
static int n_allowed;

cudaError_t cudaFuncSetAttribute(const void *kernel, enum cudaFuncAttribute a, int value)
{
	const cudaError_t e = shim_no_capture();
	if (e)
		return e;
	if (a != cudaFuncAttributeMaxDynamicSharedMemorySize)
		return cudaSuccess;
	if (!kernel || value < 0 || (size_t)value > card()->smem)
		return shim_fail(cudaErrorInvalidValue);
	int i = 0;
	while (i < n_allowed && allowed[i].kernel != kernel)
		i++;
	if (i == n_allowed) {
		void *p = realloc(allowed, (size_t)(n_allowed + 1) * sizeof *allowed);
		if (!p)
			return shim_fail(cudaErrorMemoryAllocation);
		allowed = static_cast<decltype(allowed)>(p);
		n_allowed++;
	}
	allowed[i].kernel = kernel;
	allowed[i].smem = value;
	return cudaSuccess;
}

size_t shim_allowed_smem(const void *kernel)
{
	for (int i = 0; i < n_allowed; i++)
		if (allowed[i].kernel == kernel && allowed[i].smem > 48 << 10)
			return (size_t)allowed[i].smem;
	return 48 << 10;
}
