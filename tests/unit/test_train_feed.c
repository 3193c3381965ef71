/* SPDX-License-Identifier: MIT
 *
 * From a stream's bytes to batches: epochs, short batches, labels, bad records,
 * replay, and going on in the middle.
 */
#include "train/feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct vit_preprocess PRE = { .input_size = { 1, 2, 2 }, .interpolation = "bicubic", .crop_pct = 1, .crop_mode = "center", .n_mean = 1, .std = { 1 } };
static char path[] = "/tmp/vit-feed-XXXXXX";

/* A stream of `epochs` times `n` records; record i of epoch e has the pixels
 * 10 e + i and the label i % 5, or none for i == unlabelled. */
struct stream {
	int n, epochs, count, unlabelled, label_at, label;
	enum vit_labels labels;
};
static const struct stream PLAIN = { .n = 7, .epochs = 1, .count = 7, .unlabelled = -1, .label_at = -1 };

static void put(struct vit_writer *w, const struct stream *s, int e, int i)
{
	uint8_t pixels[8];
	float soft[5] = { 0 };
	char id[16];
	memset(pixels, 10 * e + i, sizeof pixels);
	snprintf(id, sizeof id, "r%d", i);
	soft[i % 5] = 0.75f;
	soft[(i + 1) % 5] = 0.25f;
	struct vit_record r = {
		.id = { id, strlen(id) }, .seq = (uint64_t)i, .epoch = e, .label_kind = VIT_LABEL_INDEX, .label = i == s->label_at ? s->label : i % 5,
		.image = { .data = pixels, .dtype = VIT_U8, .ndim = 3, .dim = { 2, 2, 1 } },
	};
	if (i == s->unlabelled)
		r.label_kind = VIT_LABEL_NONE;
	else if (s->labels == VIT_LABELS_SOFT) {
		r.label_kind = VIT_LABEL_SOFT;
		r.soft = (struct vit_tensor){ .data = soft, .dtype = VIT_F32, .ndim = 1, .dim = { 5 } };
	}
	assert_int_equal(vit_writer_put(w, &r), 0);
}

static struct vit_samples *make(const struct stream *s)
{
	struct vit_header h;
	struct vit_meta m = { .n_class = 5, .labels = s->labels, .shape = { 2, 2, 1 }, .count = s->count, .epochs = s->epochs };
	struct vit_output *out;
	struct vit_writer *w;
	struct vit_samples *samples;
	struct vit_samples_opt o = { 0 };
	const char *const one = path;
	assert_int_equal(vit_header_init(&h, VIT_SAMPLES), 0);
	assert_int_equal(vit_meta_write(&m, &h), 0);
	assert_int_equal(vit_output_open(&out, path), 0);
	assert_int_equal(vit_writer_open(&w, out, &h), 0);
	for (int e = 0; e < s->epochs; e++)
		for (int i = 0; i < s->n; i++)
			put(w, s, e, i);
	assert_int_equal(vit_writer_end(w, 0), 0);
	vit_writer_close(w);
	assert_int_equal(vit_output_commit(out, "", 0), 0);
	vit_header_release(&h);
	assert_int_equal(vit_samples_open(&samples, &one, 1, &o), 0);
	return samples;
}

static struct vit_feeder_opt options(const struct stream *s)
{
	return (struct vit_feeder_opt){
		.preprocess = &PRE, .batch = 3, .n_class = 5, .soft = s->labels == VIT_LABELS_SOFT, .need_label = 1, .passes = 1,
		.epochs = s->epochs, .count = s->count, .limit = -1,
	};
}

/* "n@first pixel" of each batch, "|" where an epoch ends (alone: in an empty batch), then the code;
 * first of all a "bad" for each bad record, which may come any time before its batch. */
static void feed(struct vit_samples *s, const struct vit_feeder_opt *o, const char *want)
{
	struct vit_feeder *f;
	const struct vit_batch *b;
	char got[256] = "", batches[192] = "";
	int rc;
	assert_int_equal(vit_feeder_open(&f, s, o), 0);
	while ((rc = vit_feeder_next(f, &b)) == 0 || rc == VIT_ERECORD) {
		char word[32] = "";
		if (!rc && !b->n)
			snprintf(word, sizeof word, "%s ", b->epoch_end ? "|" : "empty");
		else if (!rc)
			snprintf(word, sizeof word, "%d@%d%s ", (int)b->n, b->images[0], b->epoch_end ? "|" : "");
		strcat(rc ? got : batches, rc ? "bad " : word);
	}
	snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d", batches, rc);
	vit_feeder_close(f);
	assert_string_equal(got, want);
}

static void check(const struct stream *s, const struct vit_feeder_opt *o, const char *want)
{
	struct vit_samples *samples = make(s);
	if (o->passes > 1)
		assert_int_equal(vit_samples_keep(samples), 0);
	feed(samples, o, want);
	vit_samples_close(samples);
}

static void test_batches_do_not_cross_epochs(void **state)
{
	(void)state;
	struct stream s = PLAIN;
	struct vit_feeder_opt o = options(&s);
	check(&s, &o, "3@0 3@3 1@6| 1");
	o.drop_last = 1;
	check(&s, &o, "3@0 3@3 | 1");
	s.epochs = 2;
	o = options(&s);
	check(&s, &o, "3@0 3@3 1@6| 3@10 3@13 1@16| 1");
	o.drop_last = 1;
	check(&s, &o, "3@0 3@3 | 3@10 3@13 | 1");
	s.n = s.count = 6;      /* a full batch that ends an epoch says so */
	o = options(&s);
	check(&s, &o, "3@0 3@3| 3@10 3@13| 1");
}

