/* SPDX-License-Identifier: MIT
 *
 * Where data come from: directories, archives, pipes; surveys and random access.
 */
#include "format/source.h"
#include "packs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[64];

static int fresh(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/vit-source-XXXXXX");
	return mkdtemp(dir) && !chdir(dir) ? 0 : 1;
}

static int clean(void **state)
{
	(void)state;
	char cmd[128];
	snprintf(cmd, sizeof cmd, "rm -r %s", dir);
	return chdir("/") || system(cmd);
}

/* `text` in a file of that name, its directories made. */
static void put(const char *name, const char *text)
{
	char path[256];
	snprintf(path, sizeof path, "%s", name);
	for (char *p = path; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		mkdir(path, 0755);
	}
	FILE *f = fopen(name, "wb");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static struct vit_source *source(size_t memory, const char *a, const char *b)
{
	struct vit_source *s;
	const char *path[] = { a, b, NULL };
	const struct vit_source_opt o = { .split = "train", .memory = memory };
	if (vit_source_open(&s, path, &o))
		fail_msg("%s", vit_errmsg());
	return s;
}

static int add_name(void *ctx, const struct vit_member *m)
{
	char *list = ctx;
	assert_null(m->head);
	snprintf(list + strlen(list), 4096 - strlen(list), "%s:%lld ", m->name, (long long)m->size);
	return 0;
}

static const char *survey(struct vit_source *s)
{
	static char list[4096];
	*list = '\0';
	if (vit_source_survey(s, add_name, list))
		fail_msg("%s", vit_errmsg());
	return list;
}

/* "name=text " of all that vit_source_next() gives. */
static const char *all(struct vit_source *s)
{
	static char list[4096];
	struct vit_member m;
	int rc;
	*list = '\0';
	while (!(rc = vit_source_next(s, &m))) {
		const uint8_t *p;
		size_t n;
		assert_int_equal(vit_source_bytes(s, &p, &n), 0);
		snprintf(list + strlen(list), sizeof list - strlen(list), "%s=%.*s ", m.name, (int)n, (const char *)p);
	}
	if (rc != VIT_END)
		fail_msg("%s", vit_errmsg());
	return list;
}

static void tree(void)
{
	put("d/b/2.txt", "two");
	put("d/a/1.txt", "one");
	put("d/a-b", "dash");
	put("d/a/b/c.txt", "deep");
	put("d/.hidden", "x");
	put("d/.git/config", "x");
	put("d/__MACOSX/a", "x");
	put("d/\xc3\xa9 \n.txt", "odd");
}

static void directories_are_sorted_by_code_point(void **state)
{
	(void)state;
	tree();
	struct vit_source *s = source(1 << 20, "d/", NULL);
	/* '-' comes before '/' */
	assert_string_equal(survey(s), "a-b:4 a/1.txt:3 a/b/c.txt:4 b/2.txt:3 \xc3\xa9 \n.txt:3 ");
	assert_string_equal(all(s), "a-b=dash a/1.txt=one a/b/c.txt=deep b/2.txt=two \xc3\xa9 \n.txt=odd ");
	assert_int_equal(vit_source_hidden(s), 3);
	assert_int_equal(vit_source_members(s), 5);
	struct vit_member m;
	assert_int_equal(vit_source_goto(s, 3, &m), 0);
	assert_string_equal(m.name, "b/2.txt");
	assert_int_equal(m.size, 3);
	assert_memory_equal(m.head, "two", 3);
	assert_int_equal(vit_source_goto(s, 0, &m), 0);
	assert_memory_equal(m.head, "dash", 4);
	assert_true(vit_source_goto(s, 5, &m) < 0);
	assert_true(vit_source_goto(s, -1, &m) < 0);
	assert_null(vit_source_noticed(s, 0));
	vit_source_close(s);
}

static void what_went_away_is_one_record(void **state)
{
	(void)state;
	put("d/1", "one");
	put("d/2", "two");
	put("d/3", "three");
	struct vit_source *s = source(1 << 20, "d", NULL);
	struct vit_member m;
	assert_int_equal(vit_source_members(s), 3);
	unlink("d/2");
	mkfifo("d/2", 0600);    /* opening it would wait */
	assert_int_equal(vit_source_goto(s, 1, &m), VIT_ERECORD);
	assert_non_null(strstr(vit_errmsg(), "d/2"));
	assert_int_equal(vit_source_goto(s, 2, &m), 0);
	assert_memory_equal(m.head, "three", 5);
	assert_string_equal(all(s), "");
	assert_int_equal(vit_source_rewind(s), 0);
	assert_string_equal(all(s), "1=one 3=three ");
	vit_source_close(s);
}

static void links_are_followed_circles_are_not(void **state)
{
	(void)state;
	put("d/a/1", "one");
	assert_int_equal(symlink("..", "d/a/up"), 0);
	assert_int_equal(symlink("a/1", "d/to-file"), 0);
	assert_int_equal(symlink("a", "d/to-dir"), 0);
	assert_int_equal(symlink("nowhere", "d/dead"), 0);
	assert_int_equal(symlink("nowhere", "d/dead2"), 0);
	struct vit_source *s = source(1 << 20, "d", NULL);
	assert_string_equal(survey(s), "a/1:3 to-dir/1:3 to-file:3 ");
	int circles = 0, dead = 0;
	const char *text;
	for (int i = 0; (text = vit_source_noticed(s, i)); i++) {
		circles += strstr(text, "up: a link to a directory that it lies in") != NULL;
		dead += strstr(text, "2 links lead nowhere") != NULL;
	}
	assert_int_equal(circles, 2);
	assert_int_equal(dead, 1);
	vit_source_close(s);
}

static void make_tar(const char *path, const char *first)
{
	struct pack t = { 0 };
	tar_add(&t, "./b/2.txt", "two", 3, NULL);
	tar_add(&t, "link", "", 0, "b/2.txt");
	tar_add(&t, "../up", "up", 2, NULL);
	tar_add(&t, "a/._1", "x", 1, NULL);
	tar_add(&t, "a/1.txt", first, strlen(first), NULL);
	tar_end(&t);
	pack_write(&t, path);
}

static void archives_keep_their_order(void **state)
{
	(void)state;
	make_tar("t.tar", "one");
	struct vit_source *s = source(1 << 20, "t.tar", NULL);
	assert_string_equal(survey(s), "b/2.txt:3 a/1.txt:3 ");
	assert_int_equal(vit_source_hidden(s), 1);
	assert_int_equal(vit_source_members(s), -1);
	assert_string_equal(all(s), "b/2.txt=two a/1.txt=one ");
	assert_string_equal(vit_source_noticed(s, 0), "t.tar: 1 links within the archive are not followed; unpack it and name the directory");
	assert_string_equal(vit_source_noticed(s, 1), "t.tar: 1 members with .. in their names are left out");
	assert_null(vit_source_noticed(s, 2));
	assert_int_equal(vit_source_rewind(s), 0);
	assert_string_equal(all(s), "b/2.txt=two a/1.txt=one ");
	vit_source_close(s);
}

static void siblings(void **state)
{
	(void)state;
	char name[32];
	make_tar("t.tar", "one");
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "d/a/%03d.jpg", i);
		put(name, "x");
	}
	put("d/labels.csv", "x");
	put("single", "x");
	struct vit_member m;
	struct vit_source *s = source(1 << 20, "t.tar", "single");
	assert_int_equal(vit_source_next(s, &m), 0);
	assert_int_equal(m.n_sibling, 2);
	assert_string_equal(m.sibling[0], "b/2.txt");
	assert_string_equal(m.sibling[1], "a/1.txt");
	assert_int_equal(vit_source_next(s, &m), 0);
	assert_int_equal(m.n_sibling, 2);
	assert_int_equal(vit_source_next(s, &m), 0);
	assert_int_equal(m.n_sibling, 1);
	assert_string_equal(m.sibling[0], "single");
	vit_source_close(s);
	s = source(1 << 20, "d", NULL);
	assert_int_equal(vit_source_next(s, &m), 0);
	assert_int_equal(m.n_sibling, 17);
	assert_string_equal(m.sibling[0], "a/000.jpg");
	assert_string_equal(m.sibling[16], "labels.csv");
	vit_source_close(s);
}

