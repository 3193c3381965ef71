/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of the stream reader, and what `make test` runs of it: streams of
 * every shape, cut at every byte and with 1,000 bits flipped, in memory.
 *
 * With libFuzzer: clang -DVIT_LIBFUZZER -fsanitize=fuzzer,address.
 */
#include "vit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* Read all of it, as a filter and as a model loader would. */
static int read_all(const uint8_t *p, size_t n)
{
	struct vit_input *in;
	struct vit_reader *r;
	const uint8_t *raw;
	size_t len;
	static struct vit_record rec;
	struct vit_tensor_record tensor;
	struct vit_meta meta;
	int rc = vit_input_memory(&in, p, n, "fuzz");
	if (rc == 0)
		rc = vit_reader_open(&r, in, &(struct vit_reader_opt){ .max_record = 1 << 20 });
	if (rc)
		return rc;
	if (vit_meta_read(&meta, vit_reader_header(r)) == 0)
		vit_meta_release(&meta);
	struct vit_buf again = { 0 };
	while ((rc = vit_reader_next(r, &raw, &len)) == 0) {
		again.n = 0;
		if (vit_record_decode(&rec, raw, len) == 0 && vit_record_encode(&again, &rec))
			abort();
		/* reads every byte: the sanitizer sees a tensor longer than its bytes */
		volatile uint8_t sum = 0;
		if (vit_tensor_record_decode(&tensor, raw, len) == 0)
			for (size_t i = 0; i < vit_tensor_bytes(&tensor.tensor); i++)
				sum = (uint8_t)(sum + ((const uint8_t *)tensor.tensor.data)[i]);
	}
	vit_buf_release(&again);
	vit_reader_close(r);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	read_all(p, n);
	return 0;
}

#ifndef VIT_LIBFUZZER

static int failures, checks;

static void expect(int ok, const char *what, const char *stream, size_t at)
{
	checks++;
	if (ok)
		return;
	failures++;
	fprintf(stderr, "%s: %s at byte %zu\n", stream, what, at);
}

static void must(int rc)
{
	if (rc) {
		fprintf(stderr, "fuzz_stream: %s\n", vit_errmsg());
		exit(1);
	}
}

static void slurp(const char *path, struct vit_buf *b)
{
	uint8_t part[4096];
	FILE *f = fopen(path, "rb");
	for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0;)
		must(vit_buf_add(b, part, n));
	if (!f || fclose(f))
		exit(1);
}

static void put_samples(struct vit_writer *w)
{
	uint8_t pixels[27] = { 9, 8, 7 };
	float soft[3] = { 0.5f, 0.25f, 0.25f };
	struct vit_record r = { .id = { "a/1.png", 7 }, .seq = 70000, .label_kind = VIT_LABEL_INDEX, .label = 2,
	                        .image = { pixels, VIT_U8, 3, { 3, 3, 3 } } };
	must(vit_writer_put(w, &r));
	r.label_kind = VIT_LABEL_SOFT;
	r.soft = (struct vit_tensor){ soft, VIT_F32, 1, { 3 } };
	r.field[0] = (struct vit_field){ { "box", 3 }, (const uint8_t *)"\x92\x01\xcb\0\0\0\0\0\0\0\0", 11 };
	r.n_field = 1;
	must(vit_writer_put(w, &r));
	memset(&r.image, 0, sizeof r.image);
	r.encoded = (struct vit_str){ "\xff\xd8\xff\xe0", 4 };
	r.type = (struct vit_str){ "jpeg", 4 };
	must(vit_writer_put(w, &r));
}

static void put_tensors(struct vit_writer *w)
{
	float x[6] = { 1, 2, 3 };
	uint16_t h[2] = { 1, 2 };
	must(vit_writer_tensor(w, "head.weight", &(struct vit_tensor){ x, VIT_F32, 2, { 2, 3 } }));
	must(vit_writer_tensor(w, "head.bias", &(struct vit_tensor){ h, VIT_BF16, 1, { 2 } }));
}

