/* SPDX-License-Identifier: MIT
 *
 * names.c - the user's file of class names, one a line.
 */
#include "format/source.h"

#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 1 << 20, LONGEST = 1024 };

static int add_line(struct vit_buf *list, struct vit_arena *arena, const char *p, size_t n, int line, const char *file)
{
	if (n && p[n - 1] == '\r')
		n--;
	if (!n)
		return vit_fail(VIT_EUSAGE, "%s: line %d is empty; one class name a line is expected", file, line);
	if (n > LONGEST || line > MOST || memchr(p, 0, n) || !vit_utf8_valid(p, n))
		return vit_fail(VIT_EUSAGE, "%s: line %d is no class name; UTF-8 text of at most %d bytes a line is expected", file, line,
		                LONGEST);
	char *name = vit_arena_printf(arena, "%.*s", (int)n, p);
	return name ? vit_buf_add(list, &name, sizeof name) : VIT_ENOMEM;
}

int vit_class_names(const char *file, struct vit_arena *arena, const char ***names, int *n)
{
	struct vit_input *in;
	struct vit_blob b = { 0 };
	struct vit_buf list = { 0 };
	VIT_TRY(vit_input_open(&in, file));
	int rc = vit_blob_fill(&b, in, 0, -1, (uint64_t)MOST * 64, SIZE_MAX);
	vit_input_close(in);
	const char *p = (const char *)b.p, *end = p + b.n;
	for (int line = 1; !rc && p < end; line++) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl ? nl : end) - p);
		rc = add_line(&list, arena, p, len, line, file);
		p += len + (nl != NULL);
	}
	*n = (int)(list.n / sizeof **names);
	if (!rc && !*n)
		rc = vit_fail(VIT_EUSAGE, "%s: is empty; one class name a line is expected", file);
	*names = rc ? NULL : vit_arena_alloc(arena, list.n);
	if (!rc && !*names)
		rc = VIT_ENOMEM;
	if (!rc) {
		memcpy(*names, list.p, list.n);
		/* names are identity: two classes of one name would be one */
		const char *twice = vit_classes_twice(*names, *n);
		if (twice)
			rc = vit_fail(VIT_EUSAGE, "%s: the class name %s comes twice", file, twice);
	}
	vit_buf_release(&list);
	vit_blob_release(&b);
	return rc;
}
