/* SPDX-License-Identifier: MIT
 *
 * trivial_augment.c - one operation of random strength (Müller and Hutter,
 * "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", ICCV
 * 2021), as torchvision's TrivialAugmentWide.
 */
#include "augment/policy.h"

const struct vit_reach vit_trivial_reach = { .shear = 0.99, .translate = 32, .rotate = 135, .enhance = 0.99, .posterize = 6 };

struct config {
	int64_t bins;
	struct vit_policy_pixels pixels;
	double p;
};

#define AT(field) offsetof(struct config, field)
static const struct vit_param params[] = {
	{ "bins", VIT_P_INT, AT(bins), "31", 2, 1000, NULL, "number of strengths" },
	{ "interpolation", VIT_P_CHOICE, AT(pixels.interpolation), "nearest", 0, 0, VIT_POLICY_FILTERS, "of turned, sheared and moved images" },
	{ "fill", VIT_P_LIST, AT(pixels.fill), "0", 0, 255, NULL, "level of what lies outside: one, or one a channel" },
	{ "p", VIT_P_FLOAT, AT(p), "1", 0, 1, NULL, "probability" },
	{ 0 },
};

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	if (!vit_chance(call, cfg->p))
		return 0;
	enum vit_member member = vit_below(vit_draw(&call->draws), VIT_N_MEMBERS);
	int64_t bin = vit_below(vit_draw(&call->draws), (uint32_t)cfg->bins);
	return vit_policy_apply(call, &vit_trivial_reach, &cfg->pixels, member, bin, cfg->bins, vit_chance(call, 0.5));
}

const struct vit_augment vit_augment_trivial_augment = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "trivial-augment", .help = "one random operation of random strength",
	.reference = "torchvision TrivialAugmentWide", .example = "trivial-augment:interpolation=bilinear",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.apply = apply,
};
