/* SPDX-License-Identifier: MIT */
#include "augment/policy.h"

#include "image/affine.h"
#include "image/colour.h"

#include <math.h>

/* Element `i` of torch.linspace(from, to, n): float, from the nearer end, with one rounding. */
static double step(double from, double to, int64_t i, int64_t n)
{
	float a = (float)from, b = (float)to, by = (b - a) / (float)(n - 1);
	return (double)(i < n / 2 ? fmaf(by, (float)i, a) : fmaf(-by, (float)(n - 1 - i), b));
}

static int fill_levels(uint8_t fill[VIT_MAX_CHANNELS], const struct vit_list *list, int64_t c)
{
	if (list->n != 1 && list->n != c)
		return vit_fail(VIT_ERECORD, "image has %lld channels, fill %d levels", (long long)c, list->n);
	for (int64_t i = 0; i < c; i++)
		fill[i] = (uint8_t)list->v[list->n == 1 ? 0 : i];
	return 0;
}

static int warp(struct vit_augment_call *call, const struct vit_policy_pixels *pixels, const struct vit_affine *affine)
{
	const struct vit_image *im = call->image;
	uint8_t fill[VIT_MAX_CHANNELS];
	double m[6];
	VIT_TRY(fill_levels(fill, &pixels->fill, im->c));
	VIT_TRY(vit_image_reserve(call->spare, im->h, im->w, im->c));
	vit_affine_matrix(m, affine);
	vit_affine(call->spare->p, im->h, im->w, im->p, im->h, im->w, im->c, m, pixels->interpolation ? VIT_BILINEAR : VIT_NEAREST, fill);
	vit_image_swap(call->image, call->spare);
	return 0;
}

/* `axis` 0 is x. Shearing leaves the upper left corner where it is. */
static int shear(struct vit_augment_call *call, const struct vit_policy_pixels *pixels, int axis, double tangent)
{
	struct vit_affine a = { .centre = { -0.5 * (double)call->image->w, -0.5 * (double)call->image->h } };
	a.shear[axis] = atan(tangent) * (180 / 3.14159265358979323846);
	return warp(call, pixels, &a);
}

static int translate(struct vit_augment_call *call, const struct vit_policy_pixels *pixels, int axis, double pixels_by)
{
	struct vit_affine a = { 0 };
	a.translate[axis] = trunc(pixels_by);
	return warp(call, pixels, &a);
}

static double translation(const struct vit_reach *reach, int64_t side)
{
	return reach->share ? reach->translate * (double)side : reach->translate;
}

int vit_policy_apply(struct vit_augment_call *call, const struct vit_reach *reach, const struct vit_policy_pixels *pixels,
                     enum vit_member member, int64_t bin, int64_t bins, int negative)
{
	struct vit_image *im = call->image;
	double sign = negative ? -1 : 1, factor = 1 + sign * step(0, reach->enhance, bin, bins);
	VIT_TRY(vit_gray_or_rgb(im));
	switch (member) {
	case VIT_SHEAR_X:
	case VIT_SHEAR_Y:
		return shear(call, pixels, member == VIT_SHEAR_Y, sign * step(0, reach->shear, bin, bins));
	case VIT_TRANSLATE_X:
		return translate(call, pixels, 0, sign * step(0, translation(reach, im->w), bin, bins));
	case VIT_TRANSLATE_Y:
		return translate(call, pixels, 1, sign * step(0, translation(reach, im->h), bin, bins));
	case VIT_ROTATE:
		/* torchvision's rotate() turns against the clock, its affine() with it */
		return warp(call, pixels, &(struct vit_affine){ .angle = -sign * step(0, reach->rotate, bin, bins) });
	case VIT_BRIGHTNESS:
		vit_brightness(im, factor);
		return 0;
	case VIT_COLOR:
		return vit_saturation(im, factor);
	case VIT_CONTRAST:
		return vit_contrast(im, factor);
	case VIT_SHARPNESS:
		return vit_sharpness(im, factor, call->scratch);
	case VIT_POSTERIZE:
		vit_posterize(im, (int)rintf(8 - (float)bin / (float)((double)(bins - 1) / reach->posterize)));
		return 0;
	case VIT_SOLARIZE:
		vit_solarize(im, 255 * step(1, 0, bin, bins));
		return 0;
	case VIT_AUTO_CONTRAST:
		vit_auto_contrast(im);
		return 0;
	case VIT_EQUALIZE:
		vit_equalize(im);
		return 0;
	default:
		return 0;
	}
}
