/* SPDX-License-Identifier: MIT
 *
 * Decoding of files made here by the reference encoders: parts equal the whole,
 * every kind gives the pixels it holds, damage and bombs are refused by name.
 * tests/interop/test_images.py holds the same against Pillow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "image/decode.h"

#include "pictures.h"

#include <math.h>

static struct vit_image decoded(const struct vit_buf *b, const struct vit_decode_opt *o)
{
	struct vit_image im = { 0 };
	if (vit_image_decode(&im, b->p, b->n, o))
		fail_msg("%s", vit_errmsg());
	return im;
}

static void refused(const struct vit_buf *b, const struct vit_decode_opt *o, const char *why)
{
	struct vit_image im = { 0 };
	assert_int_equal(vit_image_decode(&im, b->p, b->n, o), VIT_ERECORD);
	if (!strstr(vit_errmsg(), why))
		fail_msg("'%s' does not say '%s'", vit_errmsg(), why);
	vit_image_release(&im);
}

static int is_part(const struct vit_image *part, const struct vit_image *whole, const int64_t at[4])
{
	if (part->h != at[2] || part->w != at[3] || part->c != whole->c)
		return 0;
	for (int64_t y = 0; y < part->h; y++)
		if (memcmp(part->p + y * part->w * part->c, whole->p + ((at[0] + y) * whole->w + at[1]) * whole->c, (size_t)(part->w * part->c)))
			return 0;
	return 1;
}

/* `n` random parts, among them thin ones and such at the borders, in colour and gray. */
static void check_parts(const char *name, const struct vit_buf *b, int n)
{
	for (int channels = 0; channels <= 3; channels += 3 - 2 * !channels) {
		struct vit_image whole = decoded(b, &(struct vit_decode_opt){ .channels = channels }), part = { 0 };
		for (int i = 0; i < n; i++) {
			struct vit_rand4 r = vit_philox(vit_name_key(name), (uint64_t)channels, (uint64_t)i);
			struct vit_decode_opt o = { .channels = channels };
			for (int k = 0; k < 2; k++) {
				int64_t side = k ? whole.w : whole.h;
				o.part[2 + k] = 1 + vit_below(r.v[2 + k], (uint32_t)(i % 5 == k ? 3 : side));
				o.part[2 + k] = o.part[2 + k] > side ? side : o.part[2 + k];
				o.part[k] = vit_below(r.v[k], (uint32_t)(side - o.part[2 + k] + 1));
				if (i % 7 == k)
					o.part[k] = i % 2 ? 0 : side - o.part[2 + k];
			}
			assert_int_equal(vit_image_decode(&part, b->p, b->n, &o), 0);
			if (!is_part(&part, &whole, o.part))
				fail_msg("%s, channels %d: part %dx%d at %d,%d of %dx%d is not the whole's", name, channels, (int)o.part[2], (int)o.part[3],
				         (int)o.part[0], (int)o.part[1], (int)whole.h, (int)whole.w);
		}
		vit_image_release(&whole);
		vit_image_release(&part);
	}
}

static const struct { int hs, vs; } samplings[] = { { 1, 1 }, { 2, 1 }, { 2, 2 }, { 1, 2 }, { 4, 1 }, { 4, 2 } };

static void jpeg_parts_equal_the_whole(void **state)
{
	(void)state;
	static const struct { int h, w; } sizes[] = { { 141, 203 }, { 90, 131 }, { 64, 96 }, { 17, 9 }, { 3, 200 }, { 1, 1 } };
	for (size_t s = 0; s < sizeof samplings / sizeof *samplings; s++)
		for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
			for (int kind = 0; kind < 5; kind++) {
				struct picture_jpeg o = { .h = sizes[k].h, .w = sizes[k].w, .c = 3, .hs = samplings[s].hs, .vs = samplings[s].vs,
				                          .progressive = kind == 1, .restart = kind == 3 ? 2 : 0, .script = kind == 2 ? picture_separate : NULL, .scans = 3 };
				char name[96];
				struct vit_buf b = { 0 };
				o.c = kind == 4 ? 1 : 3;
				/* large files have a reader of their own */
				o.quality = k ? 85 : 95;
				picture_write_jpeg(&b, &o);
				assert_true(k || b.n > 9000);
				snprintf(name, sizeof name, "jpeg %dx%d sampling %dx%d kind %d", o.h, o.w, o.hs, o.vs, kind);
				check_parts(name, &b, 60);
				vit_buf_release(&b);
			}
}

