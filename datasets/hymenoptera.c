/* SPDX-License-Identifier: MIT
 *
 * hymenoptera.c - the photographs of PyTorch's tutorial on transfer learning,
 * a small part of ImageNet. Classes are the folders'.
 */
#include "format/format.h"

static const char *const where[] = {
	"hymenoptera/hymenoptera_data.zip", "hymenoptera", "hymenoptera_data", "hymenoptera_data.zip", NULL,
};

/* The digest as in the scripts that build PyTorch's tutorials. */
static const struct vit_dataset_file files[] = {
	{ "hymenoptera_data.zip", { "https://download.pytorch.org/tutorial/hymenoptera_data.zip" },
	  "fbc41b31d544714d18dd1230b1e2b455e1557766e13e67f9f5a7a23af7c02209", 47286322 },
	{ 0 },
};

const struct vit_dataset vit_dataset_hymenoptera = {
	.name = "hymenoptera",
	.help = "397 photographs of ants and bees, to fine-tune with",
	.format = "folder",
	.where = where,
	.obtain = "put hymenoptera_data.zip into the cache, or give it or its folder as SOURCE",
	.check = { { "train", 244, 0 }, { "val", 153, 0 } },
	.files = files,
};
