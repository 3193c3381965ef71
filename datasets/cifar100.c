/* SPDX-License-Identifier: MIT
 *
 * cifar100.c - Krizhevsky, "Learning Multiple Layers of Features from Tiny
 * Images", 2009. The fine classes; the coarse one passes as "coarse_label".
 */
#include "format/format.h"

static const char *const where[] = {
	"cifar100/cifar-100-binary.tar.gz", "cifar100/cifar-100-python.tar.gz", "cifar100", "cifar-100-binary",
	"cifar-100-binary.tar.gz", "cifar-100-python", "cifar-100-python.tar.gz", NULL,
};

/* Size and digest as in TensorFlow Datasets. */
static const struct vit_dataset_file files[] = {
	{ "cifar-100-binary.tar.gz",
	  { "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz" },
	  "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", 168513733 },
	{ 0 },
};

const struct vit_dataset vit_dataset_cifar100 = {
	.name = "cifar100",
	.help = "60,000 coloured 32x32 photographs in 100 classes",
	.format = "cifar",
	.where = where,
	.shape = { 32, 32, 3 },
	.n_mean = 3,
	.mean = { 0.5071f, 0.4865f, 0.4409f },
	.std = { 0.2673f, 0.2564f, 0.2762f },
	.obtain = "put cifar-100-binary.tar.gz or its files into the cache, or give them as SOURCE",
	.files = files,
	.check = { { "train", 50000, 0 }, { "test", 10000, 0 } },
};