/* Where the nth marker of this kind stands. */
static size_t marker_at(const struct vit_buf *b, int marker, int n)
{
	for (size_t i = 2; i + 1 < b->n; i++)
		if (b->p[i] == 0xff && b->p[i + 1] == marker && !n--)
			return i;
	fail_msg("no such marker");
	return 0;
}

/* libjpeg smooths over what scans that are not there would have said. */
static void parts_of_what_lacks_scans_equal_the_whole(void **state)
{
	(void)state;
	struct vit_buf b = { 0 };
	picture_write_jpeg(&b, &(struct picture_jpeg){ .h = 90, .w = 131, .c = 3, .hs = 2, .vs = 2, .progressive = 1 });
	b.n = marker_at(&b, 0xda, 3);
	picture_add(&b, "\xff\xd9", 2);
	check_parts("jpeg without its last scans", &b, 100);
	vit_buf_release(&b);
}

static void scans_without_end_are_refused(void **state)
{
	(void)state;
	jpeg_scan_info script[127] = { { 1, { 0 }, 0, 0, 0, 0 } };
	for (int k = 1; k <= 63; k++) {
		script[2 * k - 1] = (jpeg_scan_info){ 1, { 0 }, k, k, 0, 1 };
		script[2 * k] = (jpeg_scan_info){ 1, { 0 }, k, k, 1, 0 };
	}
	for (int scans = 99; scans <= 101; scans += 2) {
		struct vit_buf b = { 0 };
		picture_write_jpeg(&b, &(struct picture_jpeg){ .h = 16, .w = 16, .c = 1, .hs = 1, .vs = 1, .script = script, .scans = scans });
		if (scans > 100) {
			refused(&b, NULL, "more than 100 scans");
		} else {
			struct vit_image im = decoded(&b, NULL);
			vit_image_release(&im);
		}
		vit_buf_release(&b);
	}
}

static void oriented_parts_equal_the_whole(void **state)
{
	(void)state;
	for (int orientation = 1; orientation <= 8; orientation++) {
		struct vit_buf jpeg = { 0 }, png = { 0 };
		picture_write_jpeg(&jpeg, &(struct picture_jpeg){ .h = 70, .w = 101, .c = 3, .hs = 2, .vs = 2, .orientation = orientation });
		picture_write_png(&png, &(struct picture_png){ 70, 101, PNG_COLOR_TYPE_RGB, 8, 0, orientation });
		check_parts("oriented jpeg", &jpeg, 100);
		check_parts("oriented png", &png, 100);
		vit_buf_release(&jpeg);
		vit_buf_release(&png);
	}
}

/* Where the upright pixel (y, x) lies in the stored h x w image. */
static void stored_at(int orientation, int64_t h, int64_t w, int64_t y, int64_t x, int64_t at[2])
{
	const int64_t table[9][2] = { { 0 }, { y, x }, { y, w - 1 - x }, { h - 1 - y, w - 1 - x }, { h - 1 - y, x },
	                              { x, y }, { h - 1 - x, y }, { h - 1 - x, w - 1 - y }, { x, w - 1 - y } };
	memcpy(at, table[orientation], sizeof table[orientation]);
}

