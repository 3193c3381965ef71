/* SPDX-License-Identifier: MIT
 *
 * Class lists that meet, and files that say what others call a class.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/model.h"

static char path[] = "/tmp/vit-classes-XXXXXX";

static const char *const ours[] = { "ant", "bee", "cat" };

static int read_file(struct vit_class_file *f, const char *text, size_t n)
{
	FILE *to = fopen(path, "w");
	assert_non_null(to);
	assert_int_equal(fwrite(text, 1, n, to), n);
	assert_int_equal(fclose(to), 0);
	return vit_class_file_read(f, path);
}

static void test_same_order_subset(void **state)
{
	(void)state;
	const char *const moved[] = { "cat", "ant", "bee" }, *const part[] = { "bee" };
	const char *note;
	int *map;
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, ours, 3, NULL, 0), 0);
	assert_null(map);
	assert_null(note);
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, moved, 3, NULL, 0), 0);
	assert_non_null(strstr(note, "another order"));
	assert_memory_equal(map, ((int[]){ 2, 0, 1 }), 3 * sizeof *map);
	free(map);
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, part, 1, NULL, 1), 0);
	assert_int_equal(map[0], 1);
	assert_non_null(strstr(note, "1 of 3"));
	free(map);
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, part, 1, NULL, 0), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "\"ant\", \"cat\" is missing"));
	assert_null(map);
	/* nameless lists agree by their length */
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, NULL, 3, NULL, 0), 0);
	assert_null(map);
	assert_int_equal(vit_classes_map(&map, &note, NULL, 3, moved, 2, NULL, 0), VIT_EMISMATCH);
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, NULL, 0, NULL, 0), 0);
}

static void test_first_differences(void **state)
{
	(void)state;
	const char *const theirs[] = { "ant", "v", "w", "x", "y", "z" };
	const char *note;
	int *map;
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, theirs, 6, NULL, 1), VIT_EMISMATCH);
	const char *const words[] = { "\"v\", \"w\", \"x\" and 2 more of 6", "the 3 that are wanted", "no \"bee\", \"cat\"", "--class-map" };
	for (int i = 0; i < 4; i++)
		if (!strstr(vit_errmsg(), words[i]))
			fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words[i]);
	assert_null(map);
}

static void test_class_file(void **state)
{
	(void)state;
	static const char text[] = "\xef\xbb\xbf# birds\n\n  Apis mellifera => bee\r\nformica\tant\n wasp =>  bee \nan => arrow\tcat\n# end";
	const char *const theirs[] = { "formica", "Apis mellifera", "an => arrow", "wasp" }, *const straight[] = { "formica", "wasp", "cat" };
	struct vit_class_file f;
	const char *note;
	int *map;
	assert_int_equal(read_file(&f, text, sizeof text - 1), 0);
	assert_int_equal(f.n, 4);
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, theirs, 4, &f, 0), 0);
	assert_memory_equal(map, ((int[]){ 0, 1, 2, 1 }), 4 * sizeof *map);
	assert_non_null(strstr(note, "4 classes are 3 of 3"));
	free(map);
	/* as ours once they are renamed */
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, straight, 3, &f, 0), 0);
	assert_null(map);
	vit_class_file_release(&f);

	/* nameless classes are numbers */
	assert_int_equal(read_file(&f, "0 => cat\n1 => bee\n2 => ant\n", 27), 0);
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, NULL, 3, &f, 0), 0);
	assert_memory_equal(map, ((int[]){ 2, 1, 0 }), 3 * sizeof *map);
	free(map);
	vit_class_file_release(&f);
}

static void test_wrong_files(void **state)
{
	(void)state;
	const struct { const char *text, *words; } cases[] = {
		{ "a => b\nonly one\n", ":2: \"only one\" is not" },
		{ "a =>\n", ":1: a class name is missing" },
		{ "\n\nx\tant\nx\tbee\n", ":4: \"x\" is \"bee\" and was \"ant\" before" },
	};
	struct vit_class_file f;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(read_file(&f, cases[i].text, strlen(cases[i].text)), VIT_EFORMAT);
		if (!strstr(vit_errmsg(), cases[i].words) || !strstr(vit_errmsg(), path))
			fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), cases[i].words);
	}
	assert_int_equal(read_file(&f, "a\0b\n", 4), VIT_EFORMAT);
	const char *note;
	int *map;
	assert_int_equal(read_file(&f, "x => dog\n", 9), 0);
	assert_int_equal(vit_classes_map(&map, &note, ours, 3, ours, 3, &f, 0), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "\"dog\""));
	vit_class_file_release(&f);
}

static void test_names_that_come_twice(void **state)
{
	(void)state;
	const char *const twice[] = { "bee", "ant", "bee" };
	assert_string_equal(vit_classes_twice(twice, 3), "bee");
	assert_null(vit_classes_twice(ours, 3));
	assert_null(vit_classes_twice(ours, 0));
	struct vit_header h;
	struct vit_meta m;
	assert_int_equal(vit_header_init(&h, VIT_SAMPLES), 0);
	json_object_set_new(h.meta, "classes", json_pack("[s,s,s]", "bee", "ant", "bee"));
	assert_int_equal(vit_meta_read(&m, &h), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "\"bee\" twice"));
	m = (struct vit_meta){ .classes = (const char **)(uintptr_t)twice, .n_class = 3, .epochs = 1 };
	assert_int_equal(vit_meta_write(&m, &h), VIT_EFORMAT);
	vit_header_release(&h);
}

static int setup(void **state)
{
	(void)state;
	int fd = mkstemp(path);
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_order_subset), cmocka_unit_test(test_first_differences), cmocka_unit_test(test_class_file),
		cmocka_unit_test(test_wrong_files), cmocka_unit_test(test_names_that_come_twice),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
