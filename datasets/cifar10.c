/* SPDX-License-Identifier: MIT
 *
 * cifar10.c - Krizhevsky, "Learning Multiple Layers of Features from Tiny
 * Images", 2009. Class names are the format's.
 */
#include "format/format.h"

static const char *const where[] = {
	"cifar10/cifar-10-binary.tar.gz", "cifar10/cifar-10-python.tar.gz", "cifar10", "cifar-10-batches-bin",
	"cifar-10-binary.tar.gz", "cifar-10-batches-py", "cifar-10-python.tar.gz", NULL,
};

/* Size and digest as in TensorFlow Datasets; the second host is the author's present one. */
static const struct vit_dataset_file files[] = {
	{ "cifar-10-binary.tar.gz",
	  { "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "https://cave.cs.toronto.edu/kriz/cifar-10-binary.tar.gz" },
	  "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170052171 },
	{ 0 },
};

const struct vit_dataset vit_dataset_cifar10 = {
	.name = "cifar10",
	.help = "60,000 coloured 32x32 photographs in 10 classes",
	.format = "cifar",
	.where = where,
	.shape = { 32, 32, 3 },
	.n_mean = 3,
	.mean = { 0.4914f, 0.4822f, 0.4465f },
	.std = { 0.2470f, 0.2435f, 0.2616f },
	.obtain = "put cifar-10-binary.tar.gz or its files into the cache, or give them as SOURCE",
	.files = files,
	.check = { { "train", 50000, 0 }, { "test", 10000, 0 } },
};
