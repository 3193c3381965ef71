/* SPDX-License-Identifier: MIT
 *
 * stream.cpp - streams as queues, events as places in them. Handles are never
 * used again, so a destroyed one is always known as such.
 *
 * When queued work runs is up to VIT_SHIM_STREAMS: at once; or as late as the
 * program's waits allow; or late but for copies to the device, which then run
 * before all that no event makes them wait for.
 */
#include "runtime.h"
#include "graph.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct CUstream_st {
	struct CUstream_st *next;
	int alive;
	struct shim_task *task;         /* ring[0, n): not yet run */
	size_t n, room;
	uint64_t queued, done;          /* ordinals: of the last task ever queued, and run */
	struct CUgraph_st *capture;
	int spoiled;                    /* something forbidden happened meanwhile */
};

struct CUevent_st {
	int alive;
	unsigned flags;
	cudaStream_t stream;            /* of the last record; NULL: never recorded */
	uint64_t at;                    /* its ordinal there */
	uint64_t asked;                 /* the record that a query was told to wait for */
	double ms;                      /* when the last record was reached */
};

static cudaStream_t streams;

/* ---- running ---- */

enum when { NOW, LATE, COPIES };
static enum when when(void)
{
	const char *s = getenv("VIT_SHIM_STREAMS");
	if (!s || !strcmp(s, "now"))
		return NOW;
	if (!strcmp(s, "late"))
		return LATE;
	if (!strcmp(s, "copies"))
		return COPIES;
	shim_die("VIT_SHIM_STREAMS=%s: use now, late or copies", s);
}

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

static void run_until(cudaStream_t s, uint64_t upto);

static void run_task(const struct shim_task *t)
{
	if (t->kind == SHIM_RECORD) {
		t->event->ms = now_ms();
	} else if (t->kind == SHIM_WAIT) {
		run_until(t->stream, t->upto);
	} else {
		t->run(t->data);
	}
	free(t->data);
}

static void run_until(cudaStream_t s, uint64_t upto)
{
	while (s->done < upto) {
		const struct shim_task t = s->task[0];
		memmove(s->task, s->task + 1, --s->n * sizeof *s->task);
		s->done++;
		run_task(&t);
	}
}

void shim_drain(cudaStream_t s)
{
	run_until(s, s->queued);
}

void shim_drain_all(void)
{
	for (cudaStream_t s = streams; s; s = s->next)
		shim_drain(s);
}

/* ---- queueing ---- */

cudaError_t shim_queue_task(cudaStream_t s, const struct shim_task *t)
{
	if (s->capture)
		return shim_graph_add(s->capture, t);
	if (s->n == s->room) {
		void *p = realloc(s->task, (2 * s->room + 16) * sizeof *s->task);
		if (!p)
			return cudaErrorMemoryAllocation;
		s->task = (struct shim_task *)p;
		s->room = 2 * s->room + 16;
	}
	s->task[s->n++] = *t;
	s->queued++;
	if (when() == NOW || (when() == COPIES && t->kind == SHIM_COPY_IN))
		shim_drain(s);
	return cudaSuccess;
}

cudaError_t shim_queue(cudaStream_t s, enum shim_kind kind, void (*run)(const void *), const void *data, size_t bytes)
{
	struct shim_task t = { kind, run, malloc(bytes), bytes, NULL, NULL, 0 };
	if (!t.data)
		return cudaErrorMemoryAllocation;
	memcpy(t.data, data, bytes);
	const cudaError_t e = shim_queue_task(s, &t);
	if (e)
		free(t.data);
	return e;
}

/* ---- streams ---- */

cudaError_t shim_stream_check(cudaStream_t s)
{
	return !s || !s->alive ? cudaErrorInvalidResourceHandle : cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *out, unsigned flags)
{
	if (flags != cudaStreamNonBlocking && flags != cudaStreamDefault)
		return shim_fail(cudaErrorInvalidValue);
	cudaStream_t s = (cudaStream_t)calloc(1, sizeof *s);
	if (!s)
		return shim_fail(cudaErrorMemoryAllocation);
	s->alive = 1;
	s->next = streams;
	streams = *out = s;
	return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
	const cudaError_t e = shim_stream_check(s);
	if (e)
		return shim_fail(e);
	shim_drain(s);
	s->alive = 0;
	free(s->task);
	s->task = NULL;
	s->room = 0;
	return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
	cudaError_t e = shim_stream_check(s);
	if (!e)
		e = shim_no_capture();
	if (!e)
		shim_drain(s);
	return shim_fail(e);
}

cudaError_t cudaStreamQuery(cudaStream_t s)
{
	const cudaError_t e = shim_stream_check(s);
	if (e)
		return shim_fail(e);
	if (s->done == s->queued)
		return cudaSuccess;
	shim_drain(s);                  /* whoever asks again finds it done */
	return cudaErrorNotReady;
}

