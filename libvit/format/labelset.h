/* SPDX-License-Identifier: MIT
 *
 * labelset.h - the labels of a source that writes them as text, and their
 * numbers.
 *
 * All of them are met before the first record. When every one is a number (0, 17:
 * no sign, no leading zero), the classes are nameless and the numbers are theirs.
 * Otherwise each text is a name, numbered by code point or, where the user gives
 * a list of names, by its place there.
 */
#ifndef VIT_FORMAT_LABELSET_H
#define VIT_FORMAT_LABELSET_H

#include "format/format.h"

struct vit_labelset {
	struct vit_labelled {
		const char *text;
		size_t n;
		int64_t label;
	} *v;
	uint32_t *slot;                 /* hash table of places in v, plus one; 0: free */
	size_t n, cap, n_slot;
	int64_t most;                   /* highest number */
	int words, numbers;             /* some label is no number; numbers are labels beside names */
	struct vit_arena arena;
};
/* A label was met. VIT_ERECORD: it can be none; VIT_EFORMAT: too many of them. */
int vit_labelset_add(struct vit_labelset *, const char *p, size_t n) VIT_MUST_CHECK;
/* All were met: fill meta's labels, classes and n_class. VIT_EUSAGE: one is not
 * in the user's list. */
int vit_labelset_done(struct vit_labelset *, struct vit_source *, struct vit_meta *) VIT_MUST_CHECK;
/* Without having met them: the user's names, or numbers below how many they are. */
int vit_labelset_names(struct vit_labelset *, struct vit_source *, struct vit_meta *) VIT_MUST_CHECK;
/* VIT_ERECORD: it is none of them. */
int vit_labelset_find(const struct vit_labelset *, const char *p, size_t n, int64_t *label) VIT_MUST_CHECK;
void vit_labelset_release(struct vit_labelset *);

#endif
