/* SPDX-License-Identifier: MIT
 *
 * planted.h - programs with one bug each. A case returns 0 where nothing was
 * noticed; run.sh knows who must notice what (table planted.txt).
 */
#ifndef PLANTED_H
#define PLANTED_H

#include "cuda/port.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct planted {
	const char *name;
	int (*run)(void);
};
extern const struct planted planted_memory[], planted_threads[], planted_streams[];     /* end at a NULL name */

/* n floats on the device, all 0, and a stream. */
float *planted_zeros(cudaStream_t, int n);
cudaStream_t planted_stream(void);
/* Wait, fetch n floats and compare them with want(i); 1 and words if one differs. */
int planted_compare(cudaStream_t, const float *dev, int n, float (*want)(int));
/* 1 and "refused: CUDA's words" if e is an error. */
int planted_refused(cudaError_t e);

#endif
