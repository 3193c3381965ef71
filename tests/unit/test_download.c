/* SPDX-License-Identifier: MIT
 *
 * Mirrors, digests, sizes and what is left behind, with file: in the network's
 * place. What servers do wrong is in tests/cli/vit-fetch-net.bats.
 */
#include "core/sha256.h"
#include "format/download.h"
#include "format/obtain.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64], good[96], bad[96], absent[96], target[96], sum[65], wrong_sum[65];

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void digest(const char *text, char hex[65])
{
	struct vit_sha256 s;
	vit_sha256_init(&s);
	vit_sha256_update(&s, text, strlen(text));
	vit_sha256_hex(&s, hex);
}

static int fresh(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vit-download-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(good, sizeof good, "%s/good", dir);
	snprintf(bad, sizeof bad, "%s/bad", dir);
	put(good, "0123456789");
	put(bad, "012345678x");
	digest("0123456789", sum);
	digest("012345678x", wrong_sum);
	snprintf(good, sizeof good, "file://%s/good", dir);
	snprintf(bad, sizeof bad, "file://%s/bad", dir);
	snprintf(absent, sizeof absent, "file://%s/absent", dir);
	snprintf(target, sizeof target, "%s/cache/deep/file", dir);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return system(cmd);
}

static struct vit_download get(const char *const *url)
{
	return (struct vit_download){ .url = url, .sha256 = sum, .size = -1, .path = target };
}

/* The folder holds the file, and that alone; NULL: nothing. */
static void holds(const char *text)
{
	char got[64] = "", folder[96];
	int n = 0;
	FILE *f = fopen(target, "r");
	assert_int_equal(f != NULL, text != NULL);
	if (f) {
		assert_int_equal(fread(got, 1, sizeof got - 1, f), strlen(text));
		fclose(f);
		assert_string_equal(got, text);
	}
	snprintf(folder, sizeof folder, "%s/cache/deep", dir);
	DIR *d = opendir(folder);
	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	assert_int_equal(n, text ? 3 : 2);
}

static void one_mirror_is_enough(void **state)
{
	(void)state;
	const char *const url[] = { absent, bad, good, NULL };
	struct vit_download d = get(url);
	assert_int_equal(vit_download(&d), 0);
	holds("0123456789");
	/* there already: the mirrors are not asked, the digest is not looked at */
	const char *const nothing[] = { absent, NULL };
	d = get(nothing);
	d.sha256 = wrong_sum;
	assert_int_equal(vit_download(&d), 0);
}

static void each_mirror_is_named(void **state)
{
	(void)state;
	const char *const url[] = { bad, absent, NULL };
	struct vit_download d = get(url);
	assert_int_equal(vit_download(&d), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), bad));
	assert_non_null(strstr(vit_errmsg(), wrong_sum));
	assert_non_null(strstr(vit_errmsg(), sum));
	assert_non_null(strstr(vit_errmsg(), absent));
	holds(NULL);
	const char *const none[] = { absent, NULL };
	d = get(none);
	assert_int_equal(vit_download(&d), VIT_EIO);
	d.sha256 = "abc";
	assert_int_equal(vit_download(&d), VIT_EUSAGE);
}

static void the_published_size_counts(void **state)
{
	(void)state;
	const char *const url[] = { good, NULL };
	struct vit_download d = get(url);
	d.size = 11;
	assert_int_equal(vit_download(&d), VIT_EFORMAT);
	assert_non_null(strstr(vit_errmsg(), "has 10 bytes, the published file 11"));
	holds(NULL);
	d.size = 10;
	assert_int_equal(vit_download(&d), 0);
	holds("0123456789");
}

static void a_damaged_part_does_no_harm(void **state)
{
	(void)state;
	const char *const url[] = { good, NULL };
	struct vit_download d = get(url);
	char path[128], cmd[160];
	snprintf(cmd, sizeof cmd, "mkdir -p %s/cache/deep", dir);
	assert_int_equal(system(cmd), 0);
	snprintf(path, sizeof path, "%s.part", target);
	put(path, "more bytes than the file itself has");
	snprintf(path, sizeof path, "%s.part.from", target);
	put(path, "noise without any line end");
	assert_int_equal(vit_download(&d), 0);
	holds("0123456789");
}

/* Ended between the last byte and the rename: nobody is asked. Right in length
 * alone: it comes anew. */
static void a_whole_part_is_the_file(void **state)
{
	(void)state;
	const char *const nobody[] = { absent, NULL }, *const url[] = { good, NULL };
	struct vit_download d = get(nobody);
	char path[128], cmd[160];
	snprintf(cmd, sizeof cmd, "mkdir -p %s/cache/deep", dir);
	assert_int_equal(system(cmd), 0);
	snprintf(path, sizeof path, "%s.part", target);
	put(path, "0123456789");
	d.size = 10;
	assert_int_equal(vit_download(&d), 0);
	holds("0123456789");
	assert_int_equal(unlink(target), 0);
	put(path, "012345678?");
	d.url = url;
	assert_int_equal(vit_download(&d), 0);
	holds("0123456789");
}

