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

static int equal(const char *const *ours, int n_ours, const char *const *theirs, int n_theirs)
{
	for (int i = 0; i < n_ours && i < n_theirs; i++)
		if (strcmp(ours[i], theirs[i]))
			return 0;
	return n_ours == n_theirs;
}

/* Fill map; returns how many of theirs are not ours, the first in *unknown. */
static int match(int *map, const struct named *sorted, int n_ours, const char *const *theirs, int n_theirs, int *unknown)
{
	int missing = 0;
	for (int i = 0; i < n_theirs; i++) {
		struct named want = { .name = theirs[i] }, *found = bsearch(&want, sorted, (size_t)n_ours, sizeof want, by_name);
		map[i] = found ? found->index : -1;
		if (!found && !missing++)
			*unknown = i;
	}
	return missing;
}

/* The first of ours that nothing maps to. */
static const char *unmapped(const int *map, int n_theirs, const char *const *ours, int n_ours)
{
	for (int k = 0; k < n_ours; k++) {
		int i = 0;
		while (i < n_theirs && map[i] != k)
			i++;
		if (i == n_theirs)
			return ours[k];
	}
	return "";
}

static int nameless(const char *const *ours, int n_ours, int n_theirs)
{
	if (n_theirs == 0 || n_theirs == n_ours)
		return 0;
	return vit_fail(VIT_EMISMATCH, "%d classes, %d%s are wanted", n_theirs, n_ours, ours ? "" : " nameless ones");
}

int vit_classes_map(int **out, const char **note, const char *const *ours, int n_ours, const char *const *theirs, int n_theirs, int subset)
{
	*out = NULL;
	*note = NULL;
	if (!ours || !theirs)
		return nameless(ours, n_ours, n_theirs);
	if (equal(ours, n_ours, theirs, n_theirs))
		return 0;
	int rc = 0, unknown = 0;
	struct named *sorted = vit_calloc((size_t)n_ours + 1, sizeof *sorted);
	int *map = vit_calloc((size_t)n_theirs + 1, sizeof *map);
	if (!sorted || !map) {
		rc = VIT_ENOMEM;
		goto out;
	}
	for (int i = 0; i < n_ours; i++)
		sorted[i] = (struct named){ ours[i], i };
	qsort(sorted, (size_t)n_ours, sizeof *sorted, by_name);
	int missing = match(map, sorted, n_ours, theirs, n_theirs, &unknown);
	if (missing) {
		rc = vit_fail(VIT_EMISMATCH, "class \"%s\" (%d of %d) is not among the %d that are wanted: \"%s\", \"%s\", ...", theirs[unknown],
		              unknown, n_theirs, n_ours, ours[0], n_ours > 1 ? ours[1] : "");
		goto out;
	}
	if (n_theirs != n_ours && !subset) {
		rc = vit_fail(VIT_EMISMATCH, "%d classes, %d are wanted; \"%s\" is missing", n_theirs, n_ours, unmapped(map, n_theirs, ours, n_ours));
		goto out;
	}
	snprintf(text, sizeof text, n_theirs == n_ours ? "classes are in another order: matched by name"
	                                               : "%d of %d classes are there: matched by name", n_theirs, n_ours);
	*note = text;
	*out = map;
	map = NULL;
out:
	free(sorted);
	free(map);
	return rc;
}