/* A pipe whose writer is a child, so that it may be larger than a pipe's buffer. */
static const char *piped(const char *file, int end[2])
{
	static char path[32], cmd[128];
	assert_int_equal(pipe(end), 0);
	if (!fork()) {
		snprintf(cmd, sizeof cmd, "cat %s >&%d", file, end[1]);
		_exit(system(cmd) ? 1 : 0);
	}
	close(end[1]);
	snprintf(path, sizeof path, "/dev/fd/%d", end[0]);
	return path;
}

static void pipes_are_kept_for_a_survey(void **state)
{
	(void)state;
	static char large[300000];
	memset(large, 'x', sizeof large - 1);
	make_tar("t.tar", large);
	/* all in memory, all in a file, and both */
	const size_t budget[] = { 1 << 24, 0, 100000 };
	for (int i = 0; i < 3; i++) {
		int end[2];
		struct vit_member m;
		struct vit_source *s = source(budget[i], piped("t.tar", end), NULL);
		assert_int_equal(vit_source_next(s, &m), 0);
		vit_source_hold(s);
		assert_false(vit_source_again(s));
		assert_string_equal(survey(s), "b/2.txt:3 a/1.txt:299999 ");
		assert_true(vit_source_again(s));
		for (int epoch = 0; epoch < 2; epoch++) {
			const uint8_t *p;
			size_t n;
			assert_int_equal(vit_source_next(s, &m), 0);
			assert_int_equal(vit_source_next(s, &m), 0);
			assert_int_equal(vit_source_bytes(s, &p, &n), 0);
			assert_int_equal(n, sizeof large - 1);
			assert_memory_equal(p, large, n);
			assert_int_equal(vit_source_next(s, &m), VIT_END);
			assert_int_equal(vit_source_rewind(s), 0);
		}
		vit_source_close(s);
		close(end[0]);
	}
}

