/* SPDX-License-Identifier: MIT
 *
 * internal.h - what the files of the model share.
 */
#ifndef VIT_MODEL_INTERNAL_H
#define VIT_MODEL_INTERNAL_H

#include "model/model.h"

/* meta.preprocess. VIT_EFORMAT names the key. */
int vit_preprocess_from_json(struct vit_preprocess *, const json_t *) VIT_MUST_CHECK;
json_t *vit_preprocess_to_json(const struct vit_preprocess *);          /* NULL: no memory */

/* arch, config, classes and preprocess are set: write them into the header and
 * build the inference graph. */
int vit_model_finish(struct vit_model *) VIT_MUST_CHECK;
const struct vit_arch *vit_arch_by_name(const char *name, size_t n);    /* NULL: unknown */

#endif
