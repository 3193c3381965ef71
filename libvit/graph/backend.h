/* SPDX-License-Identifier: MIT
 *
 * backend.h - where kernels come from. A backend is a module (core/module.h):
 * libvit-cpu.so, libvit-cuda.so, with `const struct vit_backend vit_module_NAME`.
 */
#ifndef VIT_GRAPH_BACKEND_H
#define VIT_GRAPH_BACKEND_H

#include "core/mem.h"
#include "core/module.h"
#include "op/op.h"

typedef int (*vit_kernel)(const struct vit_call *);
struct vit_dev;                 /* the backend's own */

enum vit_copy { VIT_TO_DEVICE, VIT_FROM_DEVICE, VIT_ON_DEVICE };

struct vit_backend {
	struct vit_module module;
	const char *name;       /* "cpu", "cuda" */
	/* spec: "", or what follows "cuda:". threads: 0 = all this process may use. */
	int (*open)(struct vit_dev **, const char *spec, int threads);
	void (*close)(struct vit_dev *);
	/* One line: "AVX-512, 2 threads, oneDNN 2.6.3". Valid until close. */
	const char *(*describe)(struct vit_dev *);
	void *(*alloc)(struct vit_dev *, size_t, int pinned);   /* zeroed, 64-byte aligned; NULL with message */
	void (*free)(struct vit_dev *, void *, int pinned);
	int (*copy)(struct vit_dev *, void *to, const void *from, size_t, int dir);
	int (*sync)(struct vit_dev *);
	/* Host to device in the order of the kernels, but while those before it still
	 * run; `from` is free again on return. NULL: copy does. */
	int (*send)(struct vit_dev *, void *to, const void *from, size_t);
	/* At plan time, with the call's shapes and dtypes: the kernel, or NULL: not
	 * here (on the CPU the reference runs). May set call->ws (shape of the
	 * scratch it needs) and call->state (released by drop). */
	vit_kernel (*find)(struct vit_dev *, struct vit_call *, int back);
	void (*drop)(struct vit_dev *, struct vit_call *);
	/* Recorded tapes; NULL where there are none. Between record(1) and record(0),
	 * which gives the tape (tape NULL: forget what was noted), kernels are noted
	 * instead of run, and nothing else may be asked for. record(1) is VIT_END
	 * where tapes are off for now. */
	int (*record)(struct vit_dev *, int on, void **tape);
	int (*play)(struct vit_dev *, void *tape);
	void (*erase)(struct vit_dev *, void *tape);
	int host;               /* 1: its memory is the host's: where find gives NULL the reference runs */
	uint32_t amp;           /* bit 1u << dtype: values may be lowered to it */
	int tf32;               /* VIT_HOW_TF32 means something here */
	/* Lines on what could be opened, "cuda:0 NVIDIA H200, 139 GiB, sm_90\n"; or
	 * VIT_EUNSUPPORTED with the reason why nothing can. NULL: no devices to tell apart. */
	int (*devices)(char *text, size_t size);
	size_t own_bytes;       /* what a device takes for itself, however much is asked of it (products' workspace) */
};

static inline int vit_send(const struct vit_backend *b, struct vit_dev *d, void *to, const void *from, size_t n)
{
	return b->send ? b->send(d, to, from, n) : b->copy(d, to, from, n, VIT_TO_DEVICE);
}

/* Besides ops, find is asked for names that only touch flat blocks:
 *   "zero"       in[0] (absent without gradients) := 0; the step's sums := 0
 *   "ema_state"  in[1] := d in[1] + (1 - d) in[0] unless found_inf; attr vit_adamw_attr
 *   "lower"      in[1], 16 bits, := in[0], f32 (backends with amp) */

/* The reference: every op's own forward and backward on host memory, f32 or
 * f64. Always there; VIT_KERNELS=ref makes every device use it. */
extern const struct vit_backend vit_backend_ref, vit_backend_ref_f64;

/* How to compute, as the user says it; in the order of --amp's values. */
enum vit_amp { VIT_AMP_NONE, VIT_AMP_TF32, VIT_AMP_BF16, VIT_AMP_FP16 };
extern const char *const vit_amps[];            /* "none", "tf32", "bf16", "fp16", NULL */
/* To the dtype values are lowered to (VIT_F32: none) and bits of enum vit_how.
 * VIT_EUSAGE: this backend cannot; says what it can. deterministic: nothing is
 * chosen by timing; the CPU never does. */
int vit_backend_amp(const struct vit_backend *, enum vit_amp, int deterministic, int *dtype, uint32_t *how) VIT_MUST_CHECK;
/* VIT_EUSAGE where values cannot be lowered to dtype, or how has no meaning. */
int vit_backend_check(const struct vit_backend *, int dtype, uint32_t how) VIT_MUST_CHECK;

/* "auto", "cpu", "cuda", "cuda:1", "ref". auto: cuda where it opens, else cpu
 * with *note set to one line that says why (NULL if nothing to say). */
int vit_device_open(const char *spec, int threads, const struct vit_backend **, struct vit_dev **, const char **note) VIT_MUST_CHECK;

/* What the devices of this installation are, a line each: "cpu (AVX-512, 2
 * threads)", "cuda:0 NVIDIA H200, 139 GiB, sm_90", "cuda: no NVIDIA driver found". */
int vit_device_list(struct vit_buf *) VIT_MUST_CHECK;

#endif
