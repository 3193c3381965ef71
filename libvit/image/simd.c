/* SPDX-License-Identifier: MIT */
#include "image/simd.h"

#include <stdlib.h>
#include <string.h>

int vit_simd_avx2(void)
{
#if defined(VIT_AVX2)
	const char *want = getenv("VIT_CPU");
	return __builtin_cpu_supports("avx2") && (!want || strcmp(want, "scalar"));
#else
	return 0;
#endif
}
