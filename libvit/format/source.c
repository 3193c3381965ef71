/* SPDX-License-Identifier: MIT
 *
 * source.c - directories, archives, files and pipes as one sequence of members.
 *
 * Each path is opened when its turn comes. A directory is listed whole and
 * sorted by code point of the path below it, so its order does not depend on the
 * file system; an archive keeps its own order, as it is streamed.
 */
#include "archive/archive.h"
#include "format/source.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEAD = 1 << 16, SHORT_HEAD = 16 };

struct vit_source {
	char **path;
	int n_path, at;         /* at: the path whose turn comes next */
	char *name, *split;
	size_t memory, loaded;
	int once;               /* some path cannot be read again */
	int held;

	/* the open directory: paths below `root` */
	char *root, **file;
	size_t n_file, i_file;
	/* the open archive, what it reads from, and that as a blob where it must be random */
	const struct vit_archive_module *mod;
	struct vit_archive *archive;
	struct vit_input *archive_in;
	struct vit_blob archive_blob;

	/* the present member */
	struct vit_input *in;
	struct vit_member m;
	char *m_name;
	int plain;              /* its bytes are those of the input's descriptor */
};

/* ---- names ------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* A member's name once its compression is undone. */
static void strip_suffix(char *name)
{
	static const char *const suffix[] = { ".gz", ".bz2", ".xz", ".zst" };
	size_t n = strlen(name);
	for (size_t i = 0; i < sizeof suffix / sizeof *suffix; i++) {
		size_t k = strlen(suffix[i]);
		if (n > k && !strcmp(name + n - k, suffix[i])) {
			name[n - k] = '\0';
			return;
		}
	}
}

/* Hidden files and what operating systems leave in archives. */
static int litter(const char *name)
{
	return base_name(name)[0] == '.' || !strncmp(name, "__MACOSX/", 9);
}

/* ---- the present member ---------------------------------------------------------- */

static void member_close(struct vit_source *s)
{
	vit_input_close(s->in);
	free(s->m_name);
	s->in = NULL;
	s->m_name = NULL;
	s->m = (struct vit_member){ 0 };
}

/* Make `in` (taken over) the present member, its compression already undone. */
static int member_set(struct vit_source *s, struct vit_input *in, const char *name, int64_t size, int undone, int plain)
{
	s->in = in;
	s->m_name = vit_strdup(name);
	if (!s->m_name)
		return VIT_ENOMEM;
	for (int i = 0; i < undone; i++)
		strip_suffix(s->m_name);
	s->m.name = s->m_name;
	s->m.size = undone ? -1 : size;
	s->plain = plain && !undone;
	/* a stream may still be growing: do not wait for more of it than tells what it is */
	static const char stream[] = "\xa3vit\xa6stream";
	VIT_TRY(vit_input_peek(in, SHORT_HEAD, &s->m.head, &s->m.n_head));
	if (memmem(s->m.head, s->m.n_head, stream, sizeof stream - 1))
		return 0;
	return vit_input_peek(in, HEAD, &s->m.head, &s->m.n_head);
}

/* ---- archives --------------------------------------------------------------------- */

static void archive_shut(struct vit_source *s)
{
	if (s->archive)
		s->mod->close(s->archive);
	s->archive = NULL;
	vit_input_close(s->archive_in);
	s->archive_in = NULL;
	vit_blob_release(&s->archive_blob);
}

