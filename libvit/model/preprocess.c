/* SPDX-License-Identifier: MIT
 *
 * preprocess.c - what a model does to an image before it eats it, as timm's
 * evaluation transform: resize so that the image covers input / crop_pct, then
 * cut the centre. An image that has the size is not touched.
 */
#include "image/resize.h"
#include "model/internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- JSON ------------------------------------------------------------------------------ */

static int read_list(const json_t *v, int n, float *out)
{
	if ((int)json_array_size(v) != n)
		return 1;
	for (int i = 0; i < n; i++) {
		const json_t *x = json_array_get(v, (size_t)i);
		if (!json_is_number(x))
			return 1;
		out[i] = (float)json_number_value(x);
	}
	return 0;
}

static int read_word(const json_t *o, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));
	if (!s || strlen(s) >= size)
		return vit_fail(VIT_EFORMAT, "header: preprocess \"%s\" is not a short text", key);
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

static int filter(const char *name)
{
	return !strcmp(name, "bilinear") ? VIT_BILINEAR : !strcmp(name, "bicubic") ? VIT_BICUBIC : !strcmp(name, "nearest") ? VIT_NEAREST : -1;
}

int vit_preprocess_from_json(struct vit_preprocess *p, const json_t *o)
{
	float size[3];
	memset(p, 0, sizeof *p);
	if (!json_is_object(o))
		return vit_fail(VIT_EFORMAT, "header: a model needs \"preprocess\"");
	int bad = read_list(json_object_get(o, "input_size"), 3, size);
	for (int i = 0; i < 3 && !bad; i++) {
		bad = !(size[i] >= 1 && size[i] <= VIT_MAX_SIDE) || floorf(size[i]) < size[i];
		p->input_size[i] = bad ? 0 : (int64_t)size[i];
	}
	if (bad || p->input_size[0] > VIT_MAX_CHANNELS)
		return vit_fail(VIT_EFORMAT, "header: preprocess \"input_size\" is not [C,H,W]");
	VIT_TRY(read_word(o, "interpolation", p->interpolation, sizeof p->interpolation));
	VIT_TRY(read_word(o, "crop_mode", p->crop_mode, sizeof p->crop_mode));
	if (filter(p->interpolation) < 0)
		return vit_fail(VIT_EUNSUPPORTED, "header: preprocess interpolation \"%s\" is none of %s", p->interpolation, VIT_FILTERS);
	if (strcmp(p->crop_mode, "center") && strcmp(p->crop_mode, "squash"))
		return vit_fail(VIT_EUNSUPPORTED, "header: preprocess crop_mode \"%s\" is none of center|squash", p->crop_mode);
	p->crop_pct = json_number_value(json_object_get(o, "crop_pct"));
	if (!(p->crop_pct > 0.01 && p->crop_pct <= 1))
		return vit_fail(VIT_EFORMAT, "header: preprocess \"crop_pct\" is not between 0.01 and 1");
	p->n_mean = (int)json_array_size(json_object_get(o, "mean"));
	if ((p->n_mean != 1 && p->n_mean != p->input_size[0]) || read_list(json_object_get(o, "mean"), p->n_mean, p->mean) ||
	    read_list(json_object_get(o, "std"), p->n_mean, p->std))
		return vit_fail(VIT_EFORMAT, "header: preprocess \"mean\" and \"std\" are not 1 or %d numbers", (int)p->input_size[0]);
	for (int i = 0; i < p->n_mean; i++)
		if (!isfinite(p->mean[i]) || !(p->std[i] > 0) || !isfinite(p->std[i]))
			return vit_fail(VIT_EFORMAT, "header: preprocess \"std\" is not positive");
	return 0;
}

static json_t *list(const float *x, int n)
{
	json_t *a = json_array();
	for (int i = 0; i < n && a; i++)
		if (json_array_append_new(a, json_real((double)x[i]))) {
			json_decref(a);
			return NULL;
		}
	return a;
}

json_t *vit_preprocess_to_json(const struct vit_preprocess *p)
{
	return json_pack("{s:[I,I,I], s:s, s:f, s:s, s:o, s:o}", "input_size", (json_int_t)p->input_size[0], (json_int_t)p->input_size[1],
	                 (json_int_t)p->input_size[2], "interpolation", p->interpolation, "crop_pct", p->crop_pct, "crop_mode", p->crop_mode,
	                 "mean", list(p->mean, p->n_mean), "std", list(p->std, p->n_mean));
}

