/* SPDX-License-Identifier: MIT
 *
 * gaussian_blur.c - blur by a Gaussian of random width (torchvision's
 * GaussianBlur, Chen et al., "A Simple Framework for Contrastive Learning of
 * Visual Representations", ICML 2020).
 */
#include "augment/augment.h"
#include "image/blur.h"

struct config {
	double p;
	int64_t kernel;
	struct vit_list sigma;
};

static const struct vit_param params[] = {
	{ "kernel", VIT_P_INT, offsetof(struct config, kernel), NULL, 1, VIT_MAX_BLUR, NULL, "pixels that are weighed, in each direction: odd" },
	{ "sigma", VIT_P_LIST, offsetof(struct config, sigma), "0.1/2", 0.001, 1000, NULL, "least and largest standard deviation in pixels, or one number" },
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "1", 0, 1, NULL, "probability" },
	{ 0 },
};

static int prepare(void *config, struct vit_meta *meta)
{
	const struct config *cfg = config;
	(void)meta;
	if (cfg->kernel % 2 == 0)
		return vit_fail(VIT_EUSAGE, "kernel=%lld has no middle; give an odd number", (long long)cfg->kernel);
	if (cfg->sigma.n > 2 || cfg->sigma.v[0] > cfg->sigma.v[cfg->sigma.n - 1])
		return vit_fail(VIT_EUSAGE, "sigma is the least and the largest deviation, as 0.1/2, or one number");
	return 0;
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	struct vit_image *im = call->image;
	double lo = (double)cfg->sigma.v[0], hi = (double)cfg->sigma.v[cfg->sigma.n - 1];
	if (!vit_chance(call, cfg->p))
		return 0;
	double sigma = lo + (double)vit_uniform(vit_draw(&call->draws)) * (hi - lo);
	return vit_blur(im->p, im->h, im->w, im->c, (int)cfg->kernel, sigma, call->scratch);
}

const struct vit_augment vit_augment_gaussian_blur = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "gaussian-blur", .help = "blur by a Gaussian of random width",
	.reference = "torchvision GaussianBlur", .example = "gaussian-blur:kernel=23,p=0.5",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.prepare = prepare, .apply = apply,
};
