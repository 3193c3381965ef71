/* SPDX-License-Identifier: MIT
 *
 * layout.c - from the paths of images to splits and classes.
 */
#include "format/layout.h"

#include "core/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

enum { MOST = 1 << 22, LONGEST = 255 };         /* directories; bytes of a class's name */

struct vit_layout_dir {
	const char *name;
	uint32_t up, first, next;       /* the directory it is in; its first child and its next sibling, 0: none */
	int64_t direct, below;          /* images right in it; those in it at any depth */
};

/* ---- directories --------------------------------------------------------------------- */

static uint64_t hash(uint32_t up, const char *name, size_t n)
{
	return XXH3_64bits_withSeed(name, n, up);
}

static void insert(struct vit_layout *l, uint32_t i)
{
	const struct vit_layout_dir *d = &l->dir[i];
	uint32_t at = (uint32_t)hash(d->up, d->name, strlen(d->name)) & (l->n_slot - 1);
	while (l->slot[at])
		at = (at + 1) & (l->n_slot - 1);
	l->slot[at] = i;
}

static int grow(struct vit_layout *l)
{
	uint32_t cap = l->cap_dir ? l->cap_dir * 2 : 256;
	if (cap > MOST)
		return vit_fail(VIT_EUNSUPPORTED, "more than %d directories; give a part of them", MOST / 2);
	struct vit_layout_dir *dir = vit_realloc(l->dir, cap * sizeof *dir);
	if (!dir)
		return VIT_ENOMEM;
	l->dir = dir;
	uint32_t *slot = vit_calloc(2 * cap, sizeof *slot);
	if (!slot)
		return VIT_ENOMEM;
	free(l->slot);
	l->slot = slot;
	l->n_slot = 2 * cap;
	l->cap_dir = cap;
	for (uint32_t i = 1; i < l->n_dir; i++)
		insert(l, i);
	return 0;
}

/* 0: there is none. */
static uint32_t child(const struct vit_layout *l, uint32_t up, const char *name, size_t n)
{
	uint32_t at = l->n_slot ? (uint32_t)hash(up, name, n) & (l->n_slot - 1) : 0;
	for (; l->n_slot && l->slot[at]; at = (at + 1) & (l->n_slot - 1)) {
		const struct vit_layout_dir *d = &l->dir[l->slot[at]];
		if (d->up == up && !strncmp(d->name, name, n) && !d->name[n])
			return l->slot[at];
	}
	return 0;
}

static int add_child(struct vit_layout *l, uint32_t up, const char *name, size_t n, uint32_t *out)
{
	*out = child(l, up, name, n);
	if (*out)
		return 0;
	if (l->n_dir == l->cap_dir)
		VIT_TRY(grow(l));
	char *copy = vit_arena_alloc(&l->arena, n + 1);
	if (!copy)
		return VIT_ENOMEM;
	memcpy(copy, name, n);
	*out = l->n_dir++;
	l->dir[*out] = (struct vit_layout_dir){ .name = copy, .up = up, .next = l->dir[up].first };
	l->dir[up].first = *out;
	insert(l, *out);
	return 0;
}

int vit_layout_add(struct vit_layout *l, const char *path, int image)
{
	uint32_t at = 0;
	if (!l->n_dir) {
		VIT_TRY(grow(l));
		l->dir[l->n_dir++] = (struct vit_layout_dir){ .name = "" };
	}
	for (int level = 0; level < VIT_LAYOUT_LEVELS; level++) {
		size_t n = strcspn(path, "/");
		if (!n || (image && !path[n]))
			break;
		l->dir[at].below += image;
		VIT_TRY(add_child(l, at, path, n, &at));
		path += n;
		while (*path == '/')
			path++;
	}
	l->dir[at].below += image;
	l->dir[at].direct += image && !strchr(path, '/');
	return 0;
}

/* ---- the decision ------------------------------------------------------------------------ */

int vit_layout_split(const char *name, size_t n)
{
	static const struct { const char *name; int split; } table[] = {
		{ "train", 0 }, { "training", 0 }, { "val", 1 }, { "valid", 1 }, { "validation", 1 }, { "test", 2 }, { "testing", 2 },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strlen(table[i].name) == n && !strncasecmp(table[i].name, name, n))
			return table[i].split;
	return -1;
}

