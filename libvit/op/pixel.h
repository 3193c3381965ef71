/* SPDX-License-Identifier: MIT
 *
 * pixel.h - one normalised, perhaps mixed, pixel: shared by image and patches.
 */
#ifndef VIT_OP_PIXEL_H
#define VIT_OP_PIXEL_H

#include "op/ref.h"

static inline int pixel_infer(const struct vit_call *c)
{
	const struct vit_image_attr *a = c->attr;
	const int64_t B = c->in[0].dim[0];
	VIT_TRY(vit_want_n(c, 1, 4));
	VIT_TRY(vit_want(c, 0, VIT_U8, 4, (int64_t[]){ B, VIT_ANY_DIM, VIT_ANY_DIM, VIT_ANY_DIM }));
	if (c->n_in == 2)
		return vit_fail(VIT_EMISMATCH, "%s %s: partners need lambdas as input 2", c->op, c->name);
	if (c->n_in > 2) {
		VIT_TRY(vit_want(c, 1, VIT_I32, 1, &B));
		VIT_TRY(vit_want(c, 2, VIT_ANY_FLOAT, 1, &B));
	}
	if (c->n_in > 3)
		VIT_TRY(vit_want(c, 3, VIT_I32, 2, (int64_t[]){ B, 4 }));
	if (a->n_mean > 1 && a->n_mean != c->in[0].dim[3])
		return vit_fail(VIT_EMISMATCH, "%s %s: %d means for %lld channels, 1 or one per channel are wanted", c->op, c->name,
		                a->n_mean, (long long)c->in[0].dim[3]);
	return 0;
}

/* n_mean 0: values in 0..1 as they are. */
static inline double pixel(const struct vit_call *c, int64_t b, int64_t y, int64_t x, int64_t k)
{
	const struct vit_image_attr *a = c->attr;
	const uint8_t *u = c->in[0].data;
	const int64_t W = c->in[0].dim[2], C = c->in[0].dim[3], size = vit_inner(&c->in[0], 1), at = (y * W + x) * C + k;
	double v = u[b * size + at];
	/* a partner among the padding would mix garbage in: such a row stays alone */
	int64_t with = c->n_in > 2 ? ((const int32_t *)c->in[1].data)[b] : b;
	if (with != b && with >= 0 && with < c->step->n_valid) {
		const int32_t *box = c->n_in > 3 ? (const int32_t *)c->in[3].data + b * 4 : NULL;
		double other = u[with * size + at];
		if (box && box[2] > box[0] && box[3] > box[1]) {
			if (y >= box[0] && y < box[2] && x >= box[1] && x < box[3])
				v = other;
		} else {
			double lambda = ref_scalar(&c->in[2], b);
			v = lambda * v + (1 - lambda) * other;
		}
	}
	v /= 255;
	if (a->n_mean) {
		int64_t m = a->n_mean > 1 ? k : 0;
		v = (v - (double)a->mean[m]) / (double)a->std[m];
	}
	return v;
}

#endif
