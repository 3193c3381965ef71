/* SPDX-License-Identifier: MIT
 *
 * Late decoding: what the first operation will not look at is not decoded, and
 * nobody can tell.
 */
#include "augment/augment.h"
#include "augment/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 200 };

struct chain {
	struct vit_chain *chain;
	struct vit_chain_work *work;
	struct vit_header header;
	struct vit_meta meta;
};

/* A chain of the ops in `list`, separated by blanks, on a stream of shape h x w x c. */
static void open_chain(struct chain *t, const char *list, int64_t h, int64_t w, int64_t c)
{
	char copy[400], *rest = copy, *spec;
	*t = (struct chain){ .meta = { .shape = { h, w, c } } };
	snprintf(copy, sizeof copy, "%s", list);
	assert_int_equal(vit_header_init(&t->header, VIT_SAMPLES), 0);
	assert_int_equal(vit_chain_new(&t->chain), 0);
	assert_int_equal(vit_chain_work_new(&t->work), 0);
	while ((spec = strsep(&rest, " ")))
		if (vit_chain_add(t->chain, spec))
			fail_msg("%s", vit_errmsg());
	if (vit_chain_prepare(t->chain, &t->meta, &t->header))
		fail_msg("%s", vit_errmsg());
}

static void close_chain(struct chain *t)
{
	vit_chain_work_free(t->work);
	vit_chain_free(t->chain);
	vit_header_release(&t->header);
}

/* A file of h x w pixels, gray or RGB, all different enough; the caller frees it. */
static char *pnm(int c, int h, int w, size_t *n)
{
	char *p = malloc(64 + (size_t)(h * w * c));
	assert_non_null(p);
	int head = snprintf(p, 64, "P%c %d %d 255\n", c == 3 ? '6' : '5', w, h);
	for (int i = 0; i < h * w * c; i++)
		p[head + i] = (char)(vit_philox(1, 2, (uint64_t)i).v[0] & 255);
	*n = (size_t)(head + h * w * c);
	return p;
}

static struct vit_record encoded(const char *file, size_t n, uint64_t seq)
{
	return (struct vit_record){ .id = { "x", 1 }, .seq = seq, .encoded = { file, n }, .type = { "pnm", 3 } };
}

static void same_image(const struct vit_tensor *a, const struct vit_tensor *b)
{
	assert_non_null(a->data);
	assert_memory_equal(a->dim, b->dim, 3 * sizeof *a->dim);
	assert_memory_equal(a->data, b->data, vit_tensor_bytes(a));
}

/* op on the file == decode, then op in another program == decode op in one. */
static void check_cuts(const char *ops, const char *file, size_t n)
{
	char both[300];
	struct chain late, decode, op, one;
	snprintf(both, sizeof both, "decode %s", ops);
	open_chain(&late, ops, 0, 0, 0);
	open_chain(&decode, "decode", 0, 0, 0);
	open_chain(&op, ops, 0, 0, 0);
	open_chain(&one, both, 0, 0, 0);
	for (uint64_t seq = 0; seq < DRAWS; seq++) {
		struct vit_record a = encoded(file, n, seq), b = a, c = a;
		int rc = vit_chain_apply(late.chain, late.work, 3, &a);
		assert_int_equal(vit_chain_apply(decode.chain, decode.work, 3, &b), 0);
		assert_null(b.encoded.p);
		assert_null(b.type.p);
		assert_int_equal(vit_chain_apply(op.chain, op.work, 3, &b), rc);
		assert_int_equal(vit_chain_apply(one.chain, one.work, 3, &c), rc);
		if (rc) {
			assert_int_equal(rc, VIT_ERECORD);
			continue;
		}
		assert_null(a.encoded.p);
		same_image(&a.image, &b.image);
		same_image(&a.image, &c.image);
	}
	close_chain(&late);
	close_chain(&decode);
	close_chain(&op);
	close_chain(&one);
}

