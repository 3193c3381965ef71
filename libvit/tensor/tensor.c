/* SPDX-License-Identifier: MIT */
#include "tensor/tensor.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct vit_dtype_info vit_dtypes[VIT_N_DTYPE] = {
	[VIT_F32]  = { "float32",  "<f4", 4, 1 },
	[VIT_F64]  = { "float64",  "<f8", 8, 1 },
	[VIT_F16]  = { "float16",  "<f2", 2, 1 },
	[VIT_BF16] = { "bfloat16", "<u2", 2, 1 },
	[VIT_U8]   = { "uint8",    "|u1", 1, 0 },
	[VIT_I8]   = { "int8",     "|i1", 1, 0 },
	[VIT_U16]  = { "uint16",   "<u2", 2, 0 },
	[VIT_I16]  = { "int16",    "<i2", 2, 0 },
	[VIT_I32]  = { "int32",    "<i4", 4, 0 },
	[VIT_U32]  = { "uint32",   "<u4", 4, 0 },
	[VIT_I64]  = { "int64",    "<i8", 8, 0 },
	[VIT_U64]  = { "uint64",   "<u8", 8, 0 },
	[VIT_BOOL] = { "bool",     "|b1", 1, 0 },
};

int vit_dtype_by_name(const char *name, size_t len)
{
	for (int i = 0; i < VIT_N_DTYPE; i++)
		if (strlen(vit_dtypes[i].name) == len && !memcmp(vit_dtypes[i].name, name, len))
			return i;
	return -1;
}

int vit_dtype_by_numpy(const char *code, size_t len)
{
	if (len != 3 || !memchr("|<=", code[0], 3))
		return -1;
	for (int i = 0; i < VIT_N_DTYPE; i++)
		/* bfloat16 borrows uint16's code and is told by a name beside it */
		if (i != VIT_BF16 && !memcmp(vit_dtypes[i].numpy + 1, code + 1, 2))
			return i;
	return -1;
}

int64_t vit_tensor_count(const struct vit_tensor *t)
{
	int64_t n = 1;
	for (int i = 0; i < t->ndim; i++)
		n *= t->dim[i];
	return n;
}

size_t vit_tensor_bytes(const struct vit_tensor *t)
{
	return (size_t)vit_tensor_count(t) * (size_t)vit_dtypes[t->dtype].size;
}

int64_t vit_shape_bytes(int dtype, int ndim, const int64_t *dim)
{
	if (dtype < 0 || dtype >= VIT_N_DTYPE || ndim < 0 || ndim > VIT_MAXD)
		return -1;
	int64_t bytes = vit_dtypes[dtype].size;
	int empty = 0;
	for (int i = 0; i < ndim; i++) {
		if (dim[i] < 0)
			return -1;
		/* a zero must not hide that the other dims overflow */
		if (dim[i] == 0)
			empty = 1;
		else if (__builtin_mul_overflow(bytes, dim[i], &bytes))
			return -1;
	}
	return empty ? 0 : bytes;
}

char *vit_shape_str(char *buf, size_t size, const struct vit_tensor *t)
{
	char text[VIT_MAXD * 21 + 32];
	size_t n = 0;
	text[n++] = '[';
	for (int i = 0; i < t->ndim; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%s%" PRId64, i ? "," : "", t->dim[i]);
	snprintf(text + n, sizeof text - n, "] %s", vit_dtypes[t->dtype].name);
	snprintf(buf, size, "%s", text);
	return buf;
}
