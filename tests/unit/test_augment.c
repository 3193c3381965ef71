/* SPDX-License-Identifier: MIT
 *
 * Parameters, chains and operations.
 */
#include "augment/augment.h"

#include "augment/params.h"
#include "image/flip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 12 };

static struct vit_chain *chain_of(const char *const *spec, int n)
{
	struct vit_chain *chain;
	assert_int_equal(vit_chain_new(&chain), 0);
	for (int i = 0; i < n; i++)
		if (vit_chain_add(chain, spec[i]))
			fail_msg("%s", vit_errmsg());
	return chain;
}

/* Apply to a SIDE x SIDE x c image whose bytes count up; the result must be freed. */
static uint8_t *apply(const struct vit_chain *chain, int64_t c, uint64_t seed, uint64_t seq, int64_t epoch, int64_t shape[3])
{
	uint8_t px[SIDE * SIDE * 16], *copy;
	struct vit_chain_work *work;
	struct vit_record r = { .id = { "x", 1 }, .seq = seq, .epoch = epoch };
	for (int i = 0; i < SIDE * SIDE * c; i++)
		px[i] = (uint8_t)(i * 7 + i / 256);
	r.image = (struct vit_tensor){ .data = px, .dtype = VIT_U8, .ndim = 3, .dim = { SIDE, SIDE, c } };
	assert_int_equal(vit_chain_work_new(&work), 0);
	if (vit_chain_apply(chain, work, seed, &r))
		fail_msg("%s", vit_errmsg());
	size_t n = vit_tensor_bytes(&r.image);
	copy = malloc(n);
	assert_non_null(copy);
	memcpy(copy, r.image.data, n);
	memcpy(shape, r.image.dim, 3 * sizeof *shape);
	vit_chain_work_free(work);
	return copy;
}

static uint8_t *apply_one(const char *spec, int64_t c, uint64_t seq)
{
	int64_t shape[3];
	struct vit_chain *chain = chain_of(&spec, 1);
	uint8_t *p = apply(chain, c, 0, seq, 0, shape);
	vit_chain_free(chain);
	return p;
}

static void says(int rc, int want, const char *part)
{
	assert_int_equal(rc, want);
	if (!strstr(vit_errmsg(), part))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), part);
}

static void canonical(const char *spec, const char *want)
{
	struct vit_chain *chain = chain_of(&spec, 1);
	assert_string_equal(vit_chain_op(chain, 0), want);
	vit_chain_free(chain);
}

static void operations_have_a_canonical_text(void **state)
{
	(void)state;
	canonical("hflip", "hflip:p=0.5");
	canonical("hflip:", "hflip:p=0.5");
	canonical("hflip:p=.30", "hflip:p=0.3");
	canonical("random-crop:padding=4,size=32", "random-crop:size=32,padding=4,fill=0,mode=constant,p=1");
	canonical("random-crop:mode=reflect,size=32x24", "random-crop:size=32x24,padding=0,fill=0,mode=reflect,p=1");
	canonical("resize:size=224,interpolation=bicubic", "resize:size=224,interpolation=bicubic,antialias=1");
	canonical("normalize:mean=.485/.456/.406,std=.229/.224/.225", "normalize:mean=0.485/0.456/0.406,std=0.229/0.224/0.225");
	canonical("solarize:threshold=100,p=-0", "solarize:threshold=100,p=0");
	/* and it means the same */
	canonical("random-erasing:p=0.25,scale=0.02/0.33,ratio=0.3/3.3,value=const",
	          "random-erasing:p=0.25,scale=0.02/0.33,ratio=0.3/3.3,value=const");
}

