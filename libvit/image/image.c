/* SPDX-License-Identifier: MIT */
#include "image/image.h"

#include "tensor/tensor.h"

#include <stdlib.h>
#include <string.h>

int vit_image_reserve(struct vit_image *im, int64_t h, int64_t w, int64_t c)
{
	int64_t dim[3] = { h, w, c };
	int64_t n = vit_shape_bytes(VIT_U8, 3, dim);
	if (n < 1 || c > VIT_MAX_CHANNELS)
		return vit_fail(VIT_ERECORD, "image of %lldx%lldx%lld; sides of at least 1 and 1 to %d channels can be worked on",
		                (long long)h, (long long)w, (long long)c, VIT_MAX_CHANNELS);
	if ((size_t)n > im->cap) {
		uint8_t *p = vit_realloc(im->p, (size_t)n);
		if (!p)
			return VIT_ENOMEM;
		im->p = p;
		im->cap = (size_t)n;
	}
	im->h = h;
	im->w = w;
	im->c = c;
	return 0;
}

void vit_image_swap(struct vit_image *a, struct vit_image *b)
{
	struct vit_image t = *a;
	*a = *b;
	*b = t;
}

void vit_image_release(struct vit_image *im)
{
	free(im->p);
	*im = (struct vit_image){ 0 };
}

void vit_convert(uint8_t *dst, int64_t to, const uint8_t *src, int64_t from, int64_t n)
{
	if (from == to)
		memcpy(dst, src, (size_t)(n * to));
	else if (to == 1)
		for (int64_t i = 0; i < n; i++, src += 3)
			dst[i] = (uint8_t)((src[0] * 19595u + src[1] * 38470u + src[2] * 7471u + 0x8000u) >> 16);
	else
		for (int64_t i = 0; i < n; i++, dst += 3)
			dst[0] = dst[1] = dst[2] = src[i];
}
