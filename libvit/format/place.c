/* SPDX-License-Identifier: MIT
 *
 * place.c - a path of the user's: directory, zip, another archive, one file or pipe.
 *
 * Told by content. Archives are opened only where the user named them, never
 * inside one another.
 */
#include "format/container.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A look at the names ahead ends here, so that one large member costs little. */
enum { LOOK = 8 << 20 };

static int is_stdin(const struct vit_place *p)
{
	return !strcmp(p->path, "-");
}

/* ---- the first names -------------------------------------------------------------- */

/* 1: there is room for more. */
static int add_sibling(struct vit_place *p, const char *name, int most)
{
	char *copy = p->n_sibling < most ? vit_strdup(name) : NULL;
	if (copy)
		p->sibling[p->n_sibling++] = copy;
	return copy && p->n_sibling < most;
}

/* Half of the room is for those on top: a list of labels often lies beside directories. */
static void list_siblings(struct vit_place *p)
{
	char path[4096];
	size_t half = VIT_SIBLINGS / 2, n = (size_t)p->n;
	for (size_t i = 0; i < n && p->n_sibling < VIT_SIBLINGS; i++) {
		const char *name = path;
		int64_t size;
		if (p->kind == VIT_PLACE_ZIP)
			name = vit_zipped_name(&p->zip, i, &size);
		else if (i >= half && p->list.file[i].dir)
			continue;
		else if (vit_listing_path(&p->list, i, path, sizeof path))
			continue;
		if (i < half || !strchr(name, '/'))
			add_sibling(p, name, VIT_SIBLINGS);
	}
}

struct short_look {
	struct vit_input *in;
	size_t left;
};

static ssize_t look_read(void *ctx, void *buf, size_t n)
{
	struct short_look *l = ctx;
	const uint8_t *p;
	size_t got;
	int rc = vit_input_some(l->in, &p, &got);
	if (rc)
		return rc;
	got = got < n ? got : n;
	got = got < l->left ? got : l->left;
	if (got)
		memcpy(buf, p, got);
	l->left -= got;
	rc = vit_input_skip(l->in, got);
	return rc ? rc : (ssize_t)got;
}

/* What is wrong with the archive is said when it is read; only being told to
 * stop counts here. */
static int packed_siblings(struct vit_place *p, const struct vit_archive_at *at, struct vit_source *s)
{
	struct short_look look = { at->in, LOOK };
	struct vit_archive_at from = *at;
	struct vit_packed a = { 0 };
	struct vit_input *in = NULL;
	const char *name;
	int64_t size;
	int rc = 0;
	if (at->in) {
		VIT_TRY(vit_input_reader(&in, look_read, NULL, &look, p->path));
		from.in = in;
	}
	rc = vit_packed_open(&a, &from, p->path);
	while (!rc) {
		rc = vit_packed_next(&a, &name, &size, s);
		if (!rc && !add_sibling(p, name, VIT_SIBLINGS))
			break;
	}
	vit_packed_close(&a);
	vit_input_close(in);
	return rc == VIT_EINTR || rc == VIT_ENOMEM ? rc : 0;
}

/* ---- files and pipes ---------------------------------------------------------------- */

int vit_place_open_pipe(struct vit_place *p, size_t memory)
{
	struct vit_input *in;
	if (p->kept || p->blob.n)
		return 0;
	VIT_TRY(vit_input_open(&in, p->path));
	return vit_kept_new(&p->kept, in, memory);
}

/* p->in from its first byte, decompressed. */
static int open_in(struct vit_place *p, size_t memory)
{
	struct stat st;
	p->size = -1;
	if (p->pipe) {
		VIT_TRY(vit_place_open_pipe(p, memory));
		VIT_TRY(vit_kept_input(p->kept, &p->in));
	} else {
		VIT_TRY(vit_input_open(&p->in, p->path));
		if (!fstat(vit_input_fd(p->in), &st))
			p->size = (int64_t)st.st_size;
	}
	VIT_TRY(vit_unpack(&p->in, &p->undone));
	p->plain = !p->pipe && !p->undone;
	if (p->undone)
		p->size = -1;
	return 0;
}