static void refuses_with_the_remedy(void **state)
{
	(void)state;
	struct vit_chain *chain;
	assert_int_equal(vit_chain_new(&chain), 0);
	says(vit_chain_add(chain, "swirl"), VIT_EUSAGE, "no operation \"swirl\"; there are auto-contrast, ");
	says(vit_chain_add(chain, "hflip:q=1"), VIT_EUSAGE, "no parameter \"q\"; it has p");
	says(vit_chain_add(chain, "hflip:p=1.5"), VIT_EUSAGE, "p=1.5 is not a number 0 to 1");
	says(vit_chain_add(chain, "hflip:p=nan"), VIT_EUSAGE, "p=nan");
	says(vit_chain_add(chain, "hflip:p=0x1"), VIT_EUSAGE, "p=0x1");
	says(vit_chain_add(chain, "hflip:p="), VIT_EUSAGE, "p= is not");
	says(vit_chain_add(chain, "hflip:p"), VIT_EUSAGE, "p wants a value");
	says(vit_chain_add(chain, "hflip:p=1,p=0"), VIT_EUSAGE, "given twice");
	says(vit_chain_add(chain, "hflip:p=1,"), VIT_EUSAGE, "last comma");
	says(vit_chain_add(chain, "resize"), VIT_EUSAGE, "size must be given");
	says(vit_chain_add(chain, "resize:size=0"), VIT_EUSAGE, "1 to 65536");
	says(vit_chain_add(chain, "resize:size=3x"), VIT_EUSAGE, "size=3x");
	says(vit_chain_add(chain, "resize:size=3.5"), VIT_EUSAGE, "size=3.5");
	says(vit_chain_add(chain, "resize:size=8,interpolation=cubic"), VIT_EUSAGE, "bilinear|bicubic|nearest");
	says(vit_chain_add(chain, "normalize:mean=1//1,std=1"), VIT_EUSAGE, "mean=1//1");
	says(vit_chain_add(chain, "random-crop:size=0x3"), VIT_EUSAGE, "size=0x3");
	assert_int_equal(vit_chain_len(chain), 0);
	vit_chain_free(chain);
}

/* ---- what the header becomes --------------------------------------------------------- */

static int prepared(const char *spec, int64_t h, int64_t w, int64_t c, struct vit_meta *meta)
{
	struct vit_header header;
	struct vit_chain *chain = chain_of(&spec, 1);
	*meta = (struct vit_meta){ .shape = { h, w, c } };
	assert_int_equal(vit_header_init(&header, VIT_SAMPLES), 0);
	int rc = vit_chain_prepare(chain, meta, &header);
	if (rc == 0) {
		assert_int_equal(json_array_size(json_object_get(header.meta, "ops")), 1);
		assert_string_equal(json_string_value(json_array_get(meta->ops, 0)), vit_chain_op(chain, 0));
	}
	vit_header_release(&header);
	vit_chain_free(chain);
	return rc;
}

static void prepare_changes_what_is_announced(void **state)
{
	(void)state;
	struct vit_meta m;
	assert_int_equal(prepared("random-crop:size=32,padding=2", 28, 28, 1, &m), 0);
	assert_int_equal(m.shape[0], 32);
	assert_int_equal(m.random, 1);
	assert_int_equal(prepared("random-crop:padding=2", 28, 20, 1, &m), 0);
	assert_int_equal(m.shape[1], 20);
	assert_int_equal(prepared("resize:size=14", 28, 40, 3, &m), 0);
	assert_int_equal(m.shape[0], 14);
	assert_int_equal(m.shape[1], 20);
	assert_int_equal(m.random, 0);
	assert_int_equal(prepared("center-crop:size=8x6", 28, 40, 3, &m), 0);
	assert_int_equal(m.shape[1], 6);
	assert_int_equal(prepared("normalize:mean=.5,std=.25", 28, 28, 3, &m), 0);
	assert_int_equal(m.n_mean, 1);
	assert_true(m.mean[0] == 0.5f && m.std[0] == 0.25f);
	/* of sizes that differ, the shorter side alone says nothing */
	assert_int_equal(prepared("resize:size=8", 0, 0, 0, &m), 0);
	assert_int_equal(m.shape[0], 0);
	static const char *const fixed[] = { "resize:size=8x6", "center-crop:size=8x6", "random-crop:size=8x6", "random-resized-crop:size=8x6" };
	for (int i = 0; i < 4; i++)
		for (int c = 0; c < 4; c++) {
			assert_int_equal(prepared(fixed[i], 0, 0, c, &m), 0);
			assert_int_equal(m.shape[0], 8);
			assert_int_equal(m.shape[1], 6);
			assert_int_equal(m.shape[2], c ? c : 3);
		}
	assert_int_equal(prepared("decode:mode=gray", 0, 0, 0, &m), 0);
	assert_int_equal(m.shape[0], 0);
	assert_int_equal(m.shape[2], 1);
	assert_int_equal(prepared("decode", 8, 6, 1, &m), 0);
	assert_int_equal(m.shape[0], 8);
	assert_int_equal(m.shape[2], 3);
	assert_int_equal(prepared("decode:mode=keep", 0, 0, 0, &m), 0);
	assert_int_equal(m.shape[2], 0);
	assert_int_equal(prepared("decode:shorter=4", 8, 6, 3, &m), 0);
	assert_int_equal(m.shape[0], 0);
}