static void a_part_is_as_good_as_the_whole(void **state)
{
	(void)state;
	static const char *const ops[] = {
		"random-resized-crop:size=9x14", "random-resized-crop:size=9,p=0", "random-resized-crop:size=40,antialias=0,interpolation=bicubic hflip",
		"normalize:mean=.5,std=.5 random-resized-crop:size=8,scale=.01/.2 random-crop:padding=2",
		"center-crop:size=11x5", "random-crop:size=7x10,p=.9", "random-crop:padding=3", "random-crop:size=20x60,padding=30,fill=1/2/3",
		"random-crop:size=5,padding=60", "random-crop:padding=4,mode=reflect,size=15x9", "hflip random-crop:size=7", "resize:size=9 center-crop:size=8",
	};
	static const int sizes[][2] = { { 13, 17 }, { 40, 12 }, { 1, 30 }, { 12, 12 } };
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		for (int k = 0; k < 8; k++) {
			size_t n;
			char *file = pnm(k < 4 ? 3 : 1, sizes[k % 4][0], sizes[k % 4][1], &n);
			check_cuts(ops[i], file, n);
			free(file);
		}
}

static void parts_lie_in_the_image(void **state)
{
	(void)state;
	int parts = 0;
	for (const struct vit_augment *const *a = vit_augments; *a; a++)
		parts += (*a)->window != NULL;
	assert_true(parts >= 3);
	for (uint64_t seq = 0; seq < DRAWS; seq++)
		for (const struct vit_augment *const *a = vit_augments; *a; a++) {
			uint8_t config[2048] = { 0 };
			if (!(*a)->window)
				continue;
			struct vit_augment_call call = { .config = config, .draws = { .key = 1, .stream = seq }, .h = 30, .w = 20 };
			int64_t part[4] = { -1, -1, -1, -1 };
			assert_true((*a)->config_size <= sizeof config);
			assert_int_equal(vit_params_parse((*a)->params, config, "", "size=8"), 0);
			assert_int_equal((*a)->window(&call, part), 0);
			assert_in_range(part[0], 0, 29);
			assert_in_range(part[1], 0, 19);
			assert_in_range(part[2], 1, 30 - part[0]);
			assert_in_range(part[3], 1, 20 - part[1]);
		}
}

static void decode_makes_one_number_of_channels(void **state)
{
	(void)state;
	static const struct {
		const char *op;
		int from, to;
	} cases[] = { { "decode", 1, 3 }, { "decode", 3, 3 }, { "decode:mode=gray", 3, 1 }, { "decode:mode=gray", 1, 1 },
	              { "decode:mode=keep", 3, 3 }, { "decode:mode=keep", 1, 1 }, { "hflip:p=0", 1, 3 } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct chain t, keep;
		size_t n;
		char *file = pnm(cases[i].from, 6, 5, &n);
		struct vit_record r = encoded(file, n, 0), pixels = r;
		open_chain(&t, cases[i].op, 0, 0, 0);
		open_chain(&keep, "decode:mode=keep", 0, 0, 0);
		assert_int_equal(vit_chain_apply(t.chain, t.work, 0, &r), 0);
		assert_int_equal(r.image.dim[2], cases[i].to);
		/* the same of pixels that are there, but for ops that leave channels alone */
		assert_int_equal(vit_chain_apply(keep.chain, keep.work, 0, &pixels), 0);
		assert_int_equal(pixels.image.dim[2], cases[i].from);
		const uint8_t *px = pixels.image.data, *got = r.image.data;
		if (cases[i].from == 1 && cases[i].to == 3)
			for (int k = 0; k < 90; k++)
				assert_int_equal(got[k], px[k / 3]);
		if (!strncmp(cases[i].op, "decode", 6)) {
			assert_int_equal(vit_chain_apply(t.chain, t.work, 0, &pixels), 0);
			assert_int_equal(pixels.image.dim[2], cases[i].to);
		}
		close_chain(&t);
		close_chain(&keep);
		free(file);
	}
}

static void gray_is_weighed_as_pillow_does(void **state)
{
	(void)state;
	/* Image.new("RGB", (1, 1), rgb).convert("L") */
	static const uint8_t rgb[6][3] = { { 255, 0, 0 }, { 0, 255, 0 }, { 0, 0, 255 }, { 255, 255, 255 }, { 10, 200, 30 }, { 1, 1, 2 } };
	static const uint8_t gray[6] = { 76, 150, 29, 255, 124, 1 };
	uint8_t got[6];
	vit_convert(got, 1, rgb[0], 3, 6);
	assert_memory_equal(got, gray, 6);
}

