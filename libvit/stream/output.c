/* SPDX-License-Identifier: MIT */
#include "stream/output.h"

#include "core/mem.h"
#include "stream/input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct vit_output {
	int fd;
	char *name;             /* as the user wrote it */
	char *target;           /* after symbolic links; NULL: written straight */
	char *temp;             /* NULL as long as the file has no name */
	int slot;
	uint64_t written;
};

/* ---- temporaries that exist ------------------------------------------------------ */

/* Fixed slots, since a signal handler walks them. */
enum { MAX_TEMPS = 64 };
static _Atomic(char *) temps[MAX_TEMPS];

static int remember(char *temp)
{
	for (int i = 0; i < MAX_TEMPS; i++) {
		char *none = NULL;
		if (atomic_compare_exchange_strong(&temps[i], &none, temp))
			return i;
	}
	return vit_fail(VIT_EIO, "%s: more than %d output files at once", temp, MAX_TEMPS);
}

static void forget(struct vit_output *o)
{
	char *temp = o->temp;
	if (o->slot >= 0)
		atomic_compare_exchange_strong(&temps[o->slot], &temp, NULL);
	o->slot = -1;
}

void vit_output_cleanup(void)
{
	for (int i = 0; i < MAX_TEMPS; i++) {
		char *temp = atomic_exchange(&temps[i], NULL);
		if (temp)
			unlink(temp);
	}
}

/* ---- opening ---------------------------------------------------------------------- */

/* The descriptor that a path such as /dev/stdout or /dev/fd/3 names, or -1.
 * Opening those anew would lose the offset that the shell gave them. */
