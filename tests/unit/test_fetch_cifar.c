/* SPDX-License-Identifier: MIT
 *
 * CIFAR files and pickles.
 */
#include "format/format.h"
#include "format/pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { PLANE = 1024, ROW = 3 * PLANE };

static char dir[64];
static struct vit_buf buf;

static void add(const void *p, size_t n)
{
	assert_int_equal(vit_buf_add(&buf, p, n), 0);
}
#define S(s) add(s, sizeof(s) - 1)

/* Planes of seed, seed + 1 and seed + 2, but the last blue one is 200. */
static void row(int seed)
{
	uint8_t r[ROW];
	for (int c = 0; c < 3; c++)
		memset(r + c * PLANE, seed + c, PLANE);
	r[ROW - 1] = 200;
	add(r, ROW);
}

static void save(const char *name)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(buf.p, 1, buf.n, f), buf.n);
	assert_int_equal(fclose(f), 0);
	vit_buf_release(&buf);
}

static int fresh(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vit-cifar-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int clean(void **state)
{
	(void)state;
	char cmd[128];
	vit_buf_release(&buf);
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

static int open_dir(struct vit_fetch **f, const char *split)
{
	const char *source[] = { dir, NULL };
	struct vit_fetch_opt o = { .split = split, .epochs = 1, .limit = -1, .source_order = 1 };
	return vit_fetch_open(f, source, &o);
}

/* Record of `split` at `place` has this label, and its image begins with seed. */
static void expect(struct vit_fetch *f, const char *id, int label, int seed)
{
	struct vit_record r;
	assert_int_equal(vit_fetch_next(f, &r), 0);
	assert_int_equal(r.id.n, strlen(id));
	assert_memory_equal(r.id.p, id, r.id.n);
	assert_int_equal(r.label, label);
	assert_int_equal(r.image.dim[0] * r.image.dim[1] * r.image.dim[2], ROW);
	const uint8_t *p = r.image.data;
	for (int i = 0; i < 3; i++)
		assert_int_equal(p[i], seed + i);
	assert_int_equal(p[ROW - 3], seed);
	assert_int_equal(p[ROW - 1], 200);
}

static void ten_binary(void **state)
{
	(void)state;
	struct vit_fetch *f;
	struct vit_record r;
	for (int batch = 1; batch <= 2; batch++) {
		char name[32];
		for (int i = 0; i < 3; i++) {
			add(&(uint8_t){ (uint8_t)(batch + i) }, 1);
			row(10 * batch + i);
		}
		snprintf(name, sizeof name, "data_batch_%d.bin", batch);
		save(name);
	}
	add("\7", 1);
	row(50);
	save("test_batch.bin");
	S("a\nb\nc\nd\ne\nf\ng\nh\r\ni\nj\n\n");
	save("batches.meta.txt");
	assert_int_equal(open_dir(&f, "train"), 0);
	json_t *meta = vit_fetch_header(f)->meta;
	assert_int_equal(json_integer_value(json_object_get(meta, "count")), 6);
	assert_string_equal(json_string_value(json_array_get(json_object_get(meta, "classes"), 7)), "h");
	assert_int_equal(json_array_size(json_object_get(meta, "mean")), 3);
	expect(f, "train/00000", 1, 10);
	for (int i = 0; i < 2; i++)
		assert_int_equal(vit_fetch_next(f, &r), 0);
	expect(f, "train/00003", 2, 20);
	vit_fetch_close(f);
	assert_int_equal(open_dir(&f, "test"), 0);
	expect(f, "test/00000", 7, 50);
	assert_int_equal(vit_fetch_next(f, &r), VIT_END);
	vit_fetch_close(f);
	assert_int_equal(open_dir(&f, "val"), VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), "it has: train test"));
}

static void hundred_binary(void **state)
{
	(void)state;
	struct vit_fetch *f;
	struct vit_record r;
	for (uint8_t i = 0; i < 3; i++) {
		add((uint8_t[]){ (uint8_t)(i + 11), (uint8_t)(97 + i) }, 2);
		row(i);
	}
	save("train.bin");
	assert_int_equal(open_dir(&f, NULL), 0);
	assert_int_equal(vit_fetch_next(f, &r), 0);
	assert_int_equal(r.label, 97);
	assert_int_equal(r.n_field, 1);
	assert_memory_equal(r.field[0].key.p, "coarse_label", 12);
	assert_int_equal(r.field[0].raw[0], 11);
	expect(f, "train/00001", 98, 1);
	json_t *classes = json_object_get(vit_fetch_header(f)->meta, "classes");
	assert_int_equal(json_array_size(classes), 100);
	assert_string_equal(json_string_value(json_array_get(classes, 97)), "wolf");
	vit_fetch_close(f);
}

static void bad_labels_and_cut_files(void **state)
{
	(void)state;
	struct vit_fetch *f;
	struct vit_record r;
	/* past the bytes that a probe sees */
	for (uint8_t i = 0; i < 30; i++) {
		add(&(uint8_t){ i == 25 ? 17 : 3 }, 1);
		row(1);
	}
	save("data_batch_1.bin");
	assert_int_equal(open_dir(&f, NULL), 0);
	for (int i = 0; i < 25; i++)
		assert_int_equal(vit_fetch_next(f, &r), 0);
	assert_int_equal(vit_fetch_next(f, &r), VIT_ERECORD);
	assert_non_null(strstr(vit_errmsg(), "record 25 (train/00025): label 17"));
	expect(f, "train/00026", 3, 1);
	vit_fetch_close(f);
	for (int i = 0; i < 5; i++) {
		S("\1");
		row(1);
	}
	buf.n -= 100;
	save("data_batch_1.bin");
	assert_int_equal(open_dir(&f, NULL), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "the file is cut"));
}

