/* SPDX-License-Identifier: MIT
 *
 * Photometric operations: what is random in them and what they refuse. Their
 * pixels are compared with torchvision in test_augment_golden.c.
 */
#include "augment/augment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 4, RECORDS = 2000 };

struct bench {
	struct vit_chain *chain;
	struct vit_chain_work *work;
};

static struct bench bench_of(const char *op)
{
	struct bench b;
	assert_int_equal(vit_chain_new(&b.chain), 0);
	assert_int_equal(vit_chain_work_new(&b.work), 0);
	if (vit_chain_add(b.chain, op))
		fail_msg("%s", vit_errmsg());
	return b;
}

static void bench_release(struct bench *b)
{
	vit_chain_free(b->chain);
	vit_chain_work_free(b->work);
}

/* Apply to record `seq`, whose image is SIDE x SIDE x c. The result lives until the next call. */
static int apply(struct bench *b, uint8_t *px, int64_t c, uint64_t seq, const uint8_t **out)
{
	struct vit_record r = { .id = { "x", 1 }, .seq = seq };
	r.image = (struct vit_tensor){ .data = px, .dtype = VIT_U8, .ndim = 3, .dim = { SIDE, SIDE, c } };
	int rc = vit_chain_apply(b->chain, b->work, 0, &r);
	*out = r.image.data;
	return rc;
}

/* 100 everywhere, but `first` in the first byte. */
static uint8_t *even(uint8_t px[SIDE * SIDE * 16], uint8_t first)
{
	memset(px, 100, SIDE * SIDE * 16);
	px[0] = first;
	return px;
}

static void p_is_how_often(void **state)
{
	(void)state;
	static const char *const op[] = {
		"grayscale:p=0.3", "auto-contrast:p=0.3", "invert:p=0.3", "posterize:bits=1,p=0.3", "solarize:threshold=50,p=0.3",
		"sharpness:factor=0,p=0.3", "color-jitter:brightness=0/0,p=0.3",
	};
	uint8_t px[SIDE * SIDE * 16];
	for (size_t i = 0; i < sizeof op / sizeof *op; i++) {
		struct bench b = bench_of(op[i]);
		const uint8_t *out;
		int changed = 0;
		even(px, 100)[SIDE * 3 + 4] = 200;
		for (uint64_t seq = 0; seq < RECORDS; seq++) {
			assert_int_equal(apply(&b, px, 3, seq, &out), 0);
			changed += memcmp(out, px, SIDE * SIDE * 3) != 0;
		}
		/* 600 expected, deviation 20 */
		if (changed < 500 || changed > 700)
			fail_msg("%s: %d of %d", op[i], changed, RECORDS);
		bench_release(&b);
	}
}

/* Brightness 1 - x to 1 + x, evenly, of a level of 100. */
static void jitter_fills_its_range(void **state)
{
	(void)state;
	static const struct { const char *op; int lo, hi; } row[] = {
		{ "color-jitter:brightness=0.5,contrast=0,saturation=0", 50, 150 },
		{ "color-jitter:brightness=0.8/1.8,contrast=0,saturation=0", 80, 180 },
		{ "color-jitter:brightness=2,contrast=0,saturation=0", 0, 255 },
	};
	uint8_t px[SIDE * SIDE * 16];
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct bench b = bench_of(row[i].op);
		const uint8_t *out;
		int lo = 255, hi = 0, upper = 0;
		for (uint64_t seq = 0; seq < RECORDS; seq++) {
			assert_int_equal(apply(&b, even(px, 100), 3, seq, &out), 0);
			lo = out[0] < lo ? out[0] : lo;
			hi = out[0] > hi ? out[0] : hi;
			upper += out[0] >= (row[i].lo + row[i].hi) / 2;
		}
		if (lo < row[i].lo || lo > row[i].lo + 3 || hi > row[i].hi || hi < row[i].hi - 3)
			fail_msg("%s: %d to %d", row[i].op, lo, hi);
		/* a factor 0 to 3 of 100 is above 127 more often than not: only the others are even */
		if (row[i].hi < 255)
			assert_in_range(upper, RECORDS * 45 / 100, RECORDS * 55 / 100);
		bench_release(&b);
	}
}

