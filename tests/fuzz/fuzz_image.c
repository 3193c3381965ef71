/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of the image decoders, and what `make test` runs of it: a file of
 * every kind, 1,000 times damaged (bits, bytes, cuts, insertions, removals), decoded
 * whole and in part. Files given as arguments are replayed.
 *
 * With libFuzzer: clang -DVIT_LIBFUZZER -fsanitize=fuzzer,address.
 */
#include "core/rng.h"
#include "image/decode.h"

#include "../unit/pictures.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

/* What is decoded is looked at, every byte of it. */
static int try_decode(struct vit_image *im, const uint8_t *p, size_t n, const struct vit_decode_opt *o)
{
	static volatile uint8_t sum;
	int rc = vit_image_decode(im, p, n, o);
	for (int64_t i = 0; !rc && i < im->h * im->w * im->c; i++)
		sum = (uint8_t)(sum + im->p[i]);
	return rc;
}

static int is_part(const struct vit_image *part, const struct vit_image *whole, const int64_t at[4])
{
	int same = part->h == at[2] && part->w == at[3] && part->c == whole->c;
	for (int64_t y = 0; same && y < part->h; y++)
		same = !memcmp(part->p + y * part->w * part->c, whole->p + ((at[0] + y) * whole->w + at[1]) * whole->c, (size_t)(part->w * part->c));
	return same;
}

/* NULL, or what went wrong: a part is refused where the whole is taken, or is
 * not the whole's, or the code is none that a damaged image may have. */
static const char *check(const uint8_t *p, size_t n, struct vit_rand4 r)
{
	static struct vit_image whole, part;
	struct vit_decode_opt o = { .channels = (int)(r.v[0] >> 8) % 2 * 3, .max_pixels = 1 << 20 };
	int64_t h, w;
	if (vit_image_size(p, n, &h, &w)) {
		int rc = try_decode(&whole, p, n, &o);
		return rc == VIT_ERECORD ? NULL : "decoded though it has no size";
	}
	int rc = try_decode(&whole, p, n, &o);
	if (rc && rc != VIT_ERECORD)
		return vit_errmsg();
	if (h < 1 || w < 1 || h > 1 << 16 || w > 1 << 16)
		return rc ? NULL : "decoded though its size cannot be";
	o.part[2] = 1 + vit_below(r.v[0], (uint32_t)h);
	o.part[3] = 1 + vit_below(r.v[1], (uint32_t)w);
	o.part[0] = vit_below(r.v[2], (uint32_t)(h - o.part[2] + 1));
	o.part[1] = vit_below(r.v[3], (uint32_t)(w - o.part[3] + 1));
	int rc_part = try_decode(&part, p, n, &o);
	if (rc_part && rc_part != VIT_ERECORD)
		return vit_errmsg();
	if (!rc && rc_part)
		return vit_errmsg();
	return rc || is_part(&part, &whole, o.part) ? NULL : "a part is not the whole's";
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const char *wrong = check(p, n, vit_philox(n, 0, 0));
	if (wrong && strcmp(wrong, "a part is not the whole's"))
		abort();
	return 0;
}

#ifndef VIT_LIBFUZZER

static int failures, checks;

static void damage(struct vit_buf *b, const struct vit_buf *from, struct vit_rand4 r)
{
	size_t at = vit_below(r.v[0], (uint32_t)from->n), len = 1 + (r.v[2] >> 8) % 16;
	/* the beginning, where structure is, more often */
	if (r.v[3] & 1 && from->n > 200)
		at %= 200;
	if (len > from->n - at)
		len = from->n - at;
	b->n = 0;
	picture_add(b, from->p, at);
	switch (r.v[1] % 5) {
	case 0:
		picture_add(b, from->p + at, from->n - at);
		b->p[at] ^= (uint8_t)(1u << (r.v[2] & 7));
		break;
	case 1:
		picture_add(b, from->p + at, from->n - at);
		b->p[at] = r.v[2] & 3 ? (uint8_t)(r.v[2] >> 24) : 0xff;
		break;
	case 2:
		break;
	case 3:
		picture_add(b, from->p + vit_below(r.v[3], (uint32_t)(from->n - len + 1)), len);
		picture_add(b, from->p + at, from->n - at);
		break;
	default:
		picture_add(b, from->p + at + len, from->n - at - len);
	}
}

/* In memory of its own length, so that a read behind it is seen. */
static const char *check_exact(const struct vit_buf *b, struct vit_rand4 r)
{
	uint8_t *exact = malloc(b->n + !b->n);
	if (!exact)
		abort();
	memcpy(exact, b->p, b->n);
	const char *wrong = check(exact, b->n, r);
	free(exact);
	return wrong;
}

static void spoil(const char *name, struct vit_buf *good)
{
	struct vit_buf b = { 0 };
	struct vit_image im = { 0 };
	checks++;
	if (vit_image_decode(&im, good->p, good->n, NULL)) {
		failures++;
		fprintf(stderr, "%s: %s\n", name, vit_errmsg());
	}
	vit_image_release(&im);
	for (uint64_t i = 0; i < 1000; i++) {
		damage(&b, good, vit_philox(vit_name_key(name), 1, i));
		const char *wrong = check_exact(&b, vit_philox(vit_name_key(name), 2, i));
		checks++;
		if (wrong) {
			failures++;
			fprintf(stderr, "%s, damage %d: %s\n", name, (int)i, wrong);
		}
	}
	vit_buf_release(&b);
	good->n = 0;
}

