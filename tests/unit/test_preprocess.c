/* SPDX-License-Identifier: MIT
 *
 * Encoded images on their way into a model: the same as their pixels.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

enum { MOST = 64 * 64 * 3 };

static struct vit_preprocess eats(int64_t c, int64_t h, int64_t w, double crop_pct)
{
	return (struct vit_preprocess){ .input_size = { c, h, w }, .interpolation = "bicubic", .crop_pct = crop_pct, .crop_mode = "center" };
}

/* A PPM or PGM of h x w x c; its pixels are the last bytes. Returns its length. */
static size_t pnm(uint8_t *file, int h, int w, int c)
{
	int head = sprintf((char *)file, "P%d\n%d %d\n255\n", c == 3 ? 6 : 5, w, h);
	for (int i = 0; i < h * w * c; i++)
		file[head + i] = (uint8_t)(i * 7 + i / 50);
	return (size_t)head + (size_t)(h * w * c);
}

static struct vit_record encoded(const uint8_t *p, size_t n, const char *type)
{
	return (struct vit_record){ .encoded = { (const char *)p, n }, .type = { type, strlen(type) } };
}

static void test_as_pixels(void **state)
{
	(void)state;
	static const int sizes[][3] = { { 8, 8, 3 }, { 21, 17, 3 }, { 13, 40, 1 }, { 5, 6, 3 }, { 60, 60, 1 }, { 8, 8, 1 } };
	uint8_t file[MOST + 32], a[MOST], b[MOST];
	struct vit_preprocess_work work = { 0 };
	for (int model_c = 1; model_c <= 3; model_c += 2) {
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
			int h = sizes[i][0], w = sizes[i][1], c = sizes[i][2], ra, rb;
			const struct vit_preprocess pre = eats(model_c, 8, 8, 0.875);
			size_t n = pnm(file, h, w, c);
			struct vit_record r = encoded(file, n, "pnm");
			struct vit_record pixels = { .image = { .data = file + n - (size_t)(h * w * c), .dtype = VIT_U8, .ndim = 3, .dim = { h, w, c } } };
			memset(a, 1, sizeof a);
			memset(b, 2, sizeof b);
			assert_int_equal(vit_preprocess_record(&pre, &work, &r, a, &ra), 0);
			assert_int_equal(vit_preprocess_record(&pre, &work, &pixels, b, &rb), 0);
			assert_memory_equal(a, b, (size_t)(64 * model_c));
			assert_int_equal(a[64 * model_c], 1);
			assert_int_equal(ra, h != 8 || w != 8);
			assert_int_equal(rb, ra);
		}
	}
	vit_preprocess_work_release(&work);
}

/* The centre of an image of twice the size, whether its proportions are kept or not. */
static void test_squash_is_cut_too(void **state)
{
	(void)state;
	uint8_t file[MOST + 32], out[MOST];
	int resized;
	struct vit_preprocess_work work = { 0 };
	struct vit_preprocess pre = eats(1, 8, 8, 0.5);
	size_t n = pnm(file, 16, 16, 1);
	struct vit_record r = encoded(file, n, "pnm");
	const uint8_t *pixels = file + n - 256;
	for (int squash = 0; squash < 2; squash++) {
		strcpy(pre.crop_mode, squash ? "squash" : "center");
		assert_int_equal(vit_preprocess_record(&pre, &work, &r, out, &resized), 0);
		for (int y = 0; y < 8; y++)
			assert_memory_equal(out + 8 * y, pixels + 16 * (y + 4) + 4, 8);
	}
	vit_preprocess_work_release(&work);
}

static void refused(struct vit_preprocess pre, const uint8_t *p, size_t n, const char *words)
{
	uint8_t out[MOST];
	int resized;
	struct vit_preprocess_work work = { 0 };
	struct vit_record r = encoded(p, n, "jpeg");
	assert_int_equal(vit_preprocess_record(&pre, &work, &r, out, &resized), VIT_ERECORD);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
	vit_preprocess_work_release(&work);
}

static void test_refused(void **state)
{
	(void)state;
	uint8_t file[MOST + 32];
	size_t n = pnm(file, 20, 20, 3);
	refused(eats(5, 8, 8, 1), file, n, "3 channels, the model wants 5");
	refused(eats(3, 8, 8, 1), file, n - 1, "pnm");                          /* cut: named by what it is */
	refused(eats(3, 8, 8, 1), (const uint8_t *)"<html>", 6, "said to be jpeg");      /* nothing at all: by what it was said to be */
	refused(eats(3, 8, 8, 1), (const uint8_t *)"", 0, "said to be jpeg");
	refused(eats(3, 8, 8, 1), (const uint8_t *)"\xff\xd8\xff\xe0\0\x10JFIF", 10, "jpeg");
	n = (size_t)sprintf((char *)file, "P6\n65537 65536\n255\n");
	refused(eats(3, 8, 8, 1), file, n, "pnm");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_as_pixels), cmocka_unit_test(test_squash_is_cut_too), cmocka_unit_test(test_refused) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
