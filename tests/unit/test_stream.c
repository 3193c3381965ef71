/* SPDX-License-Identifier: MIT
 *
 * A stream written is the stream read; what does not fit is named.
 */
#include "stream/wire.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char path[] = "stream-test.vits";
static uint8_t pixels[6] = { 1, 2, 3, 4, 5, 6 };

static struct vit_record sample(int i, char id[16])
{
	struct vit_record r = { .seq = (uint64_t)i, .epoch = 2, .label_kind = VIT_LABEL_INDEX, .label = i % 3 };
	snprintf(id, 16, "s/%d", i);
	r.id = (struct vit_str){ id, strlen(id) };
	r.image = (struct vit_tensor){ .data = pixels, .dtype = VIT_U8, .ndim = 3, .dim = { 1, 2, 3 } };
	return r;
}

static void header(struct vit_header *h, int64_t count, int shard, int of)
{
	const char *classes[] = { "cat", "dog", "eel" };
	struct vit_meta m = { .dataset = "pets", .split = "train", .classes = classes, .n_class = 3, .shape = { 1, 2, 3 },
	                      .count = count, .epochs = 1, .shard = shard, .n_shard = of, .total = 9, .n_mean = 1, .mean = { 0.286f },
	                      .std = { 0.25f } };
	assert_int_equal(vit_header_init(h, VIT_SAMPLES), 0);
	assert_int_equal(vit_meta_write(&m, h), 0);
	assert_int_equal(vit_history_add(h->history, "vit-fetch", json_pack("{s:s}", "split", "train"), 7), 0);
}

/* Append a segment of n records to the file. */
static void write_segment(const char *to, struct vit_header *h, int n, const char *abort_with)
{
	struct vit_output *o;
	struct vit_writer *w;
	char id[16], tmp[] = "stream-test.part";
	assert_int_equal(vit_output_open(&o, tmp), 0);
	assert_int_equal(vit_writer_open(&w, o, h), 0);
	for (int i = 0; i < n; i++) {
		struct vit_record r = sample(i, id);
		assert_int_equal(vit_writer_put(w, &r), 0);
	}
	if (abort_with)
		assert_int_equal(vit_writer_abort(w, abort_with), 0);
	else
		assert_int_equal(vit_writer_end(w, 1), 0);
	vit_writer_close(w);
	assert_int_equal(vit_output_commit(o, "", 0), 0);
	char cmd[100];
	snprintf(cmd, sizeof cmd, "cat %s >>%s && rm %s", tmp, to, tmp);
	assert_int_equal(system(cmd), 0);
}

static struct vit_reader *open_file(void)
{
	struct vit_input *in;
	struct vit_reader *r;
	assert_int_equal(vit_input_open(&in, path), 0);
	assert_int_equal(vit_reader_open(&r, in, NULL), 0);
	return r;
}

/* Read to the end; the code that ended it. */
static int drain(struct vit_reader *r)
{
	const uint8_t *raw;
	size_t n;
	int rc;
	while ((rc = vit_reader_next(r, &raw, &n)) == 0)
		;
	return rc;
}