/* Cutting at 255 and moving towards the mean do not commute: both orders are seen. */
static void jitter_changes_its_order(void **state)
{
	(void)state;
	struct bench b = bench_of("color-jitter:brightness=2/2,contrast=0.5/0.5,saturation=0");
	uint8_t px[SIDE * SIDE * 16], first = 0;
	const uint8_t *out;
	int same = 0;
	for (uint64_t seq = 0; seq < RECORDS; seq++) {
		assert_int_equal(apply(&b, even(px, 200), 1, seq, &out), 0);
		first = seq ? first : out[0];
		same += out[0] == first;
	}
	assert_in_range(same, RECORDS * 45 / 100, RECORDS * 55 / 100);
	bench_release(&b);
}

static void channels(void **state)
{
	(void)state;
	static const struct { const char *op; int takes; } row[] = {
		{ "color-jitter:brightness=2/2,contrast=0,saturation=0", 1 }, { "auto-contrast:p=1", 1 }, { "equalize:p=1", 1 },
		{ "posterize:p=1", 1 }, { "solarize:p=1", 1 }, { "invert:p=1", 1 }, { "sharpness:p=1", 1 },
		{ "grayscale:p=1", 0 }, { "color-jitter:brightness=0,contrast=2/2,saturation=0", 0 },
		{ "color-jitter:brightness=0,contrast=0,saturation=2/2", 0 },
		{ "color-jitter:brightness=0,contrast=0,saturation=0,hue=0.1/0.1", 0 },
	};
	uint8_t px[SIDE * SIDE * 16];
	const uint8_t *out;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct bench b = bench_of(row[i].op);
		for (int64_t c = 1; c <= 16; c++) {
			int takes = row[i].takes || c == 1 || c == 3, rc = apply(&b, even(px, 3), c, 0, &out);
			if (rc != (takes ? 0 : VIT_ERECORD))
				fail_msg("%s of %d channels: %d", row[i].op, (int)c, rc);
			if (rc && !strstr(vit_errmsg(), "1 (gray) or 3"))
				fail_msg("%s", vit_errmsg());
		}
		bench_release(&b);
	}
}

static void refused(const char *op, const char *why)
{
	struct vit_chain *chain;
	struct vit_header header;
	struct vit_meta meta = { 0 };
	assert_int_equal(vit_chain_new(&chain), 0);
	assert_int_equal(vit_header_init(&header, VIT_SAMPLES), 0);
	int rc = vit_chain_add(chain, op);
	if (!rc)
		rc = vit_chain_prepare(chain, &meta, &header);
	assert_int_equal(rc, VIT_EUSAGE);
	if (!strstr(vit_errmsg(), why))
		fail_msg("%s: \"%s\" does not say \"%s\"", op, vit_errmsg(), why);
	vit_header_release(&header);
	vit_chain_free(chain);
}

static void parameters_that_cannot_be(void **state)
{
	(void)state;
	refused("posterize:bits=9", "bits=9 is not a whole number 0 to 8");
	refused("posterize:bits=-1", "0 to 8");
	refused("solarize:threshold=256", "0 to 255");
	refused("sharpness:factor=-1", "0 to 100");
	refused("color-jitter:hue=-0.1", "hue is one number from 0, or the lowest and the highest as -0.1/0.1");
	refused("color-jitter:hue=0.6", "-0.5 to 0.5");
	refused("color-jitter:contrast=1.4/0.6", "contrast is one number");
	refused("color-jitter:saturation=1/1/1", "saturation is one number");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(p_is_how_often),
		cmocka_unit_test(jitter_fills_its_range),
		cmocka_unit_test(jitter_changes_its_order),
		cmocka_unit_test(channels),
		cmocka_unit_test(parameters_that_cannot_be),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
