/* SPDX-License-Identifier: MIT
 *
 * rotate.c - turn about the centre (torchvision's RandomRotation; positive
 * angles turn anticlockwise).
 */
#include "augment/augment.h"
#include "image/affine.h"

#include <math.h>

struct config {
	double p;
	struct vit_list degrees, fill;
	int interpolation, expand;
};
static const int filters[] = { VIT_NEAREST, VIT_BILINEAR };

static const struct vit_param params[] = {
	{ "degrees", VIT_P_LIST, offsetof(struct config, degrees), NULL, -360, 360, NULL, "least and largest angle; one number D is -D/D" },
	{ "interpolation", VIT_P_CHOICE, offsetof(struct config, interpolation), "nearest", 0, 0, "nearest|bilinear", "the filter" },
	{ "fill", VIT_P_LIST, offsetof(struct config, fill), "0", 0, 255, NULL, "colour of what was outside, one level or one per channel" },
	{ "expand", VIT_P_BOOL, offsetof(struct config, expand), "0", 0, 1, NULL, "grow the image to hold all of what it was" },
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "1", 0, 1, NULL, "probability" },
	{ 0 },
};

static int check_fill(const struct config *cfg, int code, int64_t c)
{
	if (cfg->fill.n != 1 && c && cfg->fill.n != c)
		return vit_fail(code, "fill has %d levels for %lld channels; give 1 or %lld", cfg->fill.n, (long long)c, (long long)c);
	return 0;
}

static int prepare(void *config, struct vit_meta *meta)
{
	struct config *cfg = config;
	struct vit_list *d = &cfg->degrees;
	if (d->n > 2 || (d->n == 1 && d->v[0] < 0) || (d->n == 2 && d->v[0] > d->v[1]))
		return vit_fail(VIT_EUSAGE, "degrees is the least and the largest angle, as -10/30, or one number above 0");
	if (cfg->expand)
		meta->shape[0] = meta->shape[1] = 0;
	return check_fill(cfg, VIT_EUSAGE, meta->shape[2]);
}

static void new_size(const double m[6], double angle, const struct vit_image *im, int64_t *h, int64_t *w)
{
	double quarters = angle / 90;
	if (rint(quarters) < quarters || rint(quarters) > quarters) {
		vit_affine_size(m, im->h, im->w, h, w);
		return;
	}
	/* torchvision, too, has quarter turns apart: its box is a pixel too large where one side is odd */
	int across = (int)fabs(quarters) % 2;
	*h = across ? im->w : im->h;
	*w = across ? im->h : im->w;
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	const struct vit_image *im = call->image;
	int64_t h = im->h, w = im->w;
	uint8_t colour[VIT_MAX_CHANNELS];
	double m[6];
	VIT_TRY(check_fill(cfg, VIT_ERECORD, im->c));
	if (!vit_chance(call, cfg->p))
		return 0;
	double hi = (double)cfg->degrees.v[cfg->degrees.n - 1], lo = cfg->degrees.n == 1 ? -hi : (double)cfg->degrees.v[0];
	double angle = lo + (double)vit_uniform(vit_draw(&call->draws)) * (hi - lo);
	vit_affine_matrix(m, &(struct vit_affine){ .angle = -angle });
	if (cfg->expand)
		new_size(m, angle, im, &h, &w);
	for (int64_t k = 0; k < im->c; k++)
		colour[k] = (uint8_t)(cfg->fill.v[cfg->fill.n == 1 ? 0 : k] + 0.5f);
	VIT_TRY(vit_image_reserve(call->spare, h, w, im->c));
	vit_affine(call->spare->p, h, w, im->p, im->h, im->w, im->c, m, filters[cfg->interpolation], colour);
	vit_image_swap(call->image, call->spare);
	return 0;
}

const struct vit_augment vit_augment_rotate = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "rotate", .help = "turn about the centre",
	.reference = "torchvision RandomRotation", .example = "rotate:degrees=15,interpolation=bilinear",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.prepare = prepare, .apply = apply,
};
