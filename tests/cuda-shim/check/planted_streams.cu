/* SPDX-License-Identifier: MIT
 *
 * planted_streams.cu - bugs of the host's side: launches that cannot be, order
 * between streams, what a capture forbids.
 */
#include "planted.h"

enum { N = 64 };

__global__ void add(float *o, float x)
{
	o[threadIdx.x] += x;
}

static float one(int) { return 1; }
static float two(int) { return 2; }

/* ---- launches ---- */

static int launch(dim3 grid, dim3 block, size_t smem, cudaStream_t s, float *o)
{
	LAUNCH(add, grid, block, smem, s, o, 1.0f);
	return planted_refused(cudaGetLastError());
}

static int launch_on(dim3 grid, dim3 block, size_t smem)
{
	cudaStream_t s = planted_stream();
	return launch(grid, block, smem, s, planted_zeros(s, N));
}

static int too_much_shared(void) { return launch_on(1, N, (48 << 10) + 4); }
static int too_many_threads(void) { return launch_on(1, 1025, 0); }
static int grid_y_too_large(void) { return launch_on(dim3(1, 65536), N, 0); }
static int empty_grid(void) { return launch_on(0, N, 0); }

static int allow(int bytes)
{
	return planted_refused(cudaFuncSetAttribute(add, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
}

static int allowed_shared(void) { return allow(227 << 10) || launch_on(1, N, 227 << 10); }
static int more_than_the_card_has(void) { return allow((227 << 10) + 4); }
static int more_than_99_kib(void) { return allow(100 << 10); }

static int null_stream(void)
{
	cudaStream_t s = planted_stream();
	return launch(1, N, 0, NULL, planted_zeros(s, N));
}

static int destroyed_stream(void)
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, N);
	cudaStreamDestroy(s);
	return launch(1, N, 0, s, o);
}

/* ---- order: x := host's, o += x on another stream ---- */

__global__ void add_from(float *o, const float *x)
{
	o[threadIdx.x] += x[threadIdx.x];
}

struct streams {
	cudaStream_t copy, run;
	cudaEvent_t copied, used;
	float *o, *x, *host;
};

static struct streams open_streams(void)
{
	struct streams t;
	t.copy = planted_stream();
	t.run = planted_stream();
	t.o = planted_zeros(t.run, N);
	t.x = planted_zeros(t.run, N);
	if (cudaMallocHost(&t.host, N * sizeof *t.host) || cudaEventCreateWithFlags(&t.copied, cudaEventDisableTiming) ||
	    cudaEventCreateWithFlags(&t.used, cudaEventDisableTiming))
		abort();
	return t;
}

static void send(const struct streams *t, float x)
{
	for (int i = 0; i < N; i++)
		t->host[i] = x;
	if (cudaMemcpyAsync(t->x, t->host, N * sizeof *t->x, cudaMemcpyHostToDevice, t->copy) || cudaEventRecord(t->copied, t->copy))
		abort();
}

static void use(const struct streams *t)
{
	LAUNCH(add_from, 1, N, 0, t->run, t->o, t->x);
	if (cudaGetLastError() || cudaEventRecord(t->used, t->run))
		abort();
}

/* Two rounds of 1; each bit of `forget` leaves one wait out. */
static int rounds(int forget)
{
	const struct streams t = open_streams();
	for (int k = 0; k < 2; k++) {
		if (k && !(forget & 1) && cudaStreamWaitEvent(t.copy, t.used, 0))       /* x is free again */
			abort();
		if (k && !(forget & 2) && cudaEventSynchronize(t.copied))               /* so is the host's */
			abort();
		send(&t, (float)(1 + 2 * k));
		if (!(forget & 4) && cudaStreamWaitEvent(t.run, t.copied, 0))
			abort();
		use(&t);
	}
	return planted_compare(t.run, t.o, N, [](int) { return 4.0f; });
}

static int streams_in_order(void) { return rounds(0); }
static int copy_overtakes_kernel(void) { return rounds(1); }
static int pinned_used_again(void) { return rounds(2); }
static int kernel_overtakes_copy(void) { return rounds(4); }

/* ---- capture ---- */

static cudaGraphExec_t end(cudaStream_t s)
{
	cudaGraph_t g;
	cudaGraphExec_t x;
	if (planted_refused(cudaStreamEndCapture(s, &g)))
		return NULL;
	if (cudaGraphInstantiate(&x, g, 0) || cudaGraphDestroy(g))
		abort();
	return x;
}

/* A captured launch runs at each play, with the arguments it had then. */
static int capture_clean(void)
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, N), x = 1;
	if (cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal))
		abort();
	LAUNCH(add, 1, N, 0, s, o, x);
	x = 5;
	cudaGraphExec_t tape = end(s);
	if (!tape || planted_compare(s, o, N, [](int) { return 0.0f; }))
		return 1;
	if (cudaGraphLaunch(tape, s) || cudaGraphLaunch(tape, s) || planted_compare(s, o, N, two))
		return 1;
	return planted_refused(cudaGraphExecDestroy(tape));
}

/* Something forbidden is refused, and the capture is spoiled. */
static int forbidden(cudaError_t (*call)(cudaStream_t, float *))
{
	cudaStream_t s = planted_stream();
	float *o = planted_zeros(s, N);
	if (cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal))
		abort();
	const int refused = planted_refused(call(s, o));
	return !end(s) && refused;
}

static int capture_malloc(void)
{
	return forbidden([](cudaStream_t, float *) { void *p; return cudaMalloc(&p, 4); });
}

static int capture_free(void)
{
	return forbidden([](cudaStream_t, float *o) { return cudaFree(o); });
}

static int capture_synchronize(void)
{
	return forbidden([](cudaStream_t s, float *) { return cudaStreamSynchronize(s); });
}

static int capture_pageable(void)
{
	return forbidden([](cudaStream_t s, float *o) {
		float x[N] = { 0 };
		return cudaMemcpyAsync(o, x, sizeof x, cudaMemcpyHostToDevice, s);
	});
}

/* The result of a captured kernel is not there before the tape is played. */
static int capture_read_early(void)
{
	cudaStream_t s = planted_stream(), other = planted_stream();
	float *o = planted_zeros(s, N), *host;
	if (cudaMallocHost(&host, N * sizeof *host) || cudaStreamBeginCapture(s, cudaStreamCaptureModeThreadLocal))
		abort();
	LAUNCH(add, 1, N, 0, s, o, 1.0f);
	if (!end(s))
		abort();
	return planted_compare(other, o, N, one);
}

#define CASE(name) { #name, name }
const struct planted planted_streams[] = {
	CASE(too_much_shared), CASE(too_many_threads), CASE(grid_y_too_large), CASE(empty_grid), CASE(allowed_shared),
	CASE(more_than_the_card_has), CASE(more_than_99_kib), CASE(null_stream), CASE(destroyed_stream),
	CASE(streams_in_order), CASE(copy_overtakes_kernel), CASE(pinned_used_again), CASE(kernel_overtakes_copy),
	CASE(capture_clean), CASE(capture_malloc), CASE(capture_free), CASE(capture_synchronize), CASE(capture_pageable),
	CASE(capture_read_early),
	{ NULL, NULL },
};
