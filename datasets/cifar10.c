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

const struct vit_dataset vit_dataset_cifar10 = {
	.name = "cifar10",
	.help = "60,000 coloured 32x32 photographs in 10 classes",
	.format = "cifar",
	.where = where,
	.shape = { 32, 32, 3 },
	.n_mean = 3,
	.mean = { 0.4914f, 0.4822f, 0.4465f },
	.std = { 0.2470f, 0.2435f, 0.2616f },
	.obtain = "put cifar-10-binary.tar.gz or its files there, or give them as SOURCE",
	.check = { { "train", 50000, 0 }, { "test", 10000, 0 } },
};
