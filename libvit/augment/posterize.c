/* SPDX-License-Identifier: MIT
 *
 * posterize.c - fewer levels (torchvision's RandomPosterize).
 */
#include "augment/augment.h"
#include "image/colour.h"

struct config {
	int64_t bits;
	double p;
};

static const struct vit_param params[] = {
	{ "bits", VIT_P_INT, offsetof(struct config, bits), "4", 0, 8, NULL, "bits to keep" },
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "0.5", 0, 1, NULL, "probability" },
	{ 0 },
};

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	if (vit_chance(call, cfg->p))
		vit_posterize(call->image, (int)cfg->bits);
	return 0;
}

const struct vit_augment vit_augment_posterize = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "posterize", .help = "keep the upper bits of each value",
	.reference = "torchvision RandomPosterize", .example = "posterize:bits=3,p=0.2",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
