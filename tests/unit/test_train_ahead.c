/* SPDX-License-Identifier: MIT
 *
 * Encoded images that several threads decode ahead: the batches are those of one
 * thread, bad ones are named once, and a slow writer gets its answer at once.
 */
#include "train/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct vit_preprocess PRE = { .input_size = { 3, 6, 6 }, .interpolation = "bicubic", .crop_pct = 1, .crop_mode = "center", .n_mean = 1, .std = { 1 } };
enum { N = 40, EPOCHS = 3, BATCH = 8 };
static char path[] = "/tmp/vit-ahead-XXXXXX";

/* Record i: a PPM of a size of its own, cut short where it shall be bad. */
static void put(struct vit_writer *w, int e, int i)
{
	static uint8_t file[64 * 64 * 3 + 32];
	char id[16];
	int h = 38 + i % 9, width = 37 + i % 31, head = sprintf((char *)file, "P6\n%d %d\n255\n", width, h);
	size_t n = (size_t)head + (size_t)(h * width * 3);
	for (size_t k = (size_t)head; k < n; k++)
		file[k] = (uint8_t)(k * 31 + (size_t)(i * 7 + e));
	snprintf(id, sizeof id, "r%d", i);
	struct vit_record r = {
		.id = { id, strlen(id) }, .seq = (uint64_t)i, .epoch = e, .label_kind = VIT_LABEL_INDEX, .label = i % 5,
		.encoded = { (const char *)file, i % 13 == 6 ? n / 2 : n }, .type = { "pnm", 3 },
	};
	assert_int_equal(vit_writer_put(w, &r), 0);
}

static struct vit_samples *make(int epochs, int n)
{
	struct vit_header h;
	struct vit_meta m = { .n_class = 5, .count = n, .epochs = epochs };
	struct vit_output *out;
	struct vit_writer *w;
	struct vit_samples *samples;
	struct vit_samples_opt o = { 0 };
	const char *const one = path;
	assert_int_equal(vit_header_init(&h, VIT_SAMPLES), 0);
	assert_int_equal(vit_meta_write(&m, &h), 0);
	assert_int_equal(vit_output_open(&out, path), 0);
	assert_int_equal(vit_writer_open(&w, out, &h), 0);
	for (int e = 0; e < epochs; e++)
		for (int i = 0; i < n; i++)
			put(w, e, i);
	assert_int_equal(vit_writer_end(w, 0), 0);
	vit_writer_close(w);
	assert_int_equal(vit_output_commit(out, "", 0), 0);
	vit_header_release(&h);
	assert_int_equal(vit_samples_open(&samples, &one, 1, &o), 0);
	return samples;
}

/* All that a feeder gives, as bytes; *bad counts what it names. */
static void collect(struct vit_buf *all, int *bad, int epochs, const struct vit_feeder_opt *o)
{
	struct vit_samples *samples = make(epochs, N);
	struct vit_feeder *f;
	const struct vit_batch *b;
	int rc;
	all->n = 0;
	*bad = 0;
	if (o->passes > 1)
		assert_int_equal(vit_samples_keep(samples), 0);
	assert_int_equal(vit_feeder_open(&f, samples, o), 0);
	while ((rc = vit_feeder_next(f, &b)) == 0 || rc == VIT_ERECORD) {
		if (rc) {
			char where[64];
			int i = 6 + 13 * (*bad)++;
			snprintf(where, sizeof where, "%s: record %d (r%d): pnm", path, i + 1, i);
			if (strncmp(vit_errmsg(), where, strlen(where)))
				fail_msg("\"%s\" is not about %s", vit_errmsg(), where);
			continue;
		}
		assert_int_equal(vit_buf_add(all, b->images, (size_t)b->n * 108), 0);
		assert_int_equal(vit_buf_add(all, b->labels, (size_t)b->n * sizeof(int32_t)), 0);
		assert_true(vit_buf_printf(all, "%d %d %d %d %d %llx;", (int)b->n, (int)b->record, (int)b->in_epoch, (int)b->epoch, b->epoch_end,
		                           (unsigned long long)b->hash) >= 0);
	}
	assert_int_equal(rc, VIT_END);
	vit_feeder_close(f);
	vit_samples_close(samples);
}

static void test_any_number_of_threads(void **state)
{
	(void)state;
	struct vit_feeder_opt o = { .preprocess = &PRE, .batch = BATCH, .n_class = 5, .need_label = 1, .passes = 1, .epochs = EPOCHS, .count = N, .limit = -1 };
	struct vit_buf one = { 0 }, many = { 0 };
	int bad_one, bad_many;
	for (int kind = 0; kind < 5; kind++) {
		int epochs = kind == 1 ? 1 : EPOCHS;
		o.passes = kind == 1 ? EPOCHS : 1;
		o.drop_last = kind == 2;
		o.limit = kind == 3 ? 57 : -1;
		o.eager = kind == 4;
		o.threads = 1;
		collect(&one, &bad_one, epochs, &o);
		/* three of forty, in the first epoch only */
		assert_int_equal(bad_one, 3);
		for (o.threads = 2; o.threads < 8; o.threads += 3) {
			collect(&many, &bad_many, epochs, &o);
			assert_int_equal(bad_many, 3);
			assert_int_equal(many.n, one.n);
			assert_memory_equal(many.p, one.p, one.n);
		}
	}
	vit_buf_release(&one);
	vit_buf_release(&many);
}

