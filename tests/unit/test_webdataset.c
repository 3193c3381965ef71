/* SPDX-License-Identifier: MIT
 *
 * WebDataset shards: what a sample is, where its label comes from, what is told
 * from it and what is not.
 */
#include "format/format.h"
#include "packs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define PPM "P6 1 1 255 abc"
#define JPEG "\xff\xd8\xff\xe0 a picture"

static char dir[64];

/* ---- shards ---------------------------------------------------------------------------- */

/* Name, text, name, text, ..., NULL. */
static void shard(const char *file, const char *const *member)
{
	char path[160];
	struct pack t = { 0 };
	snprintf(path, sizeof path, "%s/%s", dir, file);
	for (; *member; member += 2)
		tar_add(&t, member[0], member[1], strlen(member[1]), NULL);
	tar_end(&t);
	pack_write(&t, path);
}
#define SHARD(file, ...) shard(file, (const char *const[]){ __VA_ARGS__, NULL })

static int fresh(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vit-wds-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int clean(void **state)
{
	(void)state;
	char cmd[96];
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

static int try_open(struct vit_fetch **f, struct vit_fetch_opt o, const char *a, const char *b)
{
	char one[160], two[160];
	snprintf(one, sizeof one, "%s/%s", dir, a);
	snprintf(two, sizeof two, "%s/%s", dir, b ? b : "");
	const char *source[] = { one, b ? two : NULL, NULL };
	o.limit = -1;
	o.epochs = o.epochs ? o.epochs : 1;
	return vit_fetch_open(f, source, &o);
}

static struct vit_fetch *start(const char *a, const char *b)
{
	struct vit_fetch *f;
	if (try_open(&f, (struct vit_fetch_opt){ 0 }, a, b))
		fail_msg("%s", vit_errmsg());
	assert_string_equal(vit_fetch_format(f)->name, "webdataset");
	return f;
}

static json_t *meta(struct vit_fetch *f, const char *key)
{
	return json_object_get(vit_fetch_header(f)->meta, key);
}

/* The next record: "id type label seq", or what is wrong with it. */
static void next(struct vit_fetch *f, const char *want)
{
	struct vit_record r;
	char got[1024];
	int rc = vit_fetch_next(f, &r);
	if (rc == VIT_END)
		snprintf(got, sizeof got, "end");
	else if (rc)
		snprintf(got, sizeof got, "%d %s", rc, strchr(vit_errmsg(), ':') + 2);
	else
		snprintf(got, sizeof got, "%.*s %.*s %lld %d", (int)r.id.n, r.id.p, (int)r.type.n, r.type.p,
		         r.label_kind == VIT_LABEL_NONE ? -1LL : (long long)r.label, (int)r.seq);
	assert_string_equal(got, want);
}

static void said(struct vit_fetch *f, const char *words)
{
	const char *line;
	for (int i = 0; (line = vit_fetch_notice(f, i)); i++)
		if (strstr(line, words))
			return;
	fail_msg("no notice says \"%s\"", words);
}

/* ---- tests ------------------------------------------------------------------------------- */

static void shards_in_a_row(void **state)
{
	(void)state;
	SHARD("0.tar", "a/0.cls", "3\n", "a/0.jpg", JPEG, "a/1.cls", "1", "a/1.ppm", PPM);
	/* its first key is the last one of the shard before */
	SHARD("1.tar", "a/1.PPM", PPM, "a/1.CLS", " 0 ", "a/2.x.image.jpg", "no image of ours", "a/2.cls", "1", "a/2.image.jpg", JPEG);
	struct vit_fetch *f = start("0.tar", "1.tar");
	assert_int_equal(json_integer_value(meta(f, "count")), 4);
	assert_int_equal(json_integer_value(meta(f, "classes")), 4);
	next(f, "a/0 jpeg 3 0");
	next(f, "a/1 pnm 1 1");
	next(f, "a/1 pnm 0 2");
	next(f, "a/2 jpeg 1 3");
	next(f, "end");
	said(f, "1 .x.image.jpg");
	vit_fetch_close(f);
}

static void labels_of_json(void **state)
{
	(void)state;
	SHARD("0.tar", "0.jpg", JPEG, "0.json", "{\"label\": \"cat\", \"cls\": 7}", "1.jpg", JPEG, "1.json", "{\"class\": \"ant\"}",
	      "2.jpg", JPEG, "2.json", "{\"label\": 5}", "3.jpg", JPEG, "3.json", "{\"label\": [1, 2]}", "4.jpg", JPEG, "4.json", "{}",
	      "5.jpg", JPEG, "5.json", "{\"label\":", "6.jpg", JPEG, "6.json", "[]", "7.cls", "bee", "7.jpg", JPEG, "7.json", "{\"label\":\"x\"}");
	struct vit_fetch *f = start("0.tar", NULL);
	char *classes = json_dumps(meta(f, "classes"), 0);
	assert_string_equal(classes, "[\"5\", \"ant\", \"bee\", \"cat\"]");
	free(classes);
	next(f, "0 jpeg 3 0");
	next(f, "1 jpeg 1 1");
	next(f, "2 jpeg 0 2");
	next(f, "-6 3: .json: its label is neither a number nor a text");
	next(f, "4 jpeg -1 4");
	next(f, "-6 5: .json: unexpected token near end of file");
	next(f, "6 jpeg -1 6");
	next(f, "7 jpeg 2 7");
	next(f, "end");
	vit_fetch_close(f);
}

static void images_of_a_sample(void **state)
{
	(void)state;
	/* the better name wins wherever it stands; a mask is no image */
	SHARD("0.tar", "0.cls", "0", "0.image.png", PPM, "0.png", PPM, "0.jpg", JPEG, "0.seg.png", PPM, "1.cls", "0", "1.txt", "none", "2.cls",
	      "0", "2.jpg", "text", "3.jpg", JPEG, "3.jpg", JPEG, "3.cls", "0", "noname", "x", "4.cls", "", "4.jpg", JPEG, "5.cls", "-1", "5.jpg", JPEG);
	struct vit_fetch *f = start("0.tar", NULL);
	assert_int_equal(json_integer_value(meta(f, "count")), 5);
	next(f, "0 jpeg 0 0");
	next(f, "-6 2: is text, no image that can be read");
	next(f, "-6 3: two images of one name (two samples with one key in a row?)");
	next(f, "-6 4: the label is empty");
	next(f, "-6 5: label -1 is no class number; these are 0 to 1048575");
	next(f, "end");
	said(f, "1 .seg.png, 1 .txt, 1 without a field");
	said(f, "1 samples without an image");
	vit_fetch_close(f);
}

static void several_epochs(void **state)
{
	(void)state;
	struct vit_fetch *f;
	SHARD("0.tar", "0.cls", "b", "0.jpg", JPEG, "1.cls", "a", "1.jpg", JPEG);
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ .epochs = 3 }, "0.tar", NULL), 0);
	for (int i = 0; i < 3; i++) {
		next(f, "0 jpeg 1 0");
		next(f, "1 jpeg 0 1");
	}
	next(f, "end");
	vit_fetch_close(f);
}