/* A tar header's checksum is the sum of its bytes with the field itself blank. */
static int is_tar(const uint8_t *p, size_t n)
{
	if (n < 512)
		return 0;
	unsigned sum = 0;
	for (int i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : p[i];
	char field[9] = { 0 };
	memcpy(field, p + 148, 8);
	char *end;
	unsigned long said = strtoul(field, &end, 8);
	return end > field && sum == said;
}

static int is_seven(const uint8_t *p, size_t n)
{
	return n >= 6 && !memcmp(p, "7z\xbc\xaf\x27\x1c", 6);
}

static int is_archive(const uint8_t *p, size_t n)
{
	return (n >= 4 && !memcmp(p, "PK\3\4", 4)) || is_seven(p, n) || is_tar(p, n);
}

/* Takes `in` over. Files are mapped so that libarchive can seek: zip's central
 * directory is more reliable than its stream, and 7z has nothing else. */
static int archive_start(struct vit_source *s, struct vit_input *in, int plain)
{
	const uint8_t *p;
	size_t got;
	s->archive_in = in;
	int rc = vit_input_peek(in, 512, &p, &got);
	if (!rc && (is_seven(p, got) || (plain && !is_tar(p, got))))
		rc = vit_blob_fill(&s->archive_blob, in, plain, -1, UINT64_MAX, s->memory);
	if (!rc)
		rc = vit_archive_load(&s->mod);
	if (!rc)
		rc = s->mod->open(&s->archive, s->archive_blob.n ? NULL : in, s->archive_blob.p, s->archive_blob.n, 0,
		                  vit_input_name(in));
	if (rc)
		archive_shut(s);
	return rc;
}

static ssize_t archive_member_read(void *ctx, void *buf, size_t n)
{
	struct vit_source *s = ctx;
	return s->mod->read(s->archive, buf, n);
}

static int archive_step(struct vit_source *s)
{
	const char *name;
	int64_t size;
	do {
		VIT_TRY(s->mod->next(s->archive, &name, &size));
		while (!strncmp(name, "./", 2) || *name == '/')
			name += *name == '/' ? 1 : 2;
	} while (litter(name));
	struct vit_input *in;
	VIT_TRY(vit_input_reader(&in, archive_member_read, NULL, s, name));
	int undone;
	int rc = vit_unpack(&in, &undone);
	if (rc) {
		vit_input_close(in);
		return rc;
	}
	return member_set(s, in, name, size, undone, 0);
}

/* ---- directories --------------------------------------------------------------------- */

static void directory_shut(struct vit_source *s)
{
	for (size_t i = 0; i < s->n_file; i++)
		free(s->file[i]);
	free(s->file);
	free(s->root);
	s->file = NULL;
	s->root = NULL;
	s->n_file = s->i_file = 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int directory_add(struct vit_source *s, size_t *cap, const char *path)
{
	if (s->n_file == *cap) {
		size_t want = *cap ? *cap * 2 : 256;
		char **file = vit_realloc(s->file, want * sizeof *file);
		if (!file)
			return VIT_ENOMEM;
		s->file = file;
		*cap = want;
	}
	s->file[s->n_file] = vit_strdup(path);
	return s->file[s->n_file++] ? 0 : (s->n_file--, VIT_ENOMEM);
}

/* Symbolic links are followed, circles are not. */
static int directory_start(struct vit_source *s, const char *path)
{
	int rc = 0;
	size_t cap = 0;
	s->root = vit_strdup(path);
	if (!s->root)
		return VIT_ENOMEM;
	size_t skip = strlen(path);
	while (skip > 1 && s->root[skip - 1] == '/')
		s->root[--skip] = '\0';
	char *roots[] = { s->root, NULL };
	FTS *fts = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, NULL);
	if (!fts)
		return vit_fail_errno("%s", path);
	for (FTSENT *e; !rc && (errno = 0, e = fts_read(fts));) {
		const char *below = e->fts_path + skip;
		while (*below == '/')
			below++;
		if (e->fts_info == FTS_D) {
			if (e->fts_level > 0 && litter(below))
				fts_set(fts, e, FTS_SKIP);
		} else if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR) {
			errno = e->fts_errno;
			rc = vit_fail_errno("%s", e->fts_path);
		} else if (e->fts_info == FTS_F && !litter(below)) {
			rc = directory_add(s, &cap, below);
		}
	}
	if (!rc && errno)
		rc = vit_fail_errno("%s", path);
	fts_close(fts);
	if (!rc && s->n_file)
		qsort(s->file, s->n_file, sizeof *s->file, by_name);
	return rc;
}

/* ---- files and the chain of paths ------------------------------------------------------- */

/* `name`: the member's; archives are opened only where a user named them. */
static int file_start(struct vit_source *s, const char *path, const char *name, int named)
{
	struct stat st;
	/* of stdin only the rest may be ours, so it is never taken as a file */
	int plain = strcmp(path, "-") != 0 && !stat(path, &st) && S_ISREG(st.st_mode);
	int64_t size = plain ? (int64_t)st.st_size : -1;
	struct vit_input *in;
	VIT_TRY(vit_input_open(&in, path));
	int undone = 0;
	const uint8_t *p;
	size_t got;
	int rc = vit_unpack(&in, &undone);
	if (!rc)
		rc = vit_input_peek(in, 512, &p, &got);
	if (rc) {
		vit_input_close(in);
		return rc;
	}
	if (named && is_archive(p, got))
		return archive_start(s, in, plain && !undone);
	return member_set(s, in, plain ? name : "", size, undone, plain);
}

