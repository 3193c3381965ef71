/* SPDX-License-Identifier: MIT
 *
 * unpack.c - undoing compression by content.
 */
#include "archive/archive.h"
#include "format/source.h"

#include <stdlib.h>
#include <string.h>

int vit_archive_load(const struct vit_archive_module **m)
{
	const struct vit_module *base;
	VIT_TRY(vit_module_open("archive", &base));
	*m = (const struct vit_archive_module *)base;
	return 0;
}

/* Whole magics, not two bytes: image data may begin with anything. */
static int compressed(const uint8_t *p, size_t n)
{
	return (n >= 3 && !memcmp(p, "\x1f\x8b\x08", 3)) ||
	       (n >= 10 && !memcmp(p, "BZh", 3) && p[3] >= '1' && p[3] <= '9' && !memcmp(p + 4, "1AY&SY", 6)) ||
	       (n >= 6 && !memcmp(p, "\xfd" "7zXZ\0", 6)) || (n >= 4 && !memcmp(p, "\x28\xb5\x2f\xfd", 4));
}

struct unpacker {
	const struct vit_archive_module *mod;
	struct vit_archive *a;
	struct vit_input *in;
};

static ssize_t unpacker_read(void *ctx, void *buf, size_t n)
{
	struct unpacker *u = ctx;
	return u->mod->read(u->a, buf, n);
}

static void unpacker_close(void *ctx)
{
	struct unpacker *u = ctx;
	u->mod->close(u->a);
	vit_input_close(u->in);
	free(u);
}

static int unpack_once(struct vit_input **in)
{
	struct unpacker *u = vit_calloc(1, sizeof *u);
	if (!u)
		return VIT_ENOMEM;
	const struct vit_archive_at at = { .in = *in, .fd = -1 };
	struct vit_archive_entry e;
	struct vit_input *out;
	int rc = vit_archive_load(&u->mod);
	if (!rc)
		rc = u->mod->open(&u->a, &at, 1, vit_input_name(*in));
	if (!rc) {
		rc = u->mod->next(u->a, &e);
		if (rc == VIT_END)
			rc = vit_fail(VIT_EFORMAT, "%s: compressed, but nothing is in it", vit_input_name(*in));
		if (!rc)
			rc = vit_input_reader(&out, unpacker_read, unpacker_close, u, vit_input_name(*in));
		if (!rc) {
			u->in = *in;
			*in = out;
			return 0;
		}
		u->mod->close(u->a);
	}
	free(u);
	return rc;
}

int vit_unpack(struct vit_input **in, int *undone)
{
	*undone = 0;
	/* twice compressed happens; more often is an attack on the reader's time */
	for (; *undone < 3; ++*undone) {
		const uint8_t *p;
		size_t got;
		VIT_TRY(vit_input_peek(*in, 16, &p, &got));
		if (!compressed(p, got))
			return 0;
		VIT_TRY(unpack_once(in));
	}
	return vit_fail(VIT_EFORMAT, "%s: compressed more than three times over", vit_input_name(*in));
}