static void make_stream(struct vit_buf *b, int kind, const char *path)
{
	struct vit_header h;
	struct vit_output *o;
	struct vit_writer *w;
	const char *classes[] = { "cat", "dog", "eel" };
	struct vit_meta m = { .dataset = "d", .split = "train", .classes = classes, .n_class = 3, .shape = { 3, 3, 3 }, .count = 3, .epochs = 1 };
	must(vit_header_init(&h, kind));
	if (kind == VIT_SAMPLES)
		must(vit_meta_write(&m, &h));
	must(vit_history_add(h.history, "fuzz", json_pack("{s:f}", "x", 0.5), 1));
	must(vit_output_open(&o, path));
	must(vit_writer_open(&w, o, &h));
	if (kind == VIT_SAMPLES)
		put_samples(w);
	else
		put_tensors(w);
	must(vit_writer_end(w, 0));
	vit_writer_close(w);
	must(vit_output_commit(o, "", 0));
	slurp(path, b);
	vit_header_release(&h);
}

/* Where the trailer of this one-segment stream begins. */
static size_t trailer_at(const struct vit_buf *b)
{
	/* a map of whatever length whose first key is "end" */
	for (size_t i = b->n - 5; i > 0; i--)
		if ((b->p[i] & 0xf0) == 0x80 && !memcmp(b->p + i + 1, "\xa3" "end", 4))
			return i;
	fprintf(stderr, "fuzz_stream: no trailer\n");
	exit(1);
}

/* `whole`: lengths at which the stream is complete. */
static void damage(const char *name, const struct vit_buf *b, const size_t *whole, const size_t *trailer, int n)
{
	uint8_t *p = malloc(b->n);
	if (!p)
		exit(1);
	for (size_t cut = 0; cut <= b->n; cut++) {
		/* a block of its own, so that a read behind the cut is seen */
		uint8_t *part = malloc(cut + !cut);
		if (!part)
			exit(1);
		memcpy(part, b->p, cut);
		int good = 0;
		for (int i = 0; i < n; i++)
			good |= cut == whole[i];
		expect((read_all(part, cut) == VIT_END) == good, good ? "refused" : "taken for whole when cut", name, cut);
		free(part);
	}
	for (uint32_t i = 0; i < 1000; i++) {
		struct vit_rand4 r = vit_philox(1, 2, i);
		size_t at = vit_below(r.v[0], (uint32_t)b->n);
		int in_trailer = 0;
		for (int k = 0; k < n; k++)
			in_trailer |= at >= trailer[k] && at < whole[k];
		memcpy(p, b->p, b->n);
		p[at] ^= (uint8_t)(1u << (r.v[1] & 7));
		/* the hash covers all but the trailer itself */
		expect(read_all(p, b->n) != VIT_END || in_trailer, "damage not seen", name, at);
	}
	free(p);
}

static void replay(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct vit_buf b = { 0 };
		slurp(argv[i], &b);
		LLVMFuzzerTestOneInput(b.p, b.n);
		vit_buf_release(&b);
		checks++;
	}
}

int main(int argc, char **argv)
{
	char path[] = "/tmp/vit-fuzz-XXXXXX";
	if (!mkdtemp(path))
		return 1;
	char file[64];
	snprintf(file, sizeof file, "%s/s", path);
	struct vit_buf samples = { 0 }, model = { 0 }, joined = { 0 };
	make_stream(&samples, VIT_SAMPLES, file);
	make_stream(&model, VIT_MODEL, file);
	must(vit_buf_add(&joined, samples.p, samples.n));
	must(vit_buf_add(&joined, samples.p, samples.n));
	remove(file);
	remove(path);

	size_t t = trailer_at(&samples), tm = trailer_at(&model);
	size_t whole[2] = { samples.n, joined.n }, trailer[2] = { t, samples.n + t };
	damage("samples", &samples, whole, trailer, 1);
	damage("joined", &joined, whole, trailer, 2);
	damage("model", &model, &model.n, &tm, 1);
	replay(argc, argv);
	vit_buf_release(&samples);
	vit_buf_release(&model);
	vit_buf_release(&joined);
	printf("%d passed, %d failed\n", checks - failures, failures);
	return failures != 0;
}

#endif
