/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tensor/tensor.h"

#include <math.h>
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

static void every_half_survives_the_round_trip(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 65536; h++) {
		float x = vit_f16_to_f32((uint16_t)h);
		if (isnan(x))
			assert_int_equal(vit_f32_to_f16(x), h | 0x200);
		else
			assert_int_equal(vit_f32_to_f16(x), h);
	}
}

static void every_bfloat16_survives_the_round_trip(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 65536; h++) {
		float x = vit_bf16_to_f32((uint16_t)h);
		if (isnan(x))
			assert_int_equal(vit_f32_to_bf16(x), h | 0x40);
		else
			assert_int_equal(vit_f32_to_bf16(x), h);
	}
}

/* Between two neighbours: below the middle goes down, above it up, the middle
 * to the even one. */
static void halves_round_to_nearest_even(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x7BFF; h++) {
		float a = vit_f16_to_f32((uint16_t)h), b = vit_f16_to_f32((uint16_t)(h + 1)), middle = (a + b) / 2;
		assert_int_equal(vit_f32_to_f16(middle), h & 1 ? h + 1 : h);
		assert_int_equal(vit_f32_to_f16(nextafterf(middle, a)), h);
		assert_int_equal(vit_f32_to_f16(nextafterf(middle, b)), h + 1);
		assert_int_equal(vit_f32_to_f16(-middle), 0x8000 | (h & 1 ? h + 1 : h));
	}
	assert_int_equal(vit_f32_to_f16(65519.0f), 0x7BFF);
	assert_int_equal(vit_f32_to_f16(65520.0f), 0x7C00);
	assert_int_equal(vit_f32_to_f16(1e30f), 0x7C00);
	assert_int_equal(vit_f32_to_f16(-INFINITY), 0xFC00);
	assert_int_equal(vit_f32_to_f16(1e-30f), 0);
}

static void bfloat16_rounds_to_nearest_even(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x7F7F; h++) {
		uint32_t middle = h << 16 | 0x8000;
		assert_int_equal(vit_f32_to_bf16(float_of(middle)), h & 1 ? h + 1 : h);
		assert_int_equal(vit_f32_to_bf16(float_of(middle - 1)), h);
		assert_int_equal(vit_f32_to_bf16(float_of(middle + 1)), h + 1);
	}
	assert_int_equal(vit_f32_to_bf16(float_of(0x7F7FFFFF)), 0x7F80);
}

static void some_halves_by_name(void **state)
{
	(void)state;
	assert_int_equal(bits_of(vit_f16_to_f32(0x3C00)), bits_of(1.0f));
	assert_int_equal(bits_of(vit_f16_to_f32(0x0001)), bits_of(0x1p-24f));
	assert_int_equal(bits_of(vit_f16_to_f32(0x8000)), bits_of(-0.0f));
	assert_int_equal(bits_of(vit_f16_to_f32(0x7BFF)), bits_of(65504.0f));
}

static void dtypes_by_name(void **state)
{
	(void)state;
	for (int i = 0; i < VIT_N_DTYPE; i++) {
		const struct vit_dtype_info *d = &vit_dtypes[i];
		assert_int_equal(vit_dtype_by_name(d->name, strlen(d->name)), i);
		assert_int_equal(vit_dtype_by_numpy(d->numpy, 3), i == VIT_BF16 ? VIT_U16 : i);
		assert_int_equal(d->numpy[2] - '0', d->size);
	}
	assert_int_equal(vit_dtype_by_name("float", 5), -1);
	assert_int_equal(vit_dtype_by_name("float32x", 7), VIT_F32);
	assert_int_equal(vit_dtype_by_numpy("=f4", 3), VIT_F32);
	assert_int_equal(vit_dtype_by_numpy(">f4", 3), -1);
	assert_int_equal(vit_dtype_by_numpy("<c8", 3), -1);
	assert_int_equal(vit_dtype_by_numpy("f4", 2), -1);
}

static void shapes_are_checked(void **state)
{
	(void)state;
	int64_t d[9] = { 3, 32, 32, 1, 1, 1, 1, 1, 1 };
	assert_int_equal(vit_shape_bytes(VIT_F32, 3, d), 12288);
	assert_int_equal(vit_shape_bytes(VIT_F64, 0, d), 8);
	assert_int_equal(vit_shape_bytes(VIT_F32, 9, d), -1);
	assert_int_equal(vit_shape_bytes(VIT_N_DTYPE, 3, d), -1);
	d[1] = -1;
	assert_int_equal(vit_shape_bytes(VIT_F32, 3, d), -1);
	int64_t big[3] = { INT64_MAX / 2, 3, 0 };
	assert_int_equal(vit_shape_bytes(VIT_U8, 2, big), -1);
	assert_int_equal(vit_shape_bytes(VIT_U8, 3, big), -1);
	int64_t zero[2] = { 0, 5 };
	assert_int_equal(vit_shape_bytes(VIT_U8, 2, zero), 0);

	struct vit_tensor t = { .dtype = VIT_F32, .ndim = 3, .dim = { 3, 32, 31 } };
	char buf[64];
	assert_string_equal(vit_shape_str(buf, sizeof buf, &t), "[3,32,31] float32");
	assert_int_equal(vit_tensor_count(&t), 2976);
	assert_int_equal(vit_tensor_bytes(&t), 11904);
	t.ndim = 0;
	assert_string_equal(vit_shape_str(buf, sizeof buf, &t), "[] float32");
	assert_int_equal(vit_tensor_count(&t), 1);
	assert_string_equal(vit_shape_str(buf, 4, &t), "[] ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_half_survives_the_round_trip),
		cmocka_unit_test(every_bfloat16_survives_the_round_trip),
		cmocka_unit_test(halves_round_to_nearest_even),
		cmocka_unit_test(bfloat16_rounds_to_nearest_even),
		cmocka_unit_test(some_halves_by_name),
		cmocka_unit_test(dtypes_by_name),
		cmocka_unit_test(shapes_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
