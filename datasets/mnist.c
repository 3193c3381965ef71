/* SPDX-License-Identifier: MIT
 *
 * mnist.c - LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to
 * document recognition", 1998.
 */
#include "format/format.h"

static const char *const where[] = { "mnist", "MNIST", NULL };
static const char *const classes[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL };

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
	.obtain = "put its four IDX files there, or give their directory or an archive of them as SOURCE",
	.check = { { "train", 60000, 0 }, { "test", 10000, 0 } },
};
