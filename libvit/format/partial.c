/* SPDX-License-Identifier: MIT
 *
 * partial.c - PATH.part: written, locked, resumed, renamed.
 *
 * The lock is on the part's inode. Who gets it after waiting may hold a file
 * that has got its final name or was removed in the meantime, so the name is
 * looked up again afterwards.
 */
#include "format/partial.h"

#include "core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static char *joined(const char *a, const char *b)
{
	struct vit_buf out = { 0 };
	if (vit_buf_printf(&out, "%s%s", a, b))
		vit_buf_release(&out);
	return (char *)out.p;
}

/* All folders above `path`. */
static int make_folders(const char *path)
{
	char *p = vit_strdup(path);
	int rc = p ? 0 : VIT_ENOMEM;
	for (char *slash = p ? strchr(p + 1, '/') : NULL; slash && !rc; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(p, 0777) && errno != EEXIST)
			rc = vit_fail_errno("%s: cannot be made; --cache DIR keeps downloads elsewhere", p);
		*slash = '/';
	}
	free(p);
	return rc;
}

/* ---- what is known of the bytes ---------------------------------------------------------- */

/* Two lines: origin, validator. Anything else counts as nothing known. */
static void read_from(struct vit_partial *f)
{
	FILE *in = fopen(f->from, "re");
	char line[2][sizeof f->validator + 2] = { "", "" };
	if (!in)
		return;
	for (int i = 0; i < 2 && fgets(line[i], sizeof line[i], in); i++)
		line[i][strcspn(line[i], "\n")] = 0;
	fclose(in);
	if (strlen(line[0]) == sizeof f->origin - 1 && strlen(line[1]) < sizeof f->validator) {
		memcpy(f->origin, line[0], sizeof f->origin);
		memcpy(f->validator, line[1], strlen(line[1]) + 1);
	}
}

static int write_from(const struct vit_partial *f)
{
	int fd = open(f->from, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return vit_fail_errno("%s", f->from);
	int bad = dprintf(fd, "%s\n%s\n", f->origin, f->validator) < 0;
	bad |= close(fd) != 0;
	return bad ? vit_fail_errno("%s", f->from) : 0;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int lock(const struct vit_partial *f, int (*wait)(void *), void *ctx)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	while (flock(f->fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return vit_fail_errno("%s: cannot be locked", f->part);
		VIT_TRY(wait(ctx));
		nanosleep(&tenth, NULL);
	}
	return 0;
}

/* Does the locked inode still have the part's name? */
static int is_named(const struct vit_partial *f, struct stat *mine)
{
	struct stat now;
	return !fstat(f->fd, mine) && !stat(f->part, &now) && now.st_ino == mine->st_ino && now.st_dev == mine->st_dev;
}

int vit_partial_open(struct vit_partial *f, const char *path, int (*wait)(void *), void *ctx)
{
	struct stat st;
	*f = (struct vit_partial){ .fd = -1 };
	f->path = vit_strdup(path);
	f->part = joined(path, ".part");
	f->from = joined(path, ".part.from");
	int rc = f->path && f->part && f->from ? make_folders(path) : VIT_ENOMEM;
	while (!rc) {
		if (!access(path, F_OK)) {
			rc = VIT_END;
			break;
		}
		f->fd = open(f->part, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0666);
		if (f->fd < 0)
			rc = vit_fail_errno("%s: cannot be opened; --cache DIR keeps downloads elsewhere", f->part);
		else
			rc = lock(f, wait, ctx);
		/* the target may have come between looking for it and making an empty part */
		if (!rc && is_named(f, &st) && access(path, F_OK)) {
			f->have = st.st_size;
			f->pieces = f->have > 0;
			read_from(f);
			return 0;
		}
		if (!rc && !access(path, F_OK) && is_named(f, &st) && !st.st_size)
			unlink(f->part);
		if (f->fd >= 0)
			close(f->fd);
		f->fd = -1;
	}
	vit_partial_close(f);
	return rc;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

int vit_partial_restart(struct vit_partial *f, const char *origin, const char *validator)
{
	f->have = 0;
	f->pieces = 1;
	snprintf(f->origin, sizeof f->origin, "%s", origin);
	snprintf(f->validator, sizeof f->validator, "%s", validator);
	/* emptied first: killed in between, no byte must be taken for another version's */
	if (ftruncate(f->fd, 0))
		return vit_fail_errno("%s", f->part);
	return write_from(f);
}

int vit_partial_write(struct vit_partial *f, const void *p, size_t n)
{
	for (size_t done = 0; done < n; ) {
		ssize_t k = pwrite(f->fd, (const char *)p + done, n - done, (off_t)f->have);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return vit_fail_errno("%s: after %" PRId64 " bytes; make room or name another disk by --cache DIR, what came is kept",
			                      f->part, f->have);
		done += (size_t)k;
		f->have += k;
	}
	return 0;
}

int vit_partial_room(const struct vit_partial *f, int64_t need)
{
	struct statvfs s;
	if (fstatvfs(f->fd, &s) || need <= 0)
		return 0;
	double left = (double)s.f_bavail * (double)s.f_frsize;
	return (double)need <= left ? 0 : vit_fail(VIT_EIO, "%s: %.1f MB are still to come, %.1f MB are free on its disk; "
	                                           "make room or name another disk by --cache DIR", f->part,
	                                           (double)need / 1e6, left / 1e6);
}

/* ---- the end ---------------------------------------------------------------------------------- */

int vit_partial_finish(struct vit_partial *f)
{
	/* some file systems say only now that the disk is full */
	if (fsync(f->fd) && errno != EINVAL)
		return vit_fail_errno("%s", f->part);
	if (rename(f->part, f->path))
		return vit_fail_errno("%s", f->path);
	unlink(f->from);
	close(f->fd);
	f->fd = -1;
	vit_partial_close(f);
	return 0;
}

void vit_partial_close(struct vit_partial *f)
{
	if (f->fd >= 0) {
		if (!f->have) {
			unlink(f->from);
			unlink(f->part);
		}
		close(f->fd);
	}
	f->fd = -1;
	free(f->path);
	free(f->part);
	free(f->from);
	f->path = f->part = f->from = NULL;
}
