/* SPDX-License-Identifier: MIT
 *
 * auto_contrast.c - the darkest level of each channel to 0, the lightest to
 * 255 (torchvision's RandomAutocontrast).
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
		vit_auto_contrast(call->image);
	return 0;
}

const struct vit_augment vit_augment_auto_contrast = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "auto-contrast", .help = "stretch each channel to 0..255",
	.reference = "torchvision RandomAutocontrast", .example = "auto-contrast:p=0.2",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
