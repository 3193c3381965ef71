/* SPDX-License-Identifier: MIT
 *
 * random_resized_crop.c - a random part of the image, brought to one size
 * (Szegedy et al., "Going deeper with convolutions", CVPR 2015), as
 * torchvision's RandomResizedCrop.
 */
#include "augment/augment.h"

#include <math.h>

enum { ATTEMPTS = 10 };         /* to find a part that fits, as torchvision */

struct config {
	double p;
	int64_t size[2];
	struct vit_list scale, ratio;
	int interpolation, antialias;
};

static const struct vit_param params[] = {
	{ "size", VIT_P_SIZE, offsetof(struct config, size), NULL, 1, VIT_MAX_SIDE, NULL, "height and width of what comes out" },
	{ "scale", VIT_P_LIST, offsetof(struct config, scale), "0.08/1", 1e-6, 1, NULL, "least and largest share of the image" },
	{ "ratio", VIT_P_LIST, offsetof(struct config, ratio), "0.75/1.3333333", 0.01, 100, NULL, "least and largest width / height of the part" },
	{ "interpolation", VIT_P_CHOICE, offsetof(struct config, interpolation), "bilinear", 0, 0, VIT_FILTERS, "the filter" },
	{ "antialias", VIT_P_BOOL, offsetof(struct config, antialias), "1", 0, 1, NULL, "widen the filter when the part shrinks" },
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "1", 0, 1, NULL, "probability; otherwise the largest part of such a ratio in the centre" },
	{ 0 },
};

static int prepare(void *config, struct vit_meta *meta)
{
	struct config *cfg = config;
	if (cfg->scale.n != 2 || cfg->scale.v[0] > cfg->scale.v[1])
		return vit_fail(VIT_EUSAGE, "scale is the least and the largest share, as 0.08/1");
	if (cfg->ratio.n != 2 || cfg->ratio.v[0] > cfg->ratio.v[1])
		return vit_fail(VIT_EUSAGE, "ratio is the least and the largest width / height, as 0.75/1.3333333");
	vit_augment_fixed(meta, cfg->size[0], cfg->size[1] ? cfg->size[1] : cfg->size[0]);
	return 0;
}

static double between(const struct vit_list *range, double u)
{
	return (double)range->v[0] + u * ((double)range->v[1] - (double)range->v[0]);
}

/* 1: found one. */
static int try_part(const struct config *cfg, struct vit_augment_call *call, int64_t part[4])
{
	double lo = log((double)cfg->ratio.v[0]), hi = log((double)cfg->ratio.v[1]);
	double u = (double)vit_uniform(vit_draw(&call->draws)), v = (double)vit_uniform(vit_draw(&call->draws));
	double area = (double)call->h * (double)call->w * between(&cfg->scale, u), ratio = exp(lo + v * (hi - lo));
	part[2] = (int64_t)rint(sqrt(area / ratio));
	part[3] = (int64_t)rint(sqrt(area * ratio));
	if (part[2] < 1 || part[3] < 1 || part[2] > call->h || part[3] > call->w)
		return 0;
	part[0] = vit_below(vit_draw(&call->draws), (uint32_t)(call->h - part[2] + 1));
	part[1] = vit_below(vit_draw(&call->draws), (uint32_t)(call->w - part[3] + 1));
	return 1;
}

static void centre(const struct config *cfg, int64_t h, int64_t w, int64_t part[4])
{
	double lo = (double)cfg->ratio.v[0], hi = (double)cfg->ratio.v[1], ratio = (double)w / (double)h;
	part[2] = ratio < lo ? (int64_t)rint((double)w / lo) : h;
	part[3] = ratio > hi ? (int64_t)rint((double)h * hi) : w;
	/* an image of one row or column may be narrower than any ratio wants */
	part[2] = part[2] < 1 ? 1 : part[2] > h ? h : part[2];
	part[3] = part[3] < 1 ? 1 : part[3] > w ? w : part[3];
	part[0] = (h - part[2]) / 2;
	part[1] = (w - part[3]) / 2;
}

static int find_part(struct vit_augment_call *call, int64_t part[4])
{
	const struct config *cfg = call->config;
	if (call->h > VIT_MAX_SIDE || call->w > VIT_MAX_SIDE)
		return vit_fail(VIT_ERECORD, "an image of %lldx%lld; sides are at most %d", (long long)call->h, (long long)call->w, VIT_MAX_SIDE);
	if (vit_chance(call, cfg->p))
		for (int i = 0; i < ATTEMPTS; i++)
			if (try_part(cfg, call, part))
				return 0;
	centre(cfg, call->h, call->w, part);
	return 0;
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	const struct vit_image *im = call->image;
	int64_t part[4], h = cfg->size[0], w = cfg->size[1] ? cfg->size[1] : h, stride = im->w * im->c;
	VIT_TRY(find_part(call, part));
	VIT_TRY(vit_image_reserve(call->spare, h, w, im->c));
	const uint8_t *from = im->p + (part[0] - call->top) * stride + (part[1] - call->left) * im->c;
	VIT_TRY(vit_resize_part(call->spare->p, h, w, from, stride, part[2], part[3], im->c, cfg->interpolation, cfg->antialias,
	                        call->scratch));
	vit_image_swap(call->image, call->spare);
	return 0;
}

const struct vit_augment vit_augment_random_resized_crop = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "random-resized-crop", .help = "a random part of the image, brought to one size",
	.reference = "torchvision RandomResizedCrop", .example = "random-resized-crop:size=224,scale=0.35/1",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.prepare = prepare, .apply = apply, .window = find_part,
};
