/* SPDX-License-Identifier: MIT */
#include "image/decode.h"

#include "codec/codec.h"

#include <stdatomic.h>
#include <string.h>

static int is_pnm(const uint8_t *p, size_t n)
{
	return n > 2 && p[0] == 'P' && p[1] >= '1' && p[1] <= '6' && strchr(" \t\r\n\v\f#", p[2]) && p[2];
}

const char *vit_image_type(const uint8_t *p, size_t n)
{
	if (n > 3 && !memcmp(p, "\xff\xd8\xff", 3))
		return "jpeg";
	if (n > 8 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8))
		return "png";
	if (n > 12 && !memcmp(p, "RIFF", 4) && !memcmp(p + 8, "WEBP", 4))
		return "webp";
	return is_pnm(p, n) ? "pnm" : NULL;
}

/* dlopen() counts its handles and gives the same module to all, so threads that
 * open it at the same time do no harm. */
static int open_module(const struct vit_codec_module **m)
{
	static _Atomic(const struct vit_codec_module *) opened;
	const struct vit_module *base;
	*m = atomic_load_explicit(&opened, memory_order_acquire);
	if (*m)
		return 0;
	VIT_TRY(vit_module_open("codec", &base));
	*m = (const struct vit_codec_module *)base;
	atomic_store_explicit(&opened, *m, memory_order_release);
	return 0;
}

static int find_codec(const struct vit_codec **codec, const uint8_t *p, size_t n)
{
	const struct vit_codec_module *m;
	const char *type = vit_image_type(p, n);
	if (!type)
		return vit_fail(VIT_ERECORD, n ? "not an image that can be decoded; JPEG, PNG, WebP and PNM can be" : "no image: it has no bytes");
	VIT_TRY(open_module(&m));
	for (const struct vit_codec *const *c = m->codecs; *c; c++)
		if (!strcmp((*c)->name, type)) {
			*codec = *c;
			return 0;
		}
	return vit_fail(VIT_EUNSUPPORTED, "this build has no decoder for %s", type);
}

int vit_image_size(const uint8_t *p, size_t n, int64_t *h, int64_t *w)
{
	const struct vit_codec *codec;
	VIT_TRY(find_codec(&codec, p, n));
	return codec->size(p, n, h, w);
}

static int check_part(const int64_t part[4], int64_t h, int64_t w)
{
	if (!part[2])
		return 0;
	if (part[0] < 0 || part[1] < 0 || part[2] < 1 || part[3] < 1 || part[2] > h - part[0] || part[3] > w - part[1])
		return vit_fail(VIT_EUSAGE, "part %lldx%lld at %lld,%lld lies outside of an image of %lldx%lld", (long long)part[2],
		                (long long)part[3], (long long)part[0], (long long)part[1], (long long)h, (long long)w);
	return 0;
}

int vit_image_decode(struct vit_image *out, const uint8_t *p, size_t n, const struct vit_decode_opt *o)
{
	const struct vit_codec *codec;
	struct vit_decode_opt opt = o ? *o : (struct vit_decode_opt){ .channels = 3 };
	int64_t h, w;
	VIT_TRY(find_codec(&codec, p, n));
	VIT_TRY(codec->size(p, n, &h, &w));
	if (!opt.max_pixels)
		opt.max_pixels = VIT_MAX_PIXELS;
	if (h < 1 || w < 1 || h > VIT_MAX_SIDE || w > VIT_MAX_SIDE || h > opt.max_pixels / w)
		return vit_fail(VIT_ERECORD, "%s: an image of %lldx%lld; at most %lld pixels and sides of 1 to %d can be decoded",
		                codec->name, (long long)h, (long long)w, (long long)opt.max_pixels, VIT_MAX_SIDE);
	if (opt.channels != 0 && opt.channels != 1 && opt.channels != 3)
		return vit_fail(VIT_EUSAGE, "%d channels; images are decoded to 1 or 3, or 0: as the file has it", opt.channels);
	VIT_TRY(check_part(opt.part, h, w));
	return codec->decode(out, p, n, &opt);
}
