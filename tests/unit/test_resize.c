/* SPDX-License-Identifier: MIT
 *
 * Resizing and cropping against Pillow and torchvision (tests/golden/resize.py).
 */
#include "augment/augment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/resize.txt"

struct block {
	char op[16], filter[16];
	int antialias;
	long sh, sw, c, dh, dw;
	uint8_t *before, *after;
};

static uint8_t *read_hex(FILE *f, size_t n)
{
	uint8_t *p = malloc(n);
	unsigned x;
	assert_non_null(p);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(fscanf(f, "%2x", &x), 1);
		p[i] = (uint8_t)x;
	}
	return p;
}

/* The next block; `b` holds the one above. */
static int read_block(FILE *f, struct block *b)
{
	free(b->after);
	if (fscanf(f, "%15s %15s %d %ld %ld %ld -> %ld %ld", b->op, b->filter, &b->antialias, &b->sh, &b->sw, &b->c, &b->dh, &b->dw) != 8)
		return 0;
	if (fscanf(f, " %1[-]", (char[2]){ 0 }) != 1) {
		free(b->before);
		b->before = read_hex(f, (size_t)(b->sh * b->sw * b->c));
	}
	b->after = read_hex(f, (size_t)(b->dh * b->dw * b->c));
	return 1;
}

/* The block's operation, as a user would write it. */
static void spec(char *buf, size_t size, const struct block *b)
{
	if (!strcmp(b->op, "resize"))
		snprintf(buf, size, "resize:size=%ldx%ld,interpolation=%s,antialias=%d", b->dh, b->dw, b->filter, b->antialias);
	else if (!strcmp(b->op, "shorter"))
		snprintf(buf, size, "resize:size=%ld", b->dh < b->dw ? b->dh : b->dw);
	else if (!strcmp(b->op, "center"))
		snprintf(buf, size, "center-crop:size=%ldx%ld", b->dh, b->dw);
	else
		snprintf(buf, size, "random-crop:size=%ldx%ld,padding=4,mode=reflect", b->dh, b->dw);
}

static void check_block(const struct block *b)
{
	struct vit_chain *chain;
	struct vit_chain_work *work;
	struct vit_record r = { .id = { "x", 1 } };
	char op[128];
	int worst = 0;
	spec(op, sizeof op, b);
	r.image = (struct vit_tensor){ .data = b->before, .dtype = VIT_U8, .ndim = 3, .dim = { b->sh, b->sw, b->c } };
	assert_int_equal(vit_chain_new(&chain), 0);
	assert_int_equal(vit_chain_add(chain, op), 0);
	assert_int_equal(vit_chain_work_new(&work), 0);
	assert_int_equal(vit_chain_apply(chain, work, 0, &r), 0);
	assert_int_equal(r.image.dim[0], b->dh);
	assert_int_equal(r.image.dim[1], b->dw);
	assert_int_equal(r.image.dim[2], b->c);
	for (long i = 0; i < b->dh * b->dw * b->c; i++) {
		int d = abs(((const uint8_t *)r.image.data)[i] - b->after[i]);
		worst = d > worst ? d : worst;
	}
	/* crops copy; resizing may round otherwise than torch's float sums */
	if (worst > (strstr(op, "resize") ? 1 : 0))
		fail_msg("%s of %ldx%ldx%ld: off by %d levels", op, b->sh, b->sw, b->c, worst);
	vit_chain_work_free(work);
	vit_chain_free(chain);
}

static void equals_pillow_and_torchvision(void **state)
{
	(void)state;
	FILE *f = fopen(GOLDEN, "r");
	struct block b = { 0 };
	int n = 0;
	assert_non_null(f);
	for (; read_block(f, &b); n++)
		check_block(&b);
	free(b.before);
	fclose(f);
	assert_true(n >= 30);
}

/* Constant images stay constant: weights sum to one, at every size. */
static void keeps_constants(void **state)
{
	(void)state;
	struct vit_buf scratch = { 0 };
	uint8_t src[37 * 3], dst[80 * 3];
	memset(src, 255, sizeof src);
	for (int filter = 0; filter <= VIT_NEAREST; filter++)
		for (int antialias = 0; antialias < 2; antialias++)
			for (int in = 1; in <= 37; in += 6)
				for (int out = 1; out <= 80; out += 7) {
					memset(dst, 0, sizeof dst);
					assert_int_equal(vit_resize(dst, 1, out, src, 1, in, 3, filter, antialias, &scratch), 0);
					for (int i = 0; i < out * 3; i++)
						assert_int_equal(dst[i], 255);
					assert_int_equal(vit_resize(dst, out, 1, src, in, 1, 3, filter, antialias, &scratch), 0);
					for (int i = 0; i < out * 3; i++)
						assert_int_equal(dst[i], 255);
				}
	vit_buf_release(&scratch);
}

