/* SPDX-License-Identifier: MIT
 *
 * labelset.c - labels written as text, and their numbers.
 */
#include "format/labelset.h"

#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { MOST = 1 << 20, LONGEST = 1024 };

static int is_number(const char *p, size_t n)
{
	if (n > 1 && *p == '-')
		return is_number(p + 1, n - 1);
	if (!n || (n > 1 && *p == '0'))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (p[i] < '0' || p[i] > '9')
			return 0;
	return 1;
}

/* -1: no number of a class. */
static int64_t number_of(const char *p, size_t n)
{
	int64_t k = 0;
	if (!is_number(p, n) || *p == '-' || n > 7)
		return -1;
	for (size_t i = 0; i < n; i++)
		k = k * 10 + (p[i] - '0');
	return k < MOST ? k : -1;
}

static int no_number(const char *p, size_t n)
{
	return vit_fail(VIT_ERECORD, "label %.*s is no class number; these are 0 to %d", (int)n, p, MOST - 1);
}

static int check(const char *p, size_t n)
{
	if (!n)
		return vit_fail(VIT_ERECORD, "the label is empty");
	if (n > LONGEST || memchr(p, 0, n) || !vit_utf8_valid(p, n))
		return vit_fail(VIT_ERECORD, "the label is no UTF-8 text of at most %d bytes", LONGEST);
	return 0;
}

/* Its place in `slot`, taken or free. */
static size_t find_slot(const struct vit_labelset *s, const char *p, size_t n)
{
	size_t at = (size_t)XXH3_64bits(p, n) & (s->n_slot - 1);
	for (; s->slot[at]; at = (at + 1) & (s->n_slot - 1)) {
		const struct vit_labelled *l = &s->v[s->slot[at] - 1];
		if (l->n == n && !memcmp(l->text, p, n))
			break;
	}
	return at;
}

/* At least half of the table stays free. */
static int grow(struct vit_labelset *s)
{
	size_t n = s->n_slot ? s->n_slot * 2 : 64;
	uint32_t *slot = vit_calloc(n, sizeof *slot);
	if (!slot)
		return VIT_ENOMEM;
	struct vit_labelled *v = vit_realloc(s->v, n / 2 * sizeof *v);
	if (!v) {
		free(slot);
		return VIT_ENOMEM;
	}
	free(s->slot);
	s->v = v;
	s->slot = slot;
	s->n_slot = n;
	s->cap = n / 2;
	for (size_t i = 0; i < s->n; i++)
		slot[find_slot(s, v[i].text, v[i].n)] = (uint32_t)i + 1;
	return 0;
}

static int insert(struct vit_labelset *s, const char *p, size_t n, int64_t label)
{
	if (s->n == s->cap)
		VIT_TRY(grow(s));
	size_t at = find_slot(s, p, n);
	if (s->slot[at])
		return 0;
	if (s->n == MOST)
		return vit_fail(VIT_EFORMAT, "more than %d different labels", MOST);
	char *text = vit_arena_printf(&s->arena, "%.*s", (int)n, p);
	if (!text)
		return VIT_ENOMEM;
	s->v[s->n++] = (struct vit_labelled){ text, n, label };
	s->slot[at] = (uint32_t)s->n;
	return 0;
}

int vit_labelset_add(struct vit_labelset *s, const char *p, size_t n)
{
	VIT_TRY(check(p, n));
	int64_t k = number_of(p, n);
	if (is_number(p, n) && k < 0)
		return no_number(p, n);
	s->words |= k < 0;
	s->most = k > s->most ? k : s->most;
	return insert(s, p, n, k);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(((const struct vit_labelled *)a)->text, ((const struct vit_labelled *)b)->text);
}

/* Places in v have changed. */
static void rehash(struct vit_labelset *s)
{
	memset(s->slot, 0, s->n_slot * sizeof *s->slot);
	for (size_t i = 0; i < s->n; i++)
		s->slot[find_slot(s, s->v[i].text, s->v[i].n)] = (uint32_t)i + 1;
}

static int take_names(const char *const *names, int n, struct vit_meta *meta)
{
	meta->classes = vit_arena_alloc(&meta->arena, (size_t)n * sizeof *meta->classes);
	meta->n_class = n;
	for (int i = 0; meta->classes && i < n; i++)
		if (!(meta->classes[i] = vit_arena_strdup(&meta->arena, names[i])))
			return VIT_ENOMEM;
	return meta->classes ? 0 : VIT_ENOMEM;
}

static int by_users_list(struct vit_labelset *s, const char *const *names, int n, struct vit_meta *meta)
{
	for (size_t i = 0; i < s->n; i++)
		s->v[i].label = -1;
	for (int i = 0; i < n; i++) {
		size_t at = find_slot(s, names[i], strlen(names[i]));
		if (s->slot[at])
			s->v[s->slot[at] - 1].label = i;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].label < 0)
			return vit_fail(VIT_EUSAGE, "--classes: the label %s is not in the list of %d names", s->v[i].text, n);
	return take_names(names, n, meta);
}

int vit_labelset_done(struct vit_labelset *s, struct vit_source *source, struct vit_meta *meta)
{
	int n;
	const char *const *names = vit_source_classes(source, &n);
	meta->labels = s->n ? VIT_LABELS_INDEX : VIT_LABELS_NONE;
	if (!s->words) {
		meta->n_class = s->n ? (int)s->most + 1 : 0;
		return 0;
	}
	if (names)
		return by_users_list(s, names, n, meta);
	qsort(s->v, s->n, sizeof *s->v, by_text);
	rehash(s);
	const char **sorted = vit_malloc(s->n * sizeof *sorted);
	if (!sorted)
		return VIT_ENOMEM;
	for (size_t i = 0; i < s->n; i++) {
		s->v[i].label = (int64_t)i;
		sorted[i] = s->v[i].text;
	}
	int rc = take_names(sorted, (int)s->n, meta);
	free(sorted);
	return rc;
}

int vit_labelset_names(struct vit_labelset *s, struct vit_source *source, struct vit_meta *meta)
{
	int n;
	const char *const *names = vit_source_classes(source, &n);
	for (int i = 0; i < n; i++)
		VIT_TRY(insert(s, names[i], strlen(names[i]), i));
	s->words = s->numbers = 1;
	s->most = n - 1;
	meta->labels = VIT_LABELS_INDEX;
	return take_names(names, n, meta);
}

int vit_labelset_find(const struct vit_labelset *s, const char *p, size_t n, int64_t *label)
{
	VIT_TRY(check(p, n));
	size_t at = s->n_slot ? find_slot(s, p, n) : 0;
	if (s->n_slot && s->slot[at] && s->words) {
		*label = s->v[s->slot[at] - 1].label;
		return 0;
	}
	*label = s->words && !s->numbers ? -1 : number_of(p, n);
	if (*label >= 0 && *label <= s->most)
		return 0;
	if (is_number(p, n) && !s->words)
		return no_number(p, n);
	return vit_fail(VIT_ERECORD, "the label %.*s is none of the classes", (int)n, p);
}

void vit_labelset_release(struct vit_labelset *s)
{
	free(s->v);
	free(s->slot);
	vit_arena_release(&s->arena);
	*s = (struct vit_labelset){ 0 };
}