static void spoil_jpegs(void)
{
	static const struct { const char *name; struct picture_jpeg o; } kinds[] = {
		{ "jpeg 4:2:0", { .h = 40, .w = 52, .c = 3, .hs = 2, .vs = 2 } },
		{ "jpeg 4:2:2", { .h = 40, .w = 52, .c = 3, .hs = 2, .vs = 1 } },
		{ "jpeg 4:4:0", { .h = 40, .w = 52, .c = 3, .hs = 1, .vs = 2 } },
		{ "jpeg 4:4:4", { .h = 40, .w = 52, .c = 3, .hs = 1, .vs = 1 } },
		{ "jpeg gray", { .h = 40, .w = 52, .c = 1, .hs = 1, .vs = 1 } },
		{ "jpeg cmyk", { .h = 40, .w = 52, .c = 4, .hs = 1, .vs = 1 } },
		{ "jpeg progressive", { .h = 40, .w = 52, .c = 3, .hs = 2, .vs = 2, .progressive = 1 } },
		{ "jpeg of scans", { .h = 40, .w = 52, .c = 3, .hs = 2, .vs = 2, .script = picture_separate, .scans = 3 } },
		{ "jpeg with restarts", { .h = 40, .w = 52, .c = 3, .hs = 2, .vs = 2, .restart = 3 } },
		{ "jpeg, arithmetic", { .h = 40, .w = 52, .c = 3, .hs = 2, .vs = 2, .arithmetic = 1 } },
		{ "jpeg with exif", { .h = 40, .w = 52, .c = 3, .hs = 2, .vs = 2, .orientation = 6 } },
		/* large ones have a reader of their own */
		{ "large jpeg 4:2:0", { .h = 130, .w = 170, .c = 3, .hs = 2, .vs = 2, .quality = 95 } },
		{ "large jpeg 4:4:4", { .h = 90, .w = 170, .c = 3, .hs = 1, .vs = 1, .quality = 90 } },
		{ "large jpeg gray", { .h = 130, .w = 190, .c = 1, .hs = 1, .vs = 1, .quality = 98 } },
		{ "large jpeg cmyk", { .h = 90, .w = 120, .c = 4, .hs = 1, .vs = 1, .quality = 90 } },
		{ "large jpeg with restarts", { .h = 130, .w = 170, .c = 3, .hs = 2, .vs = 1, .restart = 7, .quality = 95 } },
	};
	struct vit_buf b = { 0 };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		picture_write_jpeg(&b, &kinds[i].o);
		if (!strncmp(kinds[i].name, "large", 5) && b.n < 9000)
			abort();
		spoil(kinds[i].name, &b);
	}
	vit_buf_release(&b);
}

static void spoil_pngs(void)
{
	static const int kinds[][2] = {
		{ PNG_COLOR_TYPE_GRAY, 1 }, { PNG_COLOR_TYPE_GRAY, 4 }, { PNG_COLOR_TYPE_GRAY, 8 }, { PNG_COLOR_TYPE_GRAY, 16 },
		{ PNG_COLOR_TYPE_RGB, 8 }, { PNG_COLOR_TYPE_RGB, 16 }, { PNG_COLOR_TYPE_PALETTE, 2 }, { PNG_COLOR_TYPE_PALETTE, 8 },
		{ PNG_COLOR_TYPE_GRAY_ALPHA, 8 }, { PNG_COLOR_TYPE_RGB_ALPHA, 8 },
	};
	char name[64];
	struct vit_buf b = { 0 };
	for (size_t i = 0; i < 2 * sizeof kinds / sizeof *kinds; i++) {
		struct picture_png o = { 24, 31, kinds[i / 2][0], kinds[i / 2][1], (int)i % 2, (int)i % 9 };
		picture_write_png(&b, &o);
		snprintf(name, sizeof name, "png of type %d, %d bits%s", o.type, o.depth, o.interlaced ? ", interlaced" : "");
		spoil(name, &b);
	}
	vit_buf_release(&b);
}

static void spoil_others(void)
{
	char name[64];
	struct vit_buf b = { 0 };
	for (int i = 0; i < 4; i++) {
		picture_write_webp(&b, 40, 50, 3 + i % 2, i < 2 ? 100 : 70);
		snprintf(name, sizeof name, "webp %s%s", i < 2 ? "lossless" : "lossy", i % 2 ? " with alpha" : "");
		spoil(name, &b);
	}
	for (int i = 1; i <= 9; i++) {
		picture_write_pnm(&b, i > 6 ? i - 3 : i, 14, 17, i > 6 ? 4095 : 255);
		snprintf(name, sizeof name, "pnm P%d%s", i > 6 ? i - 3 : i, i > 6 ? " of 12 bits" : "");
		spoil(name, &b);
	}
	vit_buf_release(&b);
}

static void replay(const char *path)
{
	uint8_t part[4096];
	struct vit_buf b = { 0 };
	FILE *f = fopen(path, "rb");
	for (size_t n; f && (n = fread(part, 1, sizeof part, f)) > 0;)
		picture_add(&b, part, n);
	checks++;
	if (!f || fclose(f))
		failures++;
	else
		LLVMFuzzerTestOneInput(b.p, b.n);
	vit_buf_release(&b);
}

int main(int argc, char **argv)
{
	spoil_jpegs();
	spoil_pngs();
	spoil_others();
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%d passed, %d failed\n", checks - failures, failures);
	return failures != 0;
}

#endif
