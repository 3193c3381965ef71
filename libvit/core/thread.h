/* SPDX-License-Identifier: MIT
 *
 * thread.h - data threads (pthreads). Engine kernels use OpenMP instead, and
 * only from the engine's thread; nothing here is called by it.
 */
#ifndef VIT_CORE_THREAD_H
#define VIT_CORE_THREAD_H

#include "core/err.h"

/* Cores this process may use: affinity mask and cgroup quota, at least 1. */
int vit_cpu_count(void);

/* Bytes of memory this process may use: RAM or the cgroup limit, the smaller. */
unsigned long long vit_memory_limit(void);

/* The cgroup parts of the two, versions 1 and 2, all ancestors: whole cores
 * and bytes; 0: no limit. `root` is put before /proc and /sys ("" is this system). */
int vit_cpu_quota(const char *root);
unsigned long long vit_memory_quota(const char *root);

/* An order-preserving parallel map. The caller pushes jobs and pops them back
 * in the order pushed, each worked on by one of `n` threads in between.
 * Waiting blocks on condition variables, never spins. The threads take no
 * signals, so those reach the main thread.
 *
 *   push  blocks while `depth` jobs are inside
 *   pop   blocks until the oldest job is done; *job = NULL when none is inside
 *
 * `work` returns a VIT_ code; pop returns it with the worker's message moved
 * to the calling thread. With n == 1 push runs the job itself: no thread. */
struct vit_workers;
int vit_workers_new(struct vit_workers **, int n, int depth, int (*work)(void *ctx, void *job), void *ctx) VIT_MUST_CHECK;
int vit_workers_push(struct vit_workers *, void *job) VIT_MUST_CHECK;
int vit_workers_pop(struct vit_workers *, void **job);
int vit_workers_inside(const struct vit_workers *);   /* jobs pushed and not yet popped */
int vit_workers_ready(struct vit_workers *);          /* 1: the next pop will not block */
void vit_workers_free(struct vit_workers *);          /* waits for running jobs; jobs inside are the caller's */

#endif