static int split_of(const struct vit_layout_dir *d)
{
	return vit_layout_split(d->name, strlen(d->name));
}

static int images_in_children(const struct vit_layout *l, uint32_t i)
{
	return l->dir[i].below > l->dir[i].direct;
}

static int is_splits(const struct vit_layout *l, uint32_t base)
{
	int with_classes = 0;
	for (uint32_t i = l->dir[base].first; i; i = l->dir[i].next) {
		if (!l->dir[i].below)
			continue;
		if (split_of(&l->dir[i]) < 0)
			return 0;
		with_classes |= images_in_children(l, i);
	}
	return with_classes;
}

/* Several splits with classes of their own beside a directory that is none: two
 * sources of different kinds, or something that lies where it should not. One
 * directory called train can be a class. */
static int check_mixed(const struct vit_layout *l, uint32_t base)
{
	const char *split = NULL, *other = NULL;
	int seen = 0;
	for (uint32_t i = l->dir[base].first; i; i = l->dir[i].next) {
		const struct vit_layout_dir *d = &l->dir[i];
		if (!d->below)
			continue;
		int s = split_of(d);
		if (s < 0)
			other = d->name;
		else if (images_in_children(l, i)) {
			seen |= 1 << s;
			split = d->name;
		}
	}
	if (!other || !(seen & (seen - 1)))
		return 0;
	return vit_fail(VIT_EFORMAT, "%s/ holds classes as a split does, and beside it %s/ is no split; read them one by one, or move it away",
	                split, other);
}

