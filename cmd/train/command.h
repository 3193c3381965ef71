/* SPDX-License-Identifier: MIT
 *
 * command.h - what vit-train is made of: setting up a run, its loop, its reports.
 * For programs that train; not part of the library.
 */
#ifndef CMD_TRAIN_COMMAND_H
#define CMD_TRAIN_COMMAND_H

#include "cli/cli.h"
#include "vit.h"

struct train_config {
	struct cli_common common;
	const char *model, *init, *recipe, *val, *class_map;
	double holdout;
	int keep_head;
	int64_t batch, accum, epochs, steps;
	double lr, min_lr, weight_decay, eps, clip;
	struct cli_span warmup;
	const char *sched, *opt, *betas;
	int model_ema;
	double ema_decay, drop, attn_drop, drop_path, smoothing;
	int drop_last, recompute;
	struct cli_list freeze;
	const char *checkpoint, *best;
	struct cli_span every;
	int resume, explain;
};
extern const struct cli_option train_options[];

struct train {
	const struct train_config *cfg;
	struct vit_train_opt opt;
	int64_t per_epoch;              /* steps of an epoch; 0: unknown */
	int64_t every;                  /* steps between checkpoints; 0: none */
	int64_t passes;                 /* over a stream of one epoch */
	int64_t run_epochs;             /* epochs the run has; 0: unknown */
	json_t *options;                /* what a resumed run must have alike */

	struct vit_samples *samples, *val;
	struct vit_model model;
	int have_model;
	const struct vit_backend *backend;
	struct vit_dev *dev;
	struct vit_trainer *trainer;
	struct vit_output *out;

	struct vit_feeder *feeder;
	struct vit_cursor cursor, saved;        /* saved: as the checkpoint has it */
	int64_t first_step;             /* of this session: where it resumed */
	double began, epoch_began, epoch_waited;
	int64_t epoch_samples;
	struct vit_train_stats at_epoch;        /* as the epoch began */
	int label_seen, labels_differ, resized_said;
	int32_t label;

	struct vit_evaluator *evaluator;
	struct vit_score score;
	struct vit_class_file class_file;
	int *map;                       /* from the samples' classes to the model's; NULL: the same */
	int *val_map;
	int val_read;                   /* the validation samples were read once */
};

/* All of these return an exit status, having said what is wrong. */
int train_open(struct train *, int argc, char **argv);         /* inputs' headers, model, outputs, device, schedule */
int train_schedule(struct train *);                            /* part of it: the length of the run */
void train_say_chosen(const struct train *);                   /* what of it the user did not say */
int train_model(struct train *);                               /* part of it: the model, fresh or from --init */
int train_resume(struct train *);
int train_loop(struct train *);
int train_epoch_end(struct train *);                           /* validate, --best, log */
int train_checkpoint(struct train *);
int train_finish(struct train *);                              /* write the model */
int train_explain(struct train *);
void train_progress(struct train *);
void train_resume_hint(const struct train *);                  /* "to go on: ..." */
void train_close(struct train *);

#endif
