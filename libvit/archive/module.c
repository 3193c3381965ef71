/* SPDX-License-Identifier: MIT
 *
 * module.c - archives by libarchive.
 */
#include "archive/archive.h"
#include "build_id.h"
#include "core/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vit_archive {
	struct archive *a;
	struct vit_input *in;
	size_t lent;            /* bytes of `in` that libarchive still looks at */
	char *name;
	locale_t utf8;          /* 0: the system has none */
	int input_rc;           /* the input failed: its code, and the message is its own */
	int64_t passed;         /* bytes up to the end of the last member */
};

/* Zero copy: libarchive looks into the input's buffer, which is valid until the
 * input is touched again, so what was lent is consumed at the next call only. */
static la_ssize_t give(struct archive *a, void *ctx, const void **p)
{
	(void)a;
	struct vit_archive *v = ctx;
	const uint8_t *bytes = NULL;
	size_t got = 0;
	int rc = vit_input_skip(v->in, v->lent);
	v->lent = 0;
	if (!rc)
		rc = vit_input_peek(v->in, 1 << 16, &bytes, &got);
	if (rc) {
		v->input_rc = rc;
		return -1;
	}
	if (got > 1 << 16)
		got = 1 << 16;
	v->lent = got;
	*p = bytes;
	return (la_ssize_t)got;
}

static void archive_close(struct vit_archive *v)
{
	if (!v)
		return;
	archive_read_free(v->a);
	if (v->utf8)
		freelocale(v->utf8);
	free(v->name);
	free(v);
}

static int failed(struct vit_archive *v, const char *what)
{
	if (v->input_rc)
		return v->input_rc;
	const char *why = archive_error_string(v->a);
	return vit_fail(VIT_EFORMAT, "%s: %s: %s", v->name, what, why ? why : "damaged");
}

/* Filters are named one by one: "all" of them would run programs such as lrzip. */
static void accept(struct archive *a, int raw)
{
	if (raw) {
		archive_read_support_filter_gzip(a);
		archive_read_support_filter_bzip2(a);
		archive_read_support_filter_xz(a);
		archive_read_support_filter_zstd(a);
		archive_read_support_format_raw(a);
	} else {
		archive_read_support_format_tar(a);
		archive_read_support_format_zip(a);
		archive_read_support_format_7zip(a);
		/* shards are joined by cat; by default all but the first would be passed over in silence */
		archive_read_set_option(a, "tar", "read_concatenated_archives", "1");
	}
}

static int start(struct vit_archive *v, const struct vit_archive_at *at)
{
	if (at->in)
		return archive_read_open(v->a, v, NULL, give, NULL);
	if (at->p)
		return archive_read_open_memory(v->a, at->p, at->n);
	/* libarchive begins where the descriptor stands */
	if (lseek(at->fd, 0, SEEK_SET) < 0)
		return ARCHIVE_FATAL;
	return archive_read_open_fd(v->a, at->fd, 1 << 16);
}

static int archive_open(struct vit_archive **out, const struct vit_archive_at *at, int raw, const char *name)
{
	struct vit_archive *v = vit_calloc(1, sizeof *v);
	if (!v)
		return VIT_ENOMEM;
	int rc = VIT_ENOMEM;
	v->in = at->in;
	v->name = vit_strdup(name);
	v->utf8 = raw ? (locale_t)0 : newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	v->a = archive_read_new();
	if (!v->name || !v->a) {
		vit_fail(rc, "%s: not enough memory to read it", name);
		goto out;
	}
	accept(v->a, raw);
	rc = start(v, at) == ARCHIVE_OK ? 0 : failed(v, "cannot be read as an archive");
out:
	if (rc)
		archive_close(v);
	else
		*out = v;
	return rc;
}

static int kind_of(struct archive *a, struct archive_entry *e)
{
	switch (archive_entry_filetype(e)) {
	case AE_IFREG: return VIT_ENTRY_FILE;
	case AE_IFLNK: return VIT_ENTRY_LINK;
	case AE_IFDIR: return VIT_ENTRY_DIRECTORY;
	default: return archive_format(a) == ARCHIVE_FORMAT_RAW ? VIT_ENTRY_FILE : VIT_ENTRY_OTHER;
	}
}

/* Cut between two members, as the pipe of a killed tar is, it would be taken for a
 * smaller archive: what is there ends without the zeros that end a tar. */
static int ends_early(struct vit_archive *v)
{
	return (archive_format(v->a) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR && archive_filter_bytes(v->a, 0) == v->passed;
}

static int next_entry(struct vit_archive *v, struct vit_archive_entry *out)
{
	struct archive_entry *e;
	do {
		int rc = v->passed ? archive_read_data_skip(v->a) : ARCHIVE_OK;
		if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) {
			v->passed = archive_filter_bytes(v->a, 0);
			rc = archive_read_next_header(v->a, &e);
		}
		if (rc == ARCHIVE_EOF)
			return !ends_early(v) ? VIT_END : vit_fail(VIT_EFORMAT, "%s: the archive is cut: the zeros that end a tar are "
			                                           "missing; if it is whole, add them: head -c 1024 /dev/zero", v->name);
		/* a warning is about attributes we do not use, such as an odd character set */
		if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
			return failed(v, "the archive is damaged or cut");
		/* tar names a file's second place without its bytes, which may have passed */
		const char *to = archive_entry_hardlink(e), *from = archive_entry_pathname(e);
		if (to)
			return vit_fail(VIT_EUNSUPPORTED, "%s: %s is a link to %s within the archive; unpack it and name the directory",
			                v->name, from ? from : "a member", to);
		out->kind = kind_of(v->a, e);
		out->name = from ? from : "";
		out->size = archive_entry_size_is_set(e) ? archive_entry_size(e) : -1;
	} while (out->kind == VIT_ENTRY_OTHER);
	if (archive_entry_is_encrypted(e) > 0)
		return vit_fail(VIT_EUNSUPPORTED, "%s: its members are encrypted; decrypt it first", v->name);
	return 0;
}

/* Programs run in the locale "C", which has no form for the UTF-16 that 7z keeps
 * names in; libarchive would give none. This thread's locale alone is changed. */
static int archive_next(struct vit_archive *v, struct vit_archive_entry *out)
{
	locale_t was = v->utf8 ? uselocale(v->utf8) : (locale_t)0;
	int rc = next_entry(v, out);
	if (v->utf8)
		uselocale(was);
	return rc;
}

static ssize_t archive_read(struct vit_archive *v, void *buf, size_t n)
{
	la_ssize_t got = archive_read_data(v->a, buf, n);
	return got < 0 ? failed(v, "its data are damaged or cut") : (ssize_t)got;
}

const struct vit_archive_module vit_module_archive = {
	.module = { sizeof(struct vit_archive_module), VIT_BUILD_ID },
	.open = archive_open,
	.next = archive_next,
	.read = archive_read,
	.close = archive_close,
	.zip_open = vit_zip_open,
	.zip_count = vit_zip_count,
	.zip_entry = vit_zip_entry,
	.zip_start = vit_zip_start,
	.zip_read = vit_zip_read,
	.zip_close = vit_zip_close,
};
