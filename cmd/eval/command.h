/* SPDX-License-Identifier: MIT
 *
 * command.h - what vit-eval is made of: the run, the reports.
 */
#ifndef CMD_EVAL_COMMAND_H
#define CMD_EVAL_COMMAND_H

#include "cli/cli.h"
#include "vit.h"

enum { EVAL_TEXT, EVAL_JSON };

struct eval_config {
	struct cli_common common;
	int predict, report;
	int64_t top, batch;
	const char *confusion;
	double min_top1;
};

struct eval {
	const struct eval_config *cfg;
	const char *model_name;         /* as the user named it */
	struct vit_model model;
	int have_model;
	struct vit_samples *samples;
	const struct vit_backend *backend;
	struct vit_dev *dev;
	struct vit_evaluator *evaluator;
	struct vit_output *out;
	int *map;
	int predict;                    /* lines of predictions instead of a report */
	struct vit_score score;
	double seconds;                 /* of the engine and of waiting for it */
	struct vit_buf text;            /* what is written next */
};

/* Exit statuses, having said what is wrong. */
int eval_open(struct eval *, int argc, char **argv);
int eval_run(struct eval *);
void eval_close(struct eval *);

/* Reports into e->text; VIT_ codes. */
int eval_report_text(struct eval *);
int eval_report_json(struct eval *);
int eval_confusion(struct eval *, const char *path);
int eval_predictions(struct eval *, const struct vit_batch *, const float *logits);
const char *eval_class(const struct eval *, int k, char buf[24]);

#endif