/* The single directory around everything, or the root. */
static uint32_t base_of(const struct vit_layout *l, int packed)
{
	uint32_t only = 0;
	int holding = 0, all = 0;
	for (uint32_t i = l->dir[0].first; i; i = l->dir[i].next) {
		all++;
		if (l->dir[i].below) {
			holding++;
			only = i;
		}
	}
	if (l->dir[0].direct || holding != 1)
		return 0;
	/* images right in it: a class, unless the archive was made of that directory */
	return !l->dir[only].direct || (packed && (all == 1 || images_in_children(l, only))) ? only : 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_classes(struct vit_layout *l, struct vit_buf *list, uint32_t up)
{
	for (uint32_t i = l->dir[up].first; i; i = l->dir[i].next)
		VIT_TRY(vit_buf_add(list, &l->dir[i].name, sizeof l->dir[i].name));
	return 0;
}

static int class_of(const struct vit_layout *l, const char *name)
{
	const char **found = l->n_class ? bsearch(&name, l->classes, (size_t)l->n_class, sizeof *l->classes, by_text) : NULL;
	return found ? (int)(found - l->classes) : -1;
}

static int sort_classes(struct vit_layout *l, const struct vit_buf *list)
{
	size_t n = list->n / sizeof *l->classes, kept = 0;
	l->classes = vit_arena_alloc(&l->arena, list->n + !n);
	if (!l->classes)
		return VIT_ENOMEM;
	if (n)
		memcpy(l->classes, list->p, list->n);
	qsort(l->classes, n, sizeof *l->classes, by_text);
	for (size_t i = 0; i < n; i++) {
		if (!vit_utf8_valid(l->classes[i], strlen(l->classes[i])))
			return vit_fail(VIT_EFORMAT, "the name of class \"%s\" is not UTF-8; rename it, or its file names with convmv -t utf-8",
			                l->classes[i]);
		if (strlen(l->classes[i]) > LONGEST)
			return vit_fail(VIT_EFORMAT, "the name of class \"%.40s...\" is longer than %d bytes; rename it", l->classes[i], LONGEST);
		if (!kept || strcmp(l->classes[kept - 1], l->classes[i]))
			l->classes[kept++] = l->classes[i];
	}
	l->n_class = (int)kept;
	l->per_class = vit_arena_alloc(&l->arena, (kept + !kept) * sizeof *l->per_class);
	return l->per_class ? 0 : VIT_ENOMEM;
}

/* Images of the classes below `up`. */
static void count_classes(struct vit_layout *l, uint32_t up)
{
	for (uint32_t i = l->dir[up].first; i; i = l->dir[i].next)
		l->per_class[class_of(l, l->dir[i].name)] += l->dir[i].below;
}

static int take_splits(struct vit_layout *l, uint32_t base)
{
	const char *name[3] = { NULL };
	struct vit_buf list = { 0 };
	int rc = 0;
	l->kind = VIT_LAYOUT_SPLITS;
	l->outside = l->dir[base].direct;
	for (uint32_t i = l->dir[base].first; i && !rc; i = l->dir[i].next) {
		const struct vit_layout_dir *d = &l->dir[i];
		int s = split_of(d);
		if (s < 0)
			continue;
		if (name[s] && d->below)
			rc = vit_fail(VIT_EFORMAT, "%s and %s are the same split; give one of them", name[s], d->name);
		if (d->below)
			name[s] = d->name;
		/* a split without classes is there to be predicted */
		l->count[s] += images_in_children(l, i) ? d->below - d->direct : 0;
		l->flat[s] += images_in_children(l, i) ? 0 : d->direct;
		l->outside += images_in_children(l, i) ? d->direct : 0;
		if (!rc)
			rc = add_classes(l, &list, i);
	}
	if (!rc)
		rc = sort_classes(l, &list);
	for (uint32_t i = l->dir[base].first; i && !rc; i = l->dir[i].next)
		if (split_of(&l->dir[i]) >= 0)
			count_classes(l, i);
	vit_buf_release(&list);
	return rc;
}

static int take_classes(struct vit_layout *l, uint32_t base)
{
	struct vit_buf list = { 0 };
	l->kind = VIT_LAYOUT_CLASSES;
	l->outside = l->dir[base].direct;
	l->count[0] = l->dir[base].below - l->outside;
	for (uint32_t i = l->dir[base].first; i; i = l->dir[i].next)
		l->shallow += l->dir[i].direct;
	int rc = add_classes(l, &list, base);
	if (!rc)
		rc = sort_classes(l, &list);
	if (!rc)
		count_classes(l, base);
	vit_buf_release(&list);
	return rc;
}

int vit_layout_decide(struct vit_layout *l, int packed)
{
	uint32_t base = 0;
	if (!l->n_dir)
		return 0;
	if (!is_splits(l, base)) {
		base = base_of(l, packed);
		l->around = base ? l->dir[base].name : NULL;
	}
	if (is_splits(l, base))
		return take_splits(l, base);
	if (images_in_children(l, base)) {
		VIT_TRY(check_mixed(l, base));
		return take_classes(l, base);
	}
	l->kind = VIT_LAYOUT_FLAT;
	l->count[0] = l->dir[base].direct;
	return 0;
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* The first directory's length, 0: the rest is a file's name. */
static size_t directory(const char *path)
{
	size_t n = strcspn(path, "/");
	return path[n] ? n : 0;
}

static const char *past(const char *path, size_t n)
{
	path += n;
	while (*path == '/')
		path++;
	return path;
}

static int64_t label_of(const struct vit_layout *l, const char *path)
{
	char name[LONGEST + 1];
	size_t n = directory(path);
	if (!n || n >= sizeof name)
		return -1;
	memcpy(name, path, n);
	name[n] = '\0';
	return class_of(l, name);
}

int vit_layout_find(const struct vit_layout *l, const char *path, int *split, int64_t *label, const char **id)
{
	size_t n;
	*split = 0;
	*label = -1;
	if (l->around) {
		n = directory(path);
		if (n != strlen(l->around) || memcmp(path, l->around, n))
			return 0;
		path = past(path, n);
	}
	if (l->kind == VIT_LAYOUT_SPLITS) {
		n = directory(path);
		*split = n ? vit_layout_split(path, n) : -1;
		if (*split < 0)
			return 0;
		path = past(path, n);
	}
	*id = path;
	if (l->kind == VIT_LAYOUT_FLAT)
		return !directory(path);
	*label = label_of(l, path);
	return *label >= 0 || (l->kind == VIT_LAYOUT_SPLITS && l->flat[*split] && !directory(path));
}

void vit_layout_release(struct vit_layout *l)
{
	free(l->dir);
	free(l->slot);
	vit_arena_release(&l->arena);
	*l = (struct vit_layout){ 0 };
}
