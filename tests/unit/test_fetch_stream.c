/* SPDX-License-Identifier: MIT
 *
 * Streams as a source: several epochs, several files, keys nobody knows.
 */
#include "vit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int fresh(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vit-fetch-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int clean(void **state)
{
	(void)state;
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

/* A stream of n records per epoch; seq runs from `first`. */
static void put(const char *name, int n, int epochs, int first, const char *class_name)
{
	char path[96], id[16];
	static const uint8_t note[] = { 0xa3, 'y', 'e', 's' };
	const char *classes[] = { class_name, "dog" };
	struct vit_meta m = { .split = "train", .classes = classes, .n_class = 2, .count = n, .epochs = epochs };
	struct vit_header h;
	struct vit_output *o;
	struct vit_writer *w;
	snprintf(path, sizeof path, "%s/%s", dir, name);
	assert_int_equal(vit_header_init(&h, VIT_SAMPLES), 0);
	assert_int_equal(vit_meta_write(&m, &h), 0);
	assert_int_equal(json_object_set_new(h.meta, "mood", json_string("good")), 0);
	assert_int_equal(vit_history_add(h.history, "other", json_object(), 4), 0);
	assert_int_equal(vit_output_open(&o, path), 0);
	assert_int_equal(vit_writer_open(&w, o, &h), 0);
	for (int e = 0; e < epochs; e++)
		for (int i = 0; i < n; i++) {
			struct vit_record r = { .seq = (uint64_t)(first + i), .epoch = e, .label_kind = VIT_LABEL_INDEX, .label = i % 2 };
			snprintf(id, sizeof id, "r%d", first + i);
			r.id = (struct vit_str){ id, strlen(id) };
			r.field[r.n_field++] = (struct vit_field){ { "note", 4 }, note, sizeof note };
			assert_int_equal(vit_writer_put(w, &r), 0);
		}
	assert_int_equal(vit_writer_end(w, 2), 0);
	vit_writer_close(w);
	vit_header_release(&h);
	assert_int_equal(vit_output_commit(o, "", 0), 0);
}

static int start(struct vit_fetch **f, int64_t epochs, int64_t n_shard)
{
	const char *source[] = { dir, NULL };
	struct vit_fetch_opt o = { .epochs = epochs, .limit = -1, .source_order = 1, .n_shard = n_shard, .shard = n_shard ? 1 : 0 };
	return vit_fetch_open(f, source, &o);
}

static void what_is_not_known_passes(void **state)
{
	(void)state;
	struct vit_fetch *f;
	struct vit_record r;
	put("a.vits", 5, 1, 100, "cat");
	assert_int_equal(start(&f, 2, 0), 0);
	const struct vit_header *h = vit_fetch_header(f);
	assert_string_equal(json_string_value(json_object_get(h->meta, "mood")), "good");
	assert_int_equal(json_integer_value(json_object_get(h->meta, "epochs")), 2);
	assert_int_equal(json_array_size(h->history), 1);
	assert_int_equal(vit_fetch_skipped(f), 2);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(vit_fetch_next(f, &r), 0);
		assert_int_equal(r.seq, 100 + i % 5);
		assert_int_equal(r.epoch, i / 5);
		assert_int_equal(r.n_field, 1);
		assert_memory_equal(r.field[0].raw, "\xa3yes", 4);
	}
	assert_int_equal(vit_fetch_next(f, &r), VIT_END);
	vit_fetch_close(f);
}

static void epochs_of_its_own_pass_as_they_are(void **state)
{
	(void)state;
	struct vit_fetch *f;
	struct vit_record r;
	put("a.vits", 4, 3, 0, "cat");
	assert_int_equal(start(&f, 2, 0), VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), "3 epochs already"));
	assert_int_equal(start(&f, 1, 2), 0);
	assert_int_equal(json_integer_value(json_object_get(vit_fetch_header(f)->meta, "epochs")), 3);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(vit_fetch_next(f, &r), 0);
		assert_int_equal(r.epoch, i / 2);
		assert_int_equal(r.seq, i % 2 * 2 + 1);
	}
	assert_int_equal(vit_fetch_next(f, &r), VIT_END);
	vit_fetch_close(f);
}

static void files_continue_one_another(void **state)
{
	(void)state;
	struct vit_fetch *f;
	struct vit_record r;
	put("a.vits", 3, 1, 0, "cat");
	put("b.vits", 3, 1, 3, "cat");
	assert_int_equal(start(&f, 1, 0), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(vit_fetch_next(f, &r), 0);
		assert_int_equal(r.seq, i);
	}
	assert_int_equal(vit_fetch_next(f, &r), VIT_END);
	assert_int_equal(json_integer_value(json_object_get(vit_fetch_header(f)->meta, "count")), 6);
	vit_fetch_close(f);
	put("b.vits", 3, 1, 3, "eel");
	assert_int_equal(start(&f, 1, 0), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "b.vits: its classes differ"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_known_passes, fresh, clean),
		cmocka_unit_test_setup_teardown(epochs_of_its_own_pass_as_they_are, fresh, clean),
		cmocka_unit_test_setup_teardown(files_continue_one_another, fresh, clean),
	};
	return cmocka_run_group_tests_name("fetch-stream", tests, NULL, NULL);
}
