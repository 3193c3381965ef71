/* SPDX-License-Identifier: MIT
 *
 * bench_stream IMAGE_BYTES TOTAL_BYTES - write a samples stream of random
 * gray images of IMAGE_BYTES bytes each to stdout, for timing filters.
 */
#include "vit.h"

#include <stdio.h>
#include <stdlib.h>

static int produce(int64_t image_bytes, int64_t total)
{
	int rc;
	int64_t n = total / image_bytes;
	struct vit_header header = { 0 };
	struct vit_meta meta = { .dataset = "random", .n_class = 10, .shape = { 1, image_bytes, 1 }, .count = n, .epochs = 1 };
	struct vit_output *out = NULL;
	struct vit_writer *w = NULL;
	uint8_t *pixels = malloc((size_t)image_bytes);
	if (!pixels)
		return vit_fail(VIT_ENOMEM, "out of memory");
	for (int64_t i = 0; i < image_bytes; i++)
		pixels[i] = (uint8_t)vit_philox(1, 0, (uint64_t)i).v[0];
	if ((rc = vit_header_init(&header, VIT_SAMPLES)) || (rc = vit_meta_write(&meta, &header)) ||
	    (rc = vit_output_open(&out, NULL)) || (rc = vit_writer_open(&w, out, &header)))
		goto out;
	for (int64_t i = 0; i < n; i++) {
		char id[24];
		int len = snprintf(id, sizeof id, "%08lld", (long long)i);
		const struct vit_record r = {
			.id = { id, (size_t)len }, .seq = (uint64_t)i, .label_kind = VIT_LABEL_INDEX, .label = i % 10,
			.image = { pixels, VIT_U8, 3, { 1, image_bytes, 1 } },
		};
		if ((rc = vit_writer_put(w, &r)))
			goto out;
	}
	if (!(rc = vit_writer_end(w, 0))) {
		rc = vit_output_commit(out, "", 0);
		out = NULL;
	}
out:
	if (rc)
		fprintf(stderr, "bench_stream: %s\n", vit_errmsg());
	vit_writer_close(w);
	vit_output_discard(out);
	vit_header_release(&header);
	free(pixels);
	return rc;
}

int main(int argc, char **argv)
{
	if (argc != 3 || atoll(argv[1]) < 1) {
		fprintf(stderr, "usage: bench_stream IMAGE_BYTES TOTAL_BYTES\n");
		return 2;
	}
	return produce(atoll(argv[1]), atoll(argv[2])) ? 1 : 0;
}
