/* SPDX-License-Identifier: MIT
 *
 * op.h - all that ops and backends see, and the catalogue of ops.
 *
 * Letters, everywhere: B batch, T tokens, C channels, H heads, D head dim,
 * P patch, K classes. Gradient of x is dx. Images are NHWC. dim[0] of an
 * activation is B; parameters have no B.
 *
 * One file libvit/op/NAME.c per op: formula and paper in its header comment,
 * shapes, FLOPs, and the reference forward and backward in plain C. It is
 * compiled twice, with `real` as float and as double, and ends in
 *     const struct vit_op VIT_OP(NAME) = { ... };
 * The reference is written to be read and to be right, not to be fast.
 */
#ifndef VIT_OP_OP_H
#define VIT_OP_OP_H

#include "core/rng.h"
#include "tensor/tensor.h"

struct vit_graph;
struct vit_node;
struct vit_value;

/* ---- the call: what crosses to a kernel ---------------------------------- */

enum { VIT_MAXIO = 8, VIT_MAXOUT = 4, VIT_MAXKNOB = 8 };
enum { VIT_B = -1 };            /* dim[0] of an activation in a graph: the batch, not known yet */

/* Knobs: scheduled scalars, set by the host before a run. Attributes hold an
 * index; a negative index means the attribute's own constant. */
enum vit_knob { VIT_KNOB_DROP_PATH, VIT_KNOB_ALPHA, VIT_KNOB_TEMPERATURE };

/* One per run, in device memory, sent in one copy. No kernel takes these by
 * value: a recorded tape must see new ones. */
struct vit_step {
	uint64_t seed;
	uint64_t sample0;       /* ordinal in the run of row 0; random key = (vit_key(seed, call.key), sample0 + b, element) */
	int32_t n_valid;        /* rows >= n_valid are padding */
	int32_t micro;          /* micro-batch within the optimiser step, from 0 */
	float knob[VIT_MAXKNOB];
	/* written on the device only */
	int64_t done;           /* optimiser steps taken; indexes the learning-rate table */
	double wsum, loss;      /* sums over the micro-batches of this step: weights, weighted losses */
	double hits;            /* samples whose largest logit is the largest label */
	double gnorm2;          /* squared norm of the scaled, undivided gradients */
	float loss_scale;       /* fp16: dloss is multiplied by this; 1 otherwise */
	int32_t found_inf;      /* a gradient was not finite: the update is skipped, done stays */
	/* what step_done leaves for the host to read late: the last optimiser step,
	 * its norm without the loss scale, and totals over all steps since the plan was bound */
	double last_wsum, last_loss, last_hits, last_gnorm2;
	int32_t last_inf;
	int32_t good;           /* steps since the loss scale last changed */
	int64_t closed;         /* steps ended, those that were skipped too */
	int64_t skipped;        /* of them: without an update */
	int64_t bad;            /* `closed` of the first step that nothing can mend, from 1; 0: none */
	double total_wsum, total_loss, total_hits;
};

struct vit_call {
	const char *op, *name;
	const void *attr;
	uint64_t key;                                   /* vit_name_key(node name) */
	int n_in, n_out, n_aux;
	struct vit_tensor in[VIT_MAXIO], out[VIT_MAXOUT], aux[VIT_MAXOUT];   /* aux: what forward saves for backward: rstd, lse */
	struct vit_tensor din[VIT_MAXIO], dout[VIT_MAXOUT], ws;              /* ws: scratch; data NULL where not wanted */
	uint32_t need, add;                             /* bit i: din[i] is wanted / add to it (else overwrite) */
	int train;                                      /* 0: dropout and drop path are off, batchnorm uses its state */
	uint32_t how;                                   /* enum vit_how */
	struct vit_step *step;
	void *state;                                    /* the kernel's own, made at plan time */
};

enum vit_how {
	VIT_HOW_TF32 = 1,       /* products of f32 may round their factors to TF32 */
	VIT_HOW_TUNE = 2,       /* kernels may be chosen by timing; else the same call gets the same bits in every run */
};

/* Rules every kernel keeps:
 * - floating inputs and outputs may be lowered to 16 bits, each on its own, but
 *   for the slots in f32_in and f32_out; sums inside are f32 or wider, statistics
 *   (mean, rstd, lse) are f32; a gradient has the dtype of its value;
 * - parameter gradients always arrive with their add bit set, and are f32;
 * - activation gradients obey `add`: the first writer overwrites;
 * - rows >= n_valid are padding: what mixes samples leaves them out, and their
 *   gradients are zero where a loss starts;
 * - nothing is allocated, nothing is kept between calls. */
