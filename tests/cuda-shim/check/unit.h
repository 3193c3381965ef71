/* SPDX-License-Identifier: MIT
 *
 * unit.h - the shim's parts against plain arithmetic.
 */
#ifndef SHIM_UNIT_H
#define SHIM_UNIT_H

#include "cuda/port.h"

/* Counts; one line per failure. */
void unit_check(int ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Numbers in -1..1, the same for the same i. */
float unit_value(uint32_t i);

void unit_half(void);           /* conversions */
void unit_warp(void);           /* shuffles, votes, mma, ldmatrix, cp.async */
void unit_lt(void);             /* products */

#endif
