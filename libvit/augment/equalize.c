/* SPDX-License-Identifier: MIT
 *
 * equalize.c - the levels of each channel as often as one another
 * (torchvision's RandomEqualize).
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
		vit_equalize(call->image);
	return 0;
}

const struct vit_augment vit_augment_equalize = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "equalize", .help = "spread the levels of each channel evenly",
	.reference = "torchvision RandomEqualize", .example = "equalize:p=0.2",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