static void orientation_makes_it_upright(void **state)
{
	(void)state;
	for (int o = 1; o <= 8; o++) {
		struct vit_buf plain = { 0 }, turned = { 0 };
		int64_t at[2], h, w;
		picture_write_jpeg(&plain, &(struct picture_jpeg){ .h = 40, .w = 67, .c = 3, .hs = 2, .vs = 2 });
		picture_write_jpeg(&turned, &(struct picture_jpeg){ .h = 40, .w = 67, .c = 3, .hs = 2, .vs = 2, .orientation = o });
		struct vit_image a = decoded(&plain, NULL), b = decoded(&turned, NULL);
		assert_int_equal(vit_image_size(turned.p, turned.n, &h, &w), 0);
		assert_int_equal(h, o < 5 ? 40 : 67);
		assert_int_equal(w, o < 5 ? 67 : 40);
		assert_int_equal(b.h, h);
		assert_int_equal(b.w, w);
		for (int64_t y = 0; y < h; y++)
			for (int64_t x = 0; x < w; x++) {
				stored_at(o, 40, 67, y, x, at);
				assert_memory_equal(b.p + (y * w + x) * 3, a.p + (at[0] * 67 + at[1]) * 3, 3);
			}
		vit_image_release(&a);
		vit_image_release(&b);
		vit_buf_release(&plain);
		vit_buf_release(&turned);
	}
}

static void png_gives_its_pixels(void **state)
{
	(void)state;
	static const struct { int type, depth, c; } kinds[] = {
		{ PNG_COLOR_TYPE_GRAY, 1, 1 }, { PNG_COLOR_TYPE_GRAY, 2, 1 }, { PNG_COLOR_TYPE_GRAY, 4, 1 }, { PNG_COLOR_TYPE_GRAY, 8, 1 },
		{ PNG_COLOR_TYPE_GRAY, 16, 1 }, { PNG_COLOR_TYPE_RGB, 8, 3 }, { PNG_COLOR_TYPE_RGB, 16, 3 }, { PNG_COLOR_TYPE_PALETTE, 4, 3 },
		{ PNG_COLOR_TYPE_PALETTE, 8, 3 }, { PNG_COLOR_TYPE_GRAY_ALPHA, 8, 1 }, { PNG_COLOR_TYPE_RGB_ALPHA, 8, 3 },
	};
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (int interlaced = 0; interlaced <= 1; interlaced++) {
			struct picture_png o = { 31, 45, kinds[k].type, kinds[k].depth, interlaced, 0 };
			struct vit_buf b = { 0 };
			picture_write_png(&b, &o);
			struct vit_image im = decoded(&b, &(struct vit_decode_opt){ .channels = 0 });
			assert_int_equal(im.c, kinds[k].c);
			int alpha = o.type & PNG_COLOR_MASK_ALPHA ? 1 : 0, palette = o.type == PNG_COLOR_TYPE_PALETTE;
			int samples = palette ? 1 : kinds[k].c + alpha, row = (o.w * samples * o.depth + 7) / 8;
			uint8_t *p = picture_pixels(o.h, row, 1);
			for (int i = 0; i < o.h * o.w; i++)
				for (int c = 0; c < im.c; c++) {
					int bit = (i % o.w * samples + (palette ? 0 : c)) * o.depth, v = p[i / o.w * row + bit / 8];
					if (o.depth < 8)
						v = v >> (8 - o.depth - bit % 8) & ((1 << o.depth) - 1);
					if (palette)
						v = (uint8_t)(c == 0 ? v * 3 : c == 1 ? 255 - v : v * 7);
					else if (o.depth < 8)
						v = v * 255 / ((1 << o.depth) - 1);
					assert_int_equal(im.p[i * im.c + c], v);
				}
			check_parts("png", &b, 20);
			free(p);
			vit_image_release(&im);
			vit_buf_release(&b);
		}
}

static void webp_gives_its_pixels(void **state)
{
	(void)state;
	for (int c = 3; c <= 4; c++) {
		struct vit_buf b = { 0 }, lossy = { 0 };
		picture_write_webp(&b, 33, 50, c, 100);
		picture_write_webp(&lossy, 33, 50, c, 60);
		uint8_t *p = picture_pixels(33, 50, c);
		struct vit_image im = decoded(&b, NULL);
		/* the encoder is free to change what is fully transparent */
		for (int i = 0; i < 33 * 50; i++)
			if (c == 3 || p[i * c + 3])
				assert_memory_equal(im.p + 3 * i, p + c * i, 3);
		check_parts("webp", &b, 20);
		check_parts("lossy webp", &lossy, 20);
		free(p);
		vit_image_release(&im);
		vit_buf_release(&b);
		vit_buf_release(&lossy);
	}
}

