/* SPDX-License-Identifier: MIT
 *
 * command.h - what vit-eval is made of: operands, the run, reports, predictions.
 */
#ifndef CMD_EVAL_COMMAND_H
#define CMD_EVAL_COMMAND_H

#include "cli/cli.h"
#include "vit.h"

enum { EVAL_TEXT, EVAL_JSON };
enum { EVAL_SIZES = 21 };               /* batches of 1, 2, 4, ... 2^20 samples */

struct eval_config {
	struct cli_common common;
	int predict;                    /* 0 or 1 + EVAL_TEXT, EVAL_JSON */
	int report;
	int64_t top, batch;
	const char *confusion, *class_map;
	double min_top1, holdout;
};

/* Samples of one operand, or of several photos in a row. */
struct eval_set {
	struct vit_samples *samples;
	const char *name;
	int source;                     /* the name says what is in it */
	int *map;                       /* from its classes to the model's */
};

struct eval {
	const struct eval_config *cfg;
	const char *model_name;         /* as the user named it */
	struct vit_model model;
	int have_model;
	struct eval_set *set;
	int n_set;
	struct vit_class_file class_file;
	const struct vit_backend *backend;
	struct vit_dev *dev;
	int amp;                        /* as --amp and --deterministic become on this backend */
	uint32_t how;
	struct vit_evaluator *evaluator[EVAL_SIZES];    /* made when first needed */
	struct vit_output *out;
	int predict, json;              /* lines of predictions instead of a report; JSON wherever there is a choice */
	struct vit_score score;
	int64_t seen;                   /* samples computed */
	double seconds;                 /* of the engine and of waiting for it */
	struct vit_buf text;            /* what is written next */
	int not_a_number;               /* an output was none */
};

/* Exit statuses, having said what is wrong. */
int eval_open(struct eval *, int argc, char **argv);
int eval_operands(struct eval *, int argc, char **argv);       /* part of it: the model, the sets */
void eval_warn_seen(const struct eval *, const struct eval_set *);     /* were they its training data? */
int eval_run(struct eval *);
void eval_close(struct eval *);

/* Text into e->text; VIT_ codes. */
int eval_report_text(struct eval *);
int eval_report_json(struct eval *);
int eval_predictions(struct eval *, const struct vit_batch *, const float *logits);
/* The matrix into a file of its own: a picture, or JSON. */
int eval_confusion(struct eval *, const char *path);
int eval_is_png(const char *path);
uint64_t eval_skipped(const struct eval *);     /* bad records left out so far */
const char *eval_class(const struct eval *, int k, char buf[24]);

#endif