static void prepare_refuses_what_cannot_be(void **state)
{
	(void)state;
	struct vit_meta m;
	says(prepared("random-crop:size=33,padding=2", 28, 28, 1, &m), VIT_EUSAGE, "33x33 is larger than the image of 28x28 with padding 2");
	says(prepared("random-crop:padding=28,mode=reflect", 28, 28, 1, &m), VIT_EUSAGE, "28x28");
	says(prepared("random-crop:fill=1/2/3", 28, 28, 1, &m), VIT_EUSAGE, "3 levels for 1 channels");
	says(prepared("center-crop:size=29", 28, 28, 1, &m), VIT_EUSAGE, "29x29");
	says(prepared("normalize:mean=1/1/1,std=1/1/1", 28, 28, 1, &m), VIT_EUSAGE, "3 values for 1 channels");
	says(prepared("normalize:mean=1,std=1/1/1", 28, 28, 3, &m), VIT_EUSAGE, "go together");
	says(prepared("random-erasing:scale=.3/.2", 28, 28, 3, &m), VIT_EUSAGE, "scale");
	says(prepared("random-resized-crop:size=8,scale=.3/.2", 28, 28, 3, &m), VIT_EUSAGE, "scale");
	says(prepared("random-resized-crop:size=8,ratio=1", 28, 28, 3, &m), VIT_EUSAGE, "ratio");
	says(prepared("decode", 28, 28, 4, &m), VIT_EUSAGE, "neither gray nor RGB");
	says(prepared("hflip", 28, 28, 17, &m), VIT_EUSAGE, "at most 16");
	says(prepared("random-crop:padding=9", INT64_MAX, 28, 1, &m), VIT_EFORMAT, "cannot be");
}

/* ---- pixels ------------------------------------------------------------------------------ */

/* Every width: what vectors take, and what is left for the middle. */
static void check_flip(const char *cpu, int w, int c)
{
	uint8_t a[2 * 70 * 5 + 16], b[sizeof a];
	size_t n = (size_t)(2 * w * c);
	for (size_t i = 0; i < sizeof a; i++)
		a[i] = b[i] = (uint8_t)(i * 7 + i / 256);
	assert_int_equal(setenv("VIT_CPU", cpu, 1), 0);
	vit_hflip(b, 2, w, c);
	unsetenv("VIT_CPU");
	for (int y = 0; y < 2; y++)
		for (int x = 0; x < w; x++)
			assert_memory_equal(a + (y * w + x) * c, b + (y * w + w - 1 - x) * c, (size_t)c);
	assert_memory_equal(a + n, b + n, 16);
}

static void hflip_mirrors_rows(void **state)
{
	(void)state;
	for (int w = 1; w <= 70; w++)
		for (int c = 1; c <= 5; c++) {
			check_flip("scalar", w, c);
			check_flip("avx2", w, c);
		}
	for (int c = 1; c <= 16; c += 5) {
		uint8_t *a = apply_one("hflip:p=0", c, 0), *b = apply_one("hflip:p=1", c, 0);
		for (int y = 0; y < SIDE; y++)
			for (int x = 0; x < SIDE; x++)
				assert_memory_equal(a + (y * SIDE + x) * c, b + (y * SIDE + SIDE - 1 - x) * c, (size_t)c);
		free(a);
		free(b);
	}
}

