/* SPDX-License-Identifier: MIT
 *
 * pnm.c - PBM, PGM and PPM, plain (P1 to P3) and raw (P4 to P6).
 */
#include "codec/shared.h"

#include <math.h>
#include <string.h>

struct reader {
	const uint8_t *p;
	size_t n, at;
	int plain, bits, c;     /* bits: samples are 0 and 1 */
	int64_t h, w, max;
};

static int is_blank(int b)
{
	return b == ' ' || (b >= '\t' && b <= '\r');
}

static void pass_blanks(struct reader *r)
{
	for (; r->at < r->n && (is_blank(r->p[r->at]) || r->p[r->at] == '#'); r->at++)
		if (r->p[r->at] == '#')
			while (r->at + 1 < r->n && r->p[r->at] != '\n' && r->p[r->at] != '\r')
				r->at++;
}

/* A number of at most 9 digits. */
static int number(struct reader *r, int64_t *v)
{
	pass_blanks(r);
	size_t from = r->at;
	for (*v = 0; r->at < r->n && r->p[r->at] >= '0' && r->p[r->at] <= '9' && r->at - from < 10; r->at++)
		*v = 10 * *v + r->p[r->at] - '0';
	if (r->at == r->n && r->at == from)
		return vit_fail(VIT_ERECORD, "pnm: the file ends early, after %zu bytes", r->n);
	if (r->at == from || r->at - from > 9)
		return vit_fail(VIT_ERECORD, "pnm: a number is expected at byte %zu", from);
	return 0;
}

static int read_head(struct reader *r, const uint8_t *p, size_t n)
{
	int kind = p[1] - '0';
	*r = (struct reader){ .p = p, .n = n, .at = 2, .plain = kind <= 3, .bits = kind % 3 == 1, .c = kind % 3 ? 1 : 3, .max = 1 };
	VIT_TRY(number(r, &r->w));
	VIT_TRY(number(r, &r->h));
	if (!r->bits)
		VIT_TRY(number(r, &r->max));
	if (r->max < 1 || r->max > 65535)
		return vit_fail(VIT_ERECORD, "pnm: a largest value of %lld; 1 to 65535 can be read", (long long)r->max);
	/* one blank ends the head; what follows it is data even if it looks blank */
	if (r->at >= n || !is_blank(p[r->at++]))
		return vit_fail(VIT_ERECORD, "pnm: a blank is expected after the head, at byte %zu", r->at);
	return 0;
}

static int pnm_size(const uint8_t *p, size_t n, int64_t *h, int64_t *w)
{
	struct reader r;
	VIT_TRY(read_head(&r, p, n));
	*h = r.h;
	*w = r.w;
	return 0;
}

/* 8 bits: rounded as Pillow rounds, in double and half to even; 16 bits: the upper byte. */
static uint8_t scale(int64_t v, int64_t max)
{
	int64_t out = max > 255 ? 65535 : 255;
	v = v > max ? max : v;
	if (max != out)
		v = lrint((double)v / (double)max * (double)out);
	return (uint8_t)(out > 255 ? v >> 8 : v);
}

/* The bytes that the samples must take at least. */
static int check_claim(const struct reader *r)
{
	int64_t samples = r->h * r->w * r->c, need = samples;
	if (r->bits && !r->plain)
		need = (r->w + 7) / 8 * r->h;
	else if (r->plain && !r->bits)
		need = 2 * samples - 1;
	else if (r->max > 255)
		need = 2 * samples;
	if ((uint64_t)need <= r->n - r->at)
		return 0;
	return vit_fail(VIT_ERECORD, "pnm: the file ends early: %lldx%lld pixels need %lld bytes, it has %zu", (long long)r->h,
	                (long long)r->w, (long long)need, r->n - r->at);
}

static int read_plain(struct reader *r, struct vit_image *out)
{
	int64_t v;
	for (int64_t i = 0, n = r->h * r->w * r->c; i < n; i++) {
		if (r->bits) {          /* digits need no blanks between them */
			pass_blanks(r);
			v = r->at < r->n ? r->p[r->at++] - '0' : -1;
			if (v != 0 && v != 1)
				return vit_fail(VIT_ERECORD, "pnm: 0 or 1 is expected at byte %zu", r->at);
			out->p[i] = v ? 0 : 255;
			continue;
		}
		VIT_TRY(number(r, &v));
		if (v > r->max)
			return vit_fail(VIT_ERECORD, "pnm: a value of %lld at byte %zu, above the largest, %lld", (long long)v, r->at, (long long)r->max);
		out->p[i] = scale(v, r->max);
	}
	return 0;
}

static void read_raw(const struct reader *r, struct vit_image *out)
{
	const uint8_t *p = r->p + r->at;
	int64_t row = r->w * r->c, n = r->h * row;
	if (r->bits) {
		for (int64_t y = 0; y < r->h; y++, p += (row + 7) / 8)
			for (int64_t x = 0; x < row; x++)
				out->p[y * row + x] = p[x / 8] >> (7 - x % 8) & 1 ? 0 : 255;
	} else if (r->max == 255) {
		memcpy(out->p, p, (size_t)n);
	} else {
		for (int64_t i = 0; i < n; i++)
			out->p[i] = r->max < 256 ? scale(p[i], r->max) : scale(p[2 * i] << 8 | p[2 * i + 1], r->max);
	}
}

static int pnm_decode(struct vit_image *out, const uint8_t *p, size_t n, const struct vit_decode_opt *o)
{
	struct reader r;
	VIT_TRY(read_head(&r, p, n));
	VIT_TRY(check_claim(&r));
	VIT_TRY(vit_image_reserve(out, r.h, r.w, r.c));
	if (r.plain)
		VIT_TRY(read_plain(&r, out));
	else
		read_raw(&r, out);
	return codec_finish(out, o, 1);
}

const struct vit_codec vit_codec_pnm = {
	.name = "pnm",
	.size = pnm_size,
	.decode = pnm_decode,
};