struct vit_op {
	uint32_t abi, size;
	const char *name, *help;                        /* "linear", "y = act(x W^T + b)" */
	size_t attr_size;
	/* From in[] (shapes, dtypes) and attr: shapes and dtypes of out and aux,
	 * n_out, n_aux. dim[0] may be VIT_B: copy it, never compute with it.
	 * VIT_EMISMATCH says which input should have what. */
	int (*infer)(struct vit_call *);
	int (*forward)(const struct vit_call *);        /* reference, host memory */
	int (*backward)(const struct vit_call *);       /* NULL: not differentiable */
	double (*flops)(const struct vit_call *, int back);   /* multiply and add count 2; NULL: 0 */
	uint32_t keep_in, keep_out;                     /* bit i: backward reads in[i], out[i] (aux always) */
	uint32_t f32_in, f32_out;                       /* slots that amp never lowers */
	uint32_t alias;                                 /* bit i: out[0] may share in[i]'s memory */
	uint32_t state_in;                              /* bit i: in[i] is state that a training forward updates (batchnorm); data NULL: leave it (REDO) */
	/* The same maths in primitive ops, for exporters and as a second oracle.
	 * NULL: is a primitive. */
	int (*expand)(struct vit_graph *, const struct vit_node *, struct vit_value **out);
	int loss;                                       /* 1: backward starts here: adds to the step's sums, needs no dout */
	int lean;                                       /* 1: forward takes n_aux 0: nothing is saved, no backward follows */
};
enum { VIT_OP_ABI = 1 };

#ifdef VIT_REAL_IS_DOUBLE
typedef double real;
#define VIT_REAL VIT_F64
#define VIT_OP(name) vit_op_##name##_f64
#else
typedef float real;
#define VIT_REAL VIT_F32
#define VIT_OP(name) vit_op_##name
#endif

/* All ops, NULL-terminated, generated from libvit/op/; the same order in both. */
extern const struct vit_op *const vit_ops[], *const vit_ops_f64[];
const struct vit_op *vit_op_by_name(const char *name);        /* NULL: unknown */

/* Helpers for infer. */
void vit_shape_set(struct vit_tensor *, int dtype, int ndim, const int64_t *dim);
int64_t vit_inner(const struct vit_tensor *, int from);       /* product of dim[from..] */
float vit_knob(const struct vit_step *, int knob, float constant);
/* Is the number of inputs in least..most; is in[i] of this dtype and shape?
 * VIT_EMISMATCH with a message that names node and input. */
enum { VIT_ANY_FLOAT = -1, VIT_ANY_DIM = -2 };
int vit_want_n(const struct vit_call *, int least, int most) VIT_MUST_CHECK;
int vit_want(const struct vit_call *, int i, int dtype, int ndim, const int64_t *dim) VIT_MUST_CHECK;

/* ---- the catalogue: attributes and formulas ------------------------------- */

enum vit_act { VIT_ACT_NONE, VIT_ACT_GELU, VIT_ACT_GELU_TANH, VIT_ACT_RELU };

/* image: out f32 [B,H,W,C] = (mix(u8 in0 [B,H,W,C]) / 255 - mean) / std; rows
 * past n_valid are 0. patches: the same, then unfold to [B,T,P*P*C] with the
 * order (row, column, channel) inside a patch. Optional in1 [B] i32 partner,
 * in2 [B] f32 lambda, in3 [B,4] i32 box y0,x0,y1,x1 (empty: mixup, else CutMix):
 *   mixup  x = lambda x + (1 - lambda) x[partner];  CutMix: box from partner. */
struct vit_image_attr { float mean[16], std[16]; int n_mean; int patch_h, patch_w; };

/* tokens: out [B, n_prefix + T, C] = concat(prefix tokens, x [B,T,C]) + pos.
 * in: x, pos [n_prefix+T or T, C], then n_prefix tokens [C] (cls, dist, registers).
 * pos_prefix 0: pos covers the T patches only. */
struct vit_tokens_attr { int n_prefix, pos_prefix; };