static void pnm_gives_its_pixels(void **state)
{
	(void)state;
	for (int kind = 1; kind <= 6; kind++)
		for (int max = 1; max <= 65535; max = max == 1 ? 100 : max == 100 ? 255 : max == 255 ? 1000 : max == 1000 ? 65535 : 65536) {
			int bits = kind % 3 == 1, c = kind % 3 ? 1 : 3, w = 24;
			struct vit_buf b = { 0 };
			picture_write_pnm(&b, kind, 13, w, max);
			uint8_t *p = picture_pixels(13, w, c);
			struct vit_image im = decoded(&b, &(struct vit_decode_opt){ .channels = 0 });
			assert_int_equal(im.c, c);
			for (int i = 0; i < 13 * w * c; i++) {
				int bit = kind == 4 ? p[i / 8] >> (7 - i % 8) & 1 : p[i] & 1, v = p[i] * max / 255;
				int want = bits ? 255 * !bit : max < 256 ? (int)lrint(1. * v / max * 255) : (int)lrint(1. * v / max * 65535) >> 8;
				assert_int_equal(im.p[i], want);
			}
			free(p);
			vit_image_release(&im);
			vit_buf_release(&b);
		}
}

static void pnm_reads_what_pnm_may_hold(void **state)
{
	(void)state;
	static const char plain[] = "P2#c\n# more\n 2#x\n1 # y\n7\n#z\n 3\t#a\n7";
	static const char digits[] = "P1 4 1\n01\n#0\n10";
	struct vit_buf b = { (uint8_t *)(uintptr_t)plain, sizeof plain - 1, 0 };
	struct vit_image im = decoded(&b, &(struct vit_decode_opt){ .channels = 1 });
	assert_memory_equal(im.p, "\x6d\xff", 2);
	vit_image_release(&im);
	b = (struct vit_buf){ (uint8_t *)(uintptr_t)digits, sizeof digits - 1, 0 };
	im = decoded(&b, &(struct vit_decode_opt){ .channels = 1 });
	assert_memory_equal(im.p, "\xff\0\0\xff", 4);
	vit_image_release(&im);
}

static void cmyk_undoes_the_inversion(void **state)
{
	(void)state;
	struct vit_buf b = { 0 };
	picture_write_jpeg(&b, &(struct picture_jpeg){ .h = 24, .w = 24, .c = 4, .hs = 1, .vs = 1, .quality = 100 });
	struct vit_image im = decoded(&b, NULL);
	uint8_t *p = picture_pixels(24, 24, 4);
	for (int i = 0; i < 24 * 24; i++)
		for (int k = 0; k < 3; k++)
			assert_in_range(im.p[3 * i + k] + 8, p[4 * i + k] * p[4 * i + 3] / 255, p[4 * i + k] * p[4 * i + 3] / 255 + 16);
	check_parts("cmyk", &b, 40);
	free(p);
	vit_image_release(&im);
	vit_buf_release(&b);
}

