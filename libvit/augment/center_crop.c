/* SPDX-License-Identifier: MIT
 *
 * center_crop.c - the middle of the image (torchvision's CenterCrop, but an
 * image that is too small is an error instead of being padded).
 */
#include "augment/augment.h"

struct config {
	int64_t size[2];
};

static const struct vit_param params[] = {
	{ "size", VIT_P_SIZE, offsetof(struct config, size), NULL, 1, VIT_MAX_SIDE, NULL, "height and width of what stays" },
	{ 0 },
};

static int window(const struct config *cfg, int code, int64_t h, int64_t w, int64_t *wh, int64_t *ww)
{
	*wh = cfg->size[0];
	*ww = cfg->size[1] ? cfg->size[1] : cfg->size[0];
	if (*wh > h || *ww > w)
		return vit_fail(code, "a window of %lldx%lld is larger than the image of %lldx%lld",
		                (long long)*wh, (long long)*ww, (long long)h, (long long)w);
	return 0;
}

static int prepare(void *config, struct vit_meta *meta)
{
	int64_t *s = meta->shape;
	return s[0] ? window(config, VIT_EUSAGE, s[0], s[1], &s[0], &s[1]) : 0;
}

static int apply(struct vit_augment_call *call)
{
	struct vit_image *im = call->image;
	int64_t wh, ww;
	VIT_TRY(window(call->config, VIT_ERECORD, im->h, im->w, &wh, &ww));
	vit_crop(im->p, wh, ww, im->p, im->w, im->c, vit_centre(im->h, wh), vit_centre(im->w, ww));
	im->h = wh;
	im->w = ww;
	return 0;
}

const struct vit_augment vit_augment_center_crop = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "center-crop", .help = "the middle of the image",
	.params = params, .config_size = sizeof(struct config),
	.prepare = prepare, .apply = apply,
};
