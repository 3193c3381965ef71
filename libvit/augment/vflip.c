/* SPDX-License-Identifier: MIT
 *
 * vflip.c - mirror top and bottom (torchvision's RandomVerticalFlip).
 */
#include "augment/augment.h"

#include <string.h>

struct config {
	double p;
};

static const struct vit_param params[] = {
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "0.5", 0, 1, NULL, "probability" },
	{ 0 },
};

static void swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t t[256];
	for (size_t k; n; n -= k, a += k, b += k) {
		k = n < sizeof t ? n : sizeof t;
		memcpy(t, a, k);
		memcpy(a, b, k);
		memcpy(b, t, k);
	}
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	struct vit_image *im = call->image;
	size_t n = (size_t)(im->w * im->c);
	if (vit_chance(call, cfg->p))
		for (int64_t y = 0; y < im->h / 2; y++)
			swap(im->p + (size_t)y * n, im->p + (size_t)(im->h - 1 - y) * n, n);
	return 0;
}

const struct vit_augment vit_augment_vflip = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "vflip", .help = "mirror top and bottom",
	.reference = "torchvision RandomVerticalFlip", .example = "vflip:p=0.5",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
