/* SPDX-License-Identifier: MIT
 *
 * kernels_scalar.c - the kernels for any machine: the compiler's 4-lane vectors. */
#define ISA scalar
#define ISA_LABEL "portable"
#include "cpu/kernels.h"
