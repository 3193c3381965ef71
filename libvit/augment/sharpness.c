/* SPDX-License-Identifier: MIT
 *
 * sharpness.c - sharper or softer (torchvision's RandomAdjustSharpness).
 */
#include "augment/augment.h"
#include "image/colour.h"

struct config {
	double factor;
	double p;
};

static const struct vit_param params[] = {
	{ "factor", VIT_P_FLOAT, offsetof(struct config, factor), "2", 0, 100, NULL, "0 is soft, 1 as it is, 2 sharp" },
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "0.5", 0, 1, NULL, "probability" },
	{ 0 },
};

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	return vit_chance(call, cfg->p) ? vit_sharpness(call->image, cfg->factor, call->scratch) : 0;
}

const struct vit_augment vit_augment_sharpness = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "sharpness", .help = "sharpen, or soften below 1",
	.reference = "torchvision RandomAdjustSharpness", .example = "sharpness:factor=0.5,p=0.3",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
