/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of the formats, and what `make test` runs of it: a small source of
 * each kind, cut at each percent and with bits flipped, through a pipe, so that it
 * lies in memory of exactly its length.
 *
 * With libFuzzer: clang -DVIT_LIBFUZZER -fsanitize=fuzzer,address.
 */
#include "vit.h"

#include "../unit/packs.h"
#include "core/rng.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static volatile uint8_t sum;

/* Read all of it as vit-fetch does; every byte that is given out is looked at. */
static int read_all(const uint8_t *p, size_t n, const char *format)
{
	int end[2];
	char path[32];
	struct vit_fetch *f;
	struct vit_record r;
	if (pipe(end) || fcntl(end[1], F_SETPIPE_SZ, 1 << 18) < (int)n)
		abort();
	if (write(end[1], p, n) != (ssize_t)n)
		abort();
	close(end[1]);
	snprintf(path, sizeof path, "/dev/fd/%d", end[0]);
	const char *source[] = { path, NULL };
	struct vit_fetch_opt o = { .epochs = 1, .limit = -1, .format = format };
	int rc = vit_fetch_open(&f, source, &o);
	close(end[0]);
	if (rc)
		return rc;
	while ((rc = vit_fetch_next(f, &r)) == 0 || rc == VIT_ERECORD) {
		if (rc)
			continue;
		for (size_t i = 0; r.image.data && i < vit_tensor_bytes(&r.image); i++)
			sum = (uint8_t)(sum + ((const uint8_t *)r.image.data)[i]);
		for (size_t i = 0; i < r.encoded.n; i++)
			sum = (uint8_t)(sum + (uint8_t)r.encoded.p[i]);
		for (size_t i = 0; i < r.id.n; i++)
			sum = (uint8_t)(sum + (uint8_t)r.id.p[i]);
	}
	vit_fetch_close(f);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	if (n < 1 << 17)
		read_all(p, n, NULL);
	return 0;
}

#ifndef VIT_LIBFUZZER

static int failures, checks;

static void expect(int ok, const char *what, const char *name, size_t at)
{
	checks++;
	if (ok)
		return;
	failures++;
	fprintf(stderr, "%s: %s at %zu: %s\n", name, what, at, vit_errmsg());
}

static void add(struct vit_buf *b, const void *p, size_t n)
{
	if (vit_buf_add(b, p, n))
		abort();
}

#define S(s) add(b, s, sizeof(s) - 1)

static void fill(struct vit_buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(b, &(uint8_t){ (uint8_t)(i * 7) }, 1);
}

static void idx(struct vit_buf *b)
{
	add(b, "\0\0\10\3\0\0\0\24\0\0\0\5\0\0\0\5", 16);
	fill(b, 20 * 25);
}

static void cifar10(struct vit_buf *b)
{
	for (uint8_t i = 0; i < 4; i++) {
		add(b, &i, 1);
		fill(b, 3072);
	}
}

static void cifar100(struct vit_buf *b)
{
	for (uint8_t i = 0; i < 4; i++) {
		add(b, (uint8_t[]){ i, (uint8_t)(90 + i) }, 2);
		fill(b, 3072);
	}
}

static void python(struct vit_buf *b)
{
	S("\x80\x02}q\1(U\4dataq\2cnumpy.core.multiarray\n_reconstruct\nq\3cnumpy\nndarray\nq\4K\0\x85U\1b\x87R(K\1K\2M\0\x0c\x86");
	S("cnumpy\ndtype\nU\2u1K\0K\1\x87R(K\3U\1|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89T\0\x18\0\0");
	fill(b, 2 * 3072);
	S("tbU\6labels]q\5(K\3K\7eU\x0b" "batch_labelX\1\0\0\0xU\5extra](\x8a\2\1\2G\0\0\0\0\0\0\0\0(K\1K\2deh\5h\5u.");
}

static void npy(struct vit_buf *b)
{
	S("\x93NUMPY\1\0\x56\0{'descr': '|u1', 'fortran_order': True, 'shape': (9, 3, 5, 4), }                     \n");
	fill(b, 9 * 60);
}

static void stream(struct vit_buf *b)
{
	S("\x84\xa3vit\xa6stream\xa7version\x01\xa4kind\xa7samples\xa4meta\x81\xa6labels\xa5index");
	S("\x84\xa2id\xa1" "a\xa3seq\x00\xa5label\x01\xa5image\x83\xa5shape\x93\x01\x02\x03\xa5" "dtype\xa5uint8\xa4" "data\xc4\x06" "abcdef");
	S("\x82\xa3" "end\xc3\xa5" "count\x01");
}

