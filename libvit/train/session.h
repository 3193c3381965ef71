/* SPDX-License-Identifier: MIT
 *
 * session.h - inside a trainer; shared with the checkpoint, for nobody else.
 */
#ifndef VIT_TRAIN_SESSION_H
#define VIT_TRAIN_SESSION_H

#include "core/mem.h"
#include "train/train.h"

struct vit_session {
	struct vit_graph graph;         /* the model with label and loss */
	struct vit_plan plan;
	int planned;
	int64_t rows;                   /* samples per micro-batch */
	float *lr;
};

struct vit_trainer {
	struct vit_model *model;
	struct vit_train_opt opt;
	const struct vit_backend *backend;
	struct vit_dev *dev;
	struct vit_session s;
	const struct vit_value *image, *label;
	int64_t step, samples;
	int unread;                     /* steps since the device's block was read */
	struct vit_step seen;           /* it, as last read */
};

#endif
