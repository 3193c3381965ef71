/* SPDX-License-Identifier: MIT
 *
 * amp.c - what --amp asks of a backend, and whether it can.
 */
#include "graph/backend.h"

#include <stdio.h>

const char *const vit_amps[] = { "none", "tf32", "bf16", "fp16", NULL };

static int refuse(const struct vit_backend *b, const char *what)
{
	char can[96];
	snprintf(can, sizeof can, "%s%s%s%s", b == &vit_backend_ref_f64 ? "float64" : "float32", b->tf32 ? ", TF32" : "",
	         b->amp >> VIT_BF16 & 1 ? ", bfloat16" : "", b->amp >> VIT_F16 & 1 ? ", float16" : "");
	return vit_fail(VIT_EUSAGE, "%s computes in %s only, not in %s; leave --amp out, or choose --device cuda", b->name, can, what);
}

int vit_backend_check(const struct vit_backend *b, int dtype, uint32_t how)
{
	if (dtype != VIT_F32 && !(b->amp >> dtype & 1))
		return refuse(b, vit_dtypes[dtype].name);
	return how & VIT_HOW_TF32 && !b->tf32 ? refuse(b, "TF32") : 0;
}

int vit_backend_amp(const struct vit_backend *b, enum vit_amp amp, int deterministic, int *dtype, uint32_t *how)
{
	*dtype = amp == VIT_AMP_BF16 ? VIT_BF16 : amp == VIT_AMP_FP16 ? VIT_F16 : VIT_F32;
	*how = (amp == VIT_AMP_TF32 ? VIT_HOW_TF32 : 0) | (deterministic || b->host ? 0 : VIT_HOW_TUNE);
	return vit_backend_check(b, *dtype, *how);
}
