/* SPDX-License-Identifier: MIT
 *
 * check.h - the cases of an op, and the checks that run over them.
 *
 * One file tests/op/NAME.c per op holds its shapes and ends in OP_CASES(NAME,
 * table). Every registered op needs one: an op without cases fails the run.
 */
#ifndef TESTS_OP_CHECK_H
#define TESTS_OP_CHECK_H

#include "core/mem.h"
#include "graph/backend.h"
#include "op/op.h"

/* ---- cases ---------------------------------------------------------------- */

enum kind {
	ACT = 1,                /* dim[0] is B, has a gradient */
	PARAM,                  /* no B, its gradient always adds */
	DATA,                   /* dim[0] is B, no gradient: labels, partners, the teacher's logits */
	STATE,                  /* no B, no gradient: statistics, tables */
};

struct op_input {
	enum kind kind;
	int dtype;
	int64_t dim[VIT_MAXD];  /* ends at the first 0 */
	double lo, hi;          /* range of its values; integers include hi; both 0: -1..1 */
};
#define IN_ACT(...)   { ACT, VIT_F32, { __VA_ARGS__ }, 0, 0 }
#define IN_PARAM(...) { PARAM, VIT_F32, { __VA_ARGS__ }, 0, 0 }
#define IN_RANGE(kind, dtype, lo, hi, ...) { kind, dtype, { __VA_ARGS__ }, lo, hi }

struct op_case {
	const char *label;      /* "B=2,T=7,C=33": name of the case is op(label) */
	const void *attr;
	struct op_input in[VIT_MAXIO];          /* ends at the first kind 0 */
	int train;
	float knob[VIT_MAXKNOB];
	float loss_scale;       /* 0: 1 */
	int found_inf;          /* the step is one that must be skipped */
	const struct vit_step *step;    /* what the step holds at first, but for seed, sample0, n_valid and knob; NULL: some numbers */
	float odd;              /* not 0: the last element of in[0], such as INFINITY */
	unsigned inplace;       /* bit i: in[i] is written */
	unsigned absent;        /* bit i: in[i] has a shape but no memory */
	int unexpanded;         /* 1: random or mixing, which no primitive does */
	int big;                /* 1: only kernels run it; the checks of the references themselves would take too long */
};

struct op_cases {
	const char *op;
	const struct op_case *cases;
	int n;
	struct op_cases *next;
};
void op_cases_add(struct op_cases *);
struct op_cases *op_cases_find(const char *op);

