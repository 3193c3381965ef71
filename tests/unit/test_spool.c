/* SPDX-License-Identifier: MIT
 *
 * Spool, joined inputs and replay.
 */
#include "stream/replay.h"
#include "stream/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void fill(uint8_t *p, size_t n, uint32_t i)
{
	for (size_t k = 0; k < n; k++)
		p[k] = (uint8_t)(i * 31 + k);
}

/* Records of many sizes, some in memory and most in the file, in any order. */
static void spool_gives_back_what_it_got(void **state)
{
	(void)state;
	enum { N = 300, MOST = 3 << 20 };
	static const size_t sizes[] = { 1, 7, 4096, 70000, MOST };
	uint8_t *buf = malloc(MOST);
	for (int small = 0; small < 2; small++) {
		struct vit_spool *s;
		const uint8_t *p;
		size_t n;
		assert_int_equal(vit_spool_new(&s, small ? 2 << 20 : 1u << 30), 0);
		for (uint32_t i = 0; i < N; i++) {
			size_t size = sizes[i % 29 == 28 ? 4 : i % 4];
			fill(buf, size, i);
			assert_int_equal(vit_spool_add(s, buf, size), 0);
			if (i % 50 == 49) {     /* reading between writing */
				assert_int_equal(vit_spool_get(s, i, &p, &n), 0);
				assert_int_equal(n, size);
				assert_memory_equal(p, buf, n);
			}
		}
		assert_int_equal(vit_spool_len(s), N);
		assert_int_equal(vit_spool_on_disk(s) > 0, small);
		for (uint32_t k = 0; k < N; k++) {
			uint32_t i = k * 7 % N;
			size_t size = sizes[i % 29 == 28 ? 4 : i % 4];
			fill(buf, size, i);
			assert_int_equal(vit_spool_get(s, i, &p, &n), 0);
			assert_int_equal(n, size);
			assert_memory_equal(p, buf, n);
		}
		vit_spool_drop(s, 3);
		vit_spool_drop(s, N - 1);
		assert_int_equal(vit_spool_get(s, 3, &p, &n), 0);
		assert_int_equal(n, 0);
		assert_int_equal(vit_spool_get(s, N - 1, &p, &n), 0);
		assert_int_equal(n, 0);
		vit_spool_free(s);
	}
	free(buf);
}

static void spool_says_where_it_cannot_write(void **state)
{
	(void)state;
	struct vit_spool *s;
	uint8_t p[100] = { 0 };
	const char *was = getenv("TMPDIR");
	char *keep = was ? strdup(was) : NULL;
	setenv("TMPDIR", "/nowhere/at/all", 1);
	assert_int_equal(vit_spool_new(&s, 1), 0);
	assert_int_equal(vit_spool_add(s, p, sizeof p), VIT_EIO);
	assert_non_null(strstr(vit_errmsg(), "/nowhere/at/all"));
	vit_spool_free(s);
	if (keep)
		setenv("TMPDIR", keep, 1);
	else
		unsetenv("TMPDIR");
	free(keep);
}

/* ---- replay --------------------------------------------------------------------------- */

/* A stream of `n` records in each of `epochs`, ids "0", "1", ... */
static void make_stream(const char *path, int n, int epochs, int first)
{
	struct vit_output *out;
	struct vit_writer *w;
	struct vit_header h;
	struct vit_meta meta = { .dataset = "d", .labels = VIT_LABELS_INDEX, .shape = { 2, 2, 1 }, .count = n, .epochs = epochs };
	uint8_t px[4] = { 0 };
	assert_int_equal(vit_header_init(&h, VIT_SAMPLES), 0);
	assert_int_equal(vit_meta_write(&meta, &h), 0);
	assert_int_equal(vit_output_open(&out, path), 0);
	assert_int_equal(vit_writer_open(&w, out, &h), 0);
	for (int i = 0; i < n * epochs; i++) {
		char id[16];
		struct vit_record r = { .seq = (uint64_t)(first + i % n), .epoch = i / n, .label_kind = VIT_LABEL_INDEX };
		snprintf(id, sizeof id, "%d", first + i % n);
		r.id = (struct vit_str){ id, strlen(id) };
		r.image = (struct vit_tensor){ .data = px, .dtype = VIT_U8, .ndim = 3, .dim = { 2, 2, 1 } };
		assert_int_equal(vit_writer_put(w, &r), 0);
	}
	assert_int_equal(vit_writer_end(w, 0), 0);
	vit_writer_close(w);
	assert_int_equal(vit_output_commit(out, "", 0), 0);
	vit_header_release(&h);
}

