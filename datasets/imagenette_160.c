/* SPDX-License-Identifier: MIT
 *
 * imagenette_160.c - Howard, "Imagenette", 2019 (https://github.com/fastai/imagenette), its
 * second cut into train and val, shorter sides of 160 pixels. Classes are ImageNet's
 * numbers of nouns, as the folders have them.
 */
#include "format/format.h"

static const char *const where[] = { "imagenette-160/imagenette2-160.tgz", "imagenette-160", "imagenette2-160", "imagenette2-160.tgz", NULL };

/* Size and digest as in TensorFlow Datasets. */
static const struct vit_dataset_file files[] = {
	{ "imagenette2-160.tgz", { "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-160.tgz" },
	  "88daccb09b6fce93f45e6c09ddeb269cce705549e6bff322092a2a5a11489863", 98948031 },
	{ 0 },
};

const struct vit_dataset vit_dataset_imagenette_160 = {
	.name = "imagenette-160",
	.help = "13,394 photographs of 160 pixels and more in 10 easy classes of ImageNet",
	.format = "folder",
	.where = where,
	.obtain = "put imagenette2-160.tgz into the cache, or give it or its folder as SOURCE",
	.check = { { "train", 9469, 0 }, { "val", 3925, 0 } },
	.files = files,
};