/* ---- images ------------------------------------------------------------------------------ */

/* Gray to RGB by repetition; RGB to gray by Pillow's weights (ITU-R 601). */
static void convert(uint8_t *dst, int64_t to, const uint8_t *src, int64_t from, int64_t pixels)
{
	if (from == to) {
		memcpy(dst, src, (size_t)(pixels * from));
		return;
	}
	for (int64_t i = 0; i < pixels; i++, src += from)
		for (int64_t k = 0; k < to; k++)
			*dst++ = from == 1 ? src[0] : (uint8_t)((src[0] * 19595u + src[1] * 38470u + src[2] * 7471u + 0x8000u) >> 16);
}

/* The size that covers [H,W] / crop_pct and keeps the image's proportions. */
static void covering(const struct vit_preprocess *p, int64_t h, int64_t w, int64_t *rh, int64_t *rw)
{
	int64_t H = p->input_size[1], W = p->input_size[2];
	int64_t sh = (int64_t)floor((double)H / p->crop_pct), sw = (int64_t)floor((double)W / p->crop_pct);
	if (!strcmp(p->crop_mode, "squash")) {
		*rh = H;
		*rw = W;
	} else if (sh == sw) {
		vit_shorter_side(sh, h, w, rh, rw);
	} else {
		double scale = fmax((double)sh / (double)h, (double)sw / (double)w);
		*rh = (int64_t)fmax(rint((double)h * scale), (double)sh);
		*rw = (int64_t)fmax(rint((double)w * scale), (double)sw);
	}
}

static int fit(const struct vit_preprocess *p, const uint8_t *image, int64_t h, int64_t w, uint8_t *out)
{
	int64_t C = p->input_size[0], H = p->input_size[1], W = p->input_size[2], rh, rw;
	covering(p, h, w, &rh, &rw);
	if (rh > VIT_MAX_SIDE || rw > VIT_MAX_SIDE)
		return vit_fail(VIT_ERECORD, "an image of %lldx%lld is too long to be cut to %lldx%lld", (long long)h, (long long)w, (long long)H, (long long)W);
	struct vit_buf scratch = { 0 };
	uint8_t *big = vit_malloc((size_t)(rh * rw * C));
	int rc = big ? vit_resize(big, rh, rw, image, h, w, C, filter(p->interpolation), 1, &scratch) : VIT_ENOMEM;
	if (!rc)
		vit_crop(out, H, W, big, rw, C, vit_centre(rh, H), vit_centre(rw, W));
	free(big);
	vit_buf_release(&scratch);
	return rc;
}

int vit_preprocess_record(const struct vit_preprocess *p, const struct vit_record *r, uint8_t *out, int *resized)
{
	*resized = 0;
	if (r->encoded.p)
		return vit_fail(VIT_ERECORD, "the image is %.*s bytes, which this build does not decode; send pixels", (int)(r->type.n < 32 ? r->type.n : 32), r->type.p);
	const struct vit_tensor *t = &r->image;
	if (!t->data)
		return vit_fail(VIT_ERECORD, "the record has no image");
	int64_t h = t->dim[0], w = t->dim[1], c = t->dim[2], C = p->input_size[0];
	if (t->ndim != 3 || t->dtype != VIT_U8 || h < 1 || w < 1 || h > VIT_MAX_SIDE || w > VIT_MAX_SIDE)
		return vit_fail(VIT_ERECORD, "the image is not uint8 [H,W,C] of at most %d a side", VIT_MAX_SIDE);
	if (c != C && !(c == 1 && C == 3) && !(c == 3 && C == 1))
		return vit_fail(VIT_ERECORD, "%lld channels, the model wants %lld", (long long)c, (long long)C);
	if (h == p->input_size[1] && w == p->input_size[2]) {
		convert(out, C, t->data, c, h * w);
		return 0;
	}
	*resized = 1;
	if (c == C)
		return fit(p, t->data, h, w, out);
	uint8_t *same = vit_malloc((size_t)(h * w * C));
	if (!same)
		return VIT_ENOMEM;
	convert(same, C, t->data, c, h * w);
	int rc = fit(p, same, h, w, out);
	free(same);
	return rc;
}