static void a_pipe_that_goes_forward_is_not_kept(void **state)
{
	(void)state;
	int end[2];
	struct vit_member m;
	make_tar("t.tar", "one");
	struct vit_source *s = source(1 << 20, piped("t.tar", end), NULL);
	assert_int_equal(vit_source_next(s, &m), 0);
	vit_source_hold(s);
	assert_string_equal(all(s), "b/2.txt=two a/1.txt=one ");
	assert_int_equal(vit_source_rewind(s), VIT_EUSAGE);
	char list[64] = "";
	assert_int_equal(vit_source_survey(s, add_name, list), VIT_EUNSUPPORTED);
	vit_source_close(s);
	close(end[0]);
}

static void zips_are_in_the_order_of_directories(void **state)
{
	(void)state;
	struct pack z = { 0 };
	zip_add(&z, "b/2.txt", "two", 3, (struct zip_as){ 0 });
	zip_add(&z, "b/", "", 0, (struct zip_as){ .mode = 040755 });
	zip_add(&z, "a-b", "dash", 4, (struct zip_as){ 0 });
	zip_add(&z, "a/1.txt", "old", 3, (struct zip_as){ 0 });
	zip_add(&z, "../../etc/passwd", "up", 2, (struct zip_as){ 0 });
	zip_add(&z, "a/link", "1.txt", 5, (struct zip_as){ .mode = 0120777 });
	zip_add(&z, "__MACOSX/a/1.txt", "x", 1, (struct zip_as){ 0 });
	zip_add(&z, "/a/1.txt", "one", 3, (struct zip_as){ 0 });
	zip_end(&z);
	pack_write(&z, "z.zip");
	int end[2] = { -1, -1 };
	for (int pipe = 0; pipe < 2; pipe++) {
		struct vit_source *s = source(1 << 20, pipe ? piped("z.zip", end) : "z.zip", NULL);
		assert_string_equal(survey(s), "a-b:4 a/1.txt:3 b/2.txt:3 ");
		assert_int_equal(vit_source_members(s), 3);
		assert_int_equal(vit_source_hidden(s), 1);
		assert_string_equal(all(s), "a-b=dash a/1.txt=one b/2.txt=two ");
		struct vit_member m;
		assert_int_equal(vit_source_goto(s, 1, &m), 0);
		assert_memory_equal(m.head, "one", 3);
		assert_non_null(strstr(vit_source_noticed(s, 0), "1 names come more than once"));
		assert_non_null(strstr(vit_source_noticed(s, 1), "1 links"));
		assert_non_null(strstr(vit_source_noticed(s, 2), "1 members with .."));
		assert_true(vit_source_again(s));
		vit_source_close(s);
	}
	close(end[0]);
}

static void zips_of_windows(void **state)
{
	(void)state;
	struct pack z = { 0 };
	zip_add(&z, "set\\", "", 0, (struct zip_as){ .mode = 040755 });
	zip_add(&z, "set\\b\\2.txt", "two", 3, (struct zip_as){ 0 });
	zip_add(&z, "set\\a\\1.txt", "one", 3, (struct zip_as){ 0 });
	zip_end(&z);
	pack_write(&z, "z.zip");
	struct vit_source *s = source(1 << 20, "z.zip", NULL);
	assert_string_equal(all(s), "set/a/1.txt=one set/b/2.txt=two ");
	vit_source_close(s);
	zip_add(&z, "a\\b", "one", 3, (struct zip_as){ 0 });
	zip_add(&z, "a/c", "two", 3, (struct zip_as){ 0 });
	zip_end(&z);
	pack_write(&z, "z.zip");
	s = source(1 << 20, "z.zip", NULL);
	assert_string_equal(all(s), "a/c=two a\\b=one ");
	vit_source_close(s);
}

