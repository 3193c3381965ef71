/* SPDX-License-Identifier: MIT
 *
 * The pictures: their bytes, sizes, and what they refuse.
 */
#include "draw/draw.h"
#include "image/decode.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct vit_draw *draw;

static int load(void **state)
{
	const struct vit_module *m;
	(void)state;
	if (vit_module_open("draw", &m)) {
		print_error("%s\n", vit_errmsg());
		return -1;
	}
	draw = (const struct vit_draw *)(const void *)m;
	return 0;
}

/* ---- into a file and back -------------------------------------------------------- */

struct target {
	char path[32];
	struct vit_output *out;
};

static void begin(struct target *t)
{
	strcpy(t->path, "/tmp/test_draw.XXXXXX");
	int fd = mkstemp(t->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(vit_output_open(&t->out, t->path), 0);
}

static void end(struct target *t, int rc, struct vit_buf *png)
{
	if (rc)
		fail_msg("%s", vit_errmsg());
	assert_int_equal(vit_output_commit(t->out, "", 0), 0);
	FILE *f = fopen(t->path, "rb");
	uint8_t part[4096];
	size_t n;
	assert_non_null(f);
	png->n = 0;
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		assert_int_equal(vit_buf_add(png, part, n), 0);
	fclose(f);
	unlink(t->path);
}

static void refused(struct target *t, int rc, const char *words)
{
	assert_int_equal(rc, VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), words));
	vit_output_discard(t->out);
	unlink(t->path);
}

static void size_of(const struct vit_buf *png, int64_t *h, int64_t *w)
{
	assert_true(png->n > 64);
	assert_memory_equal(png->p, "\x89PNG\r\n\x1a\n", 8);
	const uint8_t *p = png->p + 16;
	*w = (int64_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
	*h = (int64_t)p[4] << 24 | p[5] << 16 | p[6] << 8 | p[7];
}

/* Pixels within 1 of a colour, 0xRRGGBB. */
static int64_t pixels_of(const struct vit_buf *png, unsigned colour)
{
	struct vit_image im = { 0 };
	int64_t n = 0;
	assert_int_equal(vit_image_decode(&im, png->p, png->n, NULL), 0);
	for (int64_t i = 0; i < im.h * im.w; i++) {
		int off = 0;
		for (int k = 0; k < 3; k++)
			off |= abs(im.p[3 * i + k] - (int)(colour >> (16 - 8 * k) & 255)) > 1;
		n += !off;
	}
	vit_image_release(&im);
	return n;
}

/* White to the colour, as the matrix shades a share of the row. */
static unsigned shade(double share, double r, double g, double b)
{
	double a = pow(share, 0.45);
	return (unsigned)lrint(255 * (1 - a * (1 - r))) << 16 | (unsigned)lrint(255 * (1 - a * (1 - g))) << 8 | (unsigned)lrint(255 * (1 - a * (1 - b)));
}

/* ---- confusion -------------------------------------------------------------------- */

static int64_t *diagonal(int n, int64_t right, int64_t wrong)
{
	int64_t *c = calloc((size_t)n * (size_t)n, sizeof *c);
	assert_non_null(c);
	for (int i = 0; i < n; i++) {
		c[i * n + i] = right;
		if (n > 1)
			c[i * n + (i + 1) % n] += wrong;
	}
	return c;
}

static void confusion(const int64_t *count, const char *const *names, int n, struct vit_buf *png)
{
	struct target t;
	begin(&t);
	end(&t, draw->confusion(count, names, n, "a title", t.out), png);
}

static void test_confusion_of_1_to_1000_classes(void **state)
{
	static const int sizes[] = { 1, 2, 10, 20, 21, 100, 1000 };
	struct vit_buf png = { 0 }, again = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		int64_t h, w, *c = diagonal(sizes[i], 8, 2);
		confusion(c, NULL, sizes[i], &png);
		size_of(&png, &h, &w);
		assert_in_range(h, 200, 1600);
		assert_in_range(w, 300, 1600);
		confusion(c, NULL, sizes[i], &again);
		assert_int_equal(png.n, again.n);
		assert_memory_equal(png.p, again.p, png.n);
		free(c);
	}
	vit_buf_release(&png);
	vit_buf_release(&again);
}

