/* SPDX-License-Identifier: MIT
 *
 * kernels_avx2.c - the kernels for AVX2: the Makefile gives this file its flags, nothing else in it. */
#if defined(__x86_64__)
#define ISA avx2
#define ISA_LABEL "AVX2"
#include "cpu/kernels.h"
#endif
