/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "core/module.h"
#include "core/thread.h"
#include "core/tmp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct job {
	int in, out;
};

/* Early jobs take longest, so that threads finish out of order. */
static int square(void *ctx, void *p)
{
	struct job *j = p;
	usleep((unsigned)(*(int *)ctx * (7 - j->in % 8)));
	j->out = j->in * j->in;
	return j->in % 10 == 9 ? vit_fail(VIT_ERECORD, "job %d is bad", j->in) : 0;
}

static void check_order(int n, int depth)
{
	struct vit_workers *w;
	int delay = 200, popped = 0;
	struct job job[60];
	assert_int_equal(vit_workers_new(&w, n, depth, square, &delay), 0);
	for (int pushed = 0; popped < 60; ) {
		while (pushed < 60 && vit_workers_inside(w) < depth) {
			job[pushed] = (struct job) { pushed, -1 };
			assert_int_equal(vit_workers_push(w, &job[pushed++]), 0);
		}
		void *p;
		int rc = vit_workers_pop(w, &p);
		assert_ptr_equal(p, &job[popped]);
		assert_int_equal(job[popped].out, popped * popped);
		assert_int_equal(rc, popped % 10 == 9 ? VIT_ERECORD : 0);
		if (rc) {
			char want[32];
			snprintf(want, sizeof want, "job %d is bad", popped);
			assert_string_equal(vit_errmsg(), want);
		}
		popped++;
	}
	void *p = job;
	assert_int_equal(vit_workers_ready(w), 1);
	assert_int_equal(vit_workers_pop(w, &p), 0);
	assert_null(p);
	vit_workers_free(w);
}

static void workers_keep_the_order(void **state)
{
	(void)state;
	check_order(1, 4);
	check_order(2, 1);
	check_order(3, 8);
	check_order(8, 60);
}

static void free_with_jobs_inside(void **state)
{
	(void)state;
	struct vit_workers *w;
	int delay = 500;
	struct job job[20] = { { 0, 0 } };
	assert_int_equal(vit_workers_new(&w, 2, 20, square, &delay), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(vit_workers_push(w, &job[i]), 0);
	vit_workers_free(w);
	vit_workers_free(NULL);
}

/* ---- limits ------------------------------------------------------------------- */

static char root[64];

static void put(const char *path, const char *text)
{
	char full[256];
	for (const char *p = path; (p = strchr(p + 1, '/')); ) {
		snprintf(full, sizeof full, "%s%.*s", root, (int)(p - path), path);
		mkdir(full, 0700);
	}
	snprintf(full, sizeof full, "%s%s", root, path);
	FILE *f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/vit-limits-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", root);
	return system(command);
}

static void cgroup_v2_smallest_ancestor(void **state)
{
	(void)state;
	put("/proc/self/cgroup", "0::/user/job\n");
	put("/sys/fs/cgroup/user/cpu.max", "350000 100000\n");
	put("/sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
	put("/sys/fs/cgroup/user/memory.max", "max\n");
	put("/sys/fs/cgroup/user/job/memory.max", "1048576\n");
	assert_int_equal(vit_cpu_quota(root), 3);
	assert_int_equal(vit_memory_quota(root), 1048576);
}

static void cgroup_v2_outside_of_the_mount(void **state)
{
	(void)state;
	put("/proc/self/cgroup", "0::/../elsewhere\n");
	put("/sys/fs/cgroup/cpu.max", "50000 100000\n");
	assert_int_equal(vit_cpu_quota(root), 1);
	assert_int_equal(vit_memory_quota(root), 0);
}

static void cgroup_v1(void **state)
{
	(void)state;
	put("/proc/self/cgroup", "3:cpu,cpuacct:/job\n4:memory:/job\n1:name=systemd:/job\n");
	put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
	put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
	put("/sys/fs/cgroup/cpu/job/cpu.cfs_quota_us", "-1\n");
	put("/sys/fs/cgroup/cpu/job/cpu.cfs_period_us", "100000\n");
	put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "4096\n");
	assert_int_equal(vit_cpu_quota(root), 2);
	assert_int_equal(vit_memory_quota(root), 4096);
}

static void this_system_has_limits(void **state)
{
	(void)state;
	assert_int_equal(vit_cpu_quota("/nowhere"), 0);
	assert_in_range(vit_cpu_count(), 1, 65536);
	assert_true(vit_memory_limit() > 1 << 20);
}

/* ---- temporary files --------------------------------------------------------------- */

static void temporary_files_are_nameless_and_beside_no_memory(void **state)
{
	(void)state;
	const char *was = getenv("TMPDIR");
	char *keep = was ? strdup(was) : NULL, link[64], at[256];
	const char *where[] = { NULL, "", root }, *want[] = { "/var/tmp/", "/var/tmp/", root };
	for (int i = 0; i < 3; i++) {
		int fd;
		if (where[i])
			setenv("TMPDIR", where[i], 1);
		else
			unsetenv("TMPDIR");
		assert_int_equal(vit_tmp_open(&fd, "tests"), 0);
		snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
		ssize_t n = readlink(link, at, sizeof at - 1);
		assert_true(n > 0);
		at[n] = '\0';
		assert_memory_equal(at, want[i], strlen(want[i]));
		assert_non_null(strstr(at, "(deleted)"));
		assert_int_equal(vit_tmp_write(fd, "abc", 3, 2, "tests"), 0);
		assert_int_equal(lseek(fd, 0, SEEK_END), 5);
		close(fd);
	}
	if (keep)
		setenv("TMPDIR", keep, 1);
	else
		unsetenv("TMPDIR");
	free(keep);
}

/* ---- modules -------------------------------------------------------------------- */

static void modules_are_found_beside_the_library(void **state)
{
	(void)state;
	const struct vit_module *m;
	assert_int_equal(vit_lib_dir()[0], '/');
	assert_non_null(strstr(vit_share_dir(), "/share/vit"));
	assert_int_equal(strlen(vit_build_id()), 24);
	assert_int_equal(vit_module_open("nosuch", &m), VIT_EUNSUPPORTED);
	assert_non_null(strstr(vit_errmsg(), "libvit-nosuch.so"));
	assert_int_equal(vit_module_open("../cpu", &m), VIT_EUNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(workers_keep_the_order),
		cmocka_unit_test(free_with_jobs_inside),
		cmocka_unit_test_setup_teardown(cgroup_v2_smallest_ancestor, make_root, remove_root),
		cmocka_unit_test_setup_teardown(cgroup_v2_outside_of_the_mount, make_root, remove_root),
		cmocka_unit_test_setup_teardown(cgroup_v1, make_root, remove_root),
		cmocka_unit_test(this_system_has_limits),
		cmocka_unit_test_setup_teardown(temporary_files_are_nameless_and_beside_no_memory, make_root, remove_root),
		cmocka_unit_test(modules_are_found_beside_the_library),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
