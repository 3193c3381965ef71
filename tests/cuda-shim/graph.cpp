/* SPDX-License-Identifier: MIT
 *
 * graph.cpp - CUDA graphs: the tasks of a capture, with their arguments as they
 * were; a launch queues a copy of each.
 */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

struct CUgraph_st {
	struct shim_task *task;
	size_t n, room;
};
struct CUgraphExec_st {
	struct CUgraph_st graph;
};

struct CUgraph_st *shim_graph_new(void)
{
	return (struct CUgraph_st *)calloc(1, sizeof(struct CUgraph_st));
}

cudaError_t shim_graph_add(struct CUgraph_st *g, const struct shim_task *t)
{
	if (g->n == g->room) {
		void *p = realloc(g->task, (2 * g->room + 16) * sizeof *g->task);
		if (!p)
			return cudaErrorMemoryAllocation;
		g->task = (struct shim_task *)p;
		g->room = 2 * g->room + 16;
	}
	g->task[g->n++] = *t;
	return cudaSuccess;
}

static void clear(struct CUgraph_st *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->task[i].data);
	free(g->task);
}

cudaError_t cudaGraphDestroy(cudaGraph_t g)
{
	if (!g)
		return shim_fail(cudaErrorInvalidValue);
	clear(g);
	free(g);
	return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *out, cudaGraph_t g, unsigned long long flags)
{
	*out = NULL;
	const cudaError_t e = shim_no_capture();
	if (e)
		return e;
	if (!g || flags)
		return shim_fail(cudaErrorInvalidValue);
	cudaGraphExec_t x = (cudaGraphExec_t)calloc(1, sizeof *x);
	if (!x)
		return shim_fail(cudaErrorMemoryAllocation);
	for (size_t i = 0; i < g->n; i++) {
		struct shim_task t = g->task[i];
		t.data = malloc(t.bytes);
		if (!t.data || shim_graph_add(&x->graph, &t)) {
			free(t.data);
			cudaGraphExecDestroy(x);
			return shim_fail(cudaErrorMemoryAllocation);
		}
		memcpy(t.data, g->task[i].data, t.bytes);
	}
	*out = x;
	return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t x)
{
	if (!x)
		return shim_fail(cudaErrorInvalidValue);
	clear(&x->graph);
	free(x);
	return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t x, cudaStream_t s)
{
	return shim_fail(!x ? cudaErrorInvalidValue : shim_stream_check(s));
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t x, cudaStream_t s)
{
	cudaError_t e = !x ? cudaErrorInvalidValue : shim_stream_check(s);
	if (!e && shim_stream_captures(s))
		e = shim_no_capture();
	for (size_t i = 0; !e && i < x->graph.n; i++) {
		const struct shim_task *t = &x->graph.task[i];
		e = shim_queue(s, t->kind, t->run, t->data, t->bytes);
	}
	return shim_fail(e);
}