static char path[2][64];

static int make_files(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		snprintf(path[i], sizeof path[i], "/tmp/test_spool-%d-%d.vits", (int)getpid(), i);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		unlink(path[i]);
	return 0;
}

/* "epoch:seq" of all records with ' ' between, '|' after each pass. */
static char *replayed(int n_path, const struct vit_replay_opt *opt, int drop)
{
	const char *const in[] = { path[0], path[1] };
	struct vit_join *join;
	struct vit_replay *replay;
	struct vit_replay_item item;
	struct vit_buf text = { 0 };
	int rc;
	assert_int_equal(vit_join_open(&join, in, n_path, 0), 0);
	assert_int_equal(vit_replay_new(&replay, join, opt), 0);
	do {
		while ((rc = vit_replay_next(replay, &item)) == 0) {
			struct vit_record r;
			assert_int_equal(vit_record_decode(&r, item.raw, item.n), 0);
			assert_int_equal(vit_buf_printf(&text, "%d:%d ", (int)(r.epoch + vit_replay_pass(replay)), (int)r.seq), 0);
			if ((int)r.seq == drop)
				vit_replay_drop(replay, &item);
		}
		assert_int_equal(rc, VIT_END);
		assert_int_equal(vit_buf_printf(&text, "|"), 0);
	} while ((rc = vit_replay_again(replay)) == 0);
	assert_int_equal(rc, VIT_END);
	vit_replay_free(replay);
	vit_join_close(join);
	return (char *)text.p;
}

static void gives(int n_path, struct vit_replay_opt opt, int drop, const char *want)
{
	char *got = replayed(n_path, &opt, drop);
	assert_string_equal(got, want);
	free(got);
}

static void passes_repeat_in_order(void **state)
{
	(void)state;
	make_stream(path[0], 3, 1, 0);
	make_stream(path[1], 2, 1, 3);
	gives(1, (struct vit_replay_opt){ .passes = 1, .limit = -1 }, -1, "0:0 0:1 0:2 |");
	gives(1, (struct vit_replay_opt){ .passes = 2, .limit = -1, .memory = 1 }, -1, "0:0 0:1 0:2 |1:0 1:1 1:2 |");
	gives(2, (struct vit_replay_opt){ .passes = 2, .limit = -1 }, -1, "0:0 0:1 0:2 0:3 0:4 |1:0 1:1 1:2 1:3 1:4 |");
	gives(1, (struct vit_replay_opt){ .passes = 2, .limit = 2 }, -1, "0:0 0:1 |1:0 1:1 |");
	gives(1, (struct vit_replay_opt){ .passes = 2, .limit = 0 }, -1, "||");
	gives(1, (struct vit_replay_opt){ .passes = 2, .limit = -1 }, 1, "0:0 0:1 0:2 |1:0 1:2 |");
}

static void limit_holds_in_each_epoch(void **state)
{
	(void)state;
	make_stream(path[0], 3, 3, 0);
	gives(1, (struct vit_replay_opt){ .passes = 1, .limit = 2 }, -1, "0:0 0:1 1:0 1:1 2:0 2:1 |");
}

/* How often each of n seqs appears in epoch `e` of the text; -1 unless all once. */
static void assert_permutations(const char *text, int n, int epochs)
{
	int seen[16][256] = { { 0 } }, last = 0, sorted = 1, before = -1;
	for (const char *s = text; *s; ) {
		int e, seq, used;
		if (*s == '|') {
			s++;
			continue;
		}
		assert_int_equal(sscanf(s, "%d:%d %n", &e, &seq, &used), 2);
		assert_in_range(e, last, epochs - 1);   /* epochs never mix */
		last = e;
		sorted &= seq >= before || before == n - 1;
		before = seq;
		seen[e][seq]++;
		s += used;
	}
	for (int e = 0; e < epochs; e++)
		for (int i = 0; i < n; i++)
			assert_int_equal(seen[e][i], 1);
	assert_false(sorted);
}

