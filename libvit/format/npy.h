/* SPDX-License-Identifier: MIT
 *
 * npy.h - the header of a numpy array file (numpy/lib/format.py, versions 1 to 3).
 *
 * "\x93NUMPY", version, length, then the text of a Python dict with exactly the
 * keys descr, fortran_order and shape. The text is parsed, never evaluated.
 */
#ifndef VIT_FORMAT_NPY_H
#define VIT_FORMAT_NPY_H

#include "tensor/tensor.h"

struct vit_npy {
	int dtype;                      /* enum vit_dtype; -1: one that holds no numbers we read, see descr */
	int big_endian;
	int fortran;                    /* the first index runs fastest */
	int ndim;
	int64_t dim[VIT_MAXD];
	int64_t bytes;                  /* of the elements; 0 where dtype is -1 */
	size_t head;                    /* bytes before the elements */
	char descr[40];                 /* as written, cut; "a structure" for a list of fields */
};

int vit_is_npy(const uint8_t *p, size_t n);
/* The header in the first n bytes of a file; 64 KiB hold any that we read.
 * VIT_EFORMAT: damaged, cut, or a size that no file can have. */
int vit_npy_header(struct vit_npy *, const uint8_t *p, size_t n) VIT_MUST_CHECK;
/* Element `i` in the order of the file, as a number: integers and bools; floats. */
int64_t vit_npy_int(const struct vit_npy *, const uint8_t *elements, int64_t i);
double vit_npy_float(const struct vit_npy *, const uint8_t *elements, int64_t i);
/* "[60000,28,28] uint8", for messages; returns buf. */
char *vit_npy_str(char *buf, size_t size, const struct vit_npy *);

#endif
