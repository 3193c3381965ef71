/* SPDX-License-Identifier: MIT
 *
 * color_jitter.c - brightness, contrast, saturation and hue by random factors in
 * random order (torchvision's ColorJitter).
 */
#include "augment/augment.h"
#include "image/colour.h"

enum { BRIGHTNESS, CONTRAST, SATURATION, HUE, N_KIND };

struct config {
	struct vit_list range[N_KIND];
	double p;
};

#define RANGE(kind) offsetof(struct config, range[kind])
#define FACTOR_HELP "factor 1 - x to 1 + x, or lo/hi"
static const struct vit_param params[] = {
	{ "brightness", VIT_P_LIST, RANGE(BRIGHTNESS), "0.4", 0, 100, NULL, FACTOR_HELP },
	{ "contrast", VIT_P_LIST, RANGE(CONTRAST), "0.4", 0, 100, NULL, FACTOR_HELP },
	{ "saturation", VIT_P_LIST, RANGE(SATURATION), "0.4", 0, 100, NULL, FACTOR_HELP },
	{ "hue", VIT_P_LIST, RANGE(HUE), "0", -0.5, 0.5, NULL, "turn of the colour circle -x to x, or lo/hi" },
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "1", 0, 1, NULL, "probability" },
	{ 0 },
};

/* The factor's bounds; 0: it is left out. */
static int bounds(const struct vit_list *range, int kind, double *lo, double *hi)
{
	double centre = kind == HUE ? 0 : 1, x = (double)range->v[0];
	*lo = range->n == 2 ? x : centre - x;
	*hi = range->n == 2 ? (double)range->v[1] : centre + x;
	if (range->n == 1 && kind != HUE && *lo < 0)
		*lo = 0;
	return *lo != centre || *hi != centre;
}

static int prepare(void *config, struct vit_meta *meta)
{
	const struct config *cfg = config;
	(void)meta;
	for (int i = 0; i < N_KIND; i++) {
		const struct vit_list *r = &cfg->range[i];
		double lo, hi;
		bounds(r, i, &lo, &hi);
		if (r->n > 2 || lo > hi)
			return vit_fail(VIT_EUSAGE, "%s is one number from 0, or the lowest and the highest as %s",
			                params[i].key, i == HUE ? "-0.1/0.1" : "0.6/1.4");
	}
	return 0;
}

static int adjust(struct vit_image *im, int kind, double by)
{
	switch (kind) {
	case BRIGHTNESS:
		vit_brightness(im, by);
		return 0;
	case CONTRAST:
		return vit_contrast(im, by);
	case SATURATION:
		return vit_saturation(im, by);
	default:
		return vit_hue(im, by);
	}
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	int order[N_KIND] = { BRIGHTNESS, CONTRAST, SATURATION, HUE };
	if (!vit_chance(call, cfg->p))
		return 0;
	for (int i = N_KIND - 1; i > 0; i--) {
		uint32_t k = vit_below(vit_draw(&call->draws), (uint32_t)i + 1);
		int t = order[i];
		order[i] = order[k];
		order[k] = t;
	}
	for (int i = 0; i < N_KIND; i++) {
		double lo, hi, u = (double)vit_uniform(vit_draw(&call->draws));
		if (bounds(&cfg->range[order[i]], order[i], &lo, &hi))
			VIT_TRY(adjust(call->image, order[i], lo + u * (hi - lo)));
	}
	return 0;
}

const struct vit_augment vit_augment_color_jitter = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "color-jitter", .help = "random brightness, contrast, saturation and hue",
	.reference = "torchvision ColorJitter", .example = "color-jitter:brightness=0.3,contrast=0.8/1.2,saturation=0,hue=0.05",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.prepare = prepare, .apply = apply,
};
