/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void buffer_grows_and_keeps_bytes(void **state)
{
	(void)state;
	struct vit_buf b = { 0 };
	for (int i = 0; i < 5000; i++) {
		uint8_t x[3] = { (uint8_t)i, (uint8_t)(i >> 8), 7 };
		assert_int_equal(vit_buf_add(&b, x, sizeof x), 0);
	}
	assert_int_equal(b.n, 15000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(b.p[3 * i] | b.p[3 * i + 1] << 8, i);
	vit_buf_release(&b);
	assert_null(b.p);
	assert_int_equal(b.cap, 0);
}

static void buffer_printf_keeps_a_nul(void **state)
{
	(void)state;
	struct vit_buf b = { 0 };
	assert_int_equal(vit_buf_printf(&b, "a%d", 1), 0);
	assert_int_equal(vit_buf_printf(&b, "%s", "bc"), 0);
	assert_int_equal(b.n, 4);
	assert_string_equal((char *)b.p, "a1bc");
	vit_buf_release(&b);
}

static void sizes_that_overflow_are_refused(void **state)
{
	(void)state;
	struct vit_buf b = { 0 };
	assert_int_equal(vit_buf_add(&b, "x", 1), 0);
	assert_int_equal(vit_buf_reserve(&b, SIZE_MAX), VIT_ENOMEM);
	assert_int_equal(b.n, 1);
	vit_buf_release(&b);
	assert_null(vit_calloc(SIZE_MAX / 2, 3));
	assert_non_null(strstr(vit_errmsg(), "out of memory"));
	struct vit_arena a = { 0 };
	assert_null(vit_arena_alloc(&a, SIZE_MAX - 3));
	assert_null(vit_aligned_alloc(SIZE_MAX - 3));
	vit_arena_release(&a);
}

static void aligned_memory_is_zero(void **state)
{
	(void)state;
	for (size_t n = 0; n < 300; n += 37) {
		uint8_t *p = vit_aligned_alloc(n);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 64, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		free(p);
	}
}

static void arena_blocks_do_not_overlap(void **state)
{
	(void)state;
	struct vit_arena a = { 0 };
	enum { N = 400 };
	uint8_t *p[N];
	size_t size[N];
	for (int i = 0; i < N; i++) {
		size[i] = (size_t)(i % 50 == 49 ? 40000 : i * 7 % 300);
		p[i] = vit_arena_alloc(&a, size[i]);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % 16, 0);
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], i, size[i]);
	}
	for (int i = 0; i < N; i++)
		for (size_t k = 0; k < size[i]; k++)
			assert_int_equal(p[i][k], (uint8_t)i);
	assert_string_equal(vit_arena_strdup(&a, "birds"), "birds");
	assert_string_equal(vit_arena_printf(&a, "%s/%d", "birds", 12), "birds/12");
	vit_arena_release(&a);
	assert_null(a.chunk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buffer_grows_and_keeps_bytes),
		cmocka_unit_test(buffer_printf_keeps_a_nul),
		cmocka_unit_test(sizes_that_overflow_are_refused),
		cmocka_unit_test(aligned_memory_is_zero),
		cmocka_unit_test(arena_blocks_do_not_overlap),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