/* The feeder is closed while threads work and the reader waits for room. */
static void test_closed_early(void **state)
{
	(void)state;
	struct vit_feeder_opt o = { .preprocess = &PRE, .batch = 2, .n_class = 5, .passes = 1, .epochs = 1, .count = N, .limit = -1, .threads = 3 };
	for (int i = 0; i < 20; i++) {
		struct vit_samples *samples = make(1, N);
		struct vit_feeder *f;
		const struct vit_batch *b;
		assert_int_equal(vit_feeder_open(&f, samples, &o), 0);
		for (int k = 0; k < i % 4; k++) {
			int rc = vit_feeder_next(f, &b);
			assert_true(rc == 0 || rc == VIT_ERECORD);
		}
		vit_feeder_close(f);
		vit_samples_close(samples);
	}
}

/* Records come one by one into a pipe that stays open. */
static void test_prompt(void **state)
{
	(void)state;
	for (int threads = 1; threads < 4; threads += 2) {
		struct vit_samples *samples = make(1, 4);
		vit_samples_close(samples);
		FILE *file = fopen(path, "r");
		static char all[1 << 16];
		size_t n = fread(all, 1, sizeof all, file), at = 0;
		fclose(file);
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		char name[32];
		snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
		struct vit_feeder_opt o = { .preprocess = &PRE, .batch = BATCH, .n_class = 5, .passes = 1, .epochs = 1, .count = -1, .limit = -1,
		                            .eager = 1, .prompt = 1, .threads = threads, .ids = 1 };
		struct vit_samples_opt so = { 0 };
		const char *const one = name;
		struct vit_feeder *f;
		const struct vit_batch *b;
		for (int i = 0; i < 4; i++) {
			/* up to the next record's id, and a little more */
			char id[8];
			int m = snprintf(id, sizeof id, "\xa2r%d", i + 1);
			char *next = i < 3 ? memmem(all + at, n - at, id, (size_t)m) : all + n;
			assert_non_null(next);
			size_t to = (size_t)(next - all);
			assert_int_equal(write(ends[1], all + at, to - at), to - at);
			at = to;
			if (!i) {
				assert_int_equal(vit_samples_open(&samples, &one, 1, &so), 0);
				assert_int_equal(vit_feeder_open(&f, samples, &o), 0);
			}
			assert_int_equal(vit_feeder_next(f, &b), 0);
			assert_int_equal(b->n, 1);
			assert_int_equal(b->id[0][1], '0' + i);
		}
		close(ends[1]);
		assert_int_equal(vit_feeder_next(f, &b), VIT_END);
		vit_feeder_close(f);
		vit_samples_close(samples);
		close(ends[0]);
	}
}

static void test_photos(void **state)
{
	(void)state;
	struct vit_samples_opt so = { .max_record = 200 };
	struct vit_samples *samples;
	const uint8_t *raw;
	size_t n;
	FILE *to = fopen(path, "w");
	fputs("P5\n2 2\n255\nabcd", to);
	fclose(to);
	const struct vit_photo photos[] = { { path, NULL }, { "/dev/zero", NULL }, { path, NULL } };
	assert_int_equal(vit_samples_photos(&samples, photos, 3, &so), 0);
	assert_int_equal(vit_samples_meta(samples)->labels, VIT_LABELS_NONE);
	assert_int_equal(vit_samples_meta(samples)->count, 3);
	struct vit_record r;
	assert_int_equal(vit_samples_next(samples, &raw, &n), 0);
	assert_int_equal(vit_record_decode(&r, raw, n), 0);
	assert_memory_equal(r.id.p, path, r.id.n);
	assert_int_equal(r.id.n, strlen(path));
	assert_memory_equal(r.type.p, "pnm", 3);
	assert_int_equal(vit_samples_next(samples, &raw, &n), VIT_ERECORD);     /* endless: larger than a record may be */
	assert_non_null(strstr(vit_errmsg(), "/dev/zero: larger than"));
	assert_int_equal(vit_samples_next(samples, &raw, &n), 0);
	assert_int_equal(vit_record_decode(&r, raw, n), 0);
	assert_int_equal(r.seq, 2);
	assert_int_equal(vit_samples_next(samples, &raw, &n), VIT_END);
	vit_samples_close(samples);
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
		cmocka_unit_test(test_any_number_of_threads), cmocka_unit_test(test_closed_early), cmocka_unit_test(test_prompt),
		cmocka_unit_test(test_photos),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
