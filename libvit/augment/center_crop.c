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
		return vit_fail(code, "a window of %lldx%lld is larger than the image of %lldx%lld; put resize before",
		                (long long)*wh, (long long)*ww, (long long)h, (long long)w);
	return 0;
}

static int prepare(void *config, struct vit_meta *meta)
{
	const struct config *cfg = config;
	int64_t *s = meta->shape;
	if (s[0])
		return window(cfg, VIT_EUSAGE, s[0], s[1], &s[0], &s[1]);
	vit_augment_fixed(meta, cfg->size[0], cfg->size[1] ? cfg->size[1] : cfg->size[0]);
	return 0;
}

static int find_part(struct vit_augment_call *call, int64_t part[4])
{
	VIT_TRY(window(call->config, VIT_ERECORD, call->h, call->w, &part[2], &part[3]));
	part[0] = vit_centre(call->h, part[2]);
	part[1] = vit_centre(call->w, part[3]);
	return 0;
}

static int apply(struct vit_augment_call *call)
{
	struct vit_image *im = call->image;
	int64_t part[4];
	VIT_TRY(find_part(call, part));
	if (im->h != part[2] || im->w != part[3])
		vit_crop(im->p, part[2], part[3], im->p, im->w, im->c, part[0] - call->top, part[1] - call->left);
	im->h = part[2];
	im->w = part[3];
	return 0;
}

const struct vit_augment vit_augment_center_crop = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "center-crop", .help = "the middle of the image",
	.reference = "torchvision CenterCrop", .example = "center-crop:size=224",
	.params = params, .config_size = sizeof(struct config),
	.prepare = prepare, .apply = apply, .window = find_part,
};
