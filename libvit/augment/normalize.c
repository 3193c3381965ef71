/* SPDX-License-Identifier: MIT
 *
 * normalize.c - announce mean and standard deviation. Pixels stay u8: a new
 * model takes the two as its own and normalises once, on the device.
 */
#include "augment/augment.h"

struct config {
	struct vit_list mean, std;
};

static const struct vit_param params[] = {
	{ "mean", VIT_P_LIST, offsetof(struct config, mean), NULL, 0, 1, NULL, "mean of pixel / 255, one value or one per channel" },
	{ "std", VIT_P_LIST, offsetof(struct config, std), NULL, 1e-6, 10, NULL, "standard deviation of pixel / 255, as many values" },
	{ 0 },
};

static int prepare(void *config, struct vit_meta *meta)
{
	const struct config *cfg = config;
	int n = cfg->mean.n;
	if (cfg->std.n != n)
		return vit_fail(VIT_EUSAGE, "mean has %d values and std %d; they go together", n, cfg->std.n);
	if (n != 1 && meta->shape[2] && n != meta->shape[2])
		return vit_fail(VIT_EUSAGE, "mean and std have %d values for %lld channels; give 1 or %lld", n,
		                (long long)meta->shape[2], (long long)meta->shape[2]);
	meta->n_mean = n;
	for (int i = 0; i < n; i++) {
		meta->mean[i] = cfg->mean.v[i];
		meta->std[i] = cfg->std.v[i];
	}
	return 0;
}

const struct vit_augment vit_augment_normalize = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "normalize", .help = "announce mean and standard deviation; pixels stay as they are",
	.reference = "torchvision Normalize", .example = "normalize:mean=0.485/0.456/0.406,std=0.229/0.224/0.225",
	.params = params, .config_size = sizeof(struct config),
	.prepare = prepare,
};
