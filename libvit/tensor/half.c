/* SPDX-License-Identifier: MIT
 *
 * half.c - IEEE half and bfloat16 to and from float, by bits.
 */
#include "tensor/tensor.h"

#include <string.h>

static uint32_t bits_of(float x)
{
	uint32_t u;
	memcpy(&u, &x, sizeof u);
	return u;
}

static float float_of(uint32_t u)
{
	float x;
	memcpy(&x, &u, sizeof x);
	return x;
}

/* Drop the low `n` bits (1..31), rounding to nearest, ties to even. */
static uint32_t round_shift(uint32_t x, int n)
{
	uint32_t odd = (x >> n) & 1;
	return (x + (1u << (n - 1)) - 1 + odd) >> n;
}

float vit_f16_to_f32(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, fraction = h & 0x3FF;
	if (exponent == 31)
		return float_of(sign | 0x7F800000u | fraction << 13);
	if (exponent == 0) {
		float x = (float)fraction * 0x1p-24f;
		return float_of(sign | bits_of(x));
	}
	return float_of(sign | (exponent + 112) << 23 | fraction << 13);
}

uint16_t vit_f32_to_f16(float x)
{
	uint32_t u = bits_of(x), sign = (u >> 16) & 0x8000, a = u & 0x7FFFFFFFu;
	if (a > 0x7F800000u)    /* NaN: keep the payload's top, quietly */
		return (uint16_t)(sign | 0x7E00 | (a >> 13 & 0x3FF));
	if (a >= 0x47800000u)   /* 65536 and more */
		return (uint16_t)(sign | 0x7C00);
	if (a >= 0x38800000u)   /* normal; rounding up may carry into infinity, rightly */
		return (uint16_t)(sign | round_shift(a - (112u << 23), 13));
	if (a < 0x33000000u)    /* below half of the smallest subnormal */
		return (uint16_t)sign;
	uint32_t fraction = (a & 0x7FFFFF) | 0x800000;
	return (uint16_t)(sign | round_shift(fraction, 126 - (int)(a >> 23)));
}

float vit_bf16_to_f32(uint16_t h)
{
	return float_of((uint32_t)h << 16);
}

uint16_t vit_f32_to_bf16(float x)
{
	uint32_t u = bits_of(x);
	if ((u & 0x7FFFFFFFu) > 0x7F800000u)    /* rounding could make a NaN infinite */
		return (uint16_t)(u >> 16 | 0x40);
	return (uint16_t)((u + 0x7FFF + (u >> 16 & 1)) >> 16);
}
