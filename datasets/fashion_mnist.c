/* SPDX-License-Identifier: MIT
 *
 * fashion_mnist.c - Xiao, Rasul, Vollgraf, "Fashion-MNIST: a Novel Image
 * Dataset for Benchmarking Machine Learning Algorithms", 2017.
 *
 * Classes keep the published label order, which is not alphabetical: names are
 * identity, numbers are this file's. The distribution's gz files are compressed
 * anew, so the digest is over the records.
 */
#include "format/format.h"

static const char *const where[] = { "fashion-mnist", "fashion_mnist", "FashionMNIST", NULL };
static const char *const classes[] = {
	"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot", NULL,
};

const struct vit_dataset vit_dataset_fashion_mnist = {
	.name = "fashion-mnist",
	.help = "70,000 gray 28x28 pictures of clothes in 10 classes",
	.format = "idx",
	.where = where,
	.classes = classes,
	.shape = { 28, 28, 1 },
	.n_mean = 1,
	.mean = { 0.2860f },
	.std = { 0.3530f },
	.obtain = "apt-get install dataset-fashion-mnist, or give its directory or archive as SOURCE",
	.check = { { "train", 60000, 0xecd64cd48e30f4ff }, { "test", 10000, 0xb32a37ecc5458ef3 } },
};
