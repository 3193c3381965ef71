/* SPDX-License-Identifier: MIT
 *
 * pickle.h - reading Python pickles as data.
 *
 * A stack machine of our own (protocols 2 to 4, opcodes as in CPython's
 * pickletools). Nothing is looked up and nothing is run: the few callables that
 * numpy writes are known by name and done in C, any other name is refused.
 */
#ifndef VIT_FORMAT_PICKLE_H
#define VIT_FORMAT_PICKLE_H

#include "core/mem.h"

enum vit_pickle_kind {
	VIT_PICKLE_NONE, VIT_PICKLE_BOOL, VIT_PICKLE_INT, VIT_PICKLE_FLOAT, VIT_PICKLE_TEXT, VIT_PICKLE_LIST, VIT_PICKLE_TUPLE,
	VIT_PICKLE_DICT, VIT_PICKLE_ARRAY,
	VIT_PICKLE_NAME, VIT_PICKLE_DTYPE,      /* inside only: a callable, a numpy dtype */
};
struct vit_pickle {
	int kind;
	int64_t i;                      /* BOOL, INT */
	double f;                       /* FLOAT */
	const uint8_t *p;               /* TEXT (str and bytes alike); ARRAY: its u8 elements, row-major */
	size_t n;                       /* bytes at p */
	struct vit_pickle **item;       /* LIST, TUPLE; DICT: key, value, key, value; ARRAY: its shape, INTs */
	size_t n_item, cap;
};

/* Read one pickle from the n bytes at p. Values live in `arena` and point into
 * p. They may share parts or contain themselves: walk only as deep as expected.
 * VIT_EFORMAT: damaged, beyond the limits, or a name that is not allowed. */
int vit_pickle_read(const struct vit_pickle **root, const uint8_t *p, size_t n, struct vit_arena *) VIT_MUST_CHECK;
/* The value of a text key; NULL: not a dict, or not there. The last one counts, as in Python. */
const struct vit_pickle *vit_pickle_get(const struct vit_pickle *dict, const char *key);

#endif