/* Bytes that can be read in any order, for those who must. */
static int random_bytes(struct vit_place *p, struct vit_archive_at *at, size_t memory)
{
	*at = (struct vit_archive_at){ .fd = -1 };
	if (p->plain) {
		at->fd = vit_input_fd(p->in);
		return 0;
	}
	/* kept a second time here, so no more there */
	if (p->kept)
		vit_kept_forget(p->kept);
	if (!p->blob.n)
		VIT_TRY(vit_blob_fill(&p->blob, p->in, 0, -1, UINT64_MAX, memory));
	at->p = p->blob.p;
	at->n = p->blob.n;
	return 0;
}

static int begin_zip(struct vit_place *p, struct vit_source *s, size_t memory)
{
	struct vit_archive_at at;
	VIT_TRY(random_bytes(p, &at, memory));
	VIT_TRY(vit_zipped_open(&p->zip, &at, is_stdin(p) ? "<stdin>" : p->path, s));
	p->kind = VIT_PLACE_ZIP;
	p->n = (int64_t)p->zip.n;
	p->hidden = p->zip.hidden;
	if (!p->n_sibling)
		list_siblings(p);
	vit_place_rest(p);
	return 0;
}

static int begin_packed(struct vit_place *p, struct vit_source *s, size_t memory, int tar)
{
	struct vit_archive_at at = { .in = p->in, .fd = -1 };
	if (!tar)
		VIT_TRY(random_bytes(p, &at, memory));
	if (!p->n_sibling) {
		VIT_TRY(packed_siblings(p, &at, s));
		if (tar) {
			vit_place_rest(p);
			VIT_TRY(open_in(p, memory));
			at.in = p->in;
		}
	}
	VIT_TRY(vit_packed_open(&p->packed, &at, is_stdin(p) ? "<stdin>" : p->path));
	p->kind = VIT_PLACE_PACKED;
	return 0;
}

static int begin_directory(struct vit_place *p, struct vit_source *s)
{
	VIT_TRY(vit_listing_read(&p->list, p->path, s));
	p->kind = VIT_PLACE_DIRECTORY;
	p->n = (int64_t)p->list.n_file;
	p->hidden = p->list.hidden;
	if (!p->n_sibling)
		list_siblings(p);
	return 0;
}

static int begin_file(struct vit_place *p, struct vit_source *s, size_t memory)
{
	const uint8_t *bytes = p->blob.p;
	size_t got = p->blob.n < 512 ? p->blob.n : 512;
	if (!p->blob.n) {
		VIT_TRY(open_in(p, memory));
		VIT_TRY(vit_input_peek(p->in, 512, &bytes, &got));
	}
	if (vit_packed_is_zip(bytes, got))
		return begin_zip(p, s, memory);
	if (vit_packed_is(bytes, got))
		return begin_packed(p, s, memory, vit_packed_is_tar(bytes, got));
	p->kind = VIT_PLACE_SINGLE;
	p->n = 1;
	return 0;
}

int vit_place_begin(struct vit_place *p, struct vit_source *s, size_t memory, int forget)
{
	struct stat st;
	if (p->kind == VIT_PLACE_DIRECTORY || p->kind == VIT_PLACE_ZIP)
		return 0;
	vit_place_rest(p);
	/* a FIFO may be gone once it is open */
	if (!is_stdin(p) && !p->kept) {
		if (stat(p->path, &st))
			return vit_fail_errno("%s", p->path);
		if (S_ISDIR(st.st_mode))
			return begin_directory(p, s);
	}
	int rc = begin_file(p, s, memory);
	if (rc)
		vit_place_rest(p);
	else if (forget && p->kept)
		vit_kept_forget(p->kept);
	return rc;
}

int vit_place_again(const struct vit_place *p)
{
	return !p->pipe || p->blob.n || (p->kept && vit_kept_whole(p->kept));
}

void vit_place_rest(struct vit_place *p)
{
	vit_packed_close(&p->packed);
	vit_input_close(p->in);
	p->in = NULL;
}

void vit_place_reset(struct vit_place *p)
{
	vit_place_rest(p);
	vit_listing_release(&p->list);
	vit_zipped_close(&p->zip);
	for (int i = 0; i < p->n_sibling; i++)
		free(p->sibling[i]);
	p->n_sibling = 0;
	p->n = p->hidden = 0;
	p->kind = VIT_PLACE_NEW;
	if (!p->pipe)
		vit_blob_release(&p->blob);
}

void vit_place_release(struct vit_place *p)
{
	vit_place_reset(p);
	vit_blob_release(&p->blob);
	vit_kept_free(p->kept);
	p->kept = NULL;
}
