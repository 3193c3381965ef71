/* SPDX-License-Identifier: MIT
 *
 * params.h - `key=value,key=value` against a table of parameters.
 */
#ifndef VIT_AUGMENT_PARAMS_H
#define VIT_AUGMENT_PARAMS_H

#include "augment/augment.h"

/* Fill `config` with the defaults, then from `text` ("" gives defaults alone).
 * `who` begins messages. VIT_EUSAGE names the key and what it may be: unknown,
 * given twice, missing, no number, out of range. */
int vit_params_parse(const struct vit_param *, void *config, const char *who, const char *text) VIT_MUST_CHECK;

/* Append "key=value,..." with every value in the table's order. Equal configs
 * give equal text, and the text parses to the same config. */
int vit_params_print(const struct vit_param *, const void *config, struct vit_buf *out) VIT_MUST_CHECK;

/* What a value may be: "0 to 1", "a size 1 to 65536 or HxW", "yes or no". */
char *vit_param_range(char *buf, size_t size, const struct vit_param *);

#endif
