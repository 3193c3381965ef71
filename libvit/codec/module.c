/* SPDX-License-Identifier: MIT */
#include "codec/codec.h"

#include "build_id.h"

extern const struct vit_codec *const vit_codecs[];     /* written by tools/tables.sh */
extern const struct vit_codec_module vit_module_codec;

const struct vit_codec_module vit_module_codec = {
	.module = { sizeof(struct vit_codec_module), VIT_BUILD_ID },
	.codecs = vit_codecs,
};
