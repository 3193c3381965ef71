/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "stream/input.h"
#include "stream/output.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/vit-io-XXXXXX";

static int enter_dir(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	char command[64];
	snprintf(command, sizeof command, "rm -r %s", dir);
	return chdir("/") || system(command);
}

/* ---- input ---------------------------------------------------------------------- */

enum { N = 300000 };
static uint8_t data[N];

struct dribble {
	size_t at, step, fail_at;
	int closed;
};

/* Gives 7 bytes at a time, as a slow pipe would. */
static ssize_t dribble_read(void *ctx, void *buf, size_t n)
{
	struct dribble *d = ctx;
	if (d->fail_at && d->at >= d->fail_at)
		return vit_fail(VIT_EFORMAT, "torn");
	size_t left = N - d->at, k = n < d->step ? n : d->step;
	if (k > left)
		k = left;
	memcpy(buf, data + d->at, k);
	d->at += k;
	return (ssize_t)k;
}

static void dribble_close(void *ctx)
{
	((struct dribble *)ctx)->closed++;
}

static void fill_data(void)
{
	for (size_t i = 0; i < N; i++)
		data[i] = (uint8_t)(i * 2654435761u >> 13);
}

/* Peeks, reads and skips of changing size, against the plain array. */
static void check_input(struct vit_input *in)
{
	static uint8_t buf[N];
	size_t at = 0;
	for (unsigned k = 1; at < N; k = k * 1103515245u + 12345u) {
		size_t n = (k >> 16) % (k % 5 ? 900 : 60000), left = N - at, got;
		const uint8_t *p;
		assert_int_equal(vit_input_peek(in, n, &p, &got), 0);
		assert_int_equal(got, n < left ? n : left);
		assert_memory_equal(p, data + at, got);
		assert_int_equal(vit_input_tell(in), at);
		size_t take = n / 3 < left ? n / 3 : left;
		if (k & 0x100000) {
			assert_int_equal(vit_input_skip(in, take), 0);
		} else if (take) {
			assert_int_equal(vit_input_read(in, buf, take), 0);
			assert_memory_equal(buf, data + at, take);
		}
		at += take;
		if (left < 5) {
			assert_int_equal(vit_input_read(in, buf, left), 0);
			at += left;
		}
	}
	assert_int_equal(vit_input_tell(in), N);
	assert_int_equal(vit_input_read(in, buf, 1), VIT_END);
	assert_int_equal(vit_input_skip(in, 0), 0);
	assert_int_equal(vit_input_skip(in, 1), VIT_EFORMAT);
}

static void peek_over_reads_of_seven_bytes(void **state)
{
	(void)state;
	struct dribble d = { .step = 7 };
	struct vit_input *in;
	fill_data();
	assert_int_equal(vit_input_reader(&in, dribble_read, dribble_close, &d, "dribble"), 0);
	check_input(in);
	assert_string_equal(vit_input_name(in), "dribble");
	assert_int_equal(vit_input_fd(in), -1);
	vit_input_close(in);
	assert_int_equal(d.closed, 1);
}

static void memory_and_file(void **state)
{
	(void)state;
	struct vit_input *in;
	fill_data();
	assert_int_equal(vit_input_memory(&in, data, N, "memory"), 0);
	check_input(in);
	vit_input_close(in);

	FILE *f = fopen("file", "w");
	assert_int_equal(fwrite(data, 1, N, f), N);
	fclose(f);
	assert_int_equal(vit_input_open(&in, "file"), 0);
	check_input(in);
	assert_true(vit_input_fd(in) > 0);
	vit_input_close(in);
	vit_input_close(NULL);
}

static void large_reads_bypass_the_buffer(void **state)
{
	(void)state;
	static uint8_t buf[N];
	struct dribble d = { .step = 65536 };
	struct vit_input *in;
	const uint8_t *p;
	size_t got;
	fill_data();
	assert_int_equal(vit_input_reader(&in, dribble_read, NULL, &d, "dribble"), 0);
	assert_int_equal(vit_input_peek(in, 10, &p, &got), 0);
	assert_int_equal(vit_input_read(in, buf, N), 0);
	assert_memory_equal(buf, data, N);
	assert_int_equal(vit_input_tell(in), N);
	vit_input_close(in);
}

