/* SPDX-License-Identifier: MIT
 *
 * kernels_avx512.c - the kernels for AVX-512: the Makefile gives this file its flags, nothing else in it. */
#if defined(__x86_64__)
#define ISA avx512
#define ISA_LABEL "AVX-512"
#include "cpu/kernels.h"
#endif
