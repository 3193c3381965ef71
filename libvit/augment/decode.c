/* SPDX-License-Identifier: MIT
 *
 * decode.c - encoded images to pixels, and all images to one number of channels.
 *
 * Any op decodes what comes in encoded; this one says how, and turns pixels
 * that are there already into the same channels.
 */
#include "augment/augment.h"

enum { RGB, GRAY, KEEP };
static const int channels[] = { [RGB] = 3, [GRAY] = 1, [KEEP] = 0 };

struct config {
	int mode;
	int64_t shorter;
};

static const struct vit_param params[] = {
	{ "mode", VIT_P_CHOICE, offsetof(struct config, mode), "rgb", 0, 0, "rgb|gray|keep", "channels; keep: gray where the image is gray, else RGB" },
	{ "shorter", VIT_P_INT, offsetof(struct config, shorter), "0", 0, VIT_MAX_SIDE, NULL,
	  "decode JPEG at 1/2, 1/4 or 1/8 where its shorter side stays at least this; 0: full size" },
	{ 0 },
};

static int prepare(void *config, struct vit_meta *meta)
{
	const struct config *cfg = config;
	int to = channels[cfg->mode];
	int64_t *s = meta->shape;
	if (to && s[2] && s[2] != 1 && s[2] != 3)
		return vit_fail(VIT_EUSAGE, "images of %lld channels are neither gray nor RGB; mode=keep leaves them", (long long)s[2]);
	/* a smaller picture comes out of those that are JPEG; which are is not known */
	if (cfg->shorter)
		s[0] = s[1] = 0;
	if (to)
		s[2] = to;
	return 0;
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	const struct vit_image *im = call->image;
	int to = channels[cfg->mode];
	if (!to || im->c == to)
		return 0;
	if (im->c != 1 && im->c != 3)
		return vit_fail(VIT_ERECORD, "an image of %lld channels is neither gray nor RGB", (long long)im->c);
	VIT_TRY(vit_image_reserve(call->spare, im->h, im->w, to));
	vit_convert(call->spare->p, to, im->p, im->c, im->h * im->w);
	vit_image_swap(call->image, call->spare);
	return 0;
}

static void decode(const void *config, struct vit_decode_opt *o)
{
	const struct config *cfg = config;
	o->channels = channels[cfg->mode];
	o->shorter = cfg->shorter;
}

const struct vit_augment vit_augment_decode = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "decode", .help = "encoded images to pixels, all to one number of channels",
	.reference = "Pillow convert(\"RGB\"), convert(\"L\")", .example = "decode:shorter=256",
	.params = params, .config_size = sizeof(struct config),
	.prepare = prepare, .apply = apply, .decode = decode,
};
