/* SPDX-License-Identifier: MIT
 *
 * grayscale.c - gray in as many channels as there were (torchvision's RandomGrayscale).
 */
#include "augment/augment.h"
#include "image/colour.h"

struct config {
	double p;
};

static const struct vit_param params[] = {
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "0.1", 0, 1, NULL, "probability" },
	{ 0 },
};

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	return vit_chance(call, cfg->p) ? vit_grayscale(call->image) : 0;
}

const struct vit_augment vit_augment_grayscale = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "grayscale", .help = "gray in every channel",
	.reference = "torchvision RandomGrayscale", .example = "grayscale:p=0.2",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