static int setup(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void test_round_trip(void **state)
{
	(void)state;
	struct vit_header h;
	header(&h, 5, 0, 0);
	write_segment(path, &h, 5, NULL);
	struct vit_reader *r = open_file();
	assert_true(json_equal(vit_reader_header(r)->meta, h.meta));
	assert_true(json_equal(vit_reader_header(r)->history, h.history));
	struct vit_meta m;
	assert_int_equal(vit_meta_read(&m, vit_reader_header(r)), 0);
	assert_string_equal(m.classes[2], "eel");
	assert_null(m.classes[3]);
	assert_int_equal(m.n_mean, 1);
	assert_true(m.std[0] == 0.25f && m.mean[0] == 0.286f);
	assert_true(json_real_value(json_array_get(json_object_get(h.meta, "mean"), 0)) == 0.286);
	assert_int_equal(m.n_shard, 0);
	vit_meta_release(&m);
	for (int i = 0; i < 5; i++) {
		const uint8_t *raw;
		size_t n;
		struct vit_record rec;
		char id[16];
		struct vit_record want = sample(i, id);
		assert_int_equal(vit_reader_next(r, &raw, &n), 0);
		assert_int_equal(vit_record_decode(&rec, raw, n), 0);
		assert_memory_equal(rec.id.p, id, strlen(id));
		assert_int_equal(rec.seq, i);
		assert_int_equal(rec.epoch, 2);
		assert_int_equal(rec.label, want.label);
		assert_int_equal(rec.image.dim[1], 2);
		assert_memory_equal(rec.image.data, pixels, 6);
		/* canonical: decoding and encoding gives the same bytes */
		struct vit_buf b = { 0 };
		assert_int_equal(vit_record_encode(&b, &rec), 0);
		assert_int_equal(b.n, n);
		assert_memory_equal(b.p, raw, n);
		vit_buf_release(&b);
	}
	assert_int_equal(drain(r), VIT_END);
	assert_int_equal(drain(r), VIT_END);
	assert_int_equal(vit_reader_count(r), 5);
	assert_int_equal(vit_reader_skipped(r), 1);
	vit_reader_close(r);
	vit_header_release(&h);
}

static void test_fields_and_soft_labels(void **state)
{
	(void)state;
	float soft[3] = { 0.25f, 0.5f, 0.25f };
	const uint8_t extra[] = { 0x93, 1, 2, 3 };
	char id[16];
	struct vit_record r = sample(1, id), back;
	r.label_kind = VIT_LABEL_SOFT;
	r.soft = (struct vit_tensor){ .data = soft, .dtype = VIT_F32, .ndim = 1, .dim = { 3 } };
	memset(&r.image, 0, sizeof r.image);
	r.encoded = (struct vit_str){ "\xff\xd8\xff", 3 };
	r.type = (struct vit_str){ "jpeg", 4 };
	r.field[0] = (struct vit_field){ { "box", 3 }, extra, sizeof extra };
	r.n_field = 1;
	struct vit_buf b = { 0 };
	assert_int_equal(vit_record_encode(&b, &r), 0);
	assert_int_equal(vit_record_decode(&back, b.p, b.n), 0);
	assert_int_equal(back.label_kind, VIT_LABEL_SOFT);
	assert_memory_equal(back.soft.data, soft, sizeof soft);
	assert_int_equal(back.encoded.n, 3);
	assert_true(vit_str_is(back.type, "jpeg"));
	assert_int_equal(back.n_field, 1);
	assert_memory_equal(back.field[0].raw, extra, sizeof extra);
	int64_t epoch = -1;
	assert_int_equal(vit_record_epoch(b.p, b.n, &epoch), 0);
	assert_int_equal(epoch, r.epoch);
	assert_int_equal(vit_record_epoch(b.p, 5, &epoch), VIT_ERECORD);
	vit_buf_release(&b);
}

static void test_concatenation(void **state)
{
	(void)state;
	struct vit_header h;
	header(&h, 4, 0, 0);
	write_segment(path, &h, 4, NULL);
	write_segment(path, &h, 4, NULL);
	struct vit_reader *r = open_file();
	assert_int_equal(vit_reader_announced(r), 8);
	assert_int_equal(drain(r), VIT_END);
	assert_int_equal(vit_reader_count(r), 8);
	assert_int_equal(vit_reader_announced(r), 8);
	assert_int_equal(vit_reader_skipped(r), 2);
	vit_reader_close(r);

	json_object_set_new(h.meta, "classes", json_pack("[s,s]", "cat", "dog"));
	write_segment(path, &h, 1, NULL);
	r = open_file();
	assert_int_equal(drain(r), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "\"classes\""));
	vit_reader_close(r);
	vit_header_release(&h);
}

static void check_difference(const char *key, json_t *value, const char *named)
{
	struct vit_header h;
	unlink(path);
	header(&h, 1, 0, 0);
	write_segment(path, &h, 1, NULL);
	json_object_set_new(h.meta, key, value);
	write_segment(path, &h, 1, NULL);
	struct vit_reader *r = open_file();
	assert_int_equal(drain(r), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), named));
	vit_reader_close(r);
	vit_header_release(&h);
}

static void test_segments_that_differ(void **state)
{
	(void)state;
	check_difference("epochs", json_integer(3), "\"epochs\"");
	check_difference("shape", json_pack("[i,i,i]", 1, 2, 1), "\"channels\"");
	check_difference("labels", json_string("none"), "\"labels\"");
	check_difference("shard", json_pack("{s:i,s:i}", "index", 0, "of", 2), "\"shard\"");
}

static void test_shards(void **state)
{
	(void)state;
	struct vit_header a, b;
	header(&a, 3, 0, 2);
	header(&b, 3, 1, 2);
	write_segment(path, &a, 3, NULL);
	write_segment(path, &b, 3, NULL);
	struct vit_reader *r = open_file();
	assert_int_equal(drain(r), VIT_END);
	vit_reader_close(r);
	write_segment(path, &a, 3, NULL);
	r = open_file();
	assert_int_equal(drain(r), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "shard 0 comes twice"));
	vit_reader_close(r);
	vit_header_release(&a);
	vit_header_release(&b);
}

