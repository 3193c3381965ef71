/* SPDX-License-Identifier: MIT
 *
 * Which records come, how often and in which order; IDX files.
 */
#include "format/format.h"
#include "format/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { N = 500, SIDE = 3 };

static char dir[64];

static void put(const char *name, const void *p, size_t n)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

/* Image i is filled with i & 255, its label is i % 7. */
static void put_set(const char *split, int n, int n_labels)
{
	static uint8_t b[16 + N * SIDE * SIDE];
	char name[64];
	uint8_t head[16] = { 0, 0, 8, 3, 0, 0, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0, SIDE, 0, 0, 0, SIDE };
	memcpy(b, head, 16);
	for (int i = 0; i < n; i++)
		memset(b + 16 + i * SIDE * SIDE, i & 255, SIDE * SIDE);
	snprintf(name, sizeof name, "%s-images-idx3-ubyte", split);
	put(name, b, 16 + (size_t)n * SIDE * SIDE);
	head[3] = 1;
	head[6] = (uint8_t)(n_labels >> 8);
	head[7] = (uint8_t)n_labels;
	memcpy(b, head, 8);
	for (int i = 0; i < n_labels; i++)
		b[8 + i] = (uint8_t)(i % 7);
	snprintf(name, sizeof name, "%s-labels-idx1-ubyte", split);
	put(name, b, 8 + (size_t)n_labels);
}

static int fresh(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vit-fetch-XXXXXX");
	assert_non_null(mkdtemp(dir));
	put("readme.txt", "not data", 8);
	put_set("train", N, N);
	put_set("t10k", 20, 20);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

static struct vit_fetch_opt plain(const char *split)
{
	return (struct vit_fetch_opt){ .split = split, .epochs = 1, .limit = -1 };
}

static struct vit_fetch *start(struct vit_fetch_opt o)
{
	struct vit_fetch *f;
	const char *source[] = { dir, NULL };
	if (vit_fetch_open(&f, source, &o))
		fail_msg("%s", vit_errmsg());
	return f;
}

static void refused(struct vit_fetch_opt o, int code, const char *words)
{
	struct vit_fetch *f;
	const char *source[] = { dir, NULL };
	assert_int_equal(vit_fetch_open(&f, source, &o), code);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
}

static int64_t count_of(struct vit_fetch *f)
{
	return json_integer_value(json_object_get(vit_fetch_header(f)->meta, "count"));
}

/* All positions in order of appearance; checks each record and the header's count. */
static int run(struct vit_fetch_opt o, int *seq, int *epoch)
{
	struct vit_fetch *f = start(o);
	struct vit_record r;
	int n = 0, rc;
	while (!(rc = vit_fetch_next(f, &r))) {
		char id[64];
		snprintf(id, sizeof id, "%s/%05d", o.split && !strcmp(o.split, "test") ? "test" : "train", (int)r.seq);
		assert_int_equal(r.id.n, strlen(id));
		assert_memory_equal(r.id.p, id, r.id.n);
		assert_int_equal(r.label_kind, VIT_LABEL_INDEX);
		assert_int_equal(r.label, r.seq % 7);
		assert_int_equal(((const uint8_t *)r.image.data)[SIDE * SIDE - 1], r.seq & 255);
		assert_true(n < 4 * N);
		seq[n] = (int)r.seq;
		if (epoch)
			epoch[n] = (int)r.epoch;
		n++;
	}
	assert_int_equal(rc, VIT_END);
	assert_int_equal(n, count_of(f) * o.epochs);
	vit_fetch_close(f);
	return n;
}

static void order_is_a_permutation(void **state)
{
	(void)state;
	const uint64_t sizes[] = { 1, 2, 3, 5, 64, 1000, 1025 };
	for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
		char seen[1025] = { 0 };
		struct vit_order o = vit_order_of(sizes[k], 3, 1);
		for (uint64_t i = 0; i < sizes[k]; i++) {
			uint64_t at = vit_order_at(&o, i);
			assert_true(at < sizes[k]);
			assert_int_equal(seen[at]++, 0);
		}
	}
	/* a good order of 1,000 has about as many rises as falls, and few neighbours */
	struct vit_order a = vit_order_of(1000, 3, 1), b = vit_order_of(1000, 3, 2);
	int rises = 0, near = 0, same = 0;
	for (uint64_t i = 1; i < 1000; i++) {
		int64_t d = (int64_t)vit_order_at(&a, i) - (int64_t)vit_order_at(&a, i - 1);
		rises += d > 0;
		near += d == 1 || d == -1;
		same += vit_order_at(&a, i) == vit_order_at(&b, i);
	}
	assert_in_range(rises, 440, 560);
	assert_in_range(near, 0, 12);
	assert_in_range(same, 0, 10);
}