/* Is `crop` the h x w window of `image` at (top, left), `fill` outside? */
static int is_window(const uint8_t *crop, int h, int w, const uint8_t *image, int top, int left, const uint8_t fill[3])
{
	for (int y = 0; y < h; y++)
		for (int x = 0; x < w; x++) {
			int iy = top + y, ix = left + x, inside = iy >= 0 && iy < SIDE && ix >= 0 && ix < SIDE;
			if (memcmp(crop + (y * w + x) * 3, inside ? image + (iy * SIDE + ix) * 3 : fill, 3))
				return 0;
		}
	return 1;
}

static void random_crop_reaches_every_place(void **state)
{
	(void)state;
	static const uint8_t fill[3] = { 9, 8, 7 };
	uint8_t *image = apply_one("hflip:p=0", 3, 0);
	int seen[6][10] = { { 0 } };
	/* a 13 x 9 window of 18 x 18: 6 x 10 places */
	for (uint64_t seq = 0; seq < 1000; seq++) {
		uint8_t *crop = apply_one("random-crop:size=13x9,padding=3,fill=9/8/7", 3, seq);
		int found = 0;
		for (int top = 0; top < 6; top++)
			for (int left = 0; left < 10; left++)
				if (is_window(crop, 13, 9, image, top - 3, left - 3, fill)) {
					seen[top][left]++;
					found++;
				}
		assert_int_equal(found, 1);
		free(crop);
	}
	for (int i = 0; i < 60; i++)
		assert_in_range(seen[i / 10][i % 10], 1, 50);
	free(image);
}

static void random_crop_without_luck_is_the_centre(void **state)
{
	(void)state;
	uint8_t *image = apply_one("hflip:p=0", 3, 0), *crop = apply_one("random-crop:size=12,padding=3,p=0", 3, 5);
	assert_memory_equal(image, crop, SIDE * SIDE * 3);
	free(image);
	free(crop);
}

static void random_erasing_covers_one_rectangle(void **state)
{
	(void)state;
	uint8_t *image = apply_one("hflip:p=0", 3, 0);
	int erased = 0;
	for (uint64_t seq = 0; seq < 400; seq++) {
		uint8_t *p = apply_one("random-erasing:p=0.5,value=rand", 3, seq);
		int top = SIDE, left = SIDE, bottom = -1, right = -1, n = 0;
		for (int i = 0; i < SIDE * SIDE; i++)
			if (memcmp(p + 3 * i, image + 3 * i, 3)) {
				int y = i / SIDE, x = i % SIDE;
				top = y < top ? y : top;
				left = x < left ? x : left;
				bottom = y > bottom ? y : bottom;
				right = x > right ? x : right;
				n++;
			}
		for (int y = top; y <= bottom; y++)
			for (int x = left; x <= right; x++)
				assert_memory_equal(p + (y * SIDE + x) * 3, p + (top * SIDE + left) * 3, 3);
		/* rounding makes sides half a pixel longer at most */
		assert_true(n <= SIDE * SIDE * 0.33 + SIDE);
		erased += n > 0;
		free(p);
	}
	assert_in_range(erased, 160, 240);
	free(image);
}

