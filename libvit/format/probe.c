/* SPDX-License-Identifier: MIT
 *
 * probe.c - finding the format of a source.
 */
#include "format/plugin.h"
#include "format/source.h"

#include <stdlib.h>
#include <string.h>

/* Plugins on the path, opened when no built-in format knows a member. One that
 * cannot be opened is passed over, as another may do; if none does, the first
 * reason is said. */
struct plugins {
	const struct vit_format **v;
	int n, tried;
	char why[400];
};

static int open_plugins(struct plugins *p)
{
	p->tried = 1;
	char *names = vit_format_plugins();
	if (!names)
		return VIT_ENOMEM;
	int rc = 0;
	char *save = NULL;
	for (char *name = strtok_r(names, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		const struct vit_format **v = vit_realloc(p->v, (size_t)(p->n + 1) * sizeof *v);
		if (!v) {
			rc = VIT_ENOMEM;
			break;
		}
		p->v = v;
		char full[80];
		snprintf(full, sizeof full, "plugin:%s", name);
		if (!vit_format_by_name(full, &v[p->n]))
			p->n++;
		else if (!*p->why)
			snprintf(p->why, sizeof p->why, "; passed over: %s", vit_errmsg());
	}
	free(names);
	return rc;
}

static const struct vit_format *best(const struct vit_format *const *list, int n, const struct vit_member *m)
{
	const struct vit_format *found = NULL;
	int most = 0;
	for (int i = 0; i < n; i++) {
		int sure = list[i]->probe(m);
		if (sure > most) {
			most = sure;
			found = list[i];
		}
	}
	return found;
}

static int nothing(struct vit_source *s, const char *name, const struct vit_buf *seen, size_t bytes, const char *why)
{
	const char *where = vit_source_name(s);
	if (!seen->n)
		return vit_fail(VIT_EFORMAT, "%s: no files in it", where);
	if (!bytes)
		return vit_fail(VIT_EFORMAT, "%s: is empty (did the program before it fail?)", where);
	if (name)
		return vit_fail(VIT_EFORMAT, "%s: format %s finds nothing to read; there are: %s", where, name, (char *)seen->p);
	return vit_fail(VIT_EFORMAT, "%s: no known format; there are: %s (vit-fetch --list names the formats)%s", where,
	                (char *)seen->p, why);
}

int vit_format_find(struct vit_source *s, const char *name, const struct vit_format **f)
{
	int n_built_in = 0, n_seen = 0;
	const struct vit_format *only = NULL;
	struct plugins plugins = { 0 };
	struct vit_buf seen = { 0 };
	struct vit_member m;
	size_t bytes = 0;
	int rc = name ? vit_format_by_name(name, &only) : 0;
	*f = NULL;
	while (vit_formats[n_built_in])
		n_built_in++;
	while (!rc && !*f) {
		rc = vit_source_next(s, &m);
		/* a photograph that may not be read is a bad record, also where it is the first */
		if (vit_source_unread(s, rc, &m) && (*f = only ? (only->probe(&m) > 0 ? only : NULL) : best(vit_formats, n_built_in, &m)))
			rc = 0;
		if (rc || *f)
			break;
		bytes += m.n_head;
		if (only) {
			*f = only->probe(&m) > 0 ? only : NULL;
		} else {
			*f = best(vit_formats, n_built_in, &m);
			if (!*f && !plugins.tried)
				rc = open_plugins(&plugins);
			if (!*f && !rc)
				*f = best(plugins.v, plugins.n, &m);
		}
		if (!*f && !rc && n_seen++ < 4)
			rc = vit_buf_printf(&seen, "%s%s", seen.n ? ", " : "", *m.name ? m.name : "bytes without a name");
	}
	if (*f)
		vit_source_hold(s);
	if (rc == VIT_END)
		rc = nothing(s, name, &seen, bytes, plugins.why);
	vit_buf_release(&seen);
	free(plugins.v);
	return rc;
}
