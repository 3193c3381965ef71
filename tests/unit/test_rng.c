/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"

static void assert_rand4(struct vit_rand4 r, uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
	assert_int_equal(r.v[0], a);
	assert_int_equal(r.v[1], b);
	assert_int_equal(r.v[2], c);
	assert_int_equal(r.v[3], d);
}

/* philox4x32 with 10 rounds, from the kat_vectors file of Random123 */
static void known_answers_of_random123(void **state)
{
	(void)state;
	assert_rand4(vit_philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
	assert_rand4(vit_philox(UINT64_MAX, UINT64_MAX, UINT64_MAX), 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
	/* counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0 */
	assert_rand4(vit_philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
		     0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
}

static void draws_walk_the_blocks(void **state)
{
	(void)state;
	struct vit_draws d = { .key = 5, .stream = 9 };
	for (uint64_t i = 0; i < 20; i++)
		assert_int_equal(vit_draw(&d), vit_philox(5, 9, i / 4).v[i % 4]);
}

static void uniform_is_below_one(void **state)
{
	(void)state;
	assert_true(vit_uniform(0) == 0.0f);
	assert_true(vit_uniform(UINT32_MAX) < 1.0f);
	assert_int_equal(vit_below(UINT32_MAX, 10), 9);
	assert_int_equal(vit_below(0, 10), 0);
	assert_int_equal(vit_below(UINT32_MAX, 1), 0);
}

static void below_is_even(void **state)
{
	(void)state;
	int hits[7] = { 0 };
	struct vit_draws d = { .key = 1 };
	for (int i = 0; i < 70000; i++)
		hits[vit_below(vit_draw(&d), 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(hits[i], 9600, 10400);   /* 4 standard deviations */
}

static void keys_differ_by_order(void **state)
{
	(void)state;
	assert_true(vit_key(1, 2) != vit_key(2, 1));
	assert_true(vit_key(0, 0) != vit_key(0, 1));
	assert_true(vit_key(0, 0) != 0);
	/* FNV-1a, 64 bits, published test vectors */
	assert_true(vit_name_key("") == 0xcbf29ce484222325);
	assert_true(vit_name_key("foobar") == 0x85944171f73967e8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers_of_random123),
		cmocka_unit_test(draws_walk_the_blocks),
		cmocka_unit_test(uniform_is_below_one),
		cmocka_unit_test(below_is_even),
		cmocka_unit_test(keys_differ_by_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