static void test_abort_gives_the_writers_words(void **state)
{
	(void)state;
	struct vit_header h;
	header(&h, 5, 0, 0);
	write_segment(path, &h, 2, "vit-fetch: train-images: ends\nat byte 40");
	struct vit_reader *r = open_file();
	assert_int_equal(drain(r), VIT_EUPSTREAM);
	assert_string_equal(vit_errmsg(), "vit-fetch: train-images: ends at byte 40");
	assert_int_equal(vit_reader_count(r), 2);
	vit_reader_close(r);
	vit_header_release(&h);
}

static void test_no_stream(void **state)
{
	(void)state;
	struct vit_input *in;
	struct vit_reader *r;
	assert_int_equal(vit_input_memory(&in, "", 0, "x"), 0);
	assert_int_equal(vit_reader_open(&r, in, NULL), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "x: empty"));
	assert_int_equal(vit_input_memory(&in, "\xff\xd8\xff\xe0 and more", 13, "x"), 0);
	assert_int_equal(vit_reader_open(&r, in, NULL), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "JPEG"));

	struct vit_header h;
	header(&h, 0, 0, 0);
	write_segment(path, &h, 0, NULL);
	assert_int_equal(vit_input_open(&in, path), 0);
	assert_int_equal(vit_reader_open(&r, in, &(struct vit_reader_opt){ .kind = VIT_MODEL }), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "holds samples, a model is wanted"));
	vit_header_release(&h);
}

static void test_versions_and_requirements(void **state)
{
	(void)state;
	const struct { const char *json, *says; } cases[] = {
		{ "{\"vit\":\"stream\",\"version\":2,\"kind\":\"samples\"}", "version 2" },
		{ "{\"vit\":\"stream\",\"version\":1,\"kind\":\"samples\",\"requires\":[\"tiles\"]}", "\"tiles\"" },
		{ "{\"vit\":\"stream\",\"version\":1,\"kind\":\"audio\"}", "\"audio\"" },
		{ "{\"vit\":\"stream\",\"version\":1,\"kind\":\"samples\",\"meta\":[]}", "\"meta\"" },
		{ "{\"vit\":\"river\",\"version\":1,\"kind\":\"samples\"}", "\"vit\"" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vit_buf b = { 0 };
		struct vit_input *in;
		struct vit_reader *r;
		json_t *v = json_loads(cases[i].json, 0, NULL);
		assert_int_equal(vit_json_pack(&b, v), 0);
		assert_int_equal(vit_input_memory(&in, b.p, b.n, "x"), 0);
		assert_int_equal(vit_reader_open(&r, in, NULL), VIT_EFORMAT);
		assert_non_null(strstr(vit_errmsg(), cases[i].says));
		vit_buf_release(&b);
		json_decref(v);
	}
}

static void test_tensors(void **state)
{
	(void)state;
	struct vit_header h;
	struct vit_output *o;
	struct vit_writer *w;
	float *big = calloc(40000, sizeof *big);
	uint16_t half[4] = { 1, 2, 3, 0x3f80 };
	big[39999] = 3;
	assert_int_equal(vit_header_init(&h, VIT_MODEL), 0);
	assert_int_equal(vit_output_open(&o, path), 0);
	assert_int_equal(vit_writer_open(&w, o, &h), 0);
	struct vit_tensor a = { .data = big, .dtype = VIT_F32, .ndim = 2, .dim = { 200, 200 } };
	struct vit_tensor b = { .data = half, .dtype = VIT_BF16, .ndim = 1, .dim = { 4 } };
	assert_int_equal(vit_writer_tensor(w, "head.weight", &a), 0);
	assert_int_equal(vit_writer_tensor(w, "head.bias", &b), 0);
	assert_int_equal(vit_writer_end(w, 0), 0);
	vit_writer_close(w);
	assert_int_equal(vit_output_commit(o, "", 0), 0);

	struct vit_reader *r = open_file();
	const uint8_t *raw;
	size_t n;
	struct vit_tensor_record t;
	assert_int_equal(vit_reader_next(r, &raw, &n), 0);
	assert_int_equal(vit_tensor_record_decode(&t, raw, n), 0);
	assert_true(vit_str_is(t.name, "head.weight"));
	assert_int_equal(t.tensor.dim[0], 200);
	assert_memory_equal(t.tensor.data, big, 160000);
	assert_int_equal(vit_reader_next(r, &raw, &n), 0);
	assert_int_equal(vit_tensor_record_decode(&t, raw, n), 0);
	assert_int_equal(t.tensor.dtype, VIT_BF16);
	assert_memory_equal(t.tensor.data, half, sizeof half);
	assert_int_equal(drain(r), VIT_END);
	vit_reader_close(r);
	vit_header_release(&h);
	free(big);
}

/* A reader that waits for more than the record it has would hang a pipe. */
static void test_a_record_is_given_before_more_comes(void **state)
{
	(void)state;
	int fd[2];
	struct vit_header h;
	struct vit_buf b = { 0 };
	struct vit_record rec;
	char id[16], name[32];
	const uint8_t *raw;
	size_t n;
	header(&h, 1, 0, 0);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(vit_header_encode(&b, &h), 0);
	rec = sample(0, id);
	assert_int_equal(vit_record_encode(&b, &rec), 0);
	assert_int_equal(write(fd[1], b.p, b.n), b.n);
	snprintf(name, sizeof name, "/dev/fd/%d", fd[0]);
	struct vit_input *in;
	struct vit_reader *r;
	alarm(20);
	assert_int_equal(vit_input_open(&in, name), 0);
	assert_int_equal(vit_reader_open(&r, in, NULL), 0);
	assert_int_equal(vit_reader_announced(r), 1);
	assert_int_equal(vit_reader_next(r, &raw, &n), 0);
	alarm(0);
	close(fd[1]);
	close(fd[0]);
	assert_int_equal(drain(r), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "without a trailer"));
	vit_reader_close(r);
	vit_buf_release(&b);
	vit_header_release(&h);
}