static void damaged_and_encrypted_zips(void **state)
{
	(void)state;
	struct pack z = { 0 };
	const uint8_t *p;
	size_t n;
	struct vit_member m;
	zip_add(&z, "1", "one", 3, (struct zip_as){ .lie_crc = 1 });
	zip_add(&z, "2", "two", 3, (struct zip_as){ .size = 400 << 20 });
	zip_add(&z, "3", "three", 5, (struct zip_as){ 0 });
	zip_end(&z);
	pack_write(&z, "z.zip");
	struct vit_source *s = source(1 << 20, "z.zip", NULL);
	assert_int_equal(vit_source_members(s), 3);
	int rc = vit_source_goto(s, 0, &m);
	if (!rc)
		rc = vit_source_bytes(s, &p, &n);
	assert_int_equal(rc, VIT_ERECORD);
	rc = vit_source_goto(s, 1, &m);
	if (!rc)
		rc = vit_source_bytes(s, &p, &n);
	assert_int_equal(rc, VIT_ERECORD);
	assert_int_equal(vit_source_goto(s, 2, &m), 0);
	assert_int_equal(vit_source_bytes(s, &p, &n), 0);
	assert_memory_equal(p, "three", 5);
	vit_source_close(s);

	zip_add(&z, "1", "one", 3, (struct zip_as){ .flags = 1 });
	zip_end(&z);
	pack_write(&z, "z.zip");
	s = source(1 << 20, "z.zip", NULL);
	assert_int_equal(vit_source_next(s, &m), VIT_EUNSUPPORTED);
	assert_non_null(strstr(vit_errmsg(), "encrypted"));
	vit_source_close(s);
}

static void several_places_have_one_numbering(void **state)
{
	(void)state;
	put("d/1", "one");
	put("d/2", "two");
	put("e/1", "ONE");
	put("f", "file");
	struct vit_source *s;
	const char *path[] = { "d", "f", "e", NULL };
	const struct vit_source_opt o = { .split = "train", .memory = 1 << 20 };
	struct vit_member m;
	assert_int_equal(vit_source_open(&s, path, &o), 0);
	assert_int_equal(vit_source_members(s), 4);
	assert_int_equal(vit_source_goto(s, 3, &m), 0);
	assert_memory_equal(m.head, "ONE", 3);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(vit_source_goto(s, 2, &m), 0);
		assert_memory_equal(m.head, "file", 4);
	}
	assert_int_equal(vit_source_goto(s, 1, &m), 0);
	assert_memory_equal(m.head, "two", 3);
	vit_source_close(s);
}

static void large_members_are_refused_alone(void **state)
{
	(void)state;
	put("d/1", "0123456789");
	put("d/2", "two");
	struct vit_source *s;
	const char *path[] = { "d", NULL };
	const struct vit_source_opt o = { .split = "train", .memory = 1 << 20, .max_record = 9 };
	struct vit_member m;
	const uint8_t *p;
	size_t n;
	assert_int_equal(vit_source_open(&s, path, &o), 0);
	assert_int_equal(vit_source_next(s, &m), 0);
	assert_int_equal(vit_source_bytes(s, &p, &n), VIT_ERECORD);
	assert_non_null(strstr(vit_errmsg(), "--max-record"));
	assert_int_equal(vit_source_next(s, &m), 0);
	assert_int_equal(vit_source_bytes(s, &p, &n), 0);
	assert_int_equal(n, 3);
	vit_source_close(s);
}

static void names_of_classes(void **state)
{
	(void)state;
	struct vit_arena arena = { 0 };
	const char **names;
	int n;
	put("good", "zebra\r\nant\nbee eater");
	assert_int_equal(vit_class_names("good", &arena, &names, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(names[0], "zebra");
	assert_string_equal(names[2], "bee eater");
	const char *bad[] = { "", "a\n\nb\n", "a\nb\na\n", "a\n\xff\n" };
	for (int i = 0; i < 4; i++) {
		put("bad", bad[i]);
		assert_int_equal(vit_class_names("bad", &arena, &names, &n), VIT_EUSAGE);
	}
	vit_arena_release(&arena);
}

#define T(f) cmocka_unit_test_setup_teardown(f, fresh, clean)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(directories_are_sorted_by_code_point), T(what_went_away_is_one_record), T(links_are_followed_circles_are_not),
		T(archives_keep_their_order), T(siblings), T(pipes_are_kept_for_a_survey), T(a_pipe_that_goes_forward_is_not_kept),
		T(zips_are_in_the_order_of_directories), T(zips_of_windows), T(damaged_and_encrypted_zips), T(several_places_have_one_numbering),
		T(large_members_are_refused_alone), T(names_of_classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