static void test_cells_are_shaded_by_share(void **state)
{
	/* rows of 8 + 2, and of 800 + 200: the same shades; a third without a sample */
	const int64_t count[] = { 8, 2, 0, 200, 800, 0, 0, 0, 0 };
	struct vit_buf png = { 0 };
	(void)state;
	confusion(count, NULL, 3, &png);
	/* cells are 71 pixels wide; figures cover a little */
	assert_in_range(pixels_of(&png, shade(0.8, 0, 0.45, 0.70)), 2 * 4000, 2 * 71 * 71 + 400);
	assert_in_range(pixels_of(&png, shade(0.2, 0.84, 0.37, 0)), 2 * 4000, 2 * 71 * 71 + 400);
	assert_in_range(pixels_of(&png, 0xe0e6eb), 3 * 71 * 71, 3 * 71 * 71 + 1200);
	vit_buf_release(&png);
}

static void test_names_of_any_bytes(void **state)
{
	static const char *const names[] = { "", "\xff\xfe\x01 broken", "caf\xc3\xa9", "\xed\xa0\x80 half a pair",
		"a name that goes on and on and on and on and on and on and on and on and on and on and on and on and on" };
	int64_t *c = diagonal(5, 3, 0), h, w;
	struct vit_buf png = { 0 };
	(void)state;
	confusion(c, names, 5, &png);
	size_of(&png, &h, &w);
	assert_in_range(w, 300, 900);
	free(c);
	vit_buf_release(&png);
}

static void test_confusion_refuses(void **state)
{
	int64_t *zero = diagonal(3, 0, 0), *negative = diagonal(3, 5, -1), *one = diagonal(1, 1, 0);
	struct target t;
	(void)state;
	begin(&t);
	refused(&t, draw->confusion(zero, NULL, 3, "t", t.out), "counts no sample");
	begin(&t);
	refused(&t, draw->confusion(negative, NULL, 3, "t", t.out), "-1");
	begin(&t);
	refused(&t, draw->confusion(one, NULL, 0, "t", t.out), "4096");
	begin(&t);
	refused(&t, draw->confusion(one, NULL, 4097, "t", t.out), "4097");
	free(zero);
	free(negative);
	free(one);
}

/* ---- grid -------------------------------------------------------------------------- */

static void grid(const struct vit_draw_cell *cell, int n, int columns, const char *title, struct vit_buf *png)
{
	struct target t;
	begin(&t);
	end(&t, draw->grid(cell, n, columns, title, t.out), png);
}

static void test_grid_of_mixed_images(void **state)
{
	static uint8_t gray[28 * 28], wide[3 * 900 * 3], pixel[3] = { 1, 2, 3 };
	const struct vit_draw_cell cell[] = { { gray, 28, 28, 1, "a" }, { wide, 3, 900, 3, "b 0.93" }, { pixel, 1, 1, 3, NULL }, { .text = "none" } };
	struct vit_buf png = { 0 }, again = { 0 };
	int64_t h, w, h1, w1;
	(void)state;
	grid(cell, 4, 2, "title", &png);
	size_of(&png, &h, &w);
	grid(cell, 4, 2, "title", &again);
	assert_int_equal(png.n, again.n);
	assert_memory_equal(png.p, again.p, png.n);
	/* fewer images than columns: no empty cells are drawn */
	grid(cell, 2, 4, "", &png);
	size_of(&png, &h1, &w1);
	assert_true(h1 < h);
	vit_buf_release(&png);
	vit_buf_release(&again);
}

static void test_small_images_grow_by_whole_factors(void **state)
{
	static uint8_t gray[28 * 28], large[600 * 300 * 3];
	struct vit_buf png = { 0 };
	(void)state;
	gray[5] = 77;
	memset(large, 190, sizeof large);
	const struct vit_draw_cell cell[] = { { gray, 28, 28, 1, NULL }, { large, 600, 300, 3, NULL } };
	/* cells of 256: 9 times; 600 x 300 becomes 256 x 128 */
	grid(cell, 2, 2, NULL, &png);
	assert_int_equal(pixels_of(&png, 0x4d4d4d), 81);
	assert_int_equal(pixels_of(&png, 0), 783 * 81);
	assert_int_equal(pixels_of(&png, 0xbebebe), 256 * 128);
	vit_buf_release(&png);
}