static void ends_and_failures(void **state)
{
	(void)state;
	struct vit_input *in;
	uint8_t buf[8];
	const uint8_t *p;
	size_t got;
	assert_int_equal(vit_input_memory(&in, "abc", 3, "three"), 0);
	assert_int_equal(vit_input_read(in, buf, 5), VIT_EFORMAT);
	assert_string_equal(vit_errmsg(), "three: ends at byte 3, 2 more were expected");
	assert_int_equal(vit_input_peek(in, 1, &p, &got), 0);
	assert_int_equal(got, 0);
	assert_int_equal(vit_input_peek(in, (size_t)2 << 30, &p, &got), VIT_EFORMAT);
	vit_input_close(in);

	assert_int_equal(vit_input_open(&in, "absent"), VIT_EIO);
	assert_string_equal(vit_errmsg(), "absent: No such file or directory");
	assert_int_equal(vit_input_open(&in, "."), VIT_EUSAGE);

	struct dribble d = { .step = 7, .fail_at = 21 };
	assert_int_equal(vit_input_reader(&in, dribble_read, NULL, &d, "dribble"), 0);
	assert_int_equal(vit_input_peek(in, 21, &p, &got), 0);
	assert_int_equal(vit_input_peek(in, 22, &p, &got), VIT_EFORMAT);
	assert_string_equal(vit_errmsg(), "torn");
	vit_input_close(in);
}

static void count_wait(void *ctx)
{
	++*(int *)ctx;
}

/* Flush is asked for when the pipe is empty, not while it holds bytes; a byte
 * in the interrupt pipe ends the wait. */
static void waiting(void **state)
{
	(void)state;
	int p[2], stop[2], waits = 0;
	const uint8_t *q;
	size_t got;
	char path[32];
	struct vit_input *in;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(stop), 0);
	snprintf(path, sizeof path, "/dev/fd/%d", p[0]);
	assert_int_equal(vit_input_open(&in, path), 0);
	vit_input_on_wait(in, count_wait, &waits);
	vit_input_interrupt(stop[0]);
	assert_int_equal(write(p[1], "abc", 3), 3);
	assert_int_equal(vit_input_peek(in, 3, &q, &got), 0);
	assert_int_equal(waits, 0);
	assert_int_equal(write(stop[1], "", 1), 1);
	assert_int_equal(vit_input_peek(in, 4, &q, &got), VIT_EINTR);
	vit_input_interrupt(-1);
	close(p[1]);
	assert_int_equal(vit_input_peek(in, 4, &q, &got), 0);
	assert_int_equal(got, 3);
	vit_input_close(in);
	close(p[0]);
	close(stop[0]);
	close(stop[1]);
}

static void *late_writer(void *fd)
{
	usleep(30000);
	ssize_t w = write(*(int *)fd, "x", 1);
	return w == 1 ? fd : NULL;
}

static void waited_time_is_counted(void **state)
{
	(void)state;
	int p[2], waits = 0;
	char path[32], c;
	struct vit_input *in;
	pthread_t t;
	assert_int_equal(pipe(p), 0);
	snprintf(path, sizeof path, "/dev/fd/%d", p[0]);
	assert_int_equal(vit_input_open(&in, path), 0);
	vit_input_on_wait(in, count_wait, &waits);
	assert_int_equal(pthread_create(&t, NULL, late_writer, &p[1]), 0);
	assert_int_equal(vit_input_read(in, &c, 1), 0);
	pthread_join(t, NULL);
	assert_int_equal(waits, 1);
	assert_true(vit_input_waited(in) > 0.01);
	vit_input_close(in);
	close(p[0]);
	close(p[1]);
}

/* ---- output ----------------------------------------------------------------------- */

