/* SPDX-License-Identifier: MIT
 *
 * resize.c - another size (torchvision's Resize: one number is the shorter
 * side, HxW is the size whatever the proportions).
 */
#include "augment/augment.h"

struct config {
	int64_t size[2];
	int interpolation, antialias;
};

static const struct vit_param params[] = {
	{ "size", VIT_P_SIZE, offsetof(struct config, size), NULL, 1, VIT_MAX_SIDE, NULL, "the shorter side, or height and width" },
	{ "interpolation", VIT_P_CHOICE, offsetof(struct config, interpolation), "bilinear", 0, 0, VIT_FILTERS, "the filter" },
	{ "antialias", VIT_P_BOOL, offsetof(struct config, antialias), "1", 0, 1, NULL, "widen the filter when the image shrinks" },
	{ 0 },
};

static int target(const struct config *cfg, int code, int64_t h, int64_t w, int64_t *th, int64_t *tw)
{
	*th = cfg->size[0];
	*tw = cfg->size[1];
	if (!*tw)
		vit_shorter_side(cfg->size[0], h, w, th, tw);
	if (h > VIT_MAX_SIDE || w > VIT_MAX_SIDE || *th > VIT_MAX_SIDE || *tw > VIT_MAX_SIDE)
		return vit_fail(code, "%lldx%lld to %lldx%lld: sides are at most %d; give both, size=HxW",
		                (long long)h, (long long)w, (long long)*th, (long long)*tw, VIT_MAX_SIDE);
	return 0;
}

static int prepare(void *config, struct vit_meta *meta)
{
	const struct config *cfg = config;
	int64_t *s = meta->shape, h = s[0], w = s[1];
	if (s[0])
		return target(cfg, VIT_EUSAGE, h, w, &s[0], &s[1]);
	if (cfg->size[1])
		vit_augment_fixed(meta, cfg->size[0], cfg->size[1]);
	return 0;
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	const struct vit_image *im = call->image;
	int64_t th, tw;
	VIT_TRY(target(cfg, VIT_ERECORD, im->h, im->w, &th, &tw));
	if (th == im->h && tw == im->w)
		return 0;
	VIT_TRY(vit_image_reserve(call->spare, th, tw, im->c));
	VIT_TRY(vit_resize(call->spare->p, th, tw, im->p, im->h, im->w, im->c, cfg->interpolation, cfg->antialias, call->scratch));
	vit_image_swap(call->image, call->spare);
	return 0;
}

const struct vit_augment vit_augment_resize = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "resize", .help = "another size",
	.reference = "torchvision Resize", .example = "resize:size=256,interpolation=bicubic",
	.params = params, .config_size = sizeof(struct config),
	.prepare = prepare, .apply = apply,
};
