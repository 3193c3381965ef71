/* SPDX-License-Identifier: MIT
 *
 * limits.c - what this process may use: affinity mask, RAM, cgroup v1 and v2.
 */
#include "core/thread.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One limit: the file that holds it in each version of cgroups. */
struct knob {
	const char *v2, *v1, *controller;
	/* The limit in text, or 0 when the text sets none. */
	unsigned long long (*parse)(const char *text, const char *dir);
};

static int read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	char *line = fgets(buf, (int)size, f);
	fclose(f);
	return line ? 0 : -1;
}

static unsigned long long parse_memory(const char *text, const char *dir)
{
	(void)dir;
	return strtoull(text, NULL, 10);        /* "max" gives 0 */
}

/* v2: "QUOTA PERIOD" or "max PERIOD"; v1: quota here, period in a file beside. */
static unsigned long long parse_cpu(const char *text, const char *dir)
{
	char path[PATH_MAX + 64], beside[64];
	long long quota = 0, period = 0;
	int n = sscanf(text, "%lld %lld", &quota, &period);
	snprintf(path, sizeof path, "%s/cpu.cfs_period_us", dir);
	if (n == 1 && !read_line(path, beside, sizeof beside))
		period = atoll(beside);
	if (quota <= 0 || period <= 0)
		return 0;
	return quota < period ? 1 : (unsigned long long)(quota / period);
}

static const struct knob memory_knob = { "memory.max", "memory.limit_in_bytes", "memory", parse_memory };
static const struct knob cpu_knob = { "cpu.max", "cpu.cfs_quota_us", "cpu", parse_cpu };

/* The smallest limit from a group up to the root. In a container the path
 * named by /proc may lie outside of what is mounted: such levels are absent and
 * passed over. */
static unsigned long long smallest(const struct knob *k, const char *mount, const char *file, const char *group)
{
	char dir[PATH_MAX], path[PATH_MAX + 64], text[128];
	unsigned long long best = 0;
	int n = snprintf(dir, sizeof dir, "%s%s", mount, group);
	if (n < 0 || (size_t)n >= sizeof dir)
		return 0;
	for (size_t root = strlen(mount); strlen(dir) >= root; ) {
		snprintf(path, sizeof path, "%s/%s", dir, file);
		unsigned long long v = read_line(path, text, sizeof text) ? 0 : k->parse(text, dir);
		if (v && (!best || v < best))
			best = v;
		char *slash = strrchr(dir, '/');
		if (!slash)
			break;
		*slash = 0;
	}
	return best;
}

static int has_word(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = list; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (!strncmp(p, word, n) && (p[n] == ',' || !p[n]))
			return 1;
	return 0;
}

static unsigned long long cgroup_limit(const struct knob *k, const char *root)
{
	char path[PATH_MAX], line[PATH_MAX + 64], mount[PATH_MAX];
	unsigned long long best = 0;
	snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
	FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		/* ID:CONTROLLERS:PATH; version 2 has no controllers */
		line[strcspn(line, "\n")] = 0;
		char *list = strchr(line, ':');
		char *group = list ? strchr(list + 1, ':') : NULL;
		if (!group)
			continue;
		*group++ = 0;
		list++;
		int v2 = !*list;
		if (!v2 && !has_word(list, k->controller))
			continue;
		snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s%s", root, v2 ? "" : "/", v2 ? "" : k->controller);
		unsigned long long v = smallest(k, mount, v2 ? k->v2 : k->v1, strcmp(group, "/") ? group : "");
		if (v && (!best || v < best))
			best = v;
	}
	if (f)
		fclose(f);
	return best;
}

int vit_cpu_quota(const char *root)
{
	unsigned long long n = cgroup_limit(&cpu_knob, root);
	return n > INT_MAX ? INT_MAX : (int)n;
}

unsigned long long vit_memory_quota(const char *root)
{
	return cgroup_limit(&memory_knob, root);
}

int vit_cpu_count(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) ? (int)sysconf(_SC_NPROCESSORS_ONLN) : CPU_COUNT(&set);
	int quota = vit_cpu_quota("");
	if (quota && quota < n)
		n = quota;
	return n < 1 ? 1 : n;
}

unsigned long long vit_memory_limit(void)
{
	unsigned long long ram = (unsigned long long)sysconf(_SC_PHYS_PAGES) * (unsigned long long)sysconf(_SC_PAGESIZE);
	unsigned long long quota = vit_memory_quota("");
	return quota && quota < ram ? quota : ram;
}
