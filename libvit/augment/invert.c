/* SPDX-License-Identifier: MIT
 *
 * invert.c - the negative (torchvision's RandomInvert).
 */
#include "augment/augment.h"
#include "image/colour.h"

struct config {
	double p;
};

static const struct vit_param params[] = {
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "0.5", 0, 1, NULL, "probability" },
	{ 0 },
};

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	if (vit_chance(call, cfg->p))
		vit_solarize(call->image, 0);
	return 0;
}

const struct vit_augment vit_augment_invert = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "invert", .help = "the negative",
	.reference = "torchvision RandomInvert", .example = "invert:p=0.1",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
