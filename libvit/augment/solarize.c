/* SPDX-License-Identifier: MIT
 *
 * solarize.c - the negative of what is light (torchvision's
 * RandomSolarize).
 */
#include "augment/augment.h"
#include "image/colour.h"

struct config {
	double threshold;
	double p;
};

static const struct vit_param params[] = {
	{ "threshold", VIT_P_FLOAT, offsetof(struct config, threshold), "128", 0, 255, NULL, "least value to invert" },
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "0.5", 0, 1, NULL, "probability" },
	{ 0 },
};

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	if (vit_chance(call, cfg->p))
		vit_solarize(call->image, cfg->threshold);
	return 0;
}

const struct vit_augment vit_augment_solarize = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "solarize", .help = "the negative of all values from a threshold on",
	.reference = "torchvision RandomSolarize", .example = "solarize:threshold=128,p=0.2",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
