/* SPDX-License-Identifier: MIT
 *
 * half.h - bf16 and f16 as CUDA names and rounds them: to nearest, ties to even;
 * every NaN becomes the canonical 0x7fff.
 */
#ifndef SHIM_HALF_H
#define SHIM_HALF_H

#include <stdint.h>
#include <string.h>

struct bf16 {
	uint16_t bits;
};
struct f16 {
	uint16_t bits;
};
typedef bf16 __nv_bfloat16;
typedef f16 __half;

static inline uint32_t shim_bits(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	return u;
}

static inline float shim_float(uint32_t u)
{
	float x;
	memcpy(&x, &u, sizeof x);
	return x;
}

/* The low n bits (1..31) are dropped. */
static inline uint32_t shim_round(uint32_t x, int n)
{
	return (x + (1u << (n - 1)) - 1 + (x >> n & 1)) >> n;
}

static inline float __bfloat162float(bf16 h)
{
	return shim_float((uint32_t)h.bits << 16);
}

static inline bf16 __float2bfloat16(float x)
{
	const uint32_t u = shim_bits(x);
	return bf16 { (uint16_t)(x != x ? 0x7fff : shim_round(u, 16)) };
}

static inline float __half2float(f16 h)
{
	const uint32_t sign = (uint32_t)(h.bits & 0x8000) << 16, exponent = h.bits >> 10 & 31, fraction = h.bits & 0x3ff;
	if (exponent == 31)
		return shim_float(sign | 0x7f800000u | fraction << 13);
	if (!exponent)
		return shim_float(sign | shim_bits((float)fraction * 0x1p-24f));
	return shim_float(sign | (exponent + 112) << 23 | fraction << 13);
}

static inline f16 __float2half(float x)
{
	const uint32_t u = shim_bits(x), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
	if (x != x)
		return f16 { 0x7fff };
	if (a >= 0x47800000u)           /* 65536 */
		return f16 { (uint16_t)(sign | 0x7c00) };
	if (a >= 0x38800000u)           /* normal; a carry into infinity is right */
		return f16 { (uint16_t)(sign | shim_round(a - (112u << 23), 13)) };
	if (a < 0x33000000u)            /* below half of the smallest subnormal */
		return f16 { (uint16_t)sign };
	return f16 { (uint16_t)(sign | shim_round((a & 0x7fffff) | 0x800000, 126 - (int)(a >> 23))) };
}

#endif
