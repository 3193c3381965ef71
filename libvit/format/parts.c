/* SPDX-License-Identifier: MIT
 *
 * parts.c - data in a few whole files.
 */
#include "format/parts.h"

#include "format/layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const known[] = { "train", "val", "test" };

/* The last folder on the way that is named like a split and nothing else. */
static const char *split_of_folder(const char *p, const char *end)
{
	int found = -1;
	for (size_t n; p < end; p += n + 1) {
		n = strcspn(p, "/");
		int split = vit_layout_split(p, n);
		found = split < 0 ? found : split;
	}
	return found < 0 ? NULL : known[found];
}

const char *vit_split_of_name(const char *name)
{
	static const struct { const char *begin, *split; } table[] = {
		{ "train", "train" }, { "data_batch", "train" }, { "t10k", "test" }, { "test", "test" }, { "val", "val" },
	};
	const char *begin = name, *slash = strrchr(name, '/');
	if (slash)
		name = slash + 1;
	/* "emnist-letters-train-images": any word of the name, the first that says something */
	for (const char *p = name; *p; p += strspn(p, "-_.")) {
		for (size_t i = 0; i < sizeof table / sizeof *table; i++)
			if (!strncmp(p, table[i].begin, strlen(table[i].begin)))
				return table[i].split;
		p += strcspn(p, "-_.");
	}
	return slash ? split_of_folder(begin, slash) : NULL;
}

int vit_parts_wants(const struct vit_parts *ps, const char *split)
{
	return !split || !strcmp(ps->asked, "all") || !strcmp(ps->asked, split);
}

int vit_parts_add(struct vit_parts *ps, struct vit_source *s, const struct vit_member *m, struct vit_arena *arena,
                  struct vit_part **part)
{
	struct vit_part *v = vit_realloc(ps->v, (size_t)(ps->n + 1) * sizeof *v);
	if (!v)
		return VIT_ENOMEM;
	ps->v = v;
	ps->asked = vit_source_split(s);
	*part = &v[ps->n];
	**part = (struct vit_part){ .name = vit_arena_strdup(arena, m->name), .split = vit_split_of_name(m->name) };
	if (!(*part)->name)
		return VIT_ENOMEM;
	ps->n++;
	ps->named |= (*part)->split != NULL;
	return 0;
}

static int rank(const char *split)
{
	int i = 0;
	while (split && i < 3 && strcmp(known[i], split))
		i++;
	return i;
}

static int by_split(const void *a, const void *b)
{
	const struct vit_part *x = a, *y = b;
	int d = rank(x->split) - rank(y->split);
	return d ? d : strcmp(x->name, y->name);
}

static void drop(struct vit_parts *ps, int i)
{
	vit_blob_release(&ps->v[i].blob);
	memmove(&ps->v[i], &ps->v[i + 1], (size_t)(--ps->n - i) * sizeof *ps->v);
}

int vit_parts_done(struct vit_parts *ps, struct vit_format_info *info)
{
	int has[3] = { 0 };
	int64_t place = 0;
	if (ps->n)
		qsort(ps->v, (size_t)ps->n, sizeof *ps->v, by_split);
	for (int i = 0; i < ps->n;) {
		const struct vit_part *p = &ps->v[i];
		if (p->split)
			has[rank(p->split)] = 1;
		if ((ps->named && !p->split) || !vit_parts_wants(ps, p->split))
			drop(ps, i);
		else
			i++;
	}
	for (int i = 0; i < ps->n; i++) {
		struct vit_part *p = &ps->v[i];
		int more = i && rank(p->split) == rank(p[-1].split);
		p->first = more ? p[-1].first + p[-1].n : 0;
		p->start = place;
		if (__builtin_add_overflow(place, p->n, &place))
			return vit_fail(VIT_EFORMAT, "%s: more records than can be counted", p->name);
	}
	info->meta->count = place;
	info->splits = !ps->named ? NULL : vit_arena_printf(&info->meta->arena, "%s%s%s%s%s", has[0] ? "train" : "",
	               has[0] && (has[1] || has[2]) ? " " : "", has[1] ? "val" : "", has[1] && has[2] ? " " : "",
	               has[2] ? "test" : "");
	return ps->named && !info->splits ? VIT_ENOMEM : 0;
}

const struct vit_part *vit_parts_at(const struct vit_parts *ps, int64_t i, int64_t *in_part)
{
	int k = ps->n - 1;
	while (k > 0 && ps->v[k].start > i)
		k--;
	*in_part = i - ps->v[k].start;
	return &ps->v[k];
}

int vit_parts_id(const struct vit_parts *ps, const struct vit_part *p, int64_t in_part, char *buf, size_t size)
{
	int n = snprintf(buf, size, "%s/%05" PRId64, p->split ? p->split : ps->asked, p->first + in_part);
	return n < 0 ? 0 : (size_t)n < size ? n : (int)size - 1;
}

void vit_parts_release(struct vit_parts *ps)
{
	for (int i = 0; i < ps->n; i++)
		vit_blob_release(&ps->v[i].blob);
	free(ps->v);
	*ps = (struct vit_parts){ 0 };
}
