/* SPDX-License-Identifier: MIT
 *
 * zip.c - zip files by libzip, which finds every member through the central
 * directory and so opens any of them at any time.
 *
 * Nothing is trusted: sizes are what an entry claims, and whoever reads stops at
 * a limit of their own.
 */
#include "archive/archive.h"
#include "core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

struct vit_zip {
	zip_t *z;
	zip_file_t *file;
	int64_t at;
	char *name;
	char **slashed;         /* names of a zip whose own have '\'; NULL: the others' */
};

static const char *entry_name(const struct vit_zip *v, int64_t i)
{
	return v->slashed ? v->slashed[i] : zip_get_name(v->z, (zip_uint64_t)i, 0);
}

void vit_zip_close(struct vit_zip *v)
{
	if (!v)
		return;
	if (v->file)
		zip_fclose(v->file);
	for (int64_t i = 0; v->slashed && i < vit_zip_count(v); i++)
		free(v->slashed[i]);
	free(v->slashed);
	if (v->z)
		zip_discard(v->z);
	free(v->name);
	free(v);
}

/* libzip closes the FILE, so it gets a descriptor of its own. */
static zip_source_t *source(const struct vit_archive_at *at, zip_error_t *error)
{
	if (at->p)
		return zip_source_buffer_create(at->p, at->n, 0, error);
	int fd = dup(at->fd);
	FILE *f = fd >= 0 ? fdopen(fd, "rb") : NULL;
	if (!f) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	zip_source_t *s = zip_source_filep_create(f, 0, -1, error);
	if (!s)
		fclose(f);
	return s;
}

static int refuse_encrypted(struct vit_zip *v)
{
	for (int64_t i = 0; i < vit_zip_count(v); i++) {
		zip_stat_t st;
		if (!zip_stat_index(v->z, (zip_uint64_t)i, 0, &st) && st.valid & ZIP_STAT_ENCRYPTION_METHOD &&
		    st.encryption_method != ZIP_EM_NONE)
			return vit_fail(VIT_EUNSUPPORTED, "%s: its members are encrypted; decrypt it first", v->name);
	}
	return 0;
}

/* Windows PowerShell 5 parts names with '\', against the format's rule. */
static int turn_slashes(struct vit_zip *v)
{
	int64_t n = vit_zip_count(v);
	int back = 0;
	for (int64_t i = 0; i < n; i++) {
		const char *name = zip_get_name(v->z, (zip_uint64_t)i, 0);
		if (name && strchr(name, '/'))
			return 0;
		back |= name && strchr(name, '\\');
	}
	if (!back)
		return 0;
	v->slashed = vit_calloc((size_t)n, sizeof *v->slashed);
	if (!v->slashed)
		return VIT_ENOMEM;
	for (int64_t i = 0; i < n; i++) {
		const char *name = zip_get_name(v->z, (zip_uint64_t)i, 0);
		v->slashed[i] = vit_strdup(name ? name : "");
		if (!v->slashed[i])
			return VIT_ENOMEM;
		for (char *p = v->slashed[i]; (p = strchr(p, '\\'));)
			*p = '/';
	}
	return 0;
}

int vit_zip_open(struct vit_zip **out, const struct vit_archive_at *at, const char *name)
{
	zip_error_t error;
	zip_error_init(&error);
	struct vit_zip *v = vit_calloc(1, sizeof *v);
	int rc = VIT_ENOMEM;
	*out = NULL;
	if (!v || !(v->name = vit_strdup(name)))
		goto out;
	zip_source_t *s = source(at, &error);
	v->z = s ? zip_open_from_source(s, ZIP_RDONLY, &error) : NULL;
	if (!v->z) {
		if (s)
			zip_source_free(s);
		rc = vit_fail(VIT_EFORMAT, "%s: cannot be read as a zip, which is damaged or cut: %s", name, zip_error_strerror(&error));
		goto out;
	}
	rc = refuse_encrypted(v);
	if (!rc)
		rc = turn_slashes(v);
out:
	zip_error_fini(&error);
	if (rc)
		vit_zip_close(v);
	else
		*out = v;
	return rc;
}

int64_t vit_zip_count(struct vit_zip *v)
{
	return zip_get_num_entries(v->z, 0);
}

void vit_zip_entry(struct vit_zip *v, int64_t i, struct vit_archive_entry *e)
{
	zip_stat_t st;
	zip_uint8_t system;
	zip_uint32_t mode;
	*e = (struct vit_archive_entry){ VIT_ENTRY_OTHER, entry_name(v, i), -1 };
	if (!e->name || !*e->name || zip_stat_index(v->z, (zip_uint64_t)i, 0, &st)) {
		e->name = "";
		return;
	}
	if (st.valid & ZIP_STAT_SIZE && st.size <= INT64_MAX)
		e->size = (int64_t)st.size;
	e->kind = e->name[strlen(e->name) - 1] == '/' ? VIT_ENTRY_DIRECTORY : VIT_ENTRY_FILE;
	if (!zip_file_get_external_attributes(v->z, (zip_uint64_t)i, 0, &system, &mode) && system == ZIP_OPSYS_UNIX &&
	    S_ISLNK(mode >> 16))
		e->kind = VIT_ENTRY_LINK;
}

static int failed(const struct vit_zip *v, const char *why)
{
	const char *entry = entry_name(v, v->at);
	return vit_fail(VIT_EFORMAT, "%s: %s: %s", v->name, entry ? entry : "a member", why);
}

int vit_zip_start(struct vit_zip *v, int64_t i)
{
	if (v->file)
		zip_fclose(v->file);
	v->at = i;
	v->file = zip_fopen_index(v->z, (zip_uint64_t)i, 0);
	return v->file ? 0 : failed(v, zip_strerror(v->z));
}

ssize_t vit_zip_read(struct vit_zip *v, void *buf, size_t n)
{
	zip_int64_t got = zip_fread(v->file, buf, n);
	return got < 0 ? failed(v, zip_file_strerror(v->file)) : (ssize_t)got;
}
