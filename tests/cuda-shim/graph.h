/* SPDX-License-Identifier: MIT
 *
 * graph.h - what a captured stream notes.
 */
#ifndef SHIM_GRAPH_H
#define SHIM_GRAPH_H

#include "runtime.h"

struct CUgraph_st *shim_graph_new(void);
cudaError_t shim_graph_add(struct CUgraph_st *, const struct shim_task *);      /* takes data over */

#endif