static void csv(struct vit_buf *b)
{
	S("path;label;split\r\n\"im/1.jpg\";cat;train\r\nim/\"2.jpg;\"a \"\"big\"\"\n dog\";val\n\nim/3.jpg;17;\r\n");
}

static void member(struct vit_buf *b, const char *name, const char *text)
{
	struct pack t = { .body = *b };
	tar_add(&t, name, text, strlen(text), NULL);
	*b = t.body;
}

static void webdataset(struct vit_buf *b)
{
	static const uint8_t end[1024];
	member(b, "a/0.cls", "3\n");
	member(b, "a/0.ppm", "P6 1 1 255 abc");
	member(b, "a/1.json", "{\"label\": \"cat\"}");
	member(b, "a/1.PPM", "P6 1 1 255 abc");
	add(b, end, sizeof end);
}

static void folder(struct vit_buf *b)
{
	struct pack t = { 0 };
	tar_add(&t, "d/train/ants/1.ppm", "P6 1 1 255 abc", 14, NULL);
	tar_add(&t, "d/train/ants/link", "", 0, "1.ppm");
	tar_add(&t, "d/train/bees/x/2.pgm", "P5 1 1 255 a", 12, NULL);
	tar_add(&t, "d/val/bees/3", "P5 1 1 255 a", 12, NULL);
	tar_add(&t, "d/val/bees/.hidden", "x", 1, NULL);
	tar_end(&t);
	*b = t.body;
}

static void zip(struct vit_buf *b)
{
	struct pack z = { 0 };
	zip_add(&z, "ants/1.ppm", "P6 1 1 255 abc", 14, (struct zip_as){ 0 });
	zip_add(&z, "bees/", "", 0, (struct zip_as){ .mode = 040755 });
	zip_add(&z, "bees/2.pgm", "P5 1 1 255 a", 12, (struct zip_as){ 0 });
	zip_add(&z, "bees/2.pgm", "P5 1 1 255 b", 12, (struct zip_as){ 0 });
	zip_end(&z);
	vit_buf_release(&z.central);
	*b = z.body;
}
#undef S

/* `whole`: a cut shows, wherever it is. */
static void damage(const char *name, void (*make)(struct vit_buf *), int whole)
{
	struct vit_buf b = { 0 };
	make(&b);
	expect(read_all(b.p, b.n, NULL) == VIT_END, "is not read whole", name, b.n);
	for (int percent = 0; percent < 100; percent++) {
		size_t n = b.n * (size_t)percent / 100;
		uint8_t *exact = malloc(n + !n);
		if (!exact)
			abort();
		memcpy(exact, b.p, n);
		int rc = read_all(exact, n, NULL);
		free(exact);
		expect(rc < 0 || !whole, "is read though cut", name, n);
	}
	for (uint64_t i = 0; i < 1000; i++) {
		struct vit_rand4 r = vit_philox(vit_name_key(name), 0, i);
		/* the beginning, where structure is, twice as often */
		uint32_t span = r.v[2] & 1 ? (uint32_t)b.n : b.n < 256 ? (uint32_t)b.n : 256;
		uint32_t at = vit_below(r.v[0], span);
		uint8_t was = b.p[at];
		b.p[at] ^= (uint8_t)(1u << (r.v[1] & 7));
		if (r.v[1] & 8)
			b.p[at] = (uint8_t)(r.v[1] >> 8);
		int rc = read_all(b.p, b.n, NULL);
		expect(rc == VIT_END || rc < 0, "strange return", name, at);
		b.p[at] = was;
	}
	vit_buf_release(&b);
}

int main(void)
{
	damage("idx", idx, 1);
	damage("python", python, 1);
	damage("npy", npy, 1);
	damage("stream", stream, 1);
	/* between two records it is a shorter file */
	damage("cifar10", cifar10, 0);
	damage("cifar100", cifar100, 0);
	damage("csv", csv, 0);
	damage("webdataset", webdataset, 0);
	damage("folder", folder, 0);
	damage("zip", zip, 1);
	if (failures)
		fprintf(stderr, "%d of %d checks failed\n", failures, checks);
	return failures != 0;
}

#endif
