/* SPDX-License-Identifier: MIT
 *
 * codec.h - what an image codec is, and the module that holds them.
 *
 * One file libvit/codec/NAME.c ends in `const struct vit_codec vit_codec_NAME`.
 * Only libvit/image/decode.c opens the module.
 */
#ifndef VIT_CODEC_CODEC_H
#define VIT_CODEC_CODEC_H

#include "core/module.h"
#include "image/decode.h"

struct vit_codec {
	const char *name;               /* what vit_image_type() says: "jpeg" */
	int (*size)(const uint8_t *p, size_t n, int64_t *h, int64_t *w);        /* upright */
	/* As vit_image_decode(), with `o` complete and its limits already checked
	 * against size(). */
	int (*decode)(struct vit_image *out, const uint8_t *p, size_t n, const struct vit_decode_opt *o);
};

struct vit_codec_module {
	struct vit_module module;
	const struct vit_codec *const *codecs;  /* NULL-terminated */
};

#endif
