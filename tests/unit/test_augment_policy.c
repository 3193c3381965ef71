/* SPDX-License-Identifier: MIT
 *
 * rand-augment and trivial-augment: what they choose, how often, how strongly.
 * What members make of pixels is compared with torchvision in test_augment_golden.c.
 */
#include "augment/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 24, BYTES = SIDE * SIDE * 3, BINS = 31, EACH = 300 };

/* What each member makes of the image, at each strength, in both directions. */
static uint8_t image[BYTES], made[VIT_N_MEMBERS][BINS][2][BYTES];

static void make_all(const struct vit_reach *reach)
{
	struct vit_image im = { 0 }, spare = { 0 };
	struct vit_buf scratch = { 0 };
	struct vit_augment_call call = { .image = &im, .spare = &spare, .scratch = &scratch };
	struct vit_policy_pixels pixels = { .fill = { .n = 1 } };
	struct vit_draws draws = { .key = 5 };
	for (int i = 0; i < BYTES; i++)
		image[i] = (uint8_t)(vit_draw(&draws) % 200 + 30);
	for (int m = 0; m < VIT_N_MEMBERS; m++)
		for (int bin = 0; bin < BINS; bin++)
			for (int negative = 0; negative < 2; negative++) {
				assert_int_equal(vit_image_reserve(&im, SIDE, SIDE, 3), 0);
				memcpy(im.p, image, BYTES);
				assert_int_equal(vit_policy_apply(&call, reach, &pixels, (enum vit_member)m, bin, BINS, negative), 0);
				memcpy(made[m][bin][negative], im.p, BYTES);
			}
	vit_image_release(&im);
	vit_image_release(&spare);
	vit_buf_release(&scratch);
}

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

static int apply(struct bench *b, int64_t c, uint64_t seq, const uint8_t **out)
{
	struct vit_record r = { .id = { "x", 1 }, .seq = seq };
	r.image = (struct vit_tensor){ .data = image, .dtype = VIT_U8, .ndim = 3, .dim = { SIDE, c == 3 ? SIDE : 4, c } };
	int rc = vit_chain_apply(b->chain, b->work, 0, &r);
	*out = r.image.data;
	return rc;
}

/* The first (member, bin, negative) that makes `out`; member -1: none. */
struct found {
	int member, bin, negative;
};
static struct found find(const uint8_t *out, int first_bin, int last_bin)
{
	for (int m = 0; m < VIT_N_MEMBERS; m++)
		for (int bin = first_bin; bin <= last_bin; bin++)
			for (int negative = 0; negative < 2; negative++)
				if (!memcmp(out, made[m][bin][negative], BYTES))
					return (struct found){ m, bin, negative };
	return (struct found){ .member = -1 };
}

static int has_two_directions(int m)
{
	return m >= VIT_SHEAR_X && m <= VIT_SHARPNESS;
}

static void rand_chooses_evenly(void **state)
{
	(void)state;
	struct bench b = bench_of("rand-augment:num-ops=1");
	int n[VIT_N_MEMBERS] = { 0 }, negative[VIT_N_MEMBERS] = { 0 };
	const uint8_t *out;
	make_all(&vit_rand_reach);
	for (uint64_t seq = 0; seq < EACH * VIT_N_MEMBERS; seq++) {
		assert_int_equal(apply(&b, 3, seq, &out), 0);
		struct found f = find(out, 9, 9);
		assert_true(f.member >= 0);
		n[f.member]++;
		negative[f.member] += f.negative;
	}
	/* deviation 17, and 9 of the half that is negative */
	for (int m = 0; m < VIT_N_MEMBERS; m++) {
		assert_in_range(n[m], EACH - 80, EACH + 80);
		if (has_two_directions(m))
			assert_in_range(negative[m], n[m] / 2 - 45, n[m] / 2 + 45);
	}
	bench_release(&b);
}

static void rand_applies_num_ops(void **state)
{
	(void)state;
	static const struct { const char *op; int least, most; } row[] = {
		/* identity each time: 1, 1/14, 1/196 of 1400 records */
		{ "rand-augment:num-ops=0", 1400, 1400 }, { "rand-augment:num-ops=1", 60, 145 }, { "rand-augment:num-ops=2", 1, 25 },
		{ "rand-augment:num-ops=2,p=0", 1400, 1400 },
	};
	const uint8_t *out;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct bench b = bench_of(row[i].op);
		int same = 0;
		for (uint64_t seq = 0; seq < 1400; seq++) {
			assert_int_equal(apply(&b, 3, seq, &out), 0);
			same += !memcmp(out, image, BYTES);
		}
		if (same < row[i].least || same > row[i].most)
			fail_msg("%s: %d unchanged", row[i].op, same);
		bench_release(&b);
	}
}