static void gray_and_rgb_become_each_other(void **state)
{
	(void)state;
	struct vit_buf gray = { 0 }, rgb = { 0 };
	picture_write_jpeg(&gray, &(struct picture_jpeg){ .h = 20, .w = 30, .c = 1, .hs = 1, .vs = 1 });
	picture_write_png(&rgb, &(struct picture_png){ 20, 30, PNG_COLOR_TYPE_RGB, 8, 0, 0 });
	struct vit_image g1 = decoded(&gray, &(struct vit_decode_opt){ .channels = 0 }), g3 = decoded(&gray, NULL);
	struct vit_image c1 = decoded(&rgb, &(struct vit_decode_opt){ .channels = 1 }), c3 = decoded(&rgb, &(struct vit_decode_opt){ .channels = 0 });
	assert_int_equal(g1.c, 1);
	assert_int_equal(g3.c, 3);
	assert_int_equal(c1.c, 1);
	assert_int_equal(c3.c, 3);
	for (int i = 0; i < 600; i++) {
		for (int k = 0; k < 3; k++)
			assert_int_equal(g3.p[3 * i + k], g1.p[i]);
		assert_int_equal(c1.p[i], (c3.p[3 * i] * 19595 + c3.p[3 * i + 1] * 38470 + c3.p[3 * i + 2] * 7471 + 32768) >> 16);
	}
	vit_image_release(&g1);
	vit_image_release(&g3);
	vit_image_release(&c1);
	vit_image_release(&c3);
	vit_buf_release(&gray);
	vit_buf_release(&rgb);
}

static void shorter_takes_the_smallest_that_is_enough(void **state)
{
	(void)state;
	static const int want[][3] = { { 0, 100, 200 }, { 101, 100, 200 }, { 100, 100, 200 }, { 51, 100, 200 }, { 50, 50, 100 },
	                               { 26, 50, 100 }, { 25, 25, 50 }, { 13, 13, 25 }, { 1, 13, 25 } };
	struct vit_buf b = { 0 };
	picture_write_jpeg(&b, &(struct picture_jpeg){ .h = 100, .w = 200, .c = 3, .hs = 2, .vs = 2, .orientation = 6 });
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		struct vit_image im = decoded(&b, &(struct vit_decode_opt){ .channels = 3, .shorter = want[i][0] });
		assert_int_equal(im.w, want[i][1]);
		assert_int_equal(im.h, want[i][2]);
		vit_image_release(&im);
	}
	vit_buf_release(&b);
}

/* Cut before the end marker at every byte: what is cut is refused, whole or part. */
static void cut_files_are_refused(void **state)
{
	(void)state;
	struct vit_decode_opt corner = { .channels = 3, .part = { 0, 0, 4, 4 } };
	for (int progressive = 0; progressive <= 1; progressive++) {
		struct vit_buf b = { 0 };
		picture_write_jpeg(&b, &(struct picture_jpeg){ .h = 60, .w = 60, .c = 3, .hs = 2, .vs = 2, .progressive = progressive });
		size_t n = b.n;
		for (b.n = 3; b.n < n - 8; b.n++) {
			refused(&b, NULL, b.n > 3 ? "jpeg" : "not an image");
			refused(&b, &corner, "");
		}
		vit_buf_release(&b);
	}
	for (int kind = 0; kind < 4; kind++) {
		struct vit_buf b = { 0 };
		if (kind == 0)
			picture_write_png(&b, &(struct picture_png){ 20, 30, PNG_COLOR_TYPE_RGB, 8, 0, 0 });
		else if (kind < 3)
			picture_write_webp(&b, 20, 30, 3, kind == 1 ? 100 : 60);
		else
			picture_write_pnm(&b, 6, 20, 30, 255);
		/* the last chunk of a PNG is no picture */
		size_t n = b.n - (kind == 0 ? 16 : 0);
		for (b.n = 0; b.n < n; b.n++)
			refused(&b, NULL, b.n ? "" : "no bytes");
		vit_buf_release(&b);
	}
}