static void names_of_the_user(void **state)
{
	(void)state;
	char list[96];
	struct vit_fetch *f;
	SHARD("0.tar", "0.cls", "b", "0.jpg", JPEG, "1.cls", "1", "1.jpg", JPEG);
	snprintf(list, sizeof list, "%s/names", dir);
	FILE *o = fopen(list, "w");
	assert_non_null(o);
	fputs("c\nb\n1\na\n", o);
	assert_int_equal(fclose(o), 0);
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ .classes = list }, "0.tar", NULL), 0);
	assert_int_equal(json_array_size(meta(f, "classes")), 4);
	next(f, "0 jpeg 1 0");
	next(f, "1 jpeg 2 1");
	vit_fetch_close(f);
	o = fopen(list, "w");
	assert_non_null(o);
	fputs("a\n1\n", o);
	assert_int_equal(fclose(o), 0);
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ .classes = list }, "0.tar", NULL), VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), "the label b is not in the list"));
}

/* From a pipe nothing is kept when the classes are known. */
static void a_pipe_with_classes(void **state)
{
	(void)state;
	char path[96], list[96];
	struct vit_fetch *f;
	SHARD("0.tar", "0.cls", "b", "0.jpg", JPEG, "1.cls", "0", "1.jpg", JPEG, "2.cls", "2", "2.jpg", JPEG, "3.cls", "x", "3.jpg", JPEG);
	snprintf(list, sizeof list, "%s/names", dir);
	FILE *o = fopen(list, "w");
	assert_non_null(o);
	fputs("a\nb\n", o);
	assert_int_equal(fclose(o), 0);
	snprintf(path, sizeof path, "%s/0.tar", dir);
	for (int known = 0; known < 2; known++) {
		int end[2], in = open(path, O_RDONLY);
		char b[8192], name[32];
		assert_int_equal(pipe(end), 0);
		for (ssize_t n; (n = read(in, b, sizeof b)) > 0;)
			assert_int_equal(write(end[1], b, (size_t)n), n);
		close(in);
		close(end[1]);
		snprintf(name, sizeof name, "/dev/fd/%d", end[0]);
		const char *source[] = { name, NULL };
		struct vit_fetch_opt opt = { .epochs = 1, .limit = -1, .classes = known ? list : NULL };
		assert_int_equal(vit_fetch_open(&f, source, &opt), 0);
		close(end[0]);
		assert_true(known ? json_is_null(meta(f, "count")) : json_integer_value(meta(f, "count")) == 4);
		assert_int_equal(json_array_size(meta(f, "classes")), known ? 2 : 4);
		next(f, known ? "0 jpeg 1 0" : "0 jpeg 2 0");
		next(f, "1 jpeg 0 1");
		next(f, known ? "-6 2: the label 2 is none of the classes" : "2 jpeg 1 2");
		next(f, known ? "-6 3: the label x is none of the classes" : "3 jpeg 3 3");
		next(f, "end");
		vit_fetch_close(f);
	}
}

