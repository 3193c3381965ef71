/* SPDX-License-Identifier: MIT
 *
 * cpu.h - inside the CPU module: the device, and one table of kernels per
 * instruction set.
 *
 * Every kernel gives the same bits for an instruction set and thread count,
 * however busy the machine is: work is cut into chunks whose number depends on
 * shapes alone, chunks are dealt dynamically, and partial sums are combined in
 * the order of their chunks.
 */
#ifndef VIT_CPU_CPU_H
#define VIT_CPU_CPU_H

#include "graph/backend.h"

struct vit_dev {
	const struct cpu_isa *isa;
	int threads;
	char line[96];
};

/* One op's kernels. A kernel finds its device in call->state. */
struct cpu_op {
	const char *name;
	/* 1: these kernels take this call (f32 is checked before); NULL: always.
	 * *floats: scratch they need, handed over in call->ws. */
	int (*fit)(const struct vit_call *, const struct vit_dev *, int back, int64_t *floats);
	vit_kernel forward, backward;   /* NULL: the reference runs */
};

struct cpu_isa {
	const char *name, *label;       /* "avx2" as VIT_CPU takes it, "AVX2" */
	const struct cpu_op *op;        /* ends with name NULL */
};
extern const struct cpu_isa cpu_isa_scalar;
#if defined(__x86_64__)
extern const struct cpu_isa cpu_isa_avx2, cpu_isa_avx512;
#endif

static inline int cpu_threads(const struct vit_call *c) { return ((const struct vit_dev *)c->state)->threads; }
static inline int64_t cpu_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t cpu_max(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t cpu_ceil(int64_t a, int64_t b) { return (a + b - 1) / b; }

/* Rows of a [..., C] tensor. */
static inline int64_t cpu_rows(const struct vit_tensor *t)
{
	int64_t n = 1;
	for (int i = 0; i + 1 < t->ndim; i++)
		n *= t->dim[i];
	return n;
}

#endif