/* timm's 0 after normalisation is the mean colour before it. */
static void random_erasing_fills_with_the_streams_mean(void **state)
{
	(void)state;
	const char *spec = "random-erasing:p=1,scale=.2/.2,ratio=1/1";
	struct vit_chain *chain = chain_of(&spec, 1);
	struct vit_header header;
	struct vit_meta meta = { .shape = { SIDE, SIDE, 3 }, .n_mean = 3, .mean = { 0.2f, 0.4f, 0.6f }, .std = { 1, 1, 1 } };
	static const uint8_t want[3] = { 51, 102, 153 };
	int64_t shape[3];
	int n = 0;
	assert_int_equal(vit_header_init(&header, VIT_SAMPLES), 0);
	assert_int_equal(vit_chain_prepare(chain, &meta, &header), 0);
	uint8_t *p = apply(chain, 3, 0, 0, 0, shape);
	for (int i = 0; i < SIDE * SIDE; i++)
		n += !memcmp(p + 3 * i, want, 3);
	assert_int_equal(n, 25);
	free(p);
	vit_header_release(&header);
	vit_chain_free(chain);
}

/* ---- draws ---------------------------------------------------------------------------------- */

static uint8_t *drawn(const char *const *spec, int n, int before, uint64_t seed, uint64_t seq, int64_t epoch)
{
	struct vit_chain *chain = chain_of(spec, n);
	struct vit_header header;
	struct vit_meta meta = { .shape = { SIDE, SIDE, 3 } };
	int64_t shape[3];
	assert_int_equal(vit_header_init(&header, VIT_SAMPLES), 0);
	json_t *ops = json_array();
	for (int i = 0; i < before; i++)
		json_array_append_new(ops, json_string("hflip:p=0"));
	json_object_set_new(header.meta, "ops", ops);
	assert_int_equal(vit_chain_prepare(chain, &meta, &header), 0);
	uint8_t *p = apply(chain, 3, seed, seq, epoch, shape);
	vit_header_release(&header);
	vit_chain_free(chain);
	return p;
}

static int differ(uint8_t *a, uint8_t *b)
{
	int d = memcmp(a, b, SIDE * SIDE * 3) != 0;
	free(a);
	free(b);
	return d;
}

static void draws_depend_on_seed_epoch_seq_and_ordinal(void **state)
{
	(void)state;
	static const char *const crop[] = { "random-crop:padding=4" };
	static const char *const second[] = { "hflip:p=0", "random-crop:padding=4" };
	assert_false(differ(drawn(crop, 1, 0, 1, 2, 3), drawn(crop, 1, 0, 1, 2, 3)));
	assert_true(differ(drawn(crop, 1, 0, 1, 2, 3), drawn(crop, 1, 0, 2, 2, 3)));
	assert_true(differ(drawn(crop, 1, 0, 1, 2, 3), drawn(crop, 1, 0, 1, 3, 3)));
	assert_true(differ(drawn(crop, 1, 0, 1, 2, 3), drawn(crop, 1, 0, 1, 2, 4)));
	assert_true(differ(drawn(crop, 1, 0, 1, 2, 3), drawn(crop, 1, 1, 1, 2, 3)));
	/* A B is A | B */
	assert_false(differ(drawn(second, 2, 0, 1, 2, 3), drawn(crop, 1, 1, 1, 2, 3)));
}

/* A change here changes every augmented stream: it must be meant. */
static void draws_are_the_same_for_ever(void **state)
{
	(void)state;
	static const char *const ops[] = { "random-crop:padding=4", "hflip" };
	uint64_t sum = 0;
	for (uint64_t seq = 0; seq < 20; seq++) {
		uint8_t *p = drawn(ops, 2, 0, 7, seq, 1);
		for (int i = 0; i < SIDE * SIDE * 3; i++)
			sum = vit_key(sum, p[i]);
		free(p);
	}
	assert_true(sum == 0x3AC173B81DC2043Bu);
}