static void claims_are_checked_before_memory_is_taken(void **state)
{
	(void)state;
	struct vit_buf b = { 0 };
	picture_write_jpeg(&b, &(struct picture_jpeg){ .h = 60, .w = 60, .c = 3, .hs = 2, .vs = 2 });
	refused(&b, &(struct vit_decode_opt){ .channels = 3, .max_pixels = 3599 }, "60x60; at most 3599 pixels");
	memcpy(b.p + marker_at(&b, 0xc0, 0) + 5, "\x3f\xff\x3f\xff", 4);
	refused(&b, NULL, "cannot lie in");
	b.n = 0;
	picture_write_png(&b, &(struct picture_png){ 20, 30, PNG_COLOR_TYPE_RGB, 8, 0, 0 });
	refused(&b, &(struct vit_decode_opt){ .channels = 3, .max_pixels = 599 }, "20x30; at most 599 pixels");
	memcpy(b.p + 16, "\0\0\x3f\xff\0\0\x3f\xff\x08\x02\0\0\0", 13);
	uint32_t sum = ~0u;
	for (int i = 12 * 8; i < 29 * 8; i++)
		sum = sum >> 1 ^ (0xedb88320 & -((sum ^ b.p[i / 8] >> i % 8) & 1));
	sum = ~sum;
	for (int i = 0; i < 4; i++)
		b.p[29 + i] = (uint8_t)(sum >> (24 - 8 * i));
	refused(&b, NULL, "cannot lie in");
	b.n = 0;
	vit_buf_printf(&b, "P6 16000 16000 255\nabc");
	refused(&b, NULL, "need 768000000 bytes");
	b.n = 0;
	vit_buf_printf(&b, "P6 999999999 999999999 255\nabc");
	refused(&b, NULL, "at most");
	vit_buf_release(&b);
}

static void parts_outside_are_usage_errors(void **state)
{
	(void)state;
	static const int64_t bad[][4] = { { 0, 0, 21, 1 }, { 20, 0, 1, 1 }, { -1, 0, 2, 2 }, { 0, 29, 1, 2 }, { 0, 0, 1, 0 },
	                                  { 0, 0, -1, 3 }, { INT64_MAX, 0, 1, 1 }, { 1, 1, INT64_MAX, 1 } };
	struct vit_buf b = { 0 };
	struct vit_image im = { 0 };
	picture_write_png(&b, &(struct picture_png){ 20, 30, PNG_COLOR_TYPE_RGB, 8, 0, 0 });
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct vit_decode_opt o = { .channels = 3 };
		memcpy(o.part, bad[i], sizeof o.part);
		assert_int_equal(vit_image_decode(&im, b.p, b.n, &o), VIT_EUSAGE);
	}
	assert_int_equal(vit_image_decode(&im, b.p, b.n, &(struct vit_decode_opt){ .channels = 2 }), VIT_EUSAGE);
	vit_image_release(&im);
	vit_buf_release(&b);
}

static void types_are_told_by_content(void **state)
{
	(void)state;
	assert_string_equal(vit_image_type((const uint8_t *)"\xff\xd8\xff\xe0", 4), "jpeg");
	assert_string_equal(vit_image_type((const uint8_t *)"\x89PNG\r\n\x1a\n....", 12), "png");
	assert_string_equal(vit_image_type((const uint8_t *)"RIFF....WEBPVP8 ", 16), "webp");
	assert_string_equal(vit_image_type((const uint8_t *)"P6\n1 1", 6), "pnm");
	assert_null(vit_image_type((const uint8_t *)"P6 times", 2));
	assert_null(vit_image_type((const uint8_t *)"GIF89a", 6));
	assert_null(vit_image_type(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jpeg_parts_equal_the_whole),
		cmocka_unit_test(parts_of_what_lacks_scans_equal_the_whole),
		cmocka_unit_test(scans_without_end_are_refused),
		cmocka_unit_test(oriented_parts_equal_the_whole),
		cmocka_unit_test(orientation_makes_it_upright),
		cmocka_unit_test(png_gives_its_pixels),
		cmocka_unit_test(webp_gives_its_pixels),
		cmocka_unit_test(pnm_gives_its_pixels),
		cmocka_unit_test(pnm_reads_what_pnm_may_hold),
		cmocka_unit_test(cmyk_undoes_the_inversion),
		cmocka_unit_test(gray_and_rgb_become_each_other),
		cmocka_unit_test(shorter_takes_the_smallest_that_is_enough),
		cmocka_unit_test(cut_files_are_refused),
		cmocka_unit_test(claims_are_checked_before_memory_is_taken),
		cmocka_unit_test(parts_outside_are_usage_errors),
		cmocka_unit_test(types_are_told_by_content),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
