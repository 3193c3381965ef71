/* SPDX-License-Identifier: MIT
 *
 * The headers of numpy arrays, good and hostile; arrays as a source.
 */
#include "format/format.h"
#include "format/npy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

/* Version 1: the text as it is, without numpy's padding, which is no need. */
static size_t put_head(uint8_t *p, const char *text)
{
	size_t n = strlen(text);
	memcpy(p, "\x93NUMPY\1", 8);
	p[8] = (uint8_t)n;
	p[9] = (uint8_t)(n >> 8);
	memcpy(p + 10, text, n);
	return n + 10;
}

static int parse(struct vit_npy *a, const char *text)
{
	uint8_t b[4096];
	size_t n = put_head(b, text);
	/* exactly as long: reading beyond is seen by the sanitizer */
	uint8_t *exact = malloc(n);
	assert_non_null(exact);
	memcpy(exact, b, n);
	int rc = vit_npy_header(a, exact, n);
	free(exact);
	return rc;
}

static void headers(void **state)
{
	(void)state;
	struct vit_npy a;
	char s[128];
	assert_int_equal(parse(&a, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n"), 0);
	assert_string_equal(vit_npy_str(s, sizeof s, &a), "[2,3] float32");
	assert_int_equal(a.bytes, 24);
	assert_int_equal(a.head, 10 + 63);
	assert_false(a.fortran || a.big_endian);
	assert_int_equal(parse(&a, "{\"shape\":(60000L,),\"fortran_order\":True,\"descr\":\">i8\"}"), 0);
	assert_string_equal(vit_npy_str(s, sizeof s, &a), "[60000] int64");
	assert_true(a.fortran && a.big_endian);
	assert_int_equal(parse(&a, "{'descr': '|u1', 'fortran_order': False, 'shape': ()}"), 0);
	assert_int_equal(a.ndim, 0);
	assert_int_equal(a.bytes, 1);
	/* no numbers, but no damage either */
	assert_int_equal(parse(&a, "{'descr': '|O', 'fortran_order': False, 'shape': (3,)}"), 0);
	assert_int_equal(a.dtype, -1);
	assert_string_equal(a.descr, "|O");
	assert_int_equal(parse(&a, "{'descr': [('a', '<i4'), ('b', '<f8', (2, 2))], 'fortran_order': False, 'shape': (3,)}"), 0);
	assert_string_equal(a.descr, "a structure");
}

static void hostile_headers(void **state)
{
	(void)state;
	static const struct { const char *text, *words; } bad[] = {
		{ "", "no dict" },
		{ "[]", "no dict" },
		{ "{", "no dict" },
		{ "{}", "not a dict of" },
		{ "{'descr': '<f4', 'fortran_order': False}", "not a dict of" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", "no tuple" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (3,}", "not of numbers" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}", "not of numbers" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (3,) 'x': 1}", "damaged behind" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} + __import__('os')", "not a dict of" },
		{ "{'descr': '<f4', 'fortran_order': exit(), 'shape': (3,)}", "neither True nor False" },
		{ "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3,)}", "\"descr\" twice" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 1}", "\"more\" that numpy does not write" },
		{ "{'descr': '<f4\\'', 'fortran_order': False, 'shape': (3,)}", "damaged in descr" },
		{ "{'descr': [('a', '<f4', 'fortran_order': False, 'shape': (3,)}", "damaged in descr" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)}", "more than 8" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "no file has" },
		{ "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 9223372036854775807)}", "no file has" },
		{ "{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775807,)}", "no file has" },
		{ "{'descr': '|u1', 'fortran_order': False, 'shape': (9223372036854775808,)}", "not of numbers" },
	};
	struct vit_npy a;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(parse(&a, bad[i].text), VIT_EFORMAT);
		if (!strstr(vit_errmsg(), bad[i].words))
			fail_msg("%s: \"%s\" does not say \"%s\"", bad[i].text, vit_errmsg(), bad[i].words);
	}
	uint8_t b[64];
	size_t n = put_head(b, "{}");
	b[6] = 4;
	assert_int_equal(vit_npy_header(&a, b, n), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "version 4.0"));
	b[6] = 1;
	b[8] = 200;
	assert_int_equal(vit_npy_header(&a, b, n), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "goes beyond"));
}

