/* SPDX-License-Identifier: MIT
 *
 * hflip.c - mirror left and right (torchvision's RandomHorizontalFlip).
 */
#include "augment/augment.h"
#include "image/flip.h"

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
	struct vit_image *im = call->image;
	if (vit_chance(call, cfg->p))
		vit_hflip(im->p, im->h, im->w, im->c);
	return 0;
}

const struct vit_augment vit_augment_hflip = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "hflip", .help = "mirror left and right",
	.reference = "torchvision RandomHorizontalFlip", .example = "hflip:p=0.5",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
