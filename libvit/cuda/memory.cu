/* SPDX-License-Identifier: MIT
 *
 * memory.cu - blocks of memory, copies that are waited for, and CUDA's errors
 * in words.
 */
#include "cuda/device.h"

#include <sched.h>
#include <string.h>
#include <time.h>

/* ---- errors ------------------------------------------------------------------------- */

/* After these every call of the process fails alike. */
static int is_fatal(cudaError_t e)
{
	switch (e) {
	case cudaErrorIllegalAddress:
	case cudaErrorMisalignedAddress:
	case cudaErrorIllegalInstruction:
	case cudaErrorInvalidPc:
	case cudaErrorHardwareStackError:
	case cudaErrorLaunchFailure:
	case cudaErrorLaunchTimeout:
	case cudaErrorECCUncorrectable:
		return 1;
	default:
		return 0;
	}
}

int cuda_check(cudaError_t e)
{
	if (e == cudaSuccess)
		return 0;
	cudaGetLastError();             /* or the next look at a launch finds this one again */
	return vit_fail(VIT_EDEVICE, "CUDA: %s (%s)%s", cudaGetErrorString(e), cudaGetErrorName(e),
	                is_fatal(e) ? "; the device is lost to this process: run again, with VIT_CUDA_SYNC=1 to see which op it is" : "");
}

int cuda_launched(void)
{
	return cuda_check(cudaGetLastError());
}

int cuda_use(const struct vit_dev *d)
{
	return cuda_check(cudaSetDevice(d->index));
}

int cuda_not_recording(const struct vit_dev *d, const char *what)
{
	return d->recording ? vit_fail(VIT_EDEVICE, "cuda: %s while a tape is recorded", what) : 0;
}

/* All that the device has, whatever this plan needs: the limit belongs to the
 * kernel, and a smaller plan must not lower it for a larger one. */
int cuda_allow_smem(const struct vit_dev *d, const void *kernel, size_t bytes)
{
	if (bytes > d->smem_max)
		return 0;
	return !cuda_check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)d->smem_max));
}

/* ---- waiting ------------------------------------------------------------------------ */

int cuda_event(cudaEvent_t *e)
{
	return cuda_check(cudaEventCreateWithFlags(e, cudaEventBlockingSync | cudaEventDisableTiming));
}

static int64_t microseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A sleeper is woken some 50 us late, which a batch of one would feel; a spinner
 * takes a core from the data threads. So: look for a moment, and give way to
 * whoever wants the core; then sleep. */
int cuda_wait(cudaEvent_t e)
{
	enum { LOOK = 500 };            /* microseconds */
	const int64_t until = microseconds() + LOOK;
	do {
		cudaError_t state = cudaEventQuery(e);
		if (state != cudaErrorNotReady)
			return cuda_check(state);
		cudaGetLastError();     /* "not ready" counts as one */
		sched_yield();
	} while (microseconds() < until);
	return cuda_check(cudaEventSynchronize(e));
}

int cuda_sync(struct vit_dev *d)
{
	VIT_TRY(cuda_use(d));
	VIT_TRY(cuda_not_recording(d, "waiting"));
	VIT_TRY(cuda_check(cudaEventRecord(d->reached, d->stream)));
	return cuda_wait(d->reached);
}

/* ---- blocks ------------------------------------------------------------------------- */

static void no_room(const struct vit_dev *d, size_t n, int pinned)
{
	size_t left = 0, total = 0;
	const double gib = 1 << 30;
	if (pinned)
		vit_fail(VIT_ENOMEM, "no memory for %zu bytes that a device can read", n);
	else if (cudaMemGetInfo(&left, &total) == cudaSuccess)
		vit_fail(VIT_ENOMEM, "cuda:%d has no room for %.2f GiB: %.2f of its %.2f GiB are free", d->index, (double)n / gib,
		         (double)left / gib, (double)total / gib);
	else
		vit_fail(VIT_ENOMEM, "cuda:%d has no room for %.2f GiB", d->index, (double)n / gib);
	cudaGetLastError();
}

void *cuda_alloc(struct vit_dev *d, size_t n, int pinned)
{
	void *p = NULL;
	if (cuda_use(d) || cuda_not_recording(d, "allocating"))
		return NULL;
	if (!n)
		n = 1;
	cudaError_t e = pinned ? cudaHostAlloc(&p, n, cudaHostAllocDefault) : cudaMalloc(&p, n);
	if (e == cudaErrorMemoryAllocation) {
		no_room(d, n, pinned);
		return NULL;
	}
	if (cuda_check(e))
		return NULL;
	if (pinned) {
		memset(p, 0, n);
	} else if (cuda_check(cudaMemsetAsync(p, 0, n, d->stream))) {
		cudaFree(p);
		return NULL;
	}
	return p;
}

/* Nothing under way loses its memory. */
void cuda_free(struct vit_dev *d, void *p, int pinned)
{
	if (!p || cuda_use(d))
		return;
	if (cudaDeviceSynchronize() != cudaSuccess)
		cudaGetLastError();
	if ((pinned ? cudaFreeHost(p) : cudaFree(p)) != cudaSuccess)
		cudaGetLastError();
}

int cuda_copy(struct vit_dev *d, void *to, const void *from, size_t n, int dir)
{
	if (!n)
		return 0;
	VIT_TRY(cuda_use(d));
	if (dir == VIT_ON_DEVICE)
		return cuda_check(cudaMemcpyAsync(to, from, n, cudaMemcpyDeviceToDevice, d->stream));
	VIT_TRY(cuda_not_recording(d, "copying from or to the host"));
	VIT_TRY(cuda_check(cudaMemcpyAsync(to, from, n, dir == VIT_TO_DEVICE ? cudaMemcpyHostToDevice : cudaMemcpyDeviceToHost, d->stream)));
	return cuda_sync(d);
}
