/* SPDX-License-Identifier: MIT
 *
 * Schedules and scores.
 */
#include "train/train.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void near(double a, double b)
{
	if (!(fabs(a - b) <= 1e-6 * fmax(fabs(a), fabs(b))))
		fail_msg("%.9g is not %.9g", a, b);
}

static void test_warmup_rises_from_above_zero(void **state)
{
	(void)state;
	float lr[20];
	assert_int_equal(vit_lr_table(lr, 20, 4, 1e-3, 1e-5, "linear"), 0);
	near(lr[0], 0.25e-3);
	near(lr[3], 1e-3);
	near(lr[4], 1e-3);
	near(lr[19], 1e-5);
	near(lr[11] - lr[12], (1e-3 - 1e-5) / 15);
}

static void test_cosine_ends_where_told(void **state)
{
	(void)state;
	float lr[11];
	assert_int_equal(vit_lr_table(lr, 11, 0, 2, 0, "cosine"), 0);
	near(lr[0], 2);
	near(lr[5], 1);
	assert_true(lr[10] < 1e-6f && lr[10] >= 0);
	assert_int_equal(vit_lr_table(lr, 11, 1, 2, 0.5, "cosine"), 0);
	near(lr[10], 0.5);
	assert_int_equal(vit_lr_table(lr, 11, 2, 2, 0.5, "constant"), 0);
	near(lr[0], 1);
	near(lr[10], 2);
}

static void test_lengths_at_the_edge(void **state)
{
	(void)state;
	float lr[3];
	assert_int_equal(vit_lr_table(lr, 1, 0, 1, 0, "cosine"), 0);
	near(lr[0], 1);
	assert_int_equal(vit_lr_table(lr, 3, 3, 3, 0, "linear"), 0);
	near(lr[2], 3);
	assert_int_equal(vit_lr_table(lr, 3, 4, 3, 0, "linear"), VIT_EUSAGE);
	assert_int_equal(vit_lr_table(lr, 3, 0, 3, 4, "linear"), VIT_EUSAGE);
	assert_int_equal(vit_lr_table(lr, 3, 0, 3, 0, "cosin"), VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), "cosine"));
}

static void test_score(void **state)
{
	(void)state;
	struct vit_score s;
	assert_int_equal(vit_score_init(&s, 7), 0);
	vit_score_add(&s, (float[]){ 1, 2, 3, 0, 0, 0, 0 }, 7, 2);
	near(s.loss, log(exp(1) + exp(2) + exp(3) + 4) - 3);
	vit_score_add(&s, (float[]){ 6, 5, 4, 3, 2, 1, 0 }, 7, 4);      /* fifth: still among five */
	vit_score_add(&s, (float[]){ 6, 5, 4, 3, 2, 1, 0 }, 7, 5);
	assert_int_equal(s.count, 3);
	assert_int_equal(s.top1, 1);
	assert_int_equal(s.top5, 2);
	assert_int_equal(s.confusion[2 * 7 + 2], 1);
	assert_int_equal(s.confusion[4 * 7 + 0], 1);
	assert_int_equal(s.confusion[5 * 7 + 0], 1);
	vit_score_reset(&s);
	assert_int_equal(s.count + s.confusion[2 * 7 + 2], 0);
	vit_score_release(&s);
}

/* A model that says the same of everything, or nothing, must not look good. */
static void test_ties_and_nan(void **state)
{
	(void)state;
	struct vit_score s;
	assert_int_equal(vit_score_init(&s, 3), 0);
	for (int k = 0; k < 3; k++)
		vit_score_add(&s, (float[]){ 0, 0, 0 }, 3, k);
	assert_int_equal(s.top1, 1);
	vit_score_reset(&s);
	for (int k = 0; k < 3; k++)
		vit_score_add(&s, (float[]){ NAN, NAN, NAN }, 3, k);
	assert_int_equal(s.top1, 0);
	/* and no class is predicted, so that none looks favoured */
	vit_score_add(&s, (float[]){ 1, NAN, 0 }, 3, 0);
	for (int i = 0; i < 9; i++)
		assert_int_equal(s.confusion[i], 0);
	assert_int_equal(s.unpredicted[0], 2);
	assert_int_equal(s.unpredicted[2], 1);
	vit_score_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_warmup_rises_from_above_zero), cmocka_unit_test(test_cosine_ends_where_told),
		cmocka_unit_test(test_lengths_at_the_edge), cmocka_unit_test(test_score), cmocka_unit_test(test_ties_and_nan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
