/* SPDX-License-Identifier: MIT
 *
 * preprocess.c - what a model does to an image before it eats it, as timm's
 * evaluation transform: resize so that the image covers input / crop_pct, then
 * cut the centre. An image that has the size is not touched.
 */
#include "image/decode.h"
#include "image/resize.h"
#include "model/internal.h"

#include <math.h>
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

/* The size whose centre is cut: the image's proportions, covering [H,W] / crop_pct
 * with its shorter side, or just that size where it is squashed. */
static void covering(const struct vit_preprocess *p, int64_t h, int64_t w, int64_t *rh, int64_t *rw)
{
	int64_t sh = (int64_t)floor((double)p->input_size[1] / p->crop_pct), sw = (int64_t)floor((double)p->input_size[2] / p->crop_pct);
	*rh = sh;
	*rw = sw;
	if (!strcmp(p->crop_mode, "squash"))
		return;
	if (sh == sw) {
		vit_shorter_side(sh, h, w, rh, rw);
		return;
	}
	/* timm's ResizeKeepRatio, its divisions and its rounding */
	double ratio = fmin((double)h / (double)sh, (double)w / (double)sw);
	*rh = (int64_t)rint((double)h / ratio);
	*rw = (int64_t)rint((double)w / ratio);
}

static int fit(const struct vit_preprocess *p, struct vit_preprocess_work *work, const uint8_t *image, int64_t h, int64_t w, uint8_t *out)
{
	int64_t C = p->input_size[0], H = p->input_size[1], W = p->input_size[2], rh, rw;
	covering(p, h, w, &rh, &rw);
	if (rh > VIT_MAX_SIDE || rw > VIT_MAX_SIDE)
		return vit_fail(VIT_ERECORD, "an image of %lldx%lld is too long to be cut to %lldx%lld", (long long)h, (long long)w, (long long)H, (long long)W);
	VIT_TRY(vit_image_reserve(&work->whole, rh, rw, C));
	VIT_TRY(vit_resize(work->whole.p, rh, rw, image, h, w, C, filter(p->interpolation), 1, &work->scratch));
	vit_crop(out, H, W, work->whole.p, rw, C, vit_centre(rh, H), vit_centre(rw, W));
	return 0;
}

/* Pixels [h,w,c] to the model's input. */
static int apply(const struct vit_preprocess *p, struct vit_preprocess_work *work, const uint8_t *image, const int64_t *hwc, uint8_t *out, int *resized)
{
	int64_t h = hwc[0], w = hwc[1], c = hwc[2], C = p->input_size[0];
	if (c != C && !(c == 1 && C == 3) && !(c == 3 && C == 1))
		return vit_fail(VIT_ERECORD, "%lld channels, the model wants %lld", (long long)c, (long long)C);
	if (h == p->input_size[1] && w == p->input_size[2]) {
		vit_convert(out, C, image, c, h * w);
		return 0;
	}
	*resized = 1;
	if (c == C)
		return fit(p, work, image, h, w, out);
	VIT_TRY(vit_image_reserve(&work->same, h, w, C));
	vit_convert(work->same.p, C, image, c, h * w);
	return fit(p, work, work->same.p, h, w, out);
}

static int decode(const struct vit_preprocess *p, struct vit_preprocess_work *work, const struct vit_record *r)
{
	const struct vit_decode_opt o = { .channels = p->input_size[0] == 1 ? 1 : 3 };
	int rc = vit_image_decode(&work->decoded, (const uint8_t *)r->encoded.p, r->encoded.n, &o);
	/* what the bytes are is said by who looked at them; otherwise what the record says */
	if (rc && !vit_image_type((const uint8_t *)r->encoded.p, r->encoded.n) && r->type.n)
		return vit_wrap(rc, "said to be %.*s", (int)(r->type.n < 32 ? r->type.n : 32), r->type.p);
	return rc;
}

int vit_preprocess_record(const struct vit_preprocess *p, struct vit_preprocess_work *work, const struct vit_record *r, uint8_t *out, int *resized)
{
	const struct vit_tensor *t = &r->image;
	*resized = 0;
	if (r->encoded.p) {
		VIT_TRY(decode(p, work, r));
		return apply(p, work, work->decoded.p, (int64_t[]){ work->decoded.h, work->decoded.w, work->decoded.c }, out, resized);
	}
	if (!t->data)
		return vit_fail(VIT_ERECORD, "the record has no image");
	if (t->ndim != 3 || t->dtype != VIT_U8 || t->dim[0] < 1 || t->dim[1] < 1 || t->dim[0] > VIT_MAX_SIDE || t->dim[1] > VIT_MAX_SIDE)
		return vit_fail(VIT_ERECORD, "the image is not uint8 [H,W,C] of at most %d a side", VIT_MAX_SIDE);
	return apply(p, work, t->data, t->dim, out, resized);
}

void vit_preprocess_work_release(struct vit_preprocess_work *work)
{
	vit_image_release(&work->decoded);
	vit_image_release(&work->same);
	vit_image_release(&work->whole);
	vit_buf_release(&work->scratch);
}
