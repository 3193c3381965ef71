/* SPDX-License-Identifier: MIT
 *
 * policy.h - the members that automatic policies draw from, each at a strength of
 * 0 to bins - 1: those of torchvision's RandAugment and TrivialAugmentWide, which
 * differ in how far they go.
 */
#ifndef VIT_AUGMENT_POLICY_H
#define VIT_AUGMENT_POLICY_H

#include "augment/augment.h"

/* In the order of torchvision's table. */
enum vit_member {
	VIT_IDENTITY, VIT_SHEAR_X, VIT_SHEAR_Y, VIT_TRANSLATE_X, VIT_TRANSLATE_Y, VIT_ROTATE, VIT_BRIGHTNESS, VIT_COLOR,
	VIT_CONTRAST, VIT_SHARPNESS, VIT_POSTERIZE, VIT_SOLARIZE, VIT_AUTO_CONTRAST, VIT_EQUALIZE, VIT_N_MEMBERS,
};

/* What members reach at the last bin. */
struct vit_reach {
	double shear;                   /* tangent */
	double translate;               /* pixels, or a share of the side */
	int share;
	double rotate;                  /* degrees */
	double enhance;                 /* brightness, color, contrast, sharpness: factor 1 -+ this */
	int posterize;                  /* bits lost of 8 */
};
extern const struct vit_reach vit_rand_reach, vit_trivial_reach;

/* How outside pixels are made; two parameters of each policy. */
struct vit_policy_pixels {
	int interpolation;              /* index into VIT_POLICY_FILTERS */
	struct vit_list fill;           /* one level for all channels, or one each */
};
#define VIT_POLICY_FILTERS "nearest|bilinear"

/* Apply `member` to call->image, at `bin` of `bins` >= 2; `negative` turns those
 * round that have two directions. VIT_ERECORD: fill is not of the image's
 * channels, or colours are wanted of an image that has none. */
int vit_policy_apply(struct vit_augment_call *, const struct vit_reach *, const struct vit_policy_pixels *,
                     enum vit_member member, int64_t bin, int64_t bins, int negative) VIT_MUST_CHECK;

#endif