static void put(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void holds(const char *path, const char *text)
{
	char buf[256] = "";
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	buf[fread(buf, 1, sizeof buf - 1, f)] = 0;
	fclose(f);
	assert_string_equal(buf, text);
}

static int temps(void)
{
	int n = 0;
	DIR *d = opendir(".");
	for (struct dirent *e; (e = readdir(d)); )
		n += strstr(e->d_name, ".tmp") != NULL;
	closedir(d);
	return n;
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static struct vit_output *opened(const char *path, const char *text)
{
	struct vit_output *o;
	assert_int_equal(vit_output_open(&o, path), 0);
	assert_int_equal(vit_output_write(o, text, strlen(text)), 0);
	assert_int_equal(vit_output_tell(o), strlen(text));
	return o;
}

static void a_file_appears_when_complete(void **state)
{
	(void)state;
	struct vit_output *o = opened("new", "fresh");
	assert_int_equal(access("new", F_OK), -1);
	assert_in_range(temps(), 0, 1);         /* 1 where files without a name do not exist */
	assert_int_equal(vit_output_commit(o, "", 0), 0);
	holds("new", "fresh");
	assert_int_equal(mode_of("new"), 0644);
	assert_int_equal(temps(), 0);
}

static void a_killed_writer_leaves_nothing(void **state)
{
	(void)state;
	int fd = open(".", O_TMPFILE | O_WRONLY, 0600);
	if (fd < 0)
		skip();
	close(fd);
	put("kept", "old", 0644);
	pid_t pid = fork();
	if (pid == 0) {
		opened("kept", "half of it");
		kill(getpid(), SIGKILL);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	holds("kept", "old");
	assert_int_equal(temps(), 0);
}

static void discard_leaves_what_was(void **state)
{
	(void)state;
	put("kept", "old", 0644);
	vit_output_discard(opened("kept", "half of it"));
	holds("kept", "old");
	struct vit_output *o = opened("kept", "half of it");
	vit_output_cleanup();
	assert_int_equal(temps(), 0);
	vit_output_discard(o);
	holds("kept", "old");
	assert_int_equal(temps(), 0);
	vit_output_discard(NULL);
}

static void modes_and_umask(void **state)
{
	(void)state;
	put("secret", "old", 0600);
	assert_int_equal(vit_output_commit(opened("secret", "s"), "", 0), 0);
	assert_int_equal(mode_of("secret"), 0600);
	umask(077);
	assert_int_equal(vit_output_commit(opened("mine", "m"), "", 0), 0);
	umask(022);
	assert_int_equal(mode_of("mine"), 0600);
}

static void backup_and_rejected(void **state)
{
	(void)state;
	put("ckpt", "one", 0644);
	assert_int_equal(vit_output_commit(opened("ckpt", "two"), "", 1), 0);
	holds("ckpt", "two");
	holds("ckpt~", "one");
	assert_int_equal(vit_output_commit(opened("ckpt", "three"), "", 1), 0);
	holds("ckpt~", "two");
	assert_int_equal(vit_output_commit(opened("ckpt", "bad"), ".rejected", 0), 0);
	holds("ckpt", "three");
	holds("ckpt.rejected", "bad");
	assert_int_equal(vit_output_commit(opened("first", "1"), "", 1), 0);
	assert_int_equal(access("first~", F_OK), -1);
}

static void links_are_followed(void **state)
{
	(void)state;
	assert_int_equal(mkdir("sub", 0755), 0);
	put("sub/real", "old", 0640);
	assert_int_equal(symlink("sub/hop", "link"), 0);
	assert_int_equal(symlink("real", "sub/hop"), 0);
	assert_int_equal(vit_output_commit(opened("link", "new"), "", 0), 0);
	holds("sub/real", "new");
	assert_int_equal(mode_of("sub/real"), 0640);
	struct stat st;
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));

	assert_int_equal(symlink("sub/later", "dangling"), 0);
	assert_int_equal(vit_output_commit(opened("dangling", "there"), "", 0), 0);
	holds("sub/later", "there");

	struct vit_output *o;
	assert_int_equal(symlink("loop", "loop"), 0);
	assert_int_equal(vit_output_open(&o, "loop"), VIT_EIO);
}

static void input_and_output_may_be_one_file(void **state)
{
	(void)state;
	struct vit_input *in;
	char buf[3];
	put("same", "abc", 0644);
	assert_int_equal(vit_input_open(&in, "same"), 0);
	struct vit_output *o = opened("same", "xyz+");
	assert_int_equal(vit_input_read(in, buf, 3), 0);
	assert_memory_equal(buf, "abc", 3);
	vit_input_close(in);
	assert_int_equal(vit_output_commit(o, "", 0), 0);
	holds("same", "xyz+");
}

static void *read_fifo(void *buf)
{
	int fd = open("fifo", O_RDONLY);
	for (ssize_t n; (n = read(fd, buf, 16)) > 0; )
		;
	close(fd);
	return NULL;
}

static void fifos_and_devices_are_written_straight(void **state)
{
	(void)state;
	struct vit_output *o;
	pthread_t t;
	char got[16] = "";
	struct stat st;
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(pthread_create(&t, NULL, read_fifo, got), 0);
	assert_int_equal(vit_output_commit(opened("fifo", "through"), "", 0), 0);
	pthread_join(t, NULL);
	assert_string_equal(got, "through");
	assert_int_equal(stat("fifo", &st), 0);
	assert_true(S_ISFIFO(st.st_mode));

	assert_int_equal(vit_output_open(&o, "/dev/full"), 0);
	assert_int_equal(vit_output_write(o, "x", 1), VIT_EIO);
	assert_string_equal(vit_errmsg(), "/dev/full: No space left on device");
	vit_output_discard(o);
	assert_int_equal(access("/dev/full", F_OK), 0);
}

static void a_closed_reader_is_told_apart(void **state)
{
	(void)state;
	int p[2];
	char path[32];
	struct vit_output *o;
	assert_int_equal(pipe(p), 0);
	snprintf(path, sizeof path, "/dev/fd/%d", p[1]);
	assert_int_equal(vit_output_open(&o, path), 0);
	close(p[0]);
	assert_int_equal(vit_output_write(o, "x", 1), VIT_EPIPE);
	vit_output_discard(o);
	close(p[1]);
}

/* A descriptor named as a path keeps the offset that it has. */
static void descriptors_keep_their_offset(void **state)
{
	(void)state;
	char path[32];
	int fd = open("appended", O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "head ", 5), 5);
	snprintf(path, sizeof path, "/dev/fd/%d", fd);
	assert_int_equal(vit_output_commit(opened(path, "tail"), "", 0), 0);
	assert_int_equal(write(fd, "!", 1), 1);
	close(fd);
	holds("appended", "head tail!");
}

