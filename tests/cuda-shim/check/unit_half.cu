/* SPDX-License-Identifier: MIT
 *
 * unit_half.cu - bf16 and f16 against libvit's conversions: every 16-bit value,
 * and f32 values of every upper part with each case of the lower part that
 * rounding knows.
 */
#include "unit.h"

extern "C" {
#include "tensor/tensor.h"
}

static int is_nan_16(uint16_t h, uint16_t infinity)
{
	return (h & 0x7fff) > infinity;
}

static int same_float(float a, float b)
{
	return shim_bits(a) == shim_bits(b) || (a != a && b != b);
}

static void to_float(void)
{
	int bad_bf16 = 0, bad_f16 = 0;
	for (uint32_t i = 0; i < 0x10000; i++) {
		bad_bf16 += !same_float(__bfloat162float(bf16 { (uint16_t)i }), vit_bf16_to_f32((uint16_t)i));
		bad_f16 += !same_float(__half2float(f16 { (uint16_t)i }), vit_f16_to_f32((uint16_t)i));
	}
	unit_check(!bad_bf16, "bf16 to f32: %d values differ", bad_bf16);
	unit_check(!bad_f16, "f16 to f32: %d values differ", bad_f16);
}

/* step: of the upper part; the lower: nothing, least, just below half, half, just above, most */
static void from_float(uint32_t step)
{
	const uint32_t half = step / 2, low[] = { 0, 1, half - 1, half, half + 1, step - 1 };
	int bad_bf16 = 0, bad_f16 = 0;
	for (uint64_t u = 0; u < 0x100000000u; u += step)
		for (int k = 0; k < 6; k++) {
			const float x = shim_float((uint32_t)u | low[k]);
			const uint16_t b = __float2bfloat16(x).bits, h = __float2half(x).bits;
			bad_bf16 += x != x ? !is_nan_16(b, 0x7f80) : b != vit_f32_to_bf16(x);
			bad_f16 += x != x ? !is_nan_16(h, 0x7c00) : h != vit_f32_to_f16(x);
		}
	unit_check(!bad_bf16, "f32 to bf16, steps of %u: %d values differ", step, bad_bf16);
	unit_check(!bad_f16, "f32 to f16, steps of %u: %d values differ", step, bad_f16);
}

void unit_half(void)
{
	to_float();
	from_float(1u << 16);
	from_float(1u << 13);
	unit_check(__float2half(65504.0f).bits == 0x7bff && __float2half(65519.996f).bits == 0x7bff && __float2half(65520.0f).bits == 0x7c00,
	           "f16: the largest value and the first that is infinite");
	unit_check(__float2bfloat16(NAN).bits == 0x7fff && __float2half(NAN).bits == 0x7fff, "NaN is the canonical one, as on a card");
}