/* What Python 2's cPickle and numpy wrote: protocol 2. */
static void python_batch(const char *dtype)
{
	S("\x80\2}q\1(U\4dataq\2cnumpy.core.multiarray\n_reconstruct\nq\3cnumpy\nndarray\nq\4K\0\x85U\1b\x87R(K\1K\2M\0\x0c\x86");
	S("cnumpy\ndtype\nU\2");
	add(dtype, 2);
	S("K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T\0\x18\0\0");
	row(30);
	row(40);
	S("tbU\6labels](K\3K\7eu.");
}

static void python_batches(void **state)
{
	(void)state;
	struct vit_fetch *f;
	python_batch("u1");
	save("data_batch_1");
	S("\x80\2}(U\x0blabel_names](U\2a0U\2a1U\2a2U\2a3U\2a4U\2a5U\2a6U\2a7U\2a8U\2a9eu.");
	save("batches.meta");
	assert_int_equal(open_dir(&f, NULL), 0);
	expect(f, "train/00000", 3, 30);
	expect(f, "train/00001", 7, 40);
	assert_string_equal(json_string_value(json_array_get(json_object_get(vit_fetch_header(f)->meta, "classes"), 9)), "a9");
	vit_fetch_close(f);
	python_batch("i1");
	save("data_batch_1");
	assert_int_equal(open_dir(&f, NULL), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "dtype i1"));
}

static int read_pickle(const struct vit_pickle **root, struct vit_arena *arena)
{
	return vit_pickle_read(root, buf.p, buf.n, arena);
}

static void refuses(const char *words)
{
	struct vit_arena arena = { 0 };
	const struct vit_pickle *root;
	assert_int_equal(read_pickle(&root, &arena), VIT_EFORMAT);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
	vit_arena_release(&arena);
	vit_buf_release(&buf);
}

static void pickles_call_nothing(void **state)
{
	(void)state;
	S("\x80\2cos\nsystem\nU\4true\x85R.");
	refuses("wants to call os.system");
	S("\x80\4\x95\x1e\0\0\0\0\0\0\0\x8c\5posix\x94\x8c\6system\x94\x93\x94\x8c\4true\x94\x85\x94R\x94.");
	refuses("wants to call posix.system");
	S("\x80\2c__builtin__\neval\nU\0011\x85R.");
	refuses("__builtin__.eval");
	S("\x80\2c\x1b[2J\nx\n.");
	refuses("?[2J.x");
	S("\x80\2}U\1xQ.");
	refuses("opcode 0x51");
	S("\x80\2cnumpy\nndarray\n)\x81.");
	refuses("opcode 0x81");
}

static void pickles_have_limits(void **state)
{
	(void)state;
	S("\x80\2");
	refuses("cut");
	S("\x80\2T\xff\xff\xff\xff" "abc.");
	refuses("longer than what is left");
	S("\x80\2Nr\xff\xff\xff\x7f.");
	refuses("remembers too much");
	S("\x80\2h\5.");
	refuses("not remembered");
	S("\x80\2(.");
	refuses("empty stack");
	S("\x80\2t.");
	refuses("no mark");
	S("\x80\2");
	for (int i = 0; i < 100; i++)
		S("(");
	refuses("nested too deep");
	S("\x80\2");
	for (int i = 0; i < 3 << 20; i++)
		S("N");
	refuses("more steps");
	S("\x80\5N.");
	refuses("protocol 5");
	/* one text, remembered and encoded again and again */
	S("\x80\2X\x40\0\0\0" "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdefq\0"
	  "c_codecs\nencode\nq\1X\6\0\0\0latin1q\2");
	for (int i = 0; i < 64; i++)
		S("h\1h\0h\2\x86R");
	S(".");
	refuses("encodes more");
}

/* Python 3 writes bytes so: characters to be encoded. */
static void latin1(void **state)
{
	(void)state;
	struct vit_arena arena = { 0 };
	const struct vit_pickle *root;
	S("\x80\2c_codecs\nencode\nX\5\0\0\0a\xc3\xbf\xc2\x80X\6\0\0\0latin1\x86R.");
	assert_int_equal(read_pickle(&root, &arena), 0);
	assert_int_equal(root->kind, VIT_PICKLE_TEXT);
	assert_int_equal(root->n, 3);
	assert_memory_equal(root->p, "a\xff\x80", 3);
	vit_arena_release(&arena);
	vit_buf_release(&buf);
	S("\x80\2c_codecs\nencode\nX\3\0\0\0\xe2\x82\xacX\6\0\0\0latin1\x86R.");
	refuses("not Latin-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ten_binary, fresh, clean),
		cmocka_unit_test_setup_teardown(hundred_binary, fresh, clean),
		cmocka_unit_test_setup_teardown(bad_labels_and_cut_files, fresh, clean),
		cmocka_unit_test_setup_teardown(python_batches, fresh, clean),
		cmocka_unit_test(pickles_call_nothing),
		cmocka_unit_test(pickles_have_limits),
		cmocka_unit_test(latin1),
	};
	return cmocka_run_group_tests_name("fetch-cifar", tests, NULL, NULL);
}
