/* SPDX-License-Identifier: MIT
 *
 * simd.h - which instructions the kernels of images may use.
 *
 * All levels give the same bits: streams are the same bytes everywhere.
 */
#ifndef VIT_IMAGE_SIMD_H
#define VIT_IMAGE_SIMD_H

/* 1 where there is AVX2, unless VIT_CPU=scalar in the environment says
 * otherwise. The kernels here gain nothing from wider vectors. */
int vit_simd_avx2(void);

#if defined(__x86_64__)
#define VIT_AVX2 __attribute__((target("avx2")))
#endif

#endif