/* ---- what is announced is kept ------------------------------------------------------ */

static void is_refused(const char *ops, int64_t h, int64_t w, int64_t c, int channels, const char *words)
{
	struct chain t;
	uint8_t px[12 * 12 * 4] = { 0 };
	struct vit_record r = { .id = { "x", 1 }, .image = { .data = px, .dtype = VIT_U8, .ndim = 3, .dim = { 12, 12, channels } } };
	open_chain(&t, ops, h, w, c);
	int rc = vit_chain_apply(t.chain, t.work, 0, &r);
	if (!words) {
		assert_int_equal(rc, 0);
	} else {
		assert_int_equal(rc, VIT_ERECORD);
		if (!strstr(vit_errmsg(), words))
			fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
	}
	close_chain(&t);
}

static void results_are_what_the_header_says(void **state)
{
	(void)state;
	is_refused("resize:size=8x8", 0, 0, 0, 3, NULL);
	is_refused("resize:size=8x8", 0, 0, 0, 1, "8x8x1, the stream announces 8x8x3; begin with decode:mode=rgb");
	/* decode takes no four channels either */
	is_refused("resize:size=8x8", 0, 0, 0, 4, "announces 8x8x3; a stream of such images has to announce");
	is_refused("resize:size=8x8", 0, 0, 1, 1, NULL);
	is_refused("decode resize:size=8x8", 0, 0, 0, 1, NULL);
	is_refused("decode", 0, 0, 0, 4, "neither gray nor RGB");
	is_refused("resize:size=8", 6, 12, 3, 3, "8x8x3, the stream announces 8x16x3; end with");
	is_refused("hflip", 6, 12, 3, 3, NULL);         /* the header was wrong before */
	/* gray images are decoded as gray where the stream says that they are */
	struct chain t;
	size_t n;
	char *file = pnm(3, 12, 12, &n);
	struct vit_record r = encoded(file, n, 0);
	open_chain(&t, "resize:size=8x8", 0, 0, 1);
	assert_int_equal(vit_chain_apply(t.chain, t.work, 0, &r), 0);
	assert_int_equal(r.image.dim[2], 1);
	close_chain(&t);
	free(file);
}

/* ---- random-resized-crop ------------------------------------------------------------- */

/* The image's bytes count columns and rows, so the result tells where it is from. */
static void parts_have_the_sizes_that_are_asked_for(void **state)
{
	(void)state;
	struct chain t;
	enum { H = 200, W = 240 };
	uint8_t *px = malloc(H * W * 2);
	double sum = 0, least = 1, most = 0;
	assert_non_null(px);
	for (int i = 0; i < H * W; i++) {
		px[2 * i] = (uint8_t)(i / W);
		px[2 * i + 1] = (uint8_t)(i % W);
	}
	/* nearest at 2 x 2: the pixels at 1/4 and 3/4 of the part */
	open_chain(&t, "random-resized-crop:size=2,scale=.1/.5,ratio=.5/2,interpolation=nearest", H, W, 2);
	for (uint64_t seq = 0; seq < 1000; seq++) {
		struct vit_record r = { .id = { "x", 1 }, .seq = seq, .image = { .data = px, .dtype = VIT_U8, .ndim = 3, .dim = { H, W, 2 } } };
		assert_int_equal(vit_chain_apply(t.chain, t.work, 0, &r), 0);
		const uint8_t *got = r.image.data;
		double h = 2. * (got[4] - got[0]), w = 2. * (got[3] - got[1]), share = h * w / (H * W);
		assert_true(w / h > .45 && w / h < 2.2);
		sum += share;
		least = share < least ? share : least;
		most = share > most ? share : most;
	}
	assert_true(least > .09 && least < .12 && most > .47 && most < .52);
	assert_true(sum / 1000 > .28 && sum / 1000 < .32);
	close_chain(&t);
	free(px);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_part_is_as_good_as_the_whole),
		cmocka_unit_test(parts_lie_in_the_image),
		cmocka_unit_test(decode_makes_one_number_of_channels),
		cmocka_unit_test(gray_is_weighed_as_pillow_does),
		cmocka_unit_test(results_are_what_the_header_says),
		cmocka_unit_test(parts_have_the_sizes_that_are_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
