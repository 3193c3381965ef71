/* SPDX-License-Identifier: MIT
 *
 * packed.c - members of archives: zip in any order, all others from front to back.
 */
#include "format/container.h"

#include <stdlib.h>
#include <string.h>

/* A tar header's checksum is the sum of its bytes with the field itself blank. */
int vit_packed_is_tar(const uint8_t *p, size_t n)
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

int vit_packed_is_zip(const uint8_t *p, size_t n)
{
	/* the second one: nothing in it */
	return n >= 4 && (!memcmp(p, "PK\3\4", 4) || !memcmp(p, "PK\5\6", 4));
}

int vit_packed_is(const uint8_t *p, size_t n)
{
	return vit_packed_is_zip(p, n) || (n >= 6 && !memcmp(p, "7z\xbc\xaf\x27\x1c", 6)) || vit_packed_is_tar(p, n);
}

static const char *below_root(const char *name)
{
	while (!strncmp(name, "./", 2) || *name == '/')
		name += *name == '/' ? 1 : 2;
	return name;
}

/* Nothing is ever written to a member's path; but it would become an id. */
static int leaves(const char *name)
{
	for (const char *p = name; *p; p += strcspn(p, "/"), p += *p == '/')
		if (p[0] == '.' && p[1] == '.' && (!p[2] || p[2] == '/'))
			return 1;
	return 0;
}

/* The root too, by which an archive of "." is told from one of a directory's name. */
static int directory(struct vit_source *s, const char *name)
{
	name = below_root(name);
	return leaves(name) || vit_member_hidden(name) ? 0 : vit_source_met_directory(s, name);
}

static int left_out(struct vit_source *s, const char *name, int64_t links, int64_t outside)
{
	if (links)
		VIT_TRY(vit_source_notice(s, "%s: %lld links within the archive are not followed; unpack it and name the directory", name,
		                          (long long)links));
	if (outside)
		VIT_TRY(vit_source_notice(s, "%s: %lld members with .. in their names are left out", name, (long long)outside));
	return 0;
}

/* ---- zip ------------------------------------------------------------------------ */

const char *vit_zipped_name(const struct vit_zipped *z, size_t i, int64_t *size)
{
	struct vit_archive_entry e;
	z->mod->zip_entry(z->zip, z->order[i], &e);
	*size = e.size;
	return below_root(e.name);
}

static int by_name(const void *a, const void *b, void *ctx)
{
	const struct vit_zipped *z = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	struct vit_archive_entry p, q;
	z->mod->zip_entry(z->zip, x, &p);
	z->mod->zip_entry(z->zip, y, &q);
	int d = strcmp(below_root(p.name), below_root(q.name));
	return d ? d : (x > y) - (x < y);
}

/* Of equal names the last one counts, as when it is unpacked. */
static int drop_equal(struct vit_zipped *z, const char *name, struct vit_source *s)
{
	size_t n = 0, was = z->n;
	int64_t size;
	for (size_t i = 0; i < was; i++) {
		z->order[n] = z->order[i];
		if (i + 1 == was || strcmp(vit_zipped_name(z, i, &size), vit_zipped_name(z, i + 1, &size)))
			n++;
	}
	z->n = n;
	return n == was ? 0 : vit_source_notice(s, "%s: %zu names come more than once, the last of each counts", name, was - n);
}

static int list(struct vit_zipped *z, const char *name, struct vit_source *s)
{
	int64_t n = z->mod->zip_count(z->zip), links = 0, outside = 0;
	if (n > UINT32_MAX)
		return vit_fail(VIT_EUNSUPPORTED, "%s: %lld members are more than can be listed", name, (long long)n);
	z->order = vit_malloc((size_t)(n + !n) * sizeof *z->order);
	if (!z->order)
		return VIT_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		struct vit_archive_entry e;
		z->mod->zip_entry(z->zip, i, &e);
		const char *member = below_root(e.name);
		if (e.kind != VIT_ENTRY_FILE && e.kind != VIT_ENTRY_LINK)
			continue;
		if (leaves(member))
			outside++;
		else if (vit_member_hidden(member))
			z->hidden++;
		else if (e.kind == VIT_ENTRY_LINK)
			links++;
		else
			z->order[z->n++] = (uint32_t)i;
	}
	if (z->n)
		qsort_r(z->order, z->n, sizeof *z->order, by_name, z);
	VIT_TRY(drop_equal(z, name, s));
	return left_out(s, name, links, outside);
}

int vit_zipped_open(struct vit_zipped *z, const struct vit_archive_at *at, const char *name, struct vit_source *s)
{
	VIT_TRY(vit_archive_load(&z->mod));
	int rc = z->mod->zip_open(&z->zip, at, name);
	if (!rc)
		rc = list(z, name, s);
	if (rc)
		vit_zipped_close(z);
	return rc;
}

static ssize_t zip_read(void *ctx, void *buf, size_t n)
{
	const struct vit_zipped *z = ctx;
	return z->mod->zip_read(z->zip, buf, n);
}

int vit_zipped_directories(const struct vit_zipped *z, struct vit_source *s)
{
	for (int64_t i = 0; i < z->mod->zip_count(z->zip); i++) {
		struct vit_archive_entry e;
		z->mod->zip_entry(z->zip, i, &e);
		if (e.kind == VIT_ENTRY_DIRECTORY)
			VIT_TRY(directory(s, e.name));
	}
	return 0;
}

int vit_zipped_input(const struct vit_zipped *z, size_t i, struct vit_input **in)
{
	int64_t size;
	VIT_TRY(z->mod->zip_start(z->zip, z->order[i]));
	return vit_input_reader(in, zip_read, NULL, (void *)(uintptr_t)z, vit_zipped_name(z, i, &size));
}

void vit_zipped_close(struct vit_zipped *z)
{
	if (z->zip)
		z->mod->zip_close(z->zip);
	free(z->order);
	*z = (struct vit_zipped){ 0 };
}

/* ---- the others -------------------------------------------------------------------- */

int vit_packed_open(struct vit_packed *a, const struct vit_archive_at *at, const char *name)
{
	*a = (struct vit_packed){ 0 };
	VIT_TRY(vit_archive_load(&a->mod));
	return a->mod->open(&a->archive, at, 0, name);
}

int vit_packed_next(struct vit_packed *a, const char **name, int64_t *size, struct vit_source *s)
{
	for (;;) {
		struct vit_archive_entry e;
		int rc = a->mod->next(a->archive, &e);
		if (rc == VIT_END)
			VIT_TRY(left_out(s, vit_source_name(s), a->links, a->outside));
		if (rc)
			return rc;
		*name = below_root(e.name);
		*size = e.size;
		if (e.kind == VIT_ENTRY_DIRECTORY)
			VIT_TRY(directory(s, e.name));
		else if (leaves(*name))
			a->outside++;
		else if (vit_member_hidden(*name))
			a->hidden++;
		else if (e.kind == VIT_ENTRY_LINK)
			a->links++;
		else
			return 0;
	}
}

static ssize_t packed_read(void *ctx, void *buf, size_t n)
{
	struct vit_packed *a = ctx;
	return a->mod->read(a->archive, buf, n);
}

int vit_packed_input(struct vit_packed *a, const char *name, struct vit_input **in)
{
	return vit_input_reader(in, packed_read, NULL, a, name);
}

void vit_packed_close(struct vit_packed *a)
{
	if (a->archive)
		a->mod->close(a->archive);
	*a = (struct vit_packed){ 0 };
}