#define OP_CASES(name, table) \
	__attribute__((constructor)) static void add_cases(void) \
	{ \
		static struct op_cases these = { #name, table, sizeof table / sizeof table[0], NULL }; \
		op_cases_add(&these); \
	}

/* ---- a case in memory ------------------------------------------------------- */

/* Memory with a red zone on both sides; on a device that is not the host, dev
 * is its image there. */
struct buffer {
	uint8_t *block, *dev;
	size_t bytes, skew;     /* skew: what the zone before it is longer, so that it starts where a parameter may */
	int dtype;
	int64_t n;
};

struct target {                 /* where and with what precision a case lives */
	const struct vit_backend *backend;      /* NULL: host memory, references */
	struct vit_dev *dev;
	int wide;               /* VIT_F32 values are doubles */
	int low;                /* VIT_BF16, VIT_F16: lowered to it by plan.h's rule; VIT_F32: not */
	unsigned f32_out;       /* with low, bit i: out[i] stays f32, as a result that no node reads */
	uint32_t how;           /* enum vit_how */
};

struct setup {
	struct target target;
	const struct op_case *of;
	const struct vit_op *op;
	struct vit_call call;   /* shapes and memory; din only where wanted */
	struct buffer in[VIT_MAXIO], out[VIT_MAXOUT], aux[VIT_MAXOUT], din[VIT_MAXIO], dout[VIT_MAXOUT], ws, step;
	int64_t B;
	int lowered;            /* something in it is of the type target.low */
	unsigned wanted, unread;        /* of the variant it was filled for */
	char name[160];         /* "linear(B=1,K=1,N=1) bf16" */
};

struct variant {
	int n_valid;            /* rows; < 0: all */
	uint64_t garbage;       /* what the padding holds */
	int add;                /* activation gradients add */
	unsigned unwanted;      /* bit i: the gradient of in[i] is not wanted */
	unsigned unread;        /* bit i: nobody read out[i]: there is no gradient of it */
};

int setup_new(struct setup *, const struct vit_op *, const struct op_case *, struct target) VIT_MUST_CHECK;
void setup_free(struct setup *);
/* Fill everything from the case's name: same numbers whatever the precision. */
void setup_fill(struct setup *, const struct variant *);
/* Copy values between two setups of one case, converting floating types. */
void setup_copy(struct setup *to, const struct setup *from);
int setup_scratch(struct setup *) VIT_MUST_CHECK;              /* memory for call.ws, once its shape is known */
int setup_forward(struct setup *, vit_kernel) VIT_MUST_CHECK;
int setup_backward(struct setup *, vit_kernel) VIT_MUST_CHECK;  /* hides what keep_in and keep_out do not promise */
/* A red zone that was written into, or NULL. */
const char *setup_overrun(const struct setup *);

struct vit_step *setup_step(const struct setup *);
int buffer_alloc(struct buffer *, struct vit_tensor *) VIT_MUST_CHECK;  /* on the host; sets t->data */
void *buffer_data(const struct buffer *);
double element_get(const void *, int dtype, int64_t i);
void element_set(void *, int dtype, int64_t i, double v);
double buffer_get(const struct buffer *, int64_t i);
void buffer_set(struct buffer *, int64_t i, double v);
int64_t case_rows(const struct op_case *);
int case_inputs(const struct op_case *);

/* ---- results ---------------------------------------------------------------- */

extern int checks_passed, checks_failed, verbose;
/* One line per failure: "name: what". */
void check(int ok, const char *name, const char *fmt, ...) VIT_PRINTF(3, 4);
/* Compare up to `n` leading elements; gives the largest error, relative to |want| + rms(want). */
double check_near(const char *name, const char *what, const struct buffer *got, const struct buffer *want, int64_t n, double tolerance);
/* Largest error allowed in values of this type of a kernel's call. */
double tolerance_of(const struct setup *, int dtype);
/* Everything that a forward or backward of `got` may or must not have written
 * against `want`; how: the variant in words. */
void compare_forward(const struct setup *got, const struct setup *want, const char *how);
void compare_backward(const struct setup *got, const struct setup *want, const char *how);
/* With -v: the largest errors of each op's kernels by precision, in shares of what is allowed. */
void compare_report(void);
/* The same, to the bit, where padding must play no part. */
void compare_garbage(const struct setup *other, const struct setup *got, int back);

/* ---- the checks --------------------------------------------------------------- */

struct ops {                    /* an op of the registry in both builds */
	const struct vit_op *f32, *f64;
};

void check_gradient(const struct vit_op *f64, const struct op_case *);
void check_expand(const struct vit_op *f64, const struct op_case *);
void check_precision(struct ops, const struct op_case *);
/* Each kernel of the backend in every precision that it has, against the reference. */
void check_kernel(struct ops, const struct op_case *, const struct vit_backend *, struct vit_dev *);
/* Case i of "zero", "ema_state" and "lower", which are no ops; 0: there is none. */
int block_case(int i, struct ops *, const struct op_case **);
void bench_case(const struct vit_op *f32, const struct op_case *, const struct vit_backend *, struct vit_dev *);
/* Ask the backend, as a plan would; sets call.state and allocates call.ws. */
int setup_find(struct setup *, int back, vit_kernel *) VIT_MUST_CHECK;
void setup_drop(struct setup *);
/* The reference on 16-bit memory: shows that honest rounding passes. */
int lowered_forward(const struct vit_call *), lowered_backward(const struct vit_call *);

#endif
