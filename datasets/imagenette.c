/* SPDX-License-Identifier: MIT
 *
 * imagenette.c - Howard, "Imagenette", 2019 (https://github.com/fastai/imagenette), its
 * second cut into train and val, shorter sides of 320 pixels. Classes are ImageNet's
 * numbers of nouns, as the folders have them.
 */
#include "format/format.h"

static const char *const where[] = { "imagenette/imagenette2-320.tgz", "imagenette", "imagenette2-320", "imagenette2-320.tgz", NULL };

/* Size and digest as in TensorFlow Datasets. */
static const struct vit_dataset_file files[] = {
	{ "imagenette2-320.tgz", { "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz" },
	  "5020a9130cea0348272823cb12d2db7e981c6f2afa3dce71ccd5b8013005c55e", 341553947 },
	{ 0 },
};

const struct vit_dataset vit_dataset_imagenette = {
	.name = "imagenette",
	.help = "13,394 photographs of 320 pixels and more in 10 easy classes of ImageNet",
	.format = "folder",
	.where = where,
	.obtain = "put imagenette2-320.tgz into the cache, or give it or its folder as SOURCE",
	.check = { { "train", 9469, 0 }, { "val", 3925, 0 } },
	.files = files,
};