static void splits(void **state)
{
	(void)state;
	int seq[4 * N];
	assert_int_equal(run(plain("test"), seq, NULL), 20);
	for (int i = 0; i < 20; i++)
		assert_int_equal(seq[i], i);
	struct vit_fetch *f = start(plain("all"));
	assert_int_equal(count_of(f), N + 20);
	assert_int_equal(json_integer_value(json_object_get(vit_fetch_header(f)->meta, "classes")), 7);
	vit_fetch_close(f);
	refused(plain("val"), VIT_EUSAGE, "it has: train test; --holdout 10%");
	refused(plain("dev"), VIT_EUSAGE, "no split dev");
}

static void split_after_the_name(void **state)
{
	(void)state;
	char at[80];
	const char *source[] = { at, NULL };
	struct vit_fetch_opt o = plain(NULL);
	struct vit_fetch *f;
	snprintf(at, sizeof at, "%s@test", dir);
	assert_int_equal(vit_fetch_open(&f, source, &o), 0);
	assert_int_equal(count_of(f), 20);
	vit_fetch_close(f);
	o.split = "train";
	assert_int_equal(vit_fetch_open(&f, source, &o), VIT_EUSAGE);
}

static void training_is_permuted_and_epochs_differ(void **state)
{
	(void)state;
	int seq[4 * N], epoch[4 * N], again[4 * N], seen[N] = { 0 };
	struct vit_fetch_opt o = plain(NULL);
	o.epochs = 2;
	assert_int_equal(run(o, seq, epoch), 2 * N);
	int moved = 0, same = 0;
	for (int i = 0; i < 2 * N; i++) {
		assert_int_equal(epoch[i], i / N);
		seen[seq[i]]++;
		moved += seq[i] != i % N;
		same += i < N && seq[i] == seq[i + N];
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(seen[i], 2);
	assert_true(moved > N && same < N / 10);
	assert_int_equal(run(o, again, NULL), 2 * N);
	assert_memory_equal(seq, again, 2 * N * sizeof *seq);
	o.seed = 1;
	assert_int_equal(run(o, again, NULL), 2 * N);
	assert_memory_not_equal(seq, again, N * sizeof *seq);

	o.source_order = 1;
	run(o, seq, NULL);
	for (int i = 0; i < 2 * N; i++)
		assert_int_equal(seq[i], i % N);
	o.shuffle = 1;
	refused(o, VIT_EUSAGE, "contradict");
}

static void limit_and_skip_cut_one_order(void **state)
{
	(void)state;
	int whole[4 * N], part[4 * N];
	struct vit_fetch_opt o = plain("train");
	run(o, whole, NULL);
	o.skip = 30;
	o.limit = 100;
	assert_int_equal(run(o, part, NULL), 100);
	assert_memory_equal(part, whole + 30, 100 * sizeof *part);
	/* the same set in each epoch, in another order */
	o.epochs = 2;
	int set[N] = { 0 };
	assert_int_equal(run(o, part, NULL), 200);
	for (int i = 0; i < 200; i++)
		set[part[i]]++;
	for (int i = 0; i < N; i++)
		assert_true(set[i] == 0 || set[i] == 2);
	assert_memory_not_equal(part, part + 100, 100 * sizeof *part);
	o.skip = N;
	assert_int_equal(run(o, part, NULL), 0);
}

static void shards_are_the_whole(void **state)
{
	(void)state;
	int whole[4 * N], part[3][4 * N], n[3], at[3] = { 0 };
	struct vit_fetch_opt o = plain("train");
	o.limit = 301;
	run(o, whole, NULL);
	o.n_shard = 3;
	for (o.shard = 0; o.shard < 3; o.shard++) {
		struct vit_fetch *f = start(o);
		json_t *shard = json_object_get(vit_fetch_header(f)->meta, "shard");
		assert_int_equal(json_integer_value(json_object_get(shard, "total")), 301);
		vit_fetch_close(f);
		n[o.shard] = run(o, part[o.shard], NULL);
	}
	/* each shard is the whole's order with the others left out */
	for (int i = 0; i < 301; i++) {
		int s = whole[i] % 3;
		assert_int_equal(part[s][at[s]++], whole[i]);
	}
	assert_int_equal(n[0] + n[1] + n[2], 301);
}

static void hold_out_sides_are_the_whole(void **state)
{
	(void)state;
	int train[4 * N], val[4 * N], seen[N] = { 0 };
	struct vit_fetch_opt o = plain("train");
	o.holdout = 0.1;
	int a = run(o, train, NULL);
	o.split = "val";
	int b = run(o, val, NULL);
	assert_int_equal(a + b, N);
	assert_in_range(b, N / 20, N / 6);
	for (int i = 0; i < a; i++)
		seen[train[i]]++;
	for (int i = 0; i < b; i++)
		seen[val[i]]++;
	for (int i = 0; i < N; i++)
		assert_int_equal(seen[i], 1);
	/* the id alone decides: another seed and order move nothing */
	o.seed = 9;
	o.shuffle = 1;
	int other[4 * N], again[N] = { 0 };
	assert_int_equal(run(o, other, NULL), b);
	for (int i = 0; i < b; i++)
		again[other[i]] = 1;
	for (int i = 0; i < b; i++)
		assert_int_equal(again[val[i]], 1);
	o.split = "test";
	refused(o, VIT_EUSAGE, "--holdout cuts train");
}

static void where_is_a_label(void **state)
{
	(void)state;
	int seq[4 * N];
	const char *five[] = { "label=5", NULL }, *nine[] = { "label=9", NULL }, *key[] = { "id=x", NULL };
	struct vit_fetch_opt o = plain("train");
	o.where = five;
	int n = run(o, seq, NULL);
	assert_int_equal(n, 71);
	for (int i = 0; i < n; i++)
		assert_int_equal(seq[i] % 7, 5);
	o.where = nine;
	refused(o, VIT_EUSAGE, "labels are 0 to 6");
	o.where = key;
	refused(o, VIT_EUSAGE, "only label=");
}

static void broken_files_are_named(void **state)
{
	(void)state;
	put_set("train", N, N - 1);
	refused(plain("train"), VIT_EFORMAT, "499 labels");
	put("train-labels-idx1-ubyte", "\0\0\10\1\0\0\1", 7);
	put_set("train", N, N);
	put("train-images-idx3-ubyte", "\0\0\10\3\0\0\1\364\0\0\0\3\0\0\0\3......", 22);
	refused(plain("train"), VIT_EFORMAT, "train-images-idx3-ubyte: 6 bytes after the header, which announces 4500");
}

static void without_labels(void **state)
{
	(void)state;
	char path[96];
	snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte", dir);
	assert_int_equal(unlink(path), 0);
	struct vit_fetch *f = start(plain("train"));
	struct vit_record r;
	assert_int_equal(vit_fetch_next(f, &r), 0);
	assert_int_equal(r.label_kind, VIT_LABEL_NONE);
	assert_string_equal(json_string_value(json_object_get(vit_fetch_header(f)->meta, "labels")), "none");
	vit_fetch_close(f);
}

static void nothing_known(void **state)
{
	(void)state;
	clean(NULL);
	assert_int_equal(mkdir(dir, 0700), 0);
	refused(plain("train"), VIT_EFORMAT, "no files in it");
	put("notes.txt", "hello", 5);
	refused(plain("train"), VIT_EFORMAT, "there are: notes.txt");
	struct vit_fetch_opt o = plain("train");
	o.format = "no-such";
	refused(o, VIT_EUSAGE, "no format \"no-such\": built in are");
	o = plain("train");
	const char *absent[] = { "/nonexistent/x", NULL };
	struct vit_fetch *f;
	assert_int_equal(vit_fetch_open(&f, absent, &o), VIT_EIO);
}

static void data_set_that_is_not_here(void **state)
{
	(void)state;
	const char *source[] = { "cifar100", NULL };
	struct vit_fetch_opt o = plain("train");
	struct vit_fetch *f;
	o.cache = dir;
	/* nobody listens there: no test asks a network */
	setenv("https_proxy", "http://127.0.0.1:9", 1);
	assert_int_equal(vit_fetch_open(&f, source, &o), VIT_EIO);
	assert_non_null(strstr(vit_errmsg(), "give them as SOURCE"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_is_a_permutation),
		cmocka_unit_test_setup_teardown(splits, fresh, clean),
		cmocka_unit_test_setup_teardown(split_after_the_name, fresh, clean),
		cmocka_unit_test_setup_teardown(training_is_permuted_and_epochs_differ, fresh, clean),
		cmocka_unit_test_setup_teardown(limit_and_skip_cut_one_order, fresh, clean),
		cmocka_unit_test_setup_teardown(shards_are_the_whole, fresh, clean),
		cmocka_unit_test_setup_teardown(hold_out_sides_are_the_whole, fresh, clean),
		cmocka_unit_test_setup_teardown(where_is_a_label, fresh, clean),
		cmocka_unit_test_setup_teardown(broken_files_are_named, fresh, clean),
		cmocka_unit_test_setup_teardown(without_labels, fresh, clean),
		cmocka_unit_test_setup_teardown(nothing_known, fresh, clean),
		cmocka_unit_test_setup_teardown(data_set_that_is_not_here, fresh, clean),
	};
	return cmocka_run_group_tests_name("fetch", tests, NULL, NULL);
}
