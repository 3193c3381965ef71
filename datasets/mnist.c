/* SPDX-License-Identifier: MIT
 *
 * mnist.c - LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to
 * document recognition", 1998.
 */
#include "format/format.h"

static const char *const where[] = { "mnist", "MNIST", NULL };
static const char *const classes[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL };

/* Sizes and digests as in TensorFlow Datasets; the second mirror is torchvision's. */
#define FILE_AT(name, sha256, size) \
	{ name, { "https://storage.googleapis.com/cvdf-datasets/mnist/" name, "https://ossci-datasets.s3.amazonaws.com/mnist/" name }, \
	  sha256, size }
static const struct vit_dataset_file files[] = {
	FILE_AT("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
	FILE_AT("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
	FILE_AT("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
	FILE_AT("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
	{ 0 },
};

const struct vit_dataset vit_dataset_mnist = {
	.name = "mnist",
	.help = "70,000 gray 28x28 handwritten digits",
	.format = "idx",
	.where = where,
	.classes = classes,
	.shape = { 28, 28, 1 },
	.n_mean = 1,
	.mean = { 0.1307f },
	.std = { 0.3081f },
	.obtain = "put its four IDX files into the cache, or give their directory or an archive of them as SOURCE",
	.files = files,
	.check = { { "train", 60000, 0 }, { "test", 10000, 0 } },
};