/* Mean, least and most of the strengths of brightness. */
static void strengths(const char *op, int *n, double *mean, int *least, int *most)
{
	struct bench b = bench_of(op);
	const uint8_t *out;
	*n = *most = 0;
	*mean = 0;
	*least = BINS;
	for (uint64_t seq = 0; seq < EACH * VIT_N_MEMBERS; seq++) {
		assert_int_equal(apply(&b, 3, seq, &out), 0);
		struct found f = find(out, 0, BINS - 1);
		assert_true(f.member >= 0);
		if (f.member != VIT_BRIGHTNESS)
			continue;
		++*n;
		*mean += f.bin;
		*least = f.bin < *least ? f.bin : *least;
		*most = f.bin > *most ? f.bin : *most;
	}
	*mean /= *n;
	bench_release(&b);
}

static void strength_varies_by_std(void **state)
{
	(void)state;
	int n, least, most;
	double mean;
	make_all(&vit_rand_reach);
	strengths("rand-augment:num-ops=1,magnitude=12", &n, &mean, &least, &most);
	assert_int_equal(least, 12);
	assert_int_equal(most, 12);
	strengths("rand-augment:num-ops=1,magnitude=12,std=3", &n, &mean, &least, &most);
	assert_true(mean > 11 && mean < 13);
	assert_in_range(least, 1, 7);
	assert_in_range(most, 17, 25);
	/* no strength beyond the last */
	strengths("rand-augment:num-ops=1,magnitude=30,std=100", &n, &mean, &least, &most);
	assert_int_equal(most, 30);
}

static void trivial_draws_all_strengths(void **state)
{
	(void)state;
	int n, least, most;
	double mean;
	make_all(&vit_trivial_reach);
	strengths("trivial-augment", &n, &mean, &least, &most);
	/* strength 0 is no change, which is found as the identity */
	assert_in_range(n, EACH * 30 / 31 - 80, EACH * 30 / 31 + 80);
	assert_true(mean > 14 && mean < 17);
	assert_int_equal(least, 1);
	assert_int_equal(most, BINS - 1);
}

static void images_they_cannot_take(void **state)
{
	(void)state;
	static const struct { const char *op, *why; int64_t c; } row[] = {
		{ "rand-augment", "1 (gray) or 3", 4 }, { "trivial-augment", "1 (gray) or 3", 2 },
	};
	const uint8_t *out;
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct bench b = bench_of(row[i].op);
		for (uint64_t seq = 0; seq < 50; seq++) {       /* whatever was drawn */
			assert_int_equal(apply(&b, row[i].c, seq, &out), VIT_ERECORD);
			assert_non_null(strstr(vit_errmsg(), row[i].why));
		}
		bench_release(&b);
	}
	struct bench b = bench_of("rand-augment:fill=1/2/3,num-ops=20");
	assert_int_equal(apply(&b, 1, 0, &out), VIT_ERECORD);
	assert_non_null(strstr(vit_errmsg(), "1 channels, fill 3 levels"));
	bench_release(&b);
}

static void magnitude_is_a_bin(void **state)
{
	(void)state;
	struct vit_chain *chain;
	struct vit_header header;
	struct vit_meta meta = { 0 };
	assert_int_equal(vit_chain_new(&chain), 0);
	assert_int_equal(vit_header_init(&header, VIT_SAMPLES), 0);
	assert_int_equal(vit_chain_add(chain, "rand-augment:magnitude=10,bins=10"), 0);
	assert_int_equal(vit_chain_prepare(chain, &meta, &header), VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), "magnitude=10 is not below bins=10"));
	assert_int_equal(vit_chain_add(chain, "trivial-augment:bins=1"), VIT_EUSAGE);
	vit_header_release(&header);
	vit_chain_free(chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rand_chooses_evenly),
		cmocka_unit_test(rand_applies_num_ops),
		cmocka_unit_test(strength_varies_by_std),
		cmocka_unit_test(trivial_draws_all_strengths),
		cmocka_unit_test(images_they_cannot_take),
		cmocka_unit_test(magnitude_is_a_bin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
