/* SPDX-License-Identifier: MIT
 *
 * Operations against torchvision, for fixed parameters (tests/golden/augment.py).
 */
#include "augment/augment.h"
#include "augment/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GOLDEN "tests/golden/augment.txt"

enum { MAX_IMAGES = 32 };

struct picture {
	char name[16];
	int64_t h, w, c;
	uint8_t *p;
};

static void read_pixels(FILE *f, struct picture *im)
{
	unsigned x;
	int64_t n = im->h * im->w * im->c;
	im->p = malloc((size_t)n);
	assert_non_null(im->p);
	for (int64_t i = 0; i < n; i++) {
		assert_int_equal(fscanf(f, "%2x", &x), 1);
		im->p[i] = (uint8_t)x;
	}
}

static void apply_op(const char *op, const struct picture *before, struct vit_chain_work *work, struct vit_record *r)
{
	struct vit_chain *chain;
	struct vit_header header;
	struct vit_meta meta = { .shape = { before->h, before->w, before->c } };
	*r = (struct vit_record){ .id = { "x", 1 } };
	r->image = (struct vit_tensor){ .data = before->p, .dtype = VIT_U8, .ndim = 3, .dim = { before->h, before->w, before->c } };
	assert_int_equal(vit_header_init(&header, VIT_SAMPLES), 0);
	assert_int_equal(vit_chain_new(&chain), 0);
	if (vit_chain_add(chain, op) || vit_chain_prepare(chain, &meta, &header) || vit_chain_apply(chain, work, 0, r))
		fail_msg("%s of %s: %s", op, before->name, vit_errmsg());
	vit_chain_free(chain);
	vit_header_release(&header);
}

static void check(const char *op, int within, const struct picture *before, const struct picture *want, const uint8_t *got)
{
	for (int64_t i = 0; i < want->h * want->w * want->c; i++)
		if (abs(got[i] - want->p[i]) > within)
			fail_msg("%s of %s: byte %lld is %d, torchvision has %d", op, before->name, (long long)i, got[i], want->p[i]);
}

static void check_case(const char *op, int within, const struct picture *before, const struct picture *want)
{
	struct vit_chain_work *work;
	struct vit_record r;
	assert_int_equal(vit_chain_work_new(&work), 0);
	apply_op(op, before, work, &r);
	if (r.image.dim[0] != want->h || r.image.dim[1] != want->w || r.image.dim[2] != want->c)
		fail_msg("%s of %s: %lldx%lldx%lld", op, before->name, (long long)r.image.dim[0], (long long)r.image.dim[1], (long long)r.image.dim[2]);
	check(op, within, before, want, r.image.data);
	vit_chain_work_free(work);
}

static const struct picture *find(const struct picture *image, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(image[i].name, name))
			return &image[i];
	fail_msg("no image %s", name);
	return NULL;
}

/* The images at the head of the file; returns how many. */
static int read_images(FILE *f, struct picture image[MAX_IMAGES])
{
	int n = 0;
	assert_int_equal(fscanf(f, "#%*[^\n]"), 0);     /* how it was written */
	for (; n < MAX_IMAGES && fscanf(f, " image %15s %ld %ld %ld", image[n].name, &image[n].h, &image[n].w, &image[n].c) == 4; n++)
		read_pixels(f, &image[n]);
	return n;
}

static int check_cases(FILE *f, const struct picture *image, int n)
{
	char name[16], op[200];
	int n_case = 0, within;
	for (struct picture want = { 0 }; fscanf(f, " case %15s %d %199s -> %ld %ld %ld", name, &within, op, &want.h, &want.w, &want.c) == 6; n_case++) {
		read_pixels(f, &want);
		check_case(op, within, find(image, n, name), &want);
		free(want.p);
	}
	return n_case;
}

static void check_member(const char *space, int member, const int at[4], const struct vit_policy_pixels *pixels, int within,
                         const struct picture *before, const struct picture *want)
{
	struct vit_image im = { 0 }, spare = { 0 };
	struct vit_buf scratch = { 0 };
	struct vit_augment_call call = { .image = &im, .spare = &spare, .scratch = &scratch };
	char what[64];
	snprintf(what, sizeof what, "member %d of %s", member, space);
	assert_int_equal(vit_image_reserve(&im, before->h, before->w, before->c), 0);
	memcpy(im.p, before->p, (size_t)(im.h * im.w * im.c));
	assert_int_equal(vit_policy_apply(&call, strcmp(space, "rand") ? &vit_trivial_reach : &vit_rand_reach, pixels,
	                                  (enum vit_member)member, at[0], at[1], at[2]), 0);
	check(what, within, before, want, im.p);
	vit_image_release(&im);
	vit_image_release(&spare);
	vit_buf_release(&scratch);
}

static int check_members(FILE *f, const struct picture *image, int n)
{
	char name[16], space[16], filter[16];
	int n_case = 0, within, member, at[4];
	for (struct picture want = { 0 }; fscanf(f, " member %15s %d %15s %d %d %d %d %15s %d -> %ld %ld %ld", name, &within, space, &member,
	                                         &at[0], &at[1], &at[2], filter, &at[3], &want.h, &want.w, &want.c) == 12; n_case++) {
		struct vit_policy_pixels pixels = { .interpolation = !strcmp(filter, "bilinear"), .fill = { .n = 1, .v = { (float)at[3] } } };
		read_pixels(f, &want);
		check_member(space, member, at, &pixels, within, find(image, n, name), &want);
		free(want.p);
	}
	return n_case;
}

static void equals_torchvision(void **state)
{
	(void)state;
	FILE *f = fopen(GOLDEN, "r");
	struct picture image[MAX_IMAGES] = { 0 };
	assert_non_null(f);
	int n = read_images(f, image);
	assert_true(check_cases(f, image, n) >= 60);
	assert_int_equal(check_members(f, image, n), 4 * VIT_N_MEMBERS + 1);
	assert_true(feof(f));
	fclose(f);
	for (int i = 0; i < n; i++)
		free(image[i].p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equals_torchvision),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
