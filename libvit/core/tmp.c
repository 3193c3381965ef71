/* SPDX-License-Identifier: MIT */
#include "core/tmp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *directory(void)
{
	const char *dir = getenv("TMPDIR");
	/* not /tmp: it is often memory, which is what ran out */
	return dir && *dir ? dir : "/var/tmp";
}

int vit_tmp_open(int *fd, const char *what)
{
	const char *dir = directory();
	char path[PATH_MAX];
	*fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (*fd >= 0)
		return 0;
	/* file systems without O_TMPFILE */
	if (snprintf(path, sizeof path, "%s/vit-XXXXXX", dir) >= (int)sizeof path)
		return vit_fail(VIT_EIO, "TMPDIR is longer than %d bytes", PATH_MAX);
	*fd = mkostemp(path, O_CLOEXEC);
	if (*fd < 0)
		return vit_fail_errno("a temporary file for %s beyond --memory in %s; set TMPDIR to a directory that can be written", what, dir);
	unlink(path);
	return 0;
}

int vit_tmp_write(int fd, const void *p, size_t n, unsigned long long at, const char *what)
{
	for (size_t done = 0; done < n; ) {
		ssize_t k = pwrite(fd, (const char *)p + done, n - done, (off_t)(at + done));
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return vit_fail_errno("a temporary file for %s beyond --memory in %s; set TMPDIR to a larger disk", what, directory());
		done += (size_t)k;
	}
	return 0;
}
