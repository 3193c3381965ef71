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

/* Sizes and digests as in TensorFlow Datasets; the second mirror is the authors' repository. */
#define FILE_AT(name, sha256, size) \
	{ name, { "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/" name, \
	          "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/" name }, sha256, size }
static const struct vit_dataset_file files[] = {
	FILE_AT("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880),
	FILE_AT("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515),
	FILE_AT("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102),
	FILE_AT("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148),
	{ 0 },
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
	.files = files,
	.check = { { "train", 60000, 0xecd64cd48e30f4ff }, { "test", 10000, 0xb32a37ecc5458ef3 } },
};
