/* SPDX-License-Identifier: MIT
 *
 * random_erasing.c - cover a random rectangle (Zhong et al., "Random Erasing
 * Data Augmentation", AAAI 2020), as timm's RandomErasing.
 *
 * timm erases after normalisation, with 0 or with noise of mean 0 and deviation
 * 1. Pixels here are u8 before normalisation, so the same colours are the
 * stream's mean, and noise around it; a stream that announces no mean counts as
 * mean and deviation 0.5 (timm's own default for it).
 */
#include "augment/augment.h"

#include <math.h>

enum { CONST, RAND, PIXEL };
enum { ATTEMPTS = 10 };         /* to find a rectangle that fits, as timm */

struct config {
	double p;
	struct vit_list scale, ratio;
	int value;
	int n_mean;             /* from the stream */
	float mean[VIT_MAX_CHANNELS], std[VIT_MAX_CHANNELS];
};

static const struct vit_param params[] = {
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "0.25", 0, 1, NULL, "probability" },
	{ "scale", VIT_P_LIST, offsetof(struct config, scale), "0.02/0.33", 0, 1, NULL, "least and largest share of the image" },
	{ "ratio", VIT_P_LIST, offsetof(struct config, ratio), "0.3/3.3", 0.01, 100, NULL, "least and largest height / width" },
	{ "value", VIT_P_CHOICE, offsetof(struct config, value), "const", 0, 0, "const|rand|pixel",
	  "the mean colour, one random colour, or noise" },
	{ 0 },
};

static int prepare(void *config, struct vit_meta *meta)
{
	struct config *cfg = config;
	if (cfg->scale.n != 2 || cfg->scale.v[0] > cfg->scale.v[1])
		return vit_fail(VIT_EUSAGE, "scale is the least and the largest share, as 0.02/0.33");
	if (cfg->ratio.n != 2 || cfg->ratio.v[0] > cfg->ratio.v[1])
		return vit_fail(VIT_EUSAGE, "ratio is the least and the largest height / width, as 0.3/3.3");
	cfg->n_mean = meta->n_mean;
	for (int i = 0; i < meta->n_mean; i++) {
		cfg->mean[i] = meta->mean[i];
		cfg->std[i] = meta->std[i];
	}
	return 0;
}

struct rect {
	int64_t top, left, h, w;
};

/* 1: found one. */
static int find_rect(struct rect *r, const struct config *cfg, const struct vit_image *im, struct vit_draws *draws)
{
	double lo = log((double)cfg->ratio.v[0]), hi = log((double)cfg->ratio.v[1]);
	for (int i = 0; i < ATTEMPTS; i++) {
		double u = (double)vit_uniform(vit_draw(draws)), v = (double)vit_uniform(vit_draw(draws));
		double least = (double)cfg->scale.v[0], most = (double)cfg->scale.v[1];
		double area = (double)im->h * (double)im->w * (least + u * (most - least)), ratio = exp(lo + v * (hi - lo));
		r->h = (int64_t)rint(sqrt(area * ratio));
		r->w = (int64_t)rint(sqrt(area / ratio));
		if (r->h >= im->h || r->w >= im->w)
			continue;
		r->top = vit_below(vit_draw(draws), (uint32_t)(im->h - r->h + 1));
		r->left = vit_below(vit_draw(draws), (uint32_t)(im->w - r->w + 1));
		return 1;
	}
	return 0;
}

/* Channel `c` at `z` deviations from the mean. */
static uint8_t level(const struct config *cfg, int64_t c, float z)
{
	float mean = 0.5f, std = 0.5f;
	if (cfg->n_mean) {
		mean = cfg->mean[cfg->n_mean == 1 ? 0 : c];
		std = cfg->std[cfg->n_mean == 1 ? 0 : c];
	}
	float x = rintf((mean + std * z) * 255);
	return x < 0 ? 0 : x > 255 ? 255 : (uint8_t)x;
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	struct vit_image *im = call->image;
	struct rect r;
	uint8_t colour[VIT_MAX_CHANNELS];
	if (cfg->n_mean > 1 && cfg->n_mean != im->c)
		return vit_fail(VIT_ERECORD, "image has %lld channels, the stream's mean %d", (long long)im->c, cfg->n_mean);
	if (!vit_chance(call, cfg->p) || !find_rect(&r, cfg, im, &call->draws))
		return 0;
	for (int64_t c = 0; c < im->c; c++)
		colour[c] = level(cfg, c, cfg->value == CONST ? 0 : vit_normal(&call->draws));
	for (int64_t y = r.top; y < r.top + r.h; y++) {
		uint8_t *row = im->p + (y * im->w + r.left) * im->c;
		for (int64_t i = 0; i < r.w * im->c; i++)
			row[i] = cfg->value == PIXEL ? level(cfg, i % im->c, vit_normal(&call->draws)) : colour[i % im->c];
	}
	return 0;
}

const struct vit_augment vit_augment_random_erasing = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "random-erasing", .help = "cover a random rectangle",
	.reference = "timm RandomErasing", .example = "random-erasing:p=0.25,value=pixel",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.prepare = prepare, .apply = apply,
};
