/* SPDX-License-Identifier: MIT
 *
 * vit_config.h - the numbers that make a ViT, as text, as JSON and as a struct.
 */
#ifndef VIT_MODEL_VIT_CONFIG_H
#define VIT_MODEL_VIT_CONFIG_H

#include "core/err.h"

#include <jansson.h>
#include <stdint.h>

enum { VIT_VIT_TRUNC02, VIT_VIT_FAN_IN };       /* init */

struct vit_vit_config {
	int64_t image[2], patch[2];     /* H,W */
	int64_t channels, classes, dim, depth, heads, reg_tokens;
	double mlp, eps, layer_scale;   /* mlp: hidden / dim; layer_scale 0: none */
	int64_t pool, act, init;        /* indices into the key's choices */
	int64_t class_token, qkv_bias, no_embed_class;
	int64_t hidden, tokens, prefix; /* computed: of the MLP; patches; class and register tokens */
};

/* As vit_arch.parse: spec "key=value,..." or preset "vit-tiny/16[:key=value,...]". */
int vit_vit_parse(const char *spec, json_t *config) VIT_MUST_CHECK;
/* Check all keys and what they imply. VIT_EUSAGE names the key. */
int vit_vit_config_read(struct vit_vit_config *, const json_t *config) VIT_MUST_CHECK;
const char *vit_vit_presets(int i);

#endif