static void test_replay(void **state)
{
	(void)state;
	struct stream s = PLAIN;
	struct vit_feeder_opt o = options(&s);
	o.passes = o.epochs = 3;
	check(&s, &o, "3@0 3@3 1@6| 3@0 3@3 1@6| 3@0 3@3 1@6| 1");
}

static void test_announced_and_found(void **state)
{
	(void)state;
	struct stream s = PLAIN;
	s.count = 5;            /* more is an error */
	struct vit_feeder_opt o = options(&s);
	check(&s, &o, "3@0 -5");
	s.count = 9;            /* fewer is not */
	o = options(&s);
	check(&s, &o, "3@0 3@3 1@6| 1");
	s = PLAIN;
	s.epochs = 2;
	o = options(&s);
	o.epochs = 1;
	check(&s, &o, "3@0 3@3 1@6| -5");
	o.limit = 4;
	check(&s, &o, "3@0 1@3| 1");
}

static void test_bad_records(void **state)
{
	(void)state;
	struct stream s = PLAIN;
	struct vit_feeder_opt o = options(&s);
	s.label_at = 1;
	s.label = 5;            /* of classes 0 to 4 */
	o.passes = o.epochs = 2;        /* named once, left out twice */
	struct vit_samples *samples = make(&s);
	assert_int_equal(vit_samples_keep(samples), 0);
	feed(samples, &o, "bad 3@0 3@4| 3@0 3@4| 1");
	vit_samples_close(samples);
	s = PLAIN;
	s.label_at = 6;         /* behind a full batch that was given already */
	s.label = 5;
	check(&s, &o, "bad 3@0 3@3 | 3@0 3@3 | 1");
	s = PLAIN;              /* nothing in a pass: no further one */
	o.batch = 8;
	o.drop_last = 1;
	check(&s, &o, "| 1");
	s.unlabelled = 4;
	o = options(&s);
	check(&s, &o, "3@0 -7");
	o.need_label = 0;
	check(&s, &o, "3@0 3@3 1@6| 1");
}

static void test_labels(void **state)
{
	(void)state;
	struct stream s = PLAIN;
	struct vit_samples *samples = make(&s);
	struct vit_feeder_opt o = options(&s);
	struct vit_feeder *f;
	const struct vit_batch *b;
	static const int map[] = { 4, 3, 2, 1, 0 };
	o.class_map = map;
	o.n_map = 5;
	o.ids = 1;
	assert_int_equal(vit_feeder_open(&f, samples, &o), 0);
	assert_int_equal(vit_feeder_next(f, &b), 0);
	assert_memory_equal(b->labels, ((int32_t[]){ 4, 3, 2 }), 12);
	assert_string_equal(b->id[2], "r2");
	vit_feeder_close(f);    /* with batches still inside */
	vit_samples_close(samples);

	s.labels = VIT_LABELS_SOFT;
	samples = make(&s);
	o = options(&s);
	assert_int_equal(vit_feeder_open(&f, samples, &o), 0);
	assert_int_equal(vit_feeder_next(f, &b), 0);
	assert_memory_equal((const float *)b->labels + 5, ((float[]){ 0, 0.75f, 0.25f, 0, 0 }), 20);
	vit_feeder_close(f);
	vit_samples_close(samples);
}

/* From every batch of a run on, a second feeder gives what the first gave. */
static void test_going_on(void **state)
{
	(void)state;
	struct stream s = PLAIN;
	struct vit_feeder_opt o = options(&s);
	o.passes = o.epochs = 3;
	struct vit_batch at[9];
	for (int skip = 0; skip < 9; skip++) {
		struct vit_samples *samples = make(&s);
		struct vit_feeder *f;
		const struct vit_batch *b;
		assert_int_equal(vit_samples_keep(samples), 0);
		o.skip = skip ? at[skip - 1].record : 0;
		o.hash = skip ? at[skip - 1].hash : 0;
		o.epoch = skip ? at[skip - 1].epoch : 0;
		o.in_epoch = skip ? at[skip - 1].in_epoch : 0;
		assert_int_equal(vit_feeder_open(&f, samples, &o), 0);
		for (int i = skip; i < 9; i++) {
			assert_int_equal(vit_feeder_next(f, &b), 0);
			if (!skip)
				at[i] = *b;
			assert_int_equal(b->images[0], i % 3 * 3);
			assert_int_equal(b->epoch, i / 3);
			assert_int_equal(b->record, at[i].record);
			assert_int_equal(b->in_epoch, at[i].in_epoch);
			assert_int_equal(b->epoch_end, at[i].epoch_end);
			assert_true(b->hash == at[i].hash);
		}
		assert_int_equal(vit_feeder_next(f, &b), VIT_END);
		vit_feeder_close(f);
		vit_samples_close(samples);
	}
	o.skip = 3;
	o.hash = at[1].hash;
	check(&s, &o, "-7");
	o.skip = 50;
	check(&s, &o, "-7");
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
		cmocka_unit_test(test_batches_do_not_cross_epochs), cmocka_unit_test(test_replay), cmocka_unit_test(test_announced_and_found),
		cmocka_unit_test(test_bad_records), cmocka_unit_test(test_labels), cmocka_unit_test(test_going_on),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
