/* SPDX-License-Identifier: MIT
 *
 * layout.h - which directories are splits and which are classes.
 *
 * Fed with the paths of a source, in any order, it remembers directories and
 * counts, no files. Then it decides, after a single directory around everything
 * is taken off:
 *  - splits: every directory on top that holds images is called train, val or
 *    test (or valid, validation, testing, training), and below is a directory
 *    with images. Directories below a split are classes.
 *  - classes: directories on top are classes. All is split train.
 *  - flat: images without directories. No labels, no splits.
 * Directories below a class belong to it. Classes are numbered by code point
 * over all splits; those without an image count.
 */
#ifndef VIT_FORMAT_LAYOUT_H
#define VIT_FORMAT_LAYOUT_H

#include "core/mem.h"

#include <stdint.h>

enum vit_layout_kind { VIT_LAYOUT_FLAT, VIT_LAYOUT_CLASSES, VIT_LAYOUT_SPLITS };
enum { VIT_LAYOUT_LEVELS = 3 };         /* around everything, split, class */

struct vit_layout_dir;
struct vit_layout {
	int kind;                       /* from here on: what was decided */
	const char **classes;           /* sorted */
	int n_class;
	int64_t *per_class;             /* images of each, over all splits */
	int64_t count[3], flat[3];      /* images of train, val, test; those that lie right in the split, outside any class */
	int64_t shallow;                /* classes: images right in their class's directory, none below it */
	int64_t outside;                /* images outside any class that are not given */
	const char *around;             /* the directory taken off; NULL: none */

	struct vit_layout_dir *dir;     /* dir[0]: the root */
	uint32_t n_dir, cap_dir, *slot, n_slot;
	struct vit_arena arena;
};
/* A file that is an image, or (image 0) a directory. VIT_EUNSUPPORTED: too many directories. */
int vit_layout_add(struct vit_layout *, const char *path, int image) VIT_MUST_CHECK;
/* `packed`: an archive, whose single directory is how it was made rather than a
 * class. VIT_EFORMAT: a class name that is not UTF-8, two names of one split,
 * splits beside a directory that is none. */
int vit_layout_decide(struct vit_layout *, int packed) VIT_MUST_CHECK;
/* "train" 0, "validation" 1, "testing" 2, ...; -1: no split's name. `n` bytes. */
int vit_layout_split(const char *name, size_t n);
/* An image's split (0 to 2; where there are none 0), label (-1: none) and id, a
 * part of `path`. 0: it lies outside. */
int vit_layout_find(const struct vit_layout *, const char *path, int *split, int64_t *label, const char **id);
void vit_layout_release(struct vit_layout *);

#endif