cudaError_t cudaDeviceSynchronize(void)
{
	const cudaError_t e = shim_no_capture();
	if (!e)
		shim_drain_all();
	return e;
}

/* ---- events ---- */

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *out, unsigned flags)
{
	static cudaEvent_t *all;        /* keeps those that were destroyed, too */
	static int n;
	cudaEvent_t e = (cudaEvent_t)calloc(1, sizeof *e);
	void *p = realloc(all, (size_t)(n + 1) * sizeof *all);
	if (!e || !p)
		return shim_fail(cudaErrorMemoryAllocation);
	all = (cudaEvent_t *)p;
	all[n++] = e;
	e->alive = 1;
	e->flags = flags;
	*out = e;
	return cudaSuccess;
}

static cudaError_t check_event(cudaEvent_t e)
{
	return !e || !e->alive ? cudaErrorInvalidResourceHandle : cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t e)
{
	if (check_event(e))
		return shim_fail(cudaErrorInvalidResourceHandle);
	e->alive = 0;
	return cudaSuccess;
}

/* Inside a capture it would become a part of the graph: the module has no use for that. */
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s)
{
	if (check_event(e) || shim_stream_check(s))
		return shim_fail(cudaErrorInvalidResourceHandle);
	if (s->capture)
		return shim_no_capture();
	e->stream = s;
	e->at = s->queued + 1;
	const struct shim_task t = { SHIM_RECORD, NULL, NULL, 0, e, NULL, 0 };
	return shim_fail(shim_queue_task(s, &t));
}

cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned)
{
	if (check_event(e) || shim_stream_check(s))
		return shim_fail(cudaErrorInvalidResourceHandle);
	if (s->capture) {
		s->spoiled = 1;
		return shim_fail(cudaErrorStreamCaptureIsolation);
	}
	if (!e->stream)
		return cudaSuccess;
	const struct shim_task t = { SHIM_WAIT, NULL, NULL, 0, NULL, e->stream, e->at };
	return shim_fail(shim_queue_task(s, &t));
}

cudaError_t cudaEventSynchronize(cudaEvent_t e)
{
	cudaError_t rc = check_event(e);
	if (!rc)
		rc = shim_no_capture();
	if (!rc && e->stream)
		run_until(e->stream, e->at);
	return shim_fail(rc);
}

/* Not ready at first, ready when asked again: as if the time between were enough. */
cudaError_t cudaEventQuery(cudaEvent_t e)
{
	if (check_event(e))
		return shim_fail(cudaErrorInvalidResourceHandle);
	if (!e->stream || e->stream->done >= e->at)
		return cudaSuccess;
	if (e->asked == e->at) {
		run_until(e->stream, e->at);
		return cudaSuccess;
	}
	e->asked = e->at;
	return cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to)
{
	if (check_event(from) || check_event(to) || (from->flags | to->flags) & cudaEventDisableTiming || !from->stream || !to->stream)
		return shim_fail(cudaErrorInvalidResourceHandle);
	if (from->stream->done < from->at || to->stream->done < to->at)
		return cudaErrorNotReady;
	*ms = (float)(to->ms - from->ms);
	return cudaSuccess;
}

/* ---- capture ---- */

int shim_stream_captures(cudaStream_t s)
{
	return s->capture != NULL;
}

cudaError_t shim_no_capture(void)
{
	cudaError_t e = cudaSuccess;
	for (cudaStream_t s = streams; s; s = s->next)
		if (s->capture) {
			s->spoiled = 1;
			e = cudaErrorStreamCaptureUnsupported;
		}
	return shim_fail(e);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s, enum cudaStreamCaptureMode)
{
	if (!s)
		return shim_fail(cudaErrorStreamCaptureUnsupported);
	if (shim_stream_check(s))
		return shim_fail(cudaErrorInvalidResourceHandle);
	if (s->capture)
		return shim_fail(cudaErrorIllegalState);
	s->spoiled = 0;
	s->capture = shim_graph_new();
	return s->capture ? cudaSuccess : shim_fail(cudaErrorMemoryAllocation);
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
	*graph = NULL;
	if (shim_stream_check(s))
		return shim_fail(cudaErrorInvalidResourceHandle);
	if (!s->capture)
		return shim_fail(cudaErrorIllegalState);
	cudaGraph_t g = s->capture;
	s->capture = NULL;
	if (s->spoiled) {
		cudaGraphDestroy(g);
		return shim_fail(cudaErrorStreamCaptureInvalidated);
	}
	*graph = g;
	return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t s, enum cudaStreamCaptureStatus *status)
{
	if (shim_stream_check(s))
		return shim_fail(cudaErrorInvalidResourceHandle);
	*status = !s->capture ? cudaStreamCaptureStatusNone : s->spoiled ? cudaStreamCaptureStatusInvalidated : cudaStreamCaptureStatusActive;
	return cudaSuccess;
}