static void shuffles_are_permutations_of_an_epoch(void **state)
{
	(void)state;
	static const struct vit_replay_opt opt[] = {
		{ .passes = 4, .shuffle = VIT_SHUFFLE_ALL, .limit = -1 },
		{ .passes = 4, .shuffle = VIT_SHUFFLE_ALL, .limit = -1, .memory = 5000 },
		{ .passes = 4, .shuffle = VIT_SHUFFLE_WINDOW, .window = 7, .limit = -1 },
		{ .passes = 4, .shuffle = VIT_SHUFFLE_WINDOW, .limit = -1 },
		{ .passes = 1, .shuffle = VIT_SHUFFLE_ALL, .limit = -1 },
		{ .passes = 1, .shuffle = VIT_SHUFFLE_WINDOW, .window = 7, .limit = -1 },
		{ .passes = 1, .shuffle = VIT_SHUFFLE_WINDOW, .window = 100, .limit = -1 },
	};
	for (size_t i = 0; i < sizeof opt / sizeof *opt; i++) {
		make_stream(path[0], 100, opt[i].passes > 1 ? 1 : 4, 0);
		char *a = replayed(1, &opt[i], -1), *b = replayed(1, &opt[i], -1);
		struct vit_replay_opt seeded = opt[i];
		seeded.seed = 1;
		char *c = replayed(1, &seeded, -1);
		assert_permutations(a, 100, 4);
		assert_string_equal(a, b);
		assert_string_not_equal(a, c);
		/* epochs differ from each other: what follows "0:" and "1:" */
		char *one = strstr(a, "1:"), first[8];
		snprintf(first, sizeof first, "1:%.5s", a + 2);
		assert_true(strncmp(one, first, 7) != 0);
		free(a);
		free(b);
		free(c);
	}
	/* one order for both ways to keep it */
	make_stream(path[0], 100, 1, 0);
	char *memory = replayed(1, &opt[0], -1), *file = replayed(1, &opt[1], -1);
	assert_string_equal(memory, file);
	free(memory);
	free(file);
	/* and for windows, of which all, some or no records fit */
	for (size_t i = 0; i < sizeof opt / sizeof *opt; i++) {
		static const size_t sizes[] = { 1, 150, 1000, 1 << 20 };
		make_stream(path[0], 100, opt[i].passes > 1 ? 1 : 4, 0);
		char *want = replayed(1, &opt[i], -1);
		for (int k = 0; k < 4; k++) {
			struct vit_replay_opt tight = opt[i];
			tight.memory = sizes[k];
			gives(1, tight, -1, want);
		}
		free(want);
	}
}

static void what_cannot_be_is_refused(void **state)
{
	(void)state;
	const char *const in[] = { path[0], path[1] };
	struct vit_join *join;
	struct vit_replay *replay;
	make_stream(path[0], 9, 2, 0);
	make_stream(path[1], 9, 1, 0);
	assert_int_equal(vit_join_open(&join, in, 1, 0), 0);
	assert_int_equal(vit_replay_new(&replay, join, &(struct vit_replay_opt){ .passes = 2, .limit = -1 }), VIT_EUSAGE);
	vit_join_close(join);
	assert_int_equal(vit_join_open(&join, in, 2, 0), VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "epochs"));
}

static void joined_headers_add_up(void **state)
{
	(void)state;
	const char *const in[] = { path[0], path[1] };
	struct vit_join *join;
	struct vit_meta meta;
	make_stream(path[0], 9, 1, 0);
	make_stream(path[1], 4, 1, 9);
	assert_int_equal(vit_join_open(&join, in, 2, 0), 0);
	assert_int_equal(vit_meta_read(&meta, vit_join_header(join)), 0);
	assert_int_equal(meta.count, 13);
	vit_meta_release(&meta);
	vit_join_close(join);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spool_gives_back_what_it_got),
		cmocka_unit_test(spool_says_where_it_cannot_write),
		cmocka_unit_test_setup_teardown(passes_repeat_in_order, make_files, remove_files),
		cmocka_unit_test_setup_teardown(limit_holds_in_each_epoch, make_files, remove_files),
		cmocka_unit_test_setup_teardown(shuffles_are_permutations_of_an_epoch, make_files, remove_files),
		cmocka_unit_test_setup_teardown(what_cannot_be_is_refused, make_files, remove_files),
		cmocka_unit_test_setup_teardown(joined_headers_add_up, make_files, remove_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