static void records_that_do_not_fit_are_bad(void **state)
{
	(void)state;
	const char *spec = "center-crop:size=13";
	struct vit_chain *chain = chain_of(&spec, 1);
	struct vit_chain_work *work;
	uint8_t px[SIDE * SIDE] = { 0 };
	struct vit_record r = { .id = { "x", 1 } };
	assert_int_equal(vit_chain_work_new(&work), 0);
	says(vit_chain_apply(chain, work, 0, &r), VIT_ERECORD, "no image");
	r.encoded = (struct vit_str){ "no picture at all", 17 };
	r.type = (struct vit_str){ "gif", 3 };
	assert_int_equal(vit_chain_apply(chain, work, 0, &r), VIT_ERECORD);
	r.image = (struct vit_tensor){ .data = px, .dtype = VIT_U8, .ndim = 2, .dim = { SIDE, SIDE } };
	says(vit_chain_apply(chain, work, 0, &r), VIT_ERECORD, "uint8 [H,W,C]");
	r.image = (struct vit_tensor){ .data = px, .dtype = VIT_U8, .ndim = 3, .dim = { SIDE, SIDE, 1 } };
	says(vit_chain_apply(chain, work, 0, &r), VIT_ERECORD, "center-crop: a window of 13x13 is larger than the image of 12x12");
	r.image.dim[0] = 1;
	r.image.dim[1] = 4;
	r.image.dim[2] = 36;
	says(vit_chain_apply(chain, work, 0, &r), VIT_ERECORD, "16 channels");
	vit_chain_work_free(work);
	vit_chain_free(chain);
}

static void recipes_have_parts(void **state)
{
	(void)state;
	char **lines, *list = vit_recipe_list();
	assert_non_null(list);
	assert_non_null(strstr(list, "fashion\tsmall gray images"));
	free(list);
	assert_int_equal(vit_recipe_load("cifar", "augment", &lines), 0);
	assert_string_equal(lines[0], "random-crop:padding=4");
	assert_string_equal(lines[1], "hflip");
	assert_string_equal(lines[2], "random-erasing:p=0.25");
	assert_null(lines[3]);
	free(lines);
	assert_int_equal(vit_recipe_load("cifar", "train", &lines), 0);
	assert_string_equal(lines[0], "lr 1e-3");
	free(lines);
	assert_int_equal(vit_recipe_load("none", "train", &lines), 0);
	assert_null(lines[0]);
	free(lines);
	says(vit_recipe_load("nope", "train", &lines), VIT_EUSAGE, "there are cifar, fashion, finetune, imagenet, none, and a path");
	says(vit_recipe_load("./nope.txt", "train", &lines), VIT_EIO, "./nope.txt");
}

/* The table: every op is documented, and every random one has p. */
static void every_operation_is_described(void **state)
{
	(void)state;
	int n = 0;
	for (const struct vit_augment *const *a = vit_augments; *a; a++, n++) {
		int has_p = 0;
		assert_true((*a)->name && *(*a)->help && (*a)->abi == VIT_AUGMENT_ABI && (*a)->size == sizeof **a);
		for (const struct vit_param *p = (*a)->params; p->key; p++) {
			assert_true(p->help && *p->help);
			has_p |= !strcmp(p->key, "p");
		}
		assert_int_equal(has_p, (*a)->random);
		assert_true((*a)->reference && (*a)->example);
		struct vit_chain *chain = chain_of(&(*a)->example, 1);
		size_t len = strlen((*a)->name);
		assert_memory_equal(vit_chain_op(chain, 0), (*a)->name, len);
		assert_int_equal(vit_chain_op(chain, 0)[len], ':');
		vit_chain_free(chain);
	}
	assert_true(n >= 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_have_a_canonical_text),
		cmocka_unit_test(refuses_with_the_remedy),
		cmocka_unit_test(prepare_changes_what_is_announced),
		cmocka_unit_test(prepare_refuses_what_cannot_be),
		cmocka_unit_test(hflip_mirrors_rows),
		cmocka_unit_test(random_crop_reaches_every_place),
		cmocka_unit_test(random_crop_without_luck_is_the_centre),
		cmocka_unit_test(random_erasing_covers_one_rectangle),
		cmocka_unit_test(random_erasing_fills_with_the_streams_mean),
		cmocka_unit_test(draws_depend_on_seed_epoch_seq_and_ordinal),
		cmocka_unit_test(draws_are_the_same_for_ever),
		cmocka_unit_test(records_that_do_not_fit_are_bad),
		cmocka_unit_test(recipes_have_parts),
		cmocka_unit_test(every_operation_is_described),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
