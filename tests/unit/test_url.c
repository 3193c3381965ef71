/* SPDX-License-Identifier: MIT
 *
 * The parts of an address, and where the cache keeps what it names.
 */
#include "format/download.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void what_is_a_url(void **state)
{
	(void)state;
	assert_true(vit_is_url("http://h/x"));
	assert_true(vit_is_url("HTTPS://h"));
	assert_true(vit_is_url("ftp://h/x"));
	assert_true(vit_is_url("file:/x"));
	assert_true(vit_is_url("file:///x"));
	assert_false(vit_is_url("http:x"));
	assert_false(vit_is_url("./http://h/x"));
	assert_false(vit_is_url("s3://b/x"));
	assert_false(vit_is_url("file:x"));
	assert_false(vit_is_url(""));
}

static void secrets_are_cut(void **state)
{
	(void)state;
	static const char *const t[][2] = {
		{ "http://h/a/b.tar", "http://h/a/b.tar" },
		{ "http://me:pw@h:80/a", "http://h:80/a" },
		{ "http://me:p@w@h/a@b", "http://h/a@b" },
		{ "https://me@h", "https://h" },
		{ "http://h/a?token=x#y", "http://h/a" },
		{ "http://h?token=x", "http://h" },
		{ "http://h/a#frag?x", "http://h/a" },
		{ "http://h/a?u=http://me:pw@g/", "http://h/a" },
		{ "http://me:p?w@h/a", "http://h/a" },
		{ "file:///a/b@c", "file:///a/b@c" },
		{ "file:/a?b", "file:/a" },
		{ "http://", "http://" },
		{ "http://@", "http://" },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char *clean = vit_url_clean(t[i][0]);
		assert_string_equal(clean, t[i][1]);
		free(clean);
	}
}

static void hosts(void **state)
{
	(void)state;
	static const char *const t[][2] = {
		{ "http://me:pw@h:80/a", "h:80" }, { "ftp://h", "h" }, { "https://h?x", "h" }, { "file:///a", "" }, { "file:/a/b", "" },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char *host = vit_url_host(t[i][0]);
		assert_string_equal(host, t[i][1]);
		free(host);
	}
}

static void files(void **state)
{
	(void)state;
	static const char *const t[][2] = {
		{ "file:///a/b", "/a/b" }, { "file:/a", "/a" }, { "file://localhost/a", "/a" }, { "file:///a%20b%2f%4A", "/a b/J" },
		{ "file:///a%2", "/a%2" }, { "file:///100%zz", "/100%zz" }, { "file:///a#b", "/a" },
	};
	char *path;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		assert_int_equal(vit_url_file(t[i][0], &path), 0);
		assert_string_equal(path, t[i][1]);
		free(path);
	}
	assert_int_equal(vit_url_file("file://elsewhere/a", &path), VIT_EUSAGE);
	assert_int_equal(vit_url_file("file://", &path), VIT_EUSAGE);
	assert_int_equal(vit_url_file("file:///a%00b", &path), VIT_EUSAGE);
}

/* The last part of where `url` is kept below "c"; `digest` gets the part before. */
static const char *kept(const char *url, char digest[17])
{
	static char *path;
	free(path);
	assert_int_equal(vit_url_path(url, "c", &path), 0);
	assert_memory_equal(path, "c/url/", 6);
	assert_int_equal(strcspn(path + 6, "/"), 16);
	memcpy(digest, path + 6, 16);
	digest[16] = 0;
	assert_null(strchr(path + 23, '/'));
	return path + 23;
}

static void where_urls_are_kept(void **state)
{
	(void)state;
	char a[17], b[17];
	assert_string_equal(kept("http://h/d/x.tar.gz", a), "x.tar.gz");
	/* who asks does not matter, nor which part; what is asked for does */
	assert_string_equal(kept("http://me:pw@h/d/x.tar.gz#p", b), "x.tar.gz");
	assert_string_equal(a, b);
	assert_string_equal(kept("http://h/d/x.tar.gz?v=2", b), "x.tar.gz");
	assert_string_not_equal(a, b);
	assert_string_equal(kept("http://h/e/x.tar.gz", b), "x.tar.gz");
	assert_string_not_equal(a, b);
	assert_string_equal(kept("http://h/d/..", b), "_.");
	assert_string_equal(kept("http://h/.hidden", b), "_hidden");
	assert_string_equal(kept("http://h/a b;c\x1b[2J", b), "a_b_c__2J");
	assert_string_equal(kept("http://h/d/", b), "index");
	assert_string_equal(kept("http://h", b), "index");
	char url[600] = "http://h/";
	memset(url + 9, 'x', sizeof url - 10);
	assert_int_equal(strlen(kept(url, b)), 120);
}

static void where_the_cache_is(void **state)
{
	(void)state;
	char *dir;
	setenv("HOME", "/home/me", 1);
	setenv("XDG_CACHE_HOME", "/xdg", 1);
	assert_int_equal(vit_cache_dir("here", &dir), 0);
	assert_string_equal(dir, "here");
	free(dir);
	assert_int_equal(vit_cache_dir(NULL, &dir), 0);
	assert_string_equal(dir, "/xdg/vit");
	free(dir);
	setenv("XDG_CACHE_HOME", "relative", 1);
	assert_int_equal(vit_cache_dir(NULL, &dir), 0);
	assert_string_equal(dir, "/home/me/.cache/vit");
	free(dir);
	unsetenv("HOME");
	assert_int_equal(vit_cache_dir(NULL, &dir), VIT_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_a_url),
		cmocka_unit_test(secrets_are_cut),
		cmocka_unit_test(hosts),
		cmocka_unit_test(files),
		cmocka_unit_test(where_urls_are_kept),
		cmocka_unit_test(where_the_cache_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