static void told_apart(void **state)
{
	(void)state;
	struct vit_fetch *f;
	/* class folders with a description beside each image */
	SHARD("0.tar", "cat/0.jpg", JPEG, "cat/0.json", "{}", "dog/0.jpg", JPEG, "dog/0.json", "{}");
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ 0 }, "0.tar", NULL), 0);
	assert_string_equal(vit_fetch_format(f)->name, "folder");
	vit_fetch_close(f);
	SHARD("0.tar", "0.jpg", JPEG, "1.jpg", JPEG);
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ 0 }, "0.tar", NULL), 0);
	assert_string_equal(vit_fetch_format(f)->name, "folder");
	vit_fetch_close(f);
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ .format = "webdataset" }, "0.tar", NULL), 0);
	next(f, "0 jpeg -1 0");
	vit_fetch_close(f);
	/* captions are no labels */
	SHARD("0.tar", "0.jpg", JPEG, "0.txt", "a cat", "1.jpg", JPEG, "1.txt", "a dog");
	f = start("0.tar", NULL);
	next(f, "0 jpeg -1 0");
	vit_fetch_close(f);
	SHARD("0.tar", "0.cls", "1", "0.pyd", "x");
	assert_int_equal(try_open(&f, (struct vit_fetch_opt){ .format = "webdataset" }, "0.tar", NULL), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "no sample has an image"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shards_in_a_row, fresh, clean),
		cmocka_unit_test_setup_teardown(labels_of_json, fresh, clean),
		cmocka_unit_test_setup_teardown(images_of_a_sample, fresh, clean),
		cmocka_unit_test_setup_teardown(several_epochs, fresh, clean),
		cmocka_unit_test_setup_teardown(names_of_the_user, fresh, clean),
		cmocka_unit_test_setup_teardown(a_pipe_with_classes, fresh, clean),
		cmocka_unit_test_setup_teardown(told_apart, fresh, clean),
	};
	return cmocka_run_group_tests_name("webdataset", tests, NULL, NULL);
}
