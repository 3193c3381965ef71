/* SPDX-License-Identifier: MIT
 *
 * From paths to splits and classes.
 */
#include "format/layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Paths parted by blanks; those that end in '/' are directories. */
static int decide(struct vit_layout *l, const char *paths, int packed)
{
	char text[1024], *save = NULL;
	*l = (struct vit_layout){ 0 };
	snprintf(text, sizeof text, "%s", paths);
	for (char *p = strtok_r(text, " ", &save); p; p = strtok_r(NULL, " ", &save))
		if (vit_layout_add(l, p, p[strlen(p) - 1] != '/'))
			fail_msg("%s", vit_errmsg());
	return vit_layout_decide(l, packed);
}

/* "kind around classes: train/val/test flat outside" */
static const char *layout(const char *paths, int packed)
{
	static char text[512];
	struct vit_layout l;
	if (decide(&l, paths, packed)) {
		vit_layout_release(&l);
		return vit_errmsg();
	}
	int n = snprintf(text, sizeof text, "%s %s", l.kind == VIT_LAYOUT_FLAT ? "flat" : l.kind == VIT_LAYOUT_CLASSES ? "classes" : "splits",
	                 l.around ? l.around : ".");
	for (int i = 0; i < l.n_class; i++)
		n += snprintf(text + n, sizeof text - (size_t)n, "%c%s=%lld", i ? ',' : ' ', l.classes[i], (long long)l.per_class[i]);
	snprintf(text + n, sizeof text - (size_t)n, " %lld/%lld/%lld %lld/%lld/%lld %lld", (long long)l.count[0], (long long)l.count[1],
	         (long long)l.count[2], (long long)l.flat[0], (long long)l.flat[1], (long long)l.flat[2], (long long)l.outside);
	vit_layout_release(&l);
	return text;
}

static void layouts(void **state)
{
	(void)state;
	static const struct { const char *paths, *want; int packed; } table[] = {
		{ "", "flat . 0/0/0 0/0/0 0", 0 },
		{ "a.jpg b.jpg", "flat . 2/0/0 0/0/0 0", 0 },
		{ "b/1 a/1 a/x/2 C/y/z/3 4", "classes . C=1,a=2,b=1 4/0/0 0/0/0 1", 0 },
		/* one directory around it */
		{ "set/b/1 set/a/1", "classes set a=1,b=1 2/0/0 0/0/0 0", 0 },
		{ "set/b/1 set/a/1 docs/", "classes set a=1,b=1 2/0/0 0/0/0 0", 0 },
		{ "set/b/1 set/a/1 0", "classes . set=2 2/0/0 0/0/0 1", 0 },
		{ "set/b/1 set/0", "classes . set=2 2/0/0 0/0/0 0", 0 },
		{ "set/b/1 set/0", "classes set b=1 1/0/0 0/0/0 1", 1 },
		{ "ants/1 ants/2", "classes . ants=2 2/0/0 0/0/0 0", 0 },
		{ "ants/1 ants/2", "flat ants 2/0/0 0/0/0 0", 1 },
		{ "ants/1 ants/2 bees/", "classes . ants=2,bees=0 2/0/0 0/0/0 0", 1 },
		{ "x/set/a/1 x/set/b/2", "classes x set=2 2/0/0 0/0/0 0", 1 },
		/* splits */
		{ "train/a/1 val/b/1 test/a/x/1", "splits . a=2,b=1 1/1/1 0/0/0 0", 0 },
		{ "d/train/a/1 d/Valid/b/1 d/c/", "splits d a=1,b=1 1/1/0 0/0/0 0", 0 },
		{ "training/a/1 validation/a/1 testing/a/1 0", "splits . a=3 1/1/1 0/0/0 1", 0 },
		{ "train/a/1 train/0 test/1 test/2", "splits . a=1 1/0/0 0/0/2 1", 0 },
		{ "train/a/1 train/b/ test/c/", "splits . a=1,b=0,c=0 1/0/0 0/0/0 0", 0 },
		{ "test/a/1", "splits . a=1 0/0/1 0/0/0 0", 0 },
		{ "train/1 test/1", "classes . test=1,train=1 2/0/0 0/0/0 0", 0 },
		{ "train/a/1 bus/a/1", "classes . bus=1,train=1 2/0/0 0/0/0 0", 0 },
		{ "val/a/1 valid/a/1", "valid and val are the same split; give one of them", 0 },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		const char *got = layout(table[i].paths, table[i].packed);
		if (strcmp(got, table[i].want) && strcmp(got, "val and valid are the same split; give one of them"))
			fail_msg("%s: %s, not %s", table[i].paths, got, table[i].want);
	}
}

static void places(void **state)
{
	(void)state;
	struct vit_layout l;
	int split;
	int64_t label;
	const char *id;
	assert_int_equal(decide(&l, "d/train/b/1 d/train/a/x/2 d/test/a/3 d/val/4 d/train/5", 0), 0);
	assert_int_equal(vit_layout_find(&l, "d/train/a/x/2", &split, &label, &id), 1);
	assert_int_equal(split, 0);
	assert_int_equal(label, 0);
	assert_string_equal(id, "a/x/2");
	assert_int_equal(vit_layout_find(&l, "d/test/a/3", &split, &label, &id), 1);
	assert_int_equal(split, 2);
	assert_int_equal(vit_layout_find(&l, "d/val/4", &split, &label, &id), 1);
	assert_int_equal(label, -1);
	assert_string_equal(id, "4");
	/* outside, or never met before */
	static const char *const out[] = { "d/train/5", "d/other/a/1", "e/train/a/1", "d", "train/a/1", "d/train/c/1", "", "/" };
	for (size_t i = 0; i < sizeof out / sizeof *out; i++)
		assert_int_equal(vit_layout_find(&l, out[i], &split, &label, &id), 0);
	vit_layout_release(&l);
}

static void many_classes_and_bad_names(void **state)
{
	(void)state;
	struct vit_layout l = { 0 };
	char path[300];
	for (int i = 0; i < 30000; i++) {
		snprintf(path, sizeof path, "c%05d/1", (int)(i * 7919L % 30000));
		assert_int_equal(vit_layout_add(&l, path, 1), 0);
		assert_int_equal(vit_layout_add(&l, path, 1), 0);
	}
	assert_int_equal(vit_layout_decide(&l, 0), 0);
	assert_int_equal(l.n_class, 30000);
	for (int i = 0; i < 30000; i++) {
		snprintf(path, sizeof path, "c%05d", i);
		assert_string_equal(l.classes[i], path);
		assert_int_equal(l.per_class[i], 2);
	}
	vit_layout_release(&l);
	assert_int_equal(decide(&l, "train/a/1 val/a/2 cats/3", 0), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "cats/"));
	vit_layout_release(&l);
	assert_int_equal(decide(&l, "a/1 caf\xe9/1", 0), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "not UTF-8"));
	vit_layout_release(&l);
	memset(path, 'x', sizeof path);
	memcpy(path + 290, "/1 a/1", 7);
	assert_int_equal(decide(&l, path, 0), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "longer than 255"));
	vit_layout_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts), cmocka_unit_test(places), cmocka_unit_test(many_classes_and_bad_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