/* linear: y [..., N] = act(x [..., K] W^T + b), W [N,K], b [N] optional.
 * aux[0]: the pre-activation where act is not NONE. */
struct vit_linear_attr { int act; };

/* layernorm: y = (x - mean) rstd g + b over the last dim, g, b [C]; aux: mean, rstd.
 * add_layernorm: s = x + scale_b * gamma * r; y = layernorm(s); outs s, y.
 * in: x, r, g, b, [gamma [C] layer scale]. scale_b: drop path per sample,
 * 0 or 1/(1-p), with p = drop_path * knob. norm 0: s only, g and b absent. */
struct vit_layernorm_attr { float eps; };
struct vit_add_layernorm_attr { float eps, drop_path; int knob; int norm; int layer_scale; };

/* attention: softmax(Q K^T / sqrt(D)) V per head over tokens; in qkv [B,T,3*C]
 * packed as (3,H,D); out [B,T,C]; aux lse [B,H,T]. attention_probs: [B,H,T,T]. */
struct vit_attention_attr { int heads; float dropout; };

/* pool: [B,T,C] -> [B,C]: token `index`, or the mean over tokens from n_prefix on. */
struct vit_pool_attr { int mean, index, n_prefix; };

/* dropout: y = x * mask / (1 - p); the mask is drawn again in backward. */
struct vit_dropout_attr { float p; };

/* Losses: out[0] [B] per-sample, and sums into the step. weight: share of this
 * loss, `knob` scales it by knob or (complement) 1 - knob. Labels: i32 [B] or
 * f32 [B,K]. softmax_xent smooths: y = (1-s) y + s/K. mse: mean over inner dims.
 * kl_div: T^2 KL(softmax(teacher/T) || softmax(x/T)), T the temperature knob.
 * With w = weight * knob and n the rows that count: wsum += n w, loss += w sum.
 * Their backward starts the chain at w * loss_scale; it does not divide. */
struct vit_loss_attr { float weight, smoothing; int knob, complement; };

/* conv2d: NHWC, W [O,kh,kw,I], b optional. batchnorm: over B,H,W with g, b and
 * state mean, var [C]; rows past n_valid are left out. */
struct vit_conv2d_attr { int stride, pad, act; };
struct vit_batchnorm_attr { float eps, momentum; };

/* maxpool, avgpool: windows of an NHWC image; padding is never the largest and
 * does not count in the mean. */
struct vit_window_attr { int size, stride, pad; };

/* linear_i8: canonical int8 (engine rule): x quantised per row to
 * round(x/s)+64 in 1..127, W s8 in +-127 per output channel with scale [N],
 * exact s32 sums, y = sum * s_x * s_w + b. in: x, W i8 [N,K], scale f32 [N], b. */

/* adamw: Loshchilov & Hutter, 2019. in: w, g, m, v (flat f32 [n]), lr table f32
 * [steps], optional ema, optional 16-bit copy of w (data NULL: absent). In place
 * on w, m, v, ema and the copy. g is divided by wsum * loss_scale and clipped to
 * norm `clip` (0: off). grad_norm: adds |g|^2 to step->gnorm2 and sets found_inf.
 * step_done: moves wsum, loss, hits, gnorm2 and found_inf to last_* and the
 * totals, done += !found_inf, clears the sums; with growth > 0 the loss scale is
 * dynamic (Micikevicius et al., 2018): times backoff after a step that was not
 * finite, times growth after `interval` good ones. */
struct vit_adamw_attr { float beta1, beta2, eps, weight_decay, clip, ema_decay, lr_scale; };
struct vit_step_attr { float growth, backoff; int interval; };

/* Primitives: what exporters implement. add, sub, mul, div broadcast as numpy.
 * matmul [..., M,K] x [..., K,N] or [K,N]; transpose by perm; slice, concat and
 * reduce_mean (which leaves 1) on one axis, negative: from the end; softmax over
 * the last dim; relu, sqrt, erf, tanh; cast of integers; quantise: x to i8 rows
 * and their scales. Losses, conv2d, batchnorm and optimisers do not expand. */
struct vit_axis_attr { int axis; int64_t start, stop; };
struct vit_perm_attr { int n; int perm[VIT_MAXD]; };
struct vit_reshape_attr { int n; int64_t dim[VIT_MAXD]; };     /* dim[0] VIT_B: the batch; 0: as the input; one -2: the rest */

#endif
