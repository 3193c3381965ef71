/* SPDX-License-Identifier: MIT
 *
 * tensor.h - dtypes, and a view of dense memory with a shape.
 */
#ifndef VIT_TENSOR_TENSOR_H
#define VIT_TENSOR_TENSOR_H

#include "core/err.h"

#include <stddef.h>
#include <stdint.h>

enum { VIT_MAXD = 8 };

/* Element types. The order is internal: files hold names. */
enum vit_dtype {
	VIT_F32, VIT_F64, VIT_F16, VIT_BF16,
	VIT_U8, VIT_I8, VIT_U16, VIT_I16, VIT_I32, VIT_U32, VIT_I64, VIT_U64, VIT_BOOL,
	VIT_N_DTYPE,
};

struct vit_dtype_info {
	const char *name;       /* "float32": timm, safetensors and numpy agree on these */
	const char *numpy;      /* "<f4"; bf16 travels as "<u2" with dtype "bfloat16" beside it */
	int size;               /* bytes */
	int is_float;
};
extern const struct vit_dtype_info vit_dtypes[VIT_N_DTYPE];
int vit_dtype_by_name(const char *name, size_t len);     /* -1: unknown */
int vit_dtype_by_numpy(const char *code, size_t len);    /* accepts '|', '<' and '='; '>' and the rest: -1 */

/* A view: dense, row-major, dim[0] slowest. Images are H,W,C or B,H,W,C.
 * Owns nothing. */
struct vit_tensor {
	void *data;
	int dtype, ndim;        /* ndim 0: a scalar */
	int64_t dim[VIT_MAXD];
};
int64_t vit_tensor_count(const struct vit_tensor *);                 /* product of dims, 1 for a scalar */
size_t vit_tensor_bytes(const struct vit_tensor *);
/* Number of bytes a shape takes, or -1 on overflow, a negative dim or ndim > VIT_MAXD. */
int64_t vit_shape_bytes(int dtype, int ndim, const int64_t *dim);
/* "[3,32,32] float32" into buf; returns buf. */
char *vit_shape_str(char *buf, size_t size, const struct vit_tensor *);

/* IEEE half and bfloat16, round to nearest even. */
float vit_f16_to_f32(uint16_t h);
uint16_t vit_f32_to_f16(float x);
float vit_bf16_to_f32(uint16_t h);
uint16_t vit_f32_to_bf16(float x);

#endif