static void test_history(void **state)
{
	(void)state;
	json_t *a = json_array(), *b = json_array();
	assert_int_equal(vit_history_add(a, "vit-fetch", json_pack("{s:i}", "limit", 3), 0), 0);
	assert_int_equal(vit_history_add(b, "vit-fetch", json_pack("{s:i}", "limit", 3), 0), 0);
	assert_int_equal(vit_history_merge(a, b), 0);
	assert_int_equal(json_array_size(a), 1);
	assert_int_equal(vit_history_add(b, "vit-augment", NULL, 0), 0);
	assert_int_equal(vit_history_merge(a, b), 0);
	assert_int_equal(json_array_size(a), 2);
	/* an entry that joins two lines names both heads */
	json_t *c = json_array();
	assert_int_equal(vit_history_add(c, "vit-fetch", json_pack("{s:i}", "limit", 4), 0), 0);
	assert_int_equal(vit_history_merge(a, c), 0);
	assert_int_equal(vit_history_add(a, "vit-train", NULL, 0), 0);
	assert_int_equal(json_array_size(json_object_get(json_array_get(a, 3), "from")), 2);
	/* the cap holds and leaves the list as it was */
	char *long_text = malloc(70000);
	memset(long_text, 'x', 69999);
	long_text[69999] = 0;
	assert_int_equal(vit_history_add(a, "vit-eval", json_pack("{s:s}", "o", long_text), 0), VIT_EFORMAT);
	assert_int_equal(json_array_size(a), 4);
	free(long_text);
	json_decref(a);
	json_decref(b);
	json_decref(c);
}

static void test_bad_meta_is_named(void **state)
{
	(void)state;
	const struct { const char *json, *says; } cases[] = {
		{ "{\"count\":\"many\"}", "\"count\"" }, { "{\"epochs\":0}", "\"epochs\"" },
		{ "{\"classes\":[1]}", "\"classes\"" }, { "{\"shape\":[1,2]}", "\"shape\"" },
		{ "{\"shape\":[1,2,-3]}", "\"shape\"" }, { "{\"shard\":{\"index\":2,\"of\":2}}", "\"shard\"" },
		{ "{\"mean\":[0.5]}", "\"std\"" }, { "{\"mean\":[0.5],\"std\":[0]}", "\"std\"" },
		{ "{\"labels\":\"multi\"}", "labels" }, { "{\"ops\":[1]}", "\"ops\"" }, { "{\"dataset\":1}", "\"dataset\"" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct vit_header h = { VIT_SAMPLES, json_loads(cases[i].json, 0, NULL), NULL };
		struct vit_meta m;
		assert_true(vit_meta_read(&m, &h) < 0);
		assert_non_null(strstr(vit_errmsg(), cases[i].says));
		vit_header_release(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_round_trip, setup),
		cmocka_unit_test_setup(test_fields_and_soft_labels, setup),
		cmocka_unit_test_setup(test_concatenation, setup),
		cmocka_unit_test_setup(test_segments_that_differ, setup),
		cmocka_unit_test_setup(test_shards, setup),
		cmocka_unit_test_setup(test_abort_gives_the_writers_words, setup),
		cmocka_unit_test_setup(test_no_stream, setup),
		cmocka_unit_test_setup(test_versions_and_requirements, setup),
		cmocka_unit_test_setup(test_tensors, setup),
		cmocka_unit_test(test_a_record_is_given_before_more_comes),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_bad_meta_is_named),
	};
	char dir[] = "/tmp/vit-stream-XXXXXX";
	if (!mkdtemp(dir) || chdir(dir))
		return 1;
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	if (chdir("/") || rmdir(dir))
		return 1;
	return rc;
}
