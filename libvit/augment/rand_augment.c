/* SPDX-License-Identifier: MIT
 *
 * rand_augment.c - some operations of one strength (Cubuk et al., "RandAugment:
 * Practical automated data augmentation with a reduced search space", NeurIPS
 * 2020), as torchvision's RandAugment.
 *
 * timm counts strength from 0 to 10: its m9-mstd0.5 is magnitude=27,std=1.5 here,
 * its posterize goes four bits further.
 */
#include "augment/policy.h"

#include <math.h>

const struct vit_reach vit_rand_reach = {
	.shear = 0.3, .translate = 150.0 / 331.0, .share = 1, .rotate = 30, .enhance = 0.9, .posterize = 4,
};

struct config {
	int64_t num_ops, magnitude, bins;
	double std;
	struct vit_policy_pixels pixels;
	double p;
};

#define AT(field) offsetof(struct config, field)
static const struct vit_param params[] = {
	{ "num-ops", VIT_P_INT, AT(num_ops), "2", 0, 100, NULL, "operations one after the other" },
	{ "magnitude", VIT_P_INT, AT(magnitude), "9", 0, 1000, NULL, "strength, below bins" },
	{ "std", VIT_P_FLOAT, AT(std), "0", 0, 1000, NULL, "standard deviation of the strength" },
	{ "bins", VIT_P_INT, AT(bins), "31", 2, 1000, NULL, "number of strengths" },
	{ "interpolation", VIT_P_CHOICE, AT(pixels.interpolation), "nearest", 0, 0, VIT_POLICY_FILTERS, "of turned, sheared and moved images" },
	{ "fill", VIT_P_LIST, AT(pixels.fill), "0", 0, 255, NULL, "level of what lies outside: one, or one a channel" },
	{ "p", VIT_P_FLOAT, AT(p), "1", 0, 1, NULL, "probability" },
	{ 0 },
};

static int prepare(void *config, struct vit_meta *meta)
{
	const struct config *cfg = config;
	(void)meta;
	return cfg->magnitude < cfg->bins ? 0 : vit_fail(VIT_EUSAGE, "magnitude=%lld is not below bins=%lld", (long long)cfg->magnitude,
	                                                 (long long)cfg->bins);
}

static int64_t strength(const struct config *cfg, struct vit_draws *draws)
{
	if (cfg->std == 0)
		return cfg->magnitude;
	double x = rint((double)cfg->magnitude + cfg->std * (double)vit_normal(draws)), last = (double)(cfg->bins - 1);
	return (int64_t)(x < 0 ? 0 : x > last ? last : x);
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	if (!vit_chance(call, cfg->p))
		return 0;
	for (int64_t i = 0; i < cfg->num_ops; i++) {
		enum vit_member member = vit_below(vit_draw(&call->draws), VIT_N_MEMBERS);
		int64_t bin = strength(cfg, &call->draws);
		VIT_TRY(vit_policy_apply(call, &vit_rand_reach, &cfg->pixels, member, bin, cfg->bins, vit_chance(call, 0.5)));
	}
	return 0;
}

const struct vit_augment vit_augment_rand_augment = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "rand-augment", .help = "some random operations of one strength",
	.reference = "torchvision RandAugment", .example = "rand-augment:magnitude=12,interpolation=bilinear,fill=124/116/104",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.prepare = prepare, .apply = apply,
};