static void refuses_impossible_sizes(void **state)
{
	(void)state;
	struct vit_buf scratch = { 0 };
	uint8_t px[17] = { 0 };
	assert_int_equal(vit_resize(px, 0, 1, px, 1, 1, 1, VIT_BILINEAR, 1, &scratch), VIT_EUSAGE);
	assert_int_equal(vit_resize(px, 1, VIT_MAX_SIDE + 1, px, 1, 1, 1, VIT_BILINEAR, 1, &scratch), VIT_EUSAGE);
	assert_int_equal(vit_resize(px, 1, 1, px, 1, 1, 17, VIT_BILINEAR, 1, &scratch), VIT_EUSAGE);
	vit_buf_release(&scratch);
}

/* The part at (top, left) of an image whose rows are `wide` pixels, with the vectors that there are or without. */
static uint8_t *resized(const char *cpu, const int64_t *n, int filter, int antialias, const uint8_t *src, int64_t wide, int64_t top, int64_t left)
{
	struct vit_buf scratch = { 0 };
	int64_t dh = n[0], dw = n[1], sh = n[2], sw = n[3], c = n[4];
	uint8_t *dst = malloc((size_t)(dh * dw * c));
	assert_non_null(dst);
	assert_int_equal(setenv("VIT_CPU", cpu, 1), 0);
	assert_int_equal(vit_resize_part(dst, dh, dw, src + (top * wide + left) * c, wide * c, sh, sw, c, filter, antialias, &scratch), 0);
	unsetenv("VIT_CPU");
	vit_buf_release(&scratch);
	return dst;
}

/* Streams are the same bytes everywhere, so vectors may not change one bit. */
static void vectors_change_nothing(void **state)
{
	(void)state;
	static const int64_t sides[] = { 1, 2, 3, 5, 8, 15, 16, 17, 31, 50, 97 };
	uint64_t i = 0;
	for (int turn = 0; turn < 4000; turn++) {
		struct vit_rand4 r = vit_philox(1, 1, i++), q = vit_philox(2, 1, i);
		int64_t n[5] = { sides[r.v[0] % 11], sides[r.v[1] % 11], sides[r.v[2] % 11], sides[r.v[3] % 11], 1 + q.v[0] % 4 };
		int64_t top = q.v[1] % 3, left = q.v[2] % 3, wide = n[3] + left + q.v[3] % 2, size = (top + n[2]) * wide * n[4];
		/* exactly as long as it must be, so that a sanitizer sees what reads beyond */
		size -= (wide - left - n[3]) * n[4];
		uint8_t *src = malloc((size_t)size);
		assert_non_null(src);
		for (int64_t k = 0; k < size; k++)
			src[k] = turn % 5 ? (uint8_t)vit_philox(3, (uint64_t)turn, (uint64_t)k / 4).v[k % 4] : (uint8_t)(turn % 2 * 255);
		int filter = turn % 3, antialias = turn / 3 % 2;
		uint8_t *a = resized("scalar", n, filter, antialias, src, wide, top, left), *b = resized("avx2", n, filter, antialias, src, wide, top, left);
		if (memcmp(a, b, (size_t)(n[0] * n[1] * n[4])))
			fail_msg("%lldx%lldx%lld to %lldx%lld, filter %d, antialias %d", (long long)n[2], (long long)n[3], (long long)n[4],
			         (long long)n[0], (long long)n[1], filter, antialias);
		free(a);
		free(b);
		free(src);
	}
}

/* The last pixel is followed by a page nobody may read: taps of neighbours differ
 * in number, so an earlier one may reach further than a later one. */
static void reads_stay_inside(void **state)
{
	(void)state;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *two = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *dst = malloc(64 * 3);
	assert_true(two != MAP_FAILED);
	assert_int_equal(mprotect(two + 2 * page, page, PROT_NONE), 0);
	struct vit_buf scratch = { 0 };
	for (int64_t from = 1; from < 64; from++)
		for (int64_t to = 1; to < 64; to++)
			for (int kind = 0; kind < 8; kind++) {
				int64_t c = kind % 2 ? 3 : 1;
				assert_int_equal(vit_resize(dst, 1, to, two + 2 * page - (size_t)(from * c), 1, from, c, kind / 4, kind / 2 % 2, &scratch), 0);
			}
	vit_buf_release(&scratch);
	free(dst);
	munmap(two, 3 * page);
}

static void centres_round_half_to_even(void **state)
{
	(void)state;
	static const int want[] = { 0, 0, 1, 2, 2, 2, 3, 4 };   /* Python: round(i / 2) */
	for (int i = 0; i < 8; i++)
		assert_int_equal(vit_centre(10 + i, 10), want[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_pillow_and_torchvision),
		cmocka_unit_test(keeps_constants),
		cmocka_unit_test(refuses_impossible_sizes),
		cmocka_unit_test(vectors_change_nothing),
		cmocka_unit_test(reads_stay_inside),
		cmocka_unit_test(centres_round_half_to_even),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