static void an_empty_file_is_one(void **state)
{
	(void)state;
	char path[96];
	const char *const url[] = { good, NULL };
	struct vit_download d = get(url);
	snprintf(path, sizeof path, "%s/good", dir);
	put(path, "");
	d.sha256 = NULL;
	assert_int_equal(vit_download(&d), 0);
	holds("");
}

static int stop(void *ctx, const char *what, int64_t done, int64_t total)
{
	(void)done, (void)total;
	int *calls = ctx;
	*calls += what != NULL;
	return 1;
}

static void told_to_stop(void **state)
{
	(void)state;
	const char *const url[] = { good, NULL };
	struct vit_download d = get(url);
	int calls = 0;
	d.progress = stop;
	d.ctx = &calls;
	assert_int_equal(vit_download(&d), VIT_EINTR);
	assert_int_equal(calls, 1);
	holds(NULL);
}

/* Two files, one of them there: the set is not whole before the other one came. */
static void a_data_set_of_several_files(void **state)
{
	(void)state;
	static const char *const where[] = { "tiny", NULL };
	const struct vit_dataset_file files[] = {
		{ "a", { good }, sum, 10 }, { "b", { absent, bad }, wrong_sum, 10 }, { 0 },
	};
	const struct vit_dataset set = { .name = "tiny", .where = where, .files = files, .obtain = "ask a friend" };
	struct vit_fetch_opt o = { .cache = dir };
	char *path, text[128];
	snprintf(text, sizeof text, "%s/tiny", dir);
	assert_int_equal(mkdir(text, 0777), 0);
	snprintf(text, sizeof text, "%s/tiny/a", dir);
	put(text, "0123456789");
	assert_int_equal(vit_obtain_dataset(&set, &o, &path), 0);
	snprintf(text, sizeof text, "%s/tiny", dir);
	assert_string_equal(path, text);
	free(path);
	snprintf(text, sizeof text, "%s/tiny/b", dir);
	assert_int_equal(access(text, R_OK), 0);
	o.sha256 = sum;
	assert_int_equal(vit_obtain_dataset(&set, &o, &path), VIT_EUSAGE);
	/* a layout of the user's own is his */
	snprintf(text, sizeof text, "cd %s/tiny && rm a b && touch c", dir);
	assert_int_equal(system(text), 0);
	o.sha256 = NULL;
	assert_int_equal(vit_obtain_dataset(&set, &o, &path), 0);
	free(path);
	snprintf(text, sizeof text, "%s/tiny/b", dir);
	assert_int_not_equal(access(text, R_OK), 0);
}

static void a_data_set_that_cannot_be_had(void **state)
{
	(void)state;
	static const char *const where[] = { "tiny", NULL };
	const struct vit_dataset_file files[] = { { "a", { absent }, sum, 10 }, { 0 } };
	struct vit_dataset set = { .name = "tiny", .where = where, .files = files, .obtain = "ask a friend" };
	struct vit_fetch_opt o = { .cache = dir };
	char *path;
	assert_int_equal(vit_obtain_dataset(&set, &o, &path), VIT_EIO);
	assert_non_null(strstr(vit_errmsg(), absent));
	assert_non_null(strstr(vit_errmsg(), "or ask a friend"));
	set.files = NULL;
	assert_int_equal(vit_obtain_dataset(&set, &o, &path), VIT_EIO);
	assert_non_null(strstr(vit_errmsg(), "or ask a friend"));
}

/* Digests and sizes of what is published, https or a digest, a place of its own. */
static void published_data_sets_can_be_checked(void **state)
{
	(void)state;
	for (int i = 0; vit_datasets[i]; i++) {
		const struct vit_dataset *s = vit_datasets[i];
		const struct vit_format *f;
		assert_int_equal(vit_format_by_name(s->format, &f), 0);
		for (const struct vit_dataset_file *p = s->files; p && p->name; p++) {
			char in_folder[256];
			int found = 0;
			assert_int_equal(strspn(p->sha256, "0123456789abcdef"), 64);
			assert_int_equal(strlen(p->sha256), 64);
			assert_true(p->size > 0);
			assert_true(vit_is_url(p->url[0]));
			assert_null(p->url[3]);
			assert_null(strchr(p->name, '/'));
			/* what is downloaded is found afterwards */
			snprintf(in_folder, sizeof in_folder, "%s/%s", s->name, p->name);
			for (const char *const *w = s->where; *w; w++)
				found |= !strcmp(*w, s->name) || !strcmp(*w, in_folder);
			assert_true(found);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_mirror_is_enough, fresh, clean),
		cmocka_unit_test_setup_teardown(each_mirror_is_named, fresh, clean),
		cmocka_unit_test_setup_teardown(the_published_size_counts, fresh, clean),
		cmocka_unit_test_setup_teardown(a_damaged_part_does_no_harm, fresh, clean),
		cmocka_unit_test_setup_teardown(a_whole_part_is_the_file, fresh, clean),
		cmocka_unit_test_setup_teardown(an_empty_file_is_one, fresh, clean),
		cmocka_unit_test_setup_teardown(told_to_stop, fresh, clean),
		cmocka_unit_test_setup_teardown(a_data_set_of_several_files, fresh, clean),
		cmocka_unit_test_setup_teardown(a_data_set_that_cannot_be_had, fresh, clean),
		cmocka_unit_test(published_data_sets_can_be_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