static void test_grid_refuses(void **state)
{
	static uint8_t p[64];
	const struct vit_draw_cell none = { 0 }, two = { p, 4, 4, 2, NULL }, flat = { p, 0, 4, 3, NULL };
	struct target t;
	(void)state;
	begin(&t);
	refused(&t, draw->grid(&none, 0, 8, "t", t.out), "nothing to show");
	begin(&t);
	refused(&t, draw->grid(&none, 1, 0, "t", t.out), "nothing to show");
	begin(&t);
	refused(&t, draw->grid(&two, 1, 1, "t", t.out), "1 or 3 channels");
	begin(&t);
	refused(&t, draw->grid(&flat, 1, 1, "t", t.out), "0x4x3");
	struct vit_draw_cell *many = calloc(1000, sizeof *many);
	assert_non_null(many);
	begin(&t);
	refused(&t, draw->grid(many, 1000, 1000, "t", t.out), "too large");
	free(many);
}

/* ---- curve --------------------------------------------------------------------------- */

static void curve(struct vit_point *p, size_t n, int by_step, struct vit_buf *png)
{
	struct target t;
	struct vit_curve c = { .point = p, .n = n, .by_step = by_step };
	begin(&t);
	end(&t, draw->curve(&c, "log", t.out), png);
}

static void test_curves_of_all_lengths(void **state)
{
	struct vit_point *p = calloc(20000, sizeof *p);
	struct vit_buf png = { 0 };
	int64_t h, w;
	(void)state;
	assert_non_null(p);
	for (int i = 0; i < 20000; i++)
		p[i] = (struct vit_point){ .epoch = i + 1, .step = i + 1, .loss = i % 7 ? 1.0 / (i + 1) : NAN, .top1 = 50, .val_loss = NAN, .val_top1 = NAN };
	curve(p, 1, 0, &png);
	curve(p + 1, 1, 1, &png);
	curve(p, 3, 0, &png);
	curve(p, 20000, 1, &png);
	size_of(&png, &h, &w);
	assert_int_equal(w, 1200);
	assert_int_equal(h, 520);
	/* beside such values a tick's step is nothing */
	p[0].loss = 1e16;
	p[1].loss = 1e16 + 2;
	curve(p, 2, 0, &png);
	p[0].loss = 1e308;
	p[1].loss = -1e308;
	p[0].epoch = 1e18;
	p[1].epoch = 1e18 + 256;
	curve(p, 2, 0, &png);
	free(p);
	vit_buf_release(&png);
}

static void test_a_curve_without_values(void **state)
{
	struct vit_point p = { .epoch = 1, .step = 1, .loss = NAN, .top1 = NAN, .val_loss = INFINITY, .val_top1 = NAN };
	struct vit_curve c = { .point = &p, .n = 1 };
	struct target t;
	(void)state;
	begin(&t);
	assert_int_equal(draw->curve(&c, "log", t.out), VIT_EFORMAT);
	c.n = 0;
	assert_int_equal(draw->curve(&c, "log", t.out), VIT_EFORMAT);
	vit_output_discard(t.out);
	unlink(t.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_confusion_of_1_to_1000_classes),
		cmocka_unit_test(test_cells_are_shaded_by_share),
		cmocka_unit_test(test_names_of_any_bytes),
		cmocka_unit_test(test_confusion_refuses),
		cmocka_unit_test(test_grid_of_mixed_images),
		cmocka_unit_test(test_small_images_grow_by_whole_factors),
		cmocka_unit_test(test_grid_refuses),
		cmocka_unit_test(test_curves_of_all_lengths),
		cmocka_unit_test(test_a_curve_without_values),
	};
	return cmocka_run_group_tests_name("draw", tests, load, NULL);
}
