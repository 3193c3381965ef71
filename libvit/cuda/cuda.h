/* SPDX-License-Identifier: MIT
 *
 * cuda.h - inside the CUDA module: the device, and how a file of kernels is
 * found.
 *
 * One file libvit/cuda/NAME.cu holds the kernels of an op (or of a few that
 * share code) and ends, per op, in
 *     extern "C" const struct cuda_op CUDA_OP(NAME) = { "NAME", fit, forward, backward };
 * The table of them is generated. A kernel queues its work on the device's one
 * stream and returns: nothing is allocated, nothing is waited for, no value of
 * the step is read on the host. All of it may be recorded into a CUDA graph, so
 * what changes from run to run is read from the step block on the device.
 * Sums have one order: the same inputs give the same bits.
 */
#ifndef VIT_CUDA_CUDA_H
#define VIT_CUDA_CUDA_H

#include "cuda/port.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

extern "C" {
#include "graph/backend.h"
}

struct lt;                              /* lt.h: the products' library */

struct vit_dev {
	int index;                      /* as CUDA counts them */
	cudaStream_t stream;            /* all kernels */
	int n_sm, arch;                 /* multiprocessors; 80, 90 */
	size_t smem_max;                /* bytes of dynamic shared memory a block may ask for */
	struct lt *lt;
	void *lt_ws;                    /* LT_WORKSPACE bytes for products, of the one stream */
	struct product_tuned *tuned;    /* tune.cu: algorithms that were chosen by timing */
	struct cuda_stage *stage;       /* send.cu: pinned buffers on their way */
	cudaEvent_t reached;            /* memory.cu: where sync waits */
	int recording;                  /* between record(1) and record(0) */
	int watch;                      /* VIT_CUDA_SYNC=1: every kernel is waited for, so that its error has its name */
	int tapes;                      /* VIT_CUDA_TAPES=0, and watch: none are recorded */
	char line[160];
};

/* What call->state points at, or begins with. find sets dev and run. */
struct cuda_state {
	struct vit_dev *dev;
	vit_kernel run;                 /* with watch: the kernel that is watched */
	void (*release)(struct cuda_state *);   /* frees it; NULL: free() does */
};

struct cuda_op {
	const char *name;
	/* 1: the kernels take this call; called at plan time, when no tensor has memory
	 * yet. Sets call->ws (cuda_scratch) and, where it needs more than the device,
	 * call->state (malloc). On 0 neither is set. NULL: always. */
	int (*fit)(struct vit_dev *, struct vit_call *, int back);
	vit_kernel forward, backward;   /* NULL: there is none */
};
#define CUDA_OP(name) cuda_op_##name
extern const struct cuda_op *const cuda_ops[];          /* NULL-terminated, generated */

static inline struct vit_dev *cuda_dev(const struct vit_call *c) { return ((struct cuda_state *)c->state)->dev; }
static inline cudaStream_t cuda_stream(const struct vit_call *c) { return cuda_dev(c)->stream; }

/* Scratch of n bytes. */
static inline void cuda_scratch(struct vit_call *c, int64_t n)
{
	vit_shape_set(&c->ws, VIT_U8, 1, &n);
}

/* 0, or VIT_EDEVICE with CUDA's words. launched: of the launches since the last
 * look, to be returned by every kernel function. */
int cuda_check(cudaError_t) VIT_MUST_CHECK;
int cuda_launched(void) VIT_MUST_CHECK;

/* Let `kernel` have this much dynamic shared memory (needed beyond 48 KiB), once
 * a plan: in fit, never while recording. 0: more than the device has. */
int cuda_allow_smem(const struct vit_dev *, const void *kernel, size_t bytes);

static inline int64_t cuda_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t cuda_min(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rows of a [..., C] tensor. */
static inline int64_t cuda_rows(const struct vit_tensor *t)
{
	int64_t n = 1;
	for (int i = 0; i + 1 < t->ndim; i++)
		n *= t->dim[i];
	return n;
}

static inline int cuda_is_float(int dtype) { return dtype == VIT_F32 || dtype == VIT_BF16 || dtype == VIT_F16; }
static inline int cuda_need(const struct vit_call *c, int i) { return (int)(c->need >> i & 1); }
static inline int cuda_adds(const struct vit_call *c, int i) { return (int)(c->add >> i & 1); }

/* BODY with T as float, bf16 or f16, by a dtype that cuda_is_float. */
#define CUDA_WITH_TYPE(dtype, T, ...) \
	do { \
		if ((dtype) == VIT_F32) { typedef float T; __VA_ARGS__; } \
		else if ((dtype) == VIT_BF16) { typedef bf16 T; __VA_ARGS__; } \
		else { typedef f16 T; __VA_ARGS__; } \
	} while (0)

/* Random element e of sample b, uniform in [0, 1): op/ref.h's ref_draw. */
static __device__ __forceinline__ float cuda_draw(const struct vit_step *s, uint64_t key, int64_t b, uint64_t e)
{
	const struct vit_rand4 r = vit_philox(vit_key(s->seed, key), s->sample0 + (uint64_t)b, e / 4);
	return vit_uniform(r.v[e % 4]);
}

static __device__ __forceinline__ float cuda_knob(const struct vit_step *s, int knob, float constant)
{
	return knob < 0 || knob >= VIT_MAXKNOB ? constant : s->knob[knob];
}

#endif
