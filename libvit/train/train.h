/* SPDX-License-Identifier: MIT
 *
 * train.h - schedules and the learning-rate table, a training session, and
 * checkpoints from which it goes on to the same bytes.
 */
#ifndef VIT_TRAIN_TRAIN_H
#define VIT_TRAIN_TRAIN_H

#include "model/model.h"

/* One file train/sched_NAME.c ends in `const struct vit_sched vit_sched_NAME`:
 * factor of the base rate at step `i` (0-based) of `n` after warm-up. */
struct vit_sched {
	const char *name, *help;
	double (*factor)(int64_t i, int64_t n, double min_factor);
};
extern const struct vit_sched *const vit_scheds[];

/* lr[0..steps-1]; warm-up rises linearly from lr/warmup at step 0 to lr at step
 * warmup-1, never from zero; then the schedule over the rest. */
int vit_lr_table(float *lr, int64_t steps, int64_t warmup, double base, double min, const char *sched) VIT_MUST_CHECK;

struct vit_train_opt {
	int64_t batch_size, accum;      /* samples per optimiser step; micro-batches */
	int64_t steps, epochs;          /* of the whole run */
	double lr, min_lr, weight_decay, beta1, beta2, eps, clip;
	int64_t warmup;                 /* steps */
	const char *sched, *opt;        /* "cosine", "adamw" */
	double ema;                     /* decay; 0: none */
	struct vit_build build;
	int recompute;
	int amp;                        /* VIT_F32: none; VIT_BF16, VIT_F16 */
	uint32_t how;                   /* enum vit_how */
	const char *const *freeze;      /* fnmatch(3) patterns of parameter names, NULL-terminated; NULL: train all */
	uint64_t seed;
};

/* A training session. `model` is borrowed and gets training parameters if it
 * has none yet: fresh ones, by the options' seed. */
struct vit_trainer;
int vit_trainer_new(struct vit_trainer **, struct vit_model *, const struct vit_train_opt *,
                    const struct vit_backend *, struct vit_dev *) VIT_MUST_CHECK;
/* One optimiser step on n <= batch_size samples: images u8 [n,H,W,C] of the
 * model's size, labels i32 [n] or f32 [n,K]. VIT_EFORMAT, naming the step, once a
 * gradient of an earlier one was not finite: the one before where the backend is
 * the host's, else at most 32 steps back. */
int vit_trainer_step(struct vit_trainer *, int64_t n, const uint8_t *images, const void *labels) VIT_MUST_CHECK;
struct vit_train_stats {
	int64_t step, samples;                  /* taken so far */
	double loss, lr, grad_norm;             /* of the last step */
	double sum_loss, sum_weight, sum_hits;  /* over all steps of this session: take differences */
	double loss_scale;                      /* fp16: as it is now; 1 otherwise */
	int64_t skipped;                        /* steps of the run whose update fp16's loss scaling left out */
};
/* Waits for the last step: call it seldom where the device is not the CPU. */
int vit_trainer_stats(struct vit_trainer *, struct vit_train_stats *) VIT_MUST_CHECK;
struct vit_plan *vit_trainer_plan(struct vit_trainer *);
void vit_trainer_free(struct vit_trainer *);

/* What --explain needs: the plan such a session would have, without memory. */
struct vit_train_cost {
	int64_t params, trained, rows;          /* rows: samples per micro-batch */
	double flops_step;                      /* of a whole optimiser step */
	size_t arena_bytes;                     /* activations and their gradients */
	struct vit_params_cost bytes;           /* parameters; optimiser with gradients and average */
};
int vit_train_cost(struct vit_train_cost *, struct vit_model *, const struct vit_train_opt *,
                   const struct vit_backend *, struct vit_dev *) VIT_MUST_CHECK;

/* Copy the parameters of `from` that `to` has with the same name and shape.
 * The head (names "head.*") is kept only when `head`. *missing, *unused:
 * malloc'd lists of names, "" when there are none. */
int vit_model_take(struct vit_model *to, const struct vit_model *from, int head, char **missing, char **unused) VIT_MUST_CHECK;

/* A checkpoint: a model stream with the optimiser's moments ("optim.m/NAME",
 * "optim.v/NAME") and EMA ("ema/NAME") beside the weights, and counters in
 * meta.training. Written through vit_output with the previous one kept as FILE~;
 * not written, and VIT_EFORMAT, when the last step's gradient was not finite. */
struct vit_cursor {                     /* where in the input the run is */
	int64_t step, samples;          /* optimiser steps done; samples they saw */
	int64_t epoch, in_epoch, record;/* records consumed: of this epoch, of all */
	int64_t epoch_end;              /* the last step ended an epoch that was not validated yet */
	double best;                    /* best top-1 by --val so far, percent; below 0: none */
	int64_t seq;                    /* of the last record consumed; -1: not known */
	int64_t hash_from;              /* the first record in the hash: a stream begun with --start lacks those before */
	uint64_t hash;                  /* running xxh3 over the consumed records' bytes from there on */
};
int vit_checkpoint_write(struct vit_trainer *, const char *path, const struct vit_cursor *, const json_t *options) VIT_MUST_CHECK;
/* VIT_END: no such file. VIT_EUSAGE names the first option that changed.
 * *changed_build: malloc'd words on what else differs from the run that wrote
 * it (build, device, threads), so that the last bits may; NULL: nothing. */
int vit_checkpoint_read(struct vit_trainer *, const char *path, struct vit_cursor *, const json_t *options, char **changed_build) VIT_MUST_CHECK;

/* Evaluate: forward over samples in batches, scores gathered on the host. */
struct vit_evaluator;
struct vit_evaluator_opt {
	int64_t batch;
	int use_ema, amp;               /* amp: as in vit_train_opt */
	uint32_t how;
};
/* Bytes of its arena, without making one. */
int vit_evaluator_cost(size_t *bytes, const struct vit_model *, const struct vit_evaluator_opt *,
                       const struct vit_backend *, struct vit_dev *) VIT_MUST_CHECK;
int vit_evaluator_new(struct vit_evaluator **, struct vit_model *, const struct vit_evaluator_opt *,
                      const struct vit_backend *, struct vit_dev *) VIT_MUST_CHECK;
/* logits f32 [n,K] for n <= batch images; valid until the next call. */
int vit_evaluator_run(struct vit_evaluator *, int64_t n, const uint8_t *images, const float **logits) VIT_MUST_CHECK;
void vit_evaluator_free(struct vit_evaluator *);

/* Scores of a labelled set. */
struct vit_score {
	int64_t count, top1, top5;
	double loss;                    /* sum of cross entropies */
	int n_class;
	int64_t *confusion;             /* [K true][K predicted] */
	int64_t *unpredicted;           /* [K true]: samples without a predicted class, an output was NaN */
};
int vit_score_init(struct vit_score *, int n_class) VIT_MUST_CHECK;
void vit_score_reset(struct vit_score *);
/* 0 <= label < n_class, the number of init. Equal logits: the lower index wins. A NaN makes the sample wrong,
 * and without a predicted class. */
void vit_score_add(struct vit_score *, const float *logits, int64_t n_class, int64_t label);
void vit_score_release(struct vit_score *);

#endif
