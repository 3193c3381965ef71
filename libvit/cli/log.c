/* SPDX-License-Identifier: MIT
 *
 * log.c - one JSON object a line.
 */
#include "cli/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fd = -1;
static const char *name;

int cli_log_open(const char *path)
{
	name = path;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	return fd < 0 ? vit_fail_errno("--log %s", path) : 0;
}

/* A line is one write, so that a reader who follows the file sees whole lines. */
static int write_line(char *text, size_t n)
{
	text[n++] = '\n';       /* over the NUL */
	for (size_t done = 0; done < n; ) {
		ssize_t w = write(fd, text + done, n - done);
		if (w < 0 && errno != EINTR)
			return vit_fail_errno("--log %s", name);
		done += w < 0 ? 0 : (size_t)w;
	}
	return 0;
}

int cli_log(json_t *obj)
{
	int rc = 0;
	if (fd >= 0) {
		char *text = json_dumps(obj, JSON_COMPACT);
		rc = text ? write_line(text, strlen(text)) : vit_fail(VIT_ENOMEM, "--log %s: an event cannot be written as JSON", name);
		free(text);
	}
	json_decref(obj);
	return rc;
}

void cli_log_close(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}
