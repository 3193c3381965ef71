/* SPDX-License-Identifier: MIT
 *
 * classes.c - where two class lists meet: names are identity, indices are not.
 */
#include "model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char text[160];    /* of *note */

struct named {
	const char *name;
	int index;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

/* The two lists, theirs in our words. */
struct meeting {
	const char *const *ours, *const *theirs;
	int n_ours, n_theirs;
	struct named *sorted;   /* ours */
	struct vit_arena arena;
};

static int find(const struct meeting *m, const char *name)
{
	struct named want = { .name = name }, *found = bsearch(&want, m->sorted, (size_t)m->n_ours, sizeof want, by_name);
	return found ? found->index : -1;
}

static int sort(struct meeting *m)
{
	m->sorted = vit_arena_alloc(&m->arena, ((size_t)m->n_ours + 1) * sizeof *m->sorted);
	if (!m->sorted)
		return VIT_ENOMEM;
	for (int i = 0; i < m->n_ours; i++)
		m->sorted[i] = (struct named){ m->ours[i], i };
	qsort(m->sorted, (size_t)m->n_ours, sizeof *m->sorted, by_name);
	return 0;
}

static const char *const *numbers(struct meeting *m, int n)
{
	const char **v = vit_arena_alloc(&m->arena, ((size_t)n + 1) * sizeof *v);
	for (int i = 0; v && i < n; i++)
		if (!(v[i] = vit_arena_printf(&m->arena, "%d", i)))
			return NULL;
	return v;
}

static int rename_all(struct meeting *m, const struct vit_class_file *f)
{
	if (!m->ours && !(m->ours = numbers(m, m->n_ours)))
		return VIT_ENOMEM;
	if (!m->theirs && !(m->theirs = numbers(m, m->n_theirs)))
		return VIT_ENOMEM;
	VIT_TRY(sort(m));
	const char **renamed = vit_arena_alloc(&m->arena, ((size_t)m->n_theirs + 1) * sizeof *renamed);
	if (!renamed)
		return VIT_ENOMEM;
	for (int k = 0; k < f->n; k++)
		if (find(m, f->ours[k]) < 0)
			return vit_fail(VIT_EMISMATCH, "the class map makes \"%.80s\" \"%.80s\", which is not among the %d that are wanted: \"%.80s\", ...",
			                f->theirs[k], f->ours[k], m->n_ours, m->n_ours ? m->ours[0] : "");
	for (int i = 0; i < m->n_theirs; i++) {
		renamed[i] = m->theirs[i];
		for (int k = 0; k < f->n; k++)
			if (!strcmp(f->theirs[k], m->theirs[i]))
				renamed[i] = f->ours[k];
	}
	m->theirs = renamed;
	return 0;
}

static int equal(const struct meeting *m)
{
	for (int i = 0; i < m->n_ours && i < m->n_theirs; i++)
		if (strcmp(m->ours[i], m->theirs[i]))
			return 0;
	return m->n_ours == m->n_theirs;
}

/* `"a", "b", "c" and 4 more`: those whose `mark` is negative. */
static void first_of(char *buf, size_t size, const char *const *names, const int *mark, int n)
{
	int seen = 0;
	buf[0] = 0;
	for (int i = 0; i < n; i++) {
		size_t at = strlen(buf);
		if (mark[i] < 0 && seen++ < 3)
			snprintf(buf + at, size - at, "%s\"%.60s\"", seen > 1 ? ", " : "", names[i]);
	}
	if (seen > 3)
		snprintf(buf + strlen(buf), size - strlen(buf), " and %d more", seen - 3);
}

static int differ(const struct meeting *m, const int *map, const int *met)
{
	char theirs[256], ours[256];
	first_of(theirs, sizeof theirs, m->theirs, map, m->n_theirs);
	first_of(ours, sizeof ours, m->ours, met, m->n_ours);
	if (!*theirs)
		return vit_fail(VIT_EMISMATCH, "%d classes, %d are wanted; %s is missing", m->n_theirs, m->n_ours, ours);
	return vit_fail(VIT_EMISMATCH, "%s of %d classes: not among the %d that are wanted%s%s; if these are other names for the same, "
	                "--class-map FILE says so", theirs, m->n_theirs, m->n_ours, *ours ? ", where there is no " : "", ours);
}

static int map_names(struct meeting *m, int **out, const char **note, int subset)
{
	int lost = 0, twice = 0, alone = 0;
	int *map = vit_calloc((size_t)m->n_theirs + 1, sizeof *map), *met = vit_arena_alloc(&m->arena, ((size_t)m->n_ours + 1) * sizeof *met);
	if (!map || !met) {
		free(map);
		return VIT_ENOMEM;
	}
	for (int i = 0; i < m->n_theirs; i++) {
		map[i] = find(m, m->theirs[i]);
		lost += map[i] < 0;
		if (map[i] >= 0)
			twice += met[map[i]]++ > 0;
	}
	for (int k = 0; k < m->n_ours; k++) {
		met[k] = met[k] ? 1 : -1;
		alone += met[k] < 0;
	}
	if (lost || (alone && !subset)) {
		int rc = differ(m, map, met);
		free(map);
		return rc;
	}
	if (twice)
		snprintf(text, sizeof text, "%d classes are %d of %d by the class map", m->n_theirs, m->n_theirs - twice, m->n_ours);
	else if (alone)
		snprintf(text, sizeof text, "%d of %d classes are there: matched by name", m->n_theirs, m->n_ours);
	else
		snprintf(text, sizeof text, "classes are in another order: matched by name");
	*note = text;
	*out = map;
	return 0;
}

static int nameless(const struct meeting *m)
{
	if (m->n_theirs == 0 || m->n_theirs == m->n_ours)
		return 0;
	return vit_fail(VIT_EMISMATCH, "%d classes, %d%s are wanted", m->n_theirs, m->n_ours, m->ours ? "" : " nameless ones");
}

int vit_classes_map(int **out, const char **note, const char *const *ours, int n_ours, const char *const *theirs, int n_theirs,
                    const struct vit_class_file *file, int subset)
{
	struct meeting m = { .ours = ours, .theirs = theirs, .n_ours = n_ours, .n_theirs = n_theirs };
	*out = NULL;
	*note = NULL;
	int rc = file && file->n ? rename_all(&m, file) : 0;
	if (!rc && (!m.ours || !m.theirs)) {
		rc = nameless(&m);
	} else if (!rc && !equal(&m)) {
		rc = m.sorted ? 0 : sort(&m);
		if (!rc)
			rc = map_names(&m, out, note, subset);
	}
	vit_arena_release(&m.arena);
	return rc;
}