/* Every prefix of a good file's beginning is refused, in memory of that length. */
static void cut_headers(void **state)
{
	(void)state;
	uint8_t b[128];
	size_t n = put_head(b, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
	for (size_t k = 0; k < n; k++) {
		struct vit_npy a;
		uint8_t *exact = malloc(k + !k);
		assert_non_null(exact);
		memcpy(exact, b, k);
		assert_int_equal(vit_npy_header(&a, exact, k), VIT_EFORMAT);
		free(exact);
	}
}

static void elements(void **state)
{
	(void)state;
	static const uint8_t b[] = { 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x80, 0x3f };
	struct vit_npy a = { .dtype = VIT_I8 };
	assert_int_equal(vit_npy_int(&a, b, 1), -2);
	a.dtype = VIT_U16;
	assert_int_equal(vit_npy_int(&a, b, 0), 0xfeff);
	a.dtype = VIT_I16;
	a.big_endian = 1;
	assert_int_equal(vit_npy_int(&a, b, 0), -2);
	a.dtype = VIT_U64;
	assert_int_equal(vit_npy_int(&a, b, 0), INT64_MAX);
	a.dtype = VIT_F32;
	a.big_endian = 0;
	static const uint8_t one[] = { 0, 0, 0x80, 0x3f }, big_half[] = { 0x3c, 0 };
	assert_true(vit_npy_float(&a, one, 0) == 1);
	a.dtype = VIT_F16;
	a.big_endian = 1;
	assert_true(vit_npy_float(&a, big_half, 0) == 1);
}

/* ---- as a source -------------------------------------------------------------------- */

static void put(const char *name, const char *head, size_t n, uint8_t first)
{
	char path[128];
	uint8_t b[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	size_t k = put_head(b, head);
	assert_int_equal(fwrite(b, 1, k, f), k);
	for (size_t i = 0; i < n; i++)
		fputc((int)(first + i) & 255, f);
	assert_int_equal(fclose(f), 0);
}

static int fresh(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vit-npy-XXXXXX");
	assert_non_null(mkdtemp(dir));
	put("x_train.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2, 2, 3), }", 36, 0);
	put("y_train.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", 3, 5);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	char cmd[96];
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

static int open_it(struct vit_fetch **f)
{
	const char *source[] = { dir, NULL };
	struct vit_fetch_opt o = { .epochs = 1, .limit = -1, .source_order = 1 };
	return vit_fetch_open(f, source, &o);
}

static void records(void **state)
{
	(void)state;
	struct vit_fetch *f;
	struct vit_record r;
	assert_int_equal(open_it(&f), 0);
	for (int i = 0; i < 3; i++) {
		char id[32];
		snprintf(id, sizeof id, "train/%05d", i);
		assert_int_equal(vit_fetch_next(f, &r), 0);
		assert_int_equal(r.id.n, strlen(id));
		assert_memory_equal(r.id.p, id, r.id.n);
		assert_int_equal(r.label, 5 + i);
		assert_int_equal(((const uint8_t *)r.image.data)[11], i * 12 + 11);
	}
	assert_int_equal(vit_fetch_next(f, &r), VIT_END);
	assert_int_equal(json_integer_value(json_object_get(vit_fetch_header(f)->meta, "classes")), 8);
	vit_fetch_close(f);
}

/* Before the first record, and before memory for what is claimed. */
static void claims_are_not_believed(void **state)
{
	(void)state;
	struct vit_fetch *f;
	put("x_train.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000, 2, 2, 3), }", 36, 0);
	assert_int_equal(open_it(&f), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "x_train.npy: 123 bytes are there, its header announces 12000000000087: the file is cut"));
	put("x_train.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2, 2, 3), }", 37, 0);
	assert_int_equal(open_it(&f), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "more than one array"));
	put("x_train.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 100000, 100000, 3), }", 36, 0);
	assert_int_equal(open_it(&f), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "one too large"));
}

static void labels_of_one_channel_count(void **state)
{
	(void)state;
	struct vit_fetch *f;
	put("x_test.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2), }", 4, 0);
	assert_int_equal(open_it(&f), 0);       /* the split that is not asked for may differ */
	vit_fetch_close(f);
	put("x_train_more.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2), }", 4, 0);
	assert_int_equal(open_it(&f), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "channels"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(hostile_headers),
		cmocka_unit_test(cut_headers),
		cmocka_unit_test(elements),
		cmocka_unit_test_setup_teardown(records, fresh, clean),
		cmocka_unit_test_setup_teardown(claims_are_not_believed, fresh, clean),
		cmocka_unit_test_setup_teardown(labels_of_one_channel_count, fresh, clean),
	};
	return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