static int directory_step(struct vit_source *s)
{
	char path[4096];
	const char *below = s->file[s->i_file++];
	if (snprintf(path, sizeof path, "%s/%s", s->root, below) >= (int)sizeof path)
		return vit_fail(VIT_EIO, "%s/%s: the path is too long", s->root, below);
	struct stat st;
	/* sockets, devices and FIFOs in a directory are not data, and would block */
	if (stat(path, &st) || !S_ISREG(st.st_mode))
		return 0;
	return file_start(s, path, below, 0);
}

static int path_start(struct vit_source *s)
{
	const char *path = s->path[s->at++];
	struct stat st;
	if (strcmp(path, "-")) {
		if (stat(path, &st))
			return vit_fail_errno("%s", path);
		if (S_ISDIR(st.st_mode))
			return directory_start(s, path);
	}
	return file_start(s, path, base_name(path), 1);
}

/* ---- public -------------------------------------------------------------------------- */

int vit_source_next(struct vit_source *s, struct vit_member *m)
{
	if (s->held) {
		s->held = 0;
		*m = s->m;
		return 0;
	}
	member_close(s);
	while (!s->in) {
		int rc = 0;
		if (s->archive) {
			rc = archive_step(s);
			if (rc == VIT_END) {
				archive_shut(s);
				rc = 0;
			}
		} else if (s->i_file < s->n_file) {
			rc = directory_step(s);
		} else if (s->at < s->n_path) {
			directory_shut(s);
			rc = path_start(s);
		} else {
			return VIT_END;
		}
		if (rc)
			return rc;
	}
	*m = s->m;
	return 0;
}

void vit_source_hold(struct vit_source *s)
{
	s->held = s->in != NULL;
}

void vit_source_on_wait(struct vit_source *s, void (*fn)(void *), void *ctx)
{
	if (s->in)
		vit_input_on_wait(s->in, fn, ctx);
}

int vit_source_input(struct vit_source *s, struct vit_input **in)
{
	*in = s->in;
	return s->in ? 0 : vit_fail(VIT_EFORMAT, "%s: no member is open", s->name);
}

int vit_source_load(struct vit_source *s, uint64_t max, struct vit_blob *b)
{
	struct vit_input *in;
	VIT_TRY(vit_source_input(s, &in));
	size_t left = s->memory > s->loaded ? s->memory - s->loaded : 0;
	VIT_TRY(vit_blob_fill(b, in, s->plain, s->m.size, max, left));
	if (vit_blob_in_memory(b))
		s->loaded += b->n;
	return 0;
}

const char *vit_source_name(const struct vit_source *s)
{
	return s->name;
}

const char *vit_source_split(const struct vit_source *s)
{
	return s->split;
}

int vit_source_again(const struct vit_source *s)
{
	return !s->once;
}

static void containers_shut(struct vit_source *s)
{
	member_close(s);
	archive_shut(s);
	directory_shut(s);
	s->held = 0;
}

int vit_source_rewind(struct vit_source *s)
{
	if (s->once)
		return vit_fail(VIT_EUSAGE, "%s: a pipe is read once; give a file, or repeat it with vit-augment --epochs", s->name);
	containers_shut(s);
	s->at = 0;
	s->loaded = 0;
	return 0;
}

int vit_source_open(struct vit_source **out, const char *const *path, const char *split, size_t memory)
{
	struct vit_source *s = vit_calloc(1, sizeof *s);
	if (!s)
		return VIT_ENOMEM;
	int n = 0;
	while (path[n])
		n++;
	s->memory = memory;
	s->split = vit_strdup(split);
	s->name = vit_strdup(n && strcmp(path[0], "-") ? path[0] : "<stdin>");
	s->path = vit_calloc((size_t)n + 1, sizeof *s->path);
	int rc = s->split && s->name && s->path ? 0 : VIT_ENOMEM;
	for (int i = 0; i < n && !rc; i++) {
		struct stat st;
		s->path[i] = vit_strdup(path[i]);
		if (!s->path[i]) {
			rc = VIT_ENOMEM;
			break;
		}
		s->n_path++;
		if (!strcmp(path[i], "-"))
			s->once = 1;
		else if (stat(path[i], &st))
			rc = vit_fail_errno("%s", path[i]);     /* all of them before the first record */
		else if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
			s->once = 1;
	}
	if (rc)
		vit_source_close(s);
	else
		*out = s;
	return rc;
}

void vit_source_close(struct vit_source *s)
{
	if (!s)
		return;
	containers_shut(s);
	for (int i = 0; i < s->n_path; i++)
		free(s->path[i]);
	free(s->path);
	free(s->name);
	free(s->split);
	free(s);
}