static int descriptor_of(const char *path)
{
	static const char *const dir[] = { "/dev/fd/", "/proc/self/fd/" };
	if (!path || !strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (int i = 0; i < 2; i++) {
		size_t n = strlen(dir[i]);
		if (!strncmp(path, dir[i], n) && path[n] && strspn(path + n, "0123456789") == strlen(path + n))
			return (int)strtol(path + n, NULL, 10);
	}
	return -1;
}

static int open_descriptor(struct vit_output *o, int fd)
{
	/* a copy, so that closing it reports what the system still had to say */
	o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return o->fd < 0 ? vit_fail_errno("%s", o->name) : 0;
}

static int open_device(struct vit_output *o)
{
	/* a FIFO waits here for its reader */
	o->fd = open(o->name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (o->fd < 0 && errno == EINTR)
		return vit_fail(VIT_EINTR, "%s: interrupted", o->name);
	return o->fd < 0 ? vit_fail_errno("%s", o->name) : 0;
}

/* Follow symbolic links by hand: realpath() cannot when the last is dangling. */
static int resolve(struct vit_output *o)
{
	char path[PATH_MAX], link[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "%s", o->name) >= sizeof path)
		return vit_fail(VIT_EIO, "%s: path too long", o->name);
	for (int hops = 0;; hops++) {
		ssize_t n = readlink(path, link, sizeof link - 1);
		if (n < 0)
			break;          /* not a link, or not there */
		if (hops == 40)
			return vit_fail(VIT_EIO, "%s: too many symbolic links", o->name);
		link[n] = 0;
		char *slash = link[0] == '/' ? NULL : strrchr(path, '/');
		size_t dir = slash ? (size_t)(slash + 1 - path) : 0;
		if (dir + (size_t)n >= sizeof path)
			return vit_fail(VIT_EIO, "%s: path too long", o->name);
		memcpy(path + dir, link, (size_t)n + 1);
	}
	o->target = vit_strdup(path);
	return o->target ? 0 : VIT_ENOMEM;
}

static int keep_mode(struct vit_output *o, const struct stat *existing)
{
	/* only root can give a file away; others write as themselves */
	int given = fchown(o->fd, existing->st_uid, existing->st_gid);
	/* after it, since a change of owner clears the set-id bits, which must
	 * not be set again for another owner */
	mode_t mode = existing->st_mode & (given ? 0777 : 07777);
	return fchmod(o->fd, mode) ? vit_fail_errno("%s: cannot keep its mode", o->name) : 0;
}

/* The next name ".NAME.PID-N.tmp" beside the target, into o->temp. */
static int name_temp(struct vit_output *o)
{
	static atomic_uint serial;
	const char *slash = strrchr(o->target, '/');
	const char *base = slash ? slash + 1 : o->target;
	size_t size = strlen(o->target) + 48;
	char *name = vit_realloc(o->temp, size);
	if (!name)
		return VIT_ENOMEM;
	o->temp = name;
	/* a long name is cut, to stay below NAME_MAX */
	snprintf(name, size, "%.*s.%.200s.%ld-%u.tmp", (int)(base - o->target), o->target, base, (long)getpid(),
		 atomic_fetch_add(&serial, 1u));
	return 0;
}

/* A file without a name in the target's directory: a killed program leaves
 * nothing behind. -1 where the file system has none, or no /proc can name it. */
static int open_nameless(const struct vit_output *o)
{
	char dir[PATH_MAX], self[64];
	const char *slash = strrchr(o->target, '/');
	snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash + 1 - o->target) : 1, slash ? o->target : ".");
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (fd >= 0 && access(self, F_OK)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Opened by hand, not by mkstemp(), so that the kernel applies umask and the
 * directory's default ACL. */
static int open_temp(struct vit_output *o, const struct stat *existing)
{
	o->fd = open_nameless(o);
	if (o->fd < 0) {
		do {
			VIT_TRY(name_temp(o));
			o->fd = open(o->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		} while (o->fd < 0 && errno == EEXIST);
		if (o->fd < 0)
			return vit_fail_errno("%s: cannot create a file beside it", o->name);
		o->slot = remember(o->temp);
		if (o->slot < 0) {
			unlink(o->temp);
			return VIT_EIO;
		}
	}
	return existing ? keep_mode(o, existing) : 0;
}

static int open_any(struct vit_output *o, const char *path)
{
	int fd = descriptor_of(path);
	if (fd >= 0)
		return open_descriptor(o, fd);
	if (!*path)
		return vit_fail(VIT_EUSAGE, "the name of the output file is empty");
	struct stat st;
	int exists = !stat(o->name, &st);
	size_t len = strlen(o->name);
	if ((exists && S_ISDIR(st.st_mode)) || (len && o->name[len - 1] == '/'))
		return vit_fail(VIT_EUSAGE, "%s: is a directory, a file name was expected", o->name);
	if (exists && !S_ISREG(st.st_mode))
		return open_device(o);
	/* a rename needs no right to the file itself, but a read-only file says
	 * that it wants to stay */
	if (exists && access(o->name, W_OK))
		return vit_fail_errno("%s", o->name);
	VIT_TRY(resolve(o));
	return open_temp(o, exists ? &st : NULL);
}

int vit_output_open(struct vit_output **out, const char *path)
{
	struct vit_output *o = vit_calloc(1, sizeof *o);
	*out = NULL;
	if (!o)
		return VIT_ENOMEM;
	o->fd = o->slot = -1;
	o->name = vit_strdup(path && strcmp(path, "-") ? path : "<stdout>");
	int rc = o->name ? open_any(o, path) : VIT_ENOMEM;
	if (rc)
		vit_output_discard(o);
	else
		*out = o;
	return rc;
}

/* ---- writing ----------------------------------------------------------------------- */

/* After a signal a slow reader still gets the end of the stream, a stalled one
 * is not waited for: less than PIPE_BUF never blocks where poll saw room. */
static int may_write(struct vit_output *o, size_t *n)
{
	enum { PATIENCE_MS = 1000 };
	if (o->target || !vit_input_interrupted())
		return 0;
	if (*n > PIPE_BUF)
		*n = PIPE_BUF;
	int ready = poll(&(struct pollfd) { .fd = o->fd, .events = POLLOUT }, 1, PATIENCE_MS);
	return ready == 0 ? vit_fail(VIT_EINTR, "%s: interrupted", o->name) : 0;
}

int vit_output_write(struct vit_output *o, const void *p, size_t n)
{
	const uint8_t *from = p;
	while (n) {
		size_t piece = n;
		VIT_TRY(may_write(o, &piece));
		ssize_t w = write(o->fd, from, piece);
		if (w >= 0) {
			from += w;
			n -= (size_t)w;
			o->written += (uint64_t)w;
		} else if (errno == EAGAIN) {
			/* someone who shares the descriptor made it non-blocking */
			poll(&(struct pollfd) { .fd = o->fd, .events = POLLOUT }, 1, -1);
		} else if (errno != EINTR) {
			return vit_fail_errno("%s", o->name);
		}
	}
	return 0;
}

const char *vit_output_name(const struct vit_output *o)
{
	return o->name;
}

int vit_output_is_tty(const struct vit_output *o)
{
	return isatty(o->fd);
}

uint64_t vit_output_tell(const struct vit_output *o)
{
	return o->written;
}

/* ---- the end ------------------------------------------------------------------------- */

static void free_output(struct vit_output *o)
{
	forget(o);
	if (o->fd >= 0)
		close(o->fd);
	free(o->name);
	free(o->target);
	free(o->temp);
	free(o);
}

void vit_output_discard(struct vit_output *o)
{
	if (!o)
		return;
	if (o->slot >= 0)
		unlink(o->temp);
	free_output(o);
}

static int close_fd(struct vit_output *o)
{
	int fd = o->fd;
	o->fd = -1;
	return close(fd) && errno != EINTR ? vit_fail_errno("%s", o->name) : 0;
}

/* "TARGET~" beside the target, which itself never goes away. */
static int keep_backup(const char *target)
{
	struct vit_buf b = { 0 };
	int rc = vit_buf_printf(&b, "%s~", target);
	const char *backup = (const char *)b.p;
	if (!rc && unlink(backup) && errno != ENOENT)
		rc = vit_fail_errno("%s: cannot replace", backup);
	if (!rc && link(target, backup) && errno != ENOENT && rename(target, backup))
		rc = vit_fail_errno("%s: cannot keep the previous file", backup);
	vit_buf_release(&b);
	return rc;
}

/* The rename is on disk only when its directory is; file systems that cannot
 * sync a directory are left to their own. */
static void sync_dir(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash + 1 - path) : 0;
	if (n >= sizeof dir)
		return;
	memcpy(dir, path, n);
	dir[n] = 0;
	int fd = open(n ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* Give a nameless file the name that the rename starts from. */
static int link_temp(struct vit_output *o)
{
	char self[64];
	snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
	int failed;
	do {
		VIT_TRY(name_temp(o));
		failed = linkat(AT_FDCWD, self, AT_FDCWD, o->temp, AT_SYMLINK_FOLLOW);
	} while (failed && errno == EEXIST);
	if (failed)
		return vit_fail_errno("%s: cannot name the finished file", o->name);
	o->slot = remember(o->temp);
	return o->slot < 0 ? VIT_EIO : 0;
}

static int move_temp(struct vit_output *o, const char *suffix, int backup)
{
	struct vit_buf b = { 0 };
	int rc = vit_buf_printf(&b, "%s%s", o->target, suffix);
	const char *dest = (const char *)b.p;
	forget(o);      /* from here on the finished file is not ours to remove */
	if (!rc && backup)
		rc = keep_backup(dest);
	if (!rc && rename(o->temp, dest))
		rc = vit_fail_errno("%s: cannot rename", dest);
	if (rc)
		rc = vit_fail(rc, "%s; the finished file stays as %s", vit_errmsg(), o->temp);
	else
		sync_dir(dest);
	vit_buf_release(&b);
	return rc;
}

int vit_output_commit(struct vit_output *o, const char *suffix, int backup)
{
	int rc = 0;
	if (o->target && fsync(o->fd) && errno != EINVAL)
		rc = vit_fail_errno("%s: cannot sync", o->name);
	if (!rc && o->target && !o->temp)
		rc = link_temp(o);
	int closed = close_fd(o);
	if (!rc)
		rc = closed;
	if (!rc && o->target)
		rc = move_temp(o, suffix, backup);
	if (rc)
		vit_output_discard(o);  /* removes the temporary unless it was finished */
	else
		free_output(o);
	return rc;
}