static void bad_targets_fail_at_once(void **state)
{
	(void)state;
	struct vit_output *o;
	assert_int_equal(vit_output_open(&o, "."), VIT_EUSAGE);
	assert_null(o);
	assert_int_equal(vit_output_open(&o, ""), VIT_EUSAGE);
	assert_int_equal(vit_output_open(&o, "new-dir/"), VIT_EUSAGE);
	assert_int_equal(vit_output_open(&o, "nowhere/file"), VIT_EIO);
	assert_int_equal(vit_output_open(&o, "/dev/fd/987"), VIT_EIO);
	if (geteuid() != 0) {
		put("guarded", "old", 0444);
		assert_int_equal(vit_output_open(&o, "guarded"), VIT_EIO);
	}
	assert_int_equal(temps(), 0);
}

static void a_failed_rename_keeps_the_finished_file(void **state)
{
	(void)state;
	struct vit_output *o = opened("taken", "precious");
	assert_int_equal(mkdir("taken", 0755), 0);
	assert_int_equal(vit_output_commit(o, "", 0), VIT_EIO);
	const char *stays = strstr(vit_errmsg(), "the finished file stays as ");
	assert_non_null(stays);
	holds(stays + strlen("the finished file stays as "), "precious");
	assert_int_equal(unlink(stays + strlen("the finished file stays as ")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peek_over_reads_of_seven_bytes),
		cmocka_unit_test(memory_and_file),
		cmocka_unit_test(large_reads_bypass_the_buffer),
		cmocka_unit_test(ends_and_failures),
		cmocka_unit_test(waiting),
		cmocka_unit_test(waited_time_is_counted),
		cmocka_unit_test(a_file_appears_when_complete),
		cmocka_unit_test(a_killed_writer_leaves_nothing),
		cmocka_unit_test(discard_leaves_what_was),
		cmocka_unit_test(modes_and_umask),
		cmocka_unit_test(backup_and_rejected),
		cmocka_unit_test(links_are_followed),
		cmocka_unit_test(input_and_output_may_be_one_file),
		cmocka_unit_test(fifos_and_devices_are_written_straight),
		cmocka_unit_test(a_closed_reader_is_told_apart),
		cmocka_unit_test(descriptors_keep_their_offset),
		cmocka_unit_test(bad_targets_fail_at_once),
		cmocka_unit_test(a_failed_rename_keeps_the_finished_file),
	};
	return cmocka_run_group_tests(tests, enter_dir, remove_dir);
}
