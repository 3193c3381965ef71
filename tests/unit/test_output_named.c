/* SPDX-License-Identifier: MIT
 *
 * Outputs and temporaries where the file system has no files without a name
 * (NFS, FAT, some FUSE): open() is our own here, and refuses O_TMPFILE.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/tmp.h"
#include "stream/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int refused;

/* found before the C library's, by libvit too */
int open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		refused++;
		errno = EOPNOTSUPP;
		return -1;
	}
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static char dir[] = "/tmp/vit-named-XXXXXX";

static int enter_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int leave_dir(void **state)
{
	(void)state;
	return chdir("/") || rmdir(dir);        /* rmdir: nothing may be left */
}

static int files(void)
{
	int n = 0;
	DIR *d = opendir(".");
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.' || (e->d_name[1] && e->d_name[1] != '.');
	closedir(d);
	return n;
}

static void assert_content(const char *path, const char *want)
{
	char got[64] = "";
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	assert_true(fread(got, 1, sizeof got - 1, f) < sizeof got);
	fclose(f);
	assert_string_equal(got, want);
}

static void test_committed(void **state)
{
	(void)state;
	struct vit_output *o;
	umask(022);
	assert_int_equal(vit_output_open(&o, "out"), 0);
	assert_int_equal(refused, 1);
	assert_int_equal(vit_output_write(o, "first", 5), 0);
	/* beside it, under a name of its own, and not yet where it is wanted */
	assert_int_equal(files(), 1);
	assert_int_not_equal(access("out", F_OK), 0);
	assert_int_equal(vit_output_commit(o, "", 0), 0);
	assert_content("out", "first");
	struct stat st;
	assert_int_equal(stat("out", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	/* the one before it stays as it was until the rename, and then as out~ */
	assert_int_equal(chmod("out", 0600), 0);
	assert_int_equal(vit_output_open(&o, "out"), 0);
	assert_int_equal(vit_output_write(o, "second", 6), 0);
	assert_content("out", "first");
	assert_int_equal(vit_output_commit(o, "", 1), 0);
	assert_content("out", "second");
	assert_content("out~", "first");
	assert_int_equal(stat("out", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(files(), 2);
	assert_int_equal(unlink("out") || unlink("out~"), 0);
}

static void test_discarded(void **state)
{
	(void)state;
	struct vit_output *o;
	assert_int_equal(vit_output_open(&o, "out"), 0);
	assert_int_equal(files(), 1);
	vit_output_discard(o);
	assert_int_equal(files(), 0);
	/* what a signal handler does, with two of them open */
	struct vit_output *p;
	assert_int_equal(vit_output_open(&o, "out"), 0);
	assert_int_equal(vit_output_open(&p, "out"), 0);
	assert_int_equal(files(), 2);
	vit_output_cleanup();
	assert_int_equal(files(), 0);
	vit_output_discard(o);
	vit_output_discard(p);
}

static void test_scratch_file(void **state)
{
	(void)state;
	int fd, before = refused;
	assert_int_equal(setenv("TMPDIR", dir, 1), 0);
	assert_int_equal(vit_tmp_open(&fd, "records"), 0);
	assert_int_equal(refused, before + 1);
	assert_int_equal(files(), 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_committed),
		cmocka_unit_test(test_discarded),
		cmocka_unit_test(test_scratch_file),
	};
	return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
