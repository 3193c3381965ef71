/* SPDX-License-Identifier: MIT
 *
 * runtime.h - between the shim's own files.
 */
#ifndef SHIM_RUNTIME_H
#define SHIM_RUNTIME_H

#include "shim.h"

/* "cuda-shim: kernel K, block (..), thread (..): words" on stderr, and abort: for
 * what would be undefined on a card. */
__attribute__((noreturn, format(printf, 1, 2))) void shim_die(const char *fmt, ...);

/* ---- errors (card.cpp) ---- */
cudaError_t shim_fail(cudaError_t);     /* notes it as the last error, returns it */
size_t shim_card_smem(void);            /* bytes that a block may ask for */
size_t shim_card_memory(void);

/* ---- the grid (grid.cpp) ---- */
enum shim_order { SHIM_FORWARD, SHIM_REVERSE, SHIM_SHUFFLED };
/* Run all of it now. */
void shim_grid_run(const struct shim_launch *, const void *args);
const char *shim_where(char *text, size_t size);        /* "kernel K, block ..., thread ...: ", or "" on the host */

/* ---- work on streams (stream.cpp) ---- */
enum shim_kind { SHIM_WORK, SHIM_COPY_IN, SHIM_RECORD, SHIM_WAIT };
struct shim_task {
	enum shim_kind kind;
	void (*run)(const void *data);  /* NULL for RECORD and WAIT */
	void *data;                     /* the task's own copy */
	size_t bytes;
	cudaEvent_t event;              /* RECORD */
	cudaStream_t stream;            /* WAIT: for this stream to have run */
	uint64_t upto;                  /* its task of this ordinal */
};
/* Queue run(copy of data), or note it while the stream is being captured. */
cudaError_t shim_queue(cudaStream_t, enum shim_kind, void (*run)(const void *), const void *data, size_t bytes);
cudaError_t shim_stream_check(cudaStream_t);    /* not the null stream, not destroyed */
int shim_stream_captures(cudaStream_t);
cudaError_t shim_no_capture(void);      /* for calls that are forbidden meanwhile: spoils the capture */
void shim_drain(cudaStream_t);          /* run what is queued */
void shim_drain_all(void);
cudaError_t shim_queue_task(cudaStream_t, const struct shim_task *);    /* graph.cpp: takes data over */

/* ---- device memory (memory.cpp): the host cannot touch it but between these ---- */
void shim_memory_open(void);
void shim_memory_close(void);
/* Is [p, p + n) inside one allocation? */
int shim_on_device(const void *p, size_t n);
int shim_is_pinned(const void *p, size_t n);

#endif
