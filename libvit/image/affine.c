/* SPDX-License-Identifier: MIT
 *
 * affine.c - resampling along an affine map. Coordinates take the steps that
 * torch's grid_sample takes, in float: "nearest" of a quarter turn or a shear
 * often lies between two pixels, and then the rounding decides.
 */
#include "image/affine.h"

#include <math.h>

#define RADIANS (3.14159265358979323846 / 180)

void vit_affine_matrix(double m[6], const struct vit_affine *a)
{
	double turn = a->angle * RADIANS, sx = a->shear[0] * RADIANS, sy = a->shear[1] * RADIANS, scale = a->scale != 0 ? a->scale : 1;
	/* scale, shear and turn, forwards */
	double xx = cos(turn - sy) / cos(sy), xy = -(xx * tan(sx) + sin(turn));
	double yx = sin(turn - sy) / cos(sy), yy = cos(turn) - yx * tan(sx);
	/* and back; the determinant is scale squared */
	m[0] = yy / scale;
	m[1] = -xy / scale;
	m[3] = -yx / scale;
	m[4] = xx / scale;
	double cx = a->centre[0], cy = a->centre[1], tx = cx + a->translate[0], ty = cy + a->translate[1];
	m[2] = cx - m[0] * tx - m[1] * ty;
	m[5] = cy - m[3] * tx - m[4] * ty;
}

/* Sides of the box around the corners' images, taken in float and rounded as
 * torchvision does. */
void vit_affine_size(const double m[6], int64_t h, int64_t w, int64_t *dh, int64_t *dw)
{
	float lo[2] = { INFINITY, INFINITY }, hi[2] = { -INFINITY, -INFINITY };
	for (int corner = 0; corner < 4; corner++) {
		float x = (corner & 1 ? 0.5f : -0.5f) * (float)w, y = (corner & 2 ? 0.5f : -0.5f) * (float)h;
		for (int k = 0; k < 2; k++) {
			float at = x * (float)m[3 * k] + y * (float)m[3 * k + 1] + (float)m[3 * k + 2];
			lo[k] = fminf(lo[k], at);
			hi[k] = fmaxf(hi[k], at);
		}
	}
	int64_t side[2], half[2] = { w, h };
	for (int k = 0; k < 2; k++) {
		float middle = 0.5f * (float)half[k], least = lo[k] + middle, most = hi[k] + middle;
		/* what rounding moved by less than 1e-4 is put back */
		most = ceilf(truncf(most * 1e4f) * 1e-4f);
		least = floorf(truncf(least * 1e4f) * 1e-4f);
		side[k] = (int64_t)(most - least);
	}
	*dw = side[0] < 1 ? 1 : side[0];
	*dh = side[1] < 1 ? 1 : side[1];
}

struct map {
	const uint8_t *src, *fill;
	int64_t h, w, c;
	float x[3], y[3];       /* the matrix in units of half an image, as torch normalises coordinates */
};

static uint8_t round_level(float x)
{
	/* to even, as torch.round */
	return (uint8_t)(int)nearbyintf(x);
}

static inline void take_nearest(uint8_t *to, const struct map *m, int64_t c, float x, float y)
{
	x = nearbyintf(x);
	y = nearbyintf(y);
	int in = x >= 0 && x < (float)m->w && y >= 0 && y < (float)m->h;
	const uint8_t *from = m->src + (in ? ((int64_t)y * m->w + (int64_t)x) * c : 0);
	for (int64_t k = 0; k < c; k++)
		to[k] = in ? from[k] : m->fill ? m->fill[k] : 0;
}

/* All four neighbours are inside. */
static inline void take_inside(uint8_t *to, const struct map *m, int64_t c, float x, float y)
{
	int64_t ix = (int64_t)x, iy = (int64_t)y;
	float fx = x - (float)ix, fy = y - (float)iy;
	float nw = (1 - fx) * (1 - fy), ne = fx * (1 - fy), sw = (1 - fx) * fy, se = fx * fy;
	const uint8_t *a = m->src + (iy * m->w + ix) * c, *b = a + m->w * c;
	for (int64_t k = 0; k < c; k++)
		to[k] = round_level((float)a[k] * nw + (float)a[k + c] * ne + (float)b[k] * sw + (float)b[k + c] * se);
}

/* Some of the four are outside and count as 0. */
static void take_edge(uint8_t *to, const struct map *m, int64_t c, float x, float y)
{
	float left = floorf(x), top = floorf(y), sum[VIT_MAX_CHANNELS] = { 0 }, mask = 0;
	for (int corner = 0; corner < 4; corner++) {
		float ix = left + (float)(corner & 1), iy = top + (float)(corner >> 1);
		float wx = corner & 1 ? x - left : 1 - (x - left), wy = corner >> 1 ? y - top : 1 - (y - top);
		if (!(ix >= 0 && ix < (float)m->w && iy >= 0 && iy < (float)m->h))
			continue;
		const uint8_t *from = m->src + ((int64_t)iy * m->w + (int64_t)ix) * c;
		mask += wx * wy;
		for (int64_t k = 0; k < c; k++)
			sum[k] += wx * wy * (float)from[k];
	}
	for (int64_t k = 0; k < c; k++)
		to[k] = round_level(m->fill ? (sum[k] - (float)m->fill[k]) * mask + (float)m->fill[k] : sum[k]);
}

/* Inlined with c a constant: the loops over channels vanish. */
static inline __attribute__((always_inline)) void run(uint8_t *dst, int64_t dh, int64_t dw, const struct map *m, int64_t c, int nearest)
{
	float w = (float)m->w, h = (float)m->h;
	for (int64_t j = 0; j < dh; j++) {
		float y = (float)j - 0.5f * (float)(dh - 1);
		/* torch's product of matrices adds this by a fused multiply-add; a double holds it exactly */
		double yx = (double)y * (double)m->x[1], yy = (double)y * (double)m->y[1];
		for (int64_t i = 0; i < dw; i++, dst += c) {
			float x = (float)i - 0.5f * (float)(dw - 1);
			float sx = ((float)((double)(x * m->x[0]) + yx) + m->x[2] + 1) * (w * 0.5f) - 0.5f;
			float sy = ((float)((double)(x * m->y[0]) + yy) + m->y[2] + 1) * (h * 0.5f) - 0.5f;
			if (nearest)
				take_nearest(dst, m, c, sx, sy);
			else if (sx >= 0 && sx < w - 1 && sy >= 0 && sy < h - 1)
				take_inside(dst, m, c, sx, sy);
			else
				take_edge(dst, m, c, sx, sy);
		}
	}
}

void vit_affine(uint8_t *dst, int64_t dh, int64_t dw, const uint8_t *src, int64_t h, int64_t w, int64_t c, const double m[6], int filter,
                const uint8_t *fill)
{
	struct map map = { .src = src, .fill = fill, .h = h, .w = w, .c = c };
	for (int k = 0; k < 3; k++) {
		map.x[k] = (float)m[k] / (0.5f * (float)w);
		map.y[k] = (float)m[3 + k] / (0.5f * (float)h);
	}
	int nearest = filter == VIT_NEAREST;
	if (c == 3 && nearest)
		run(dst, dh, dw, &map, 3, 1);
	else if (c == 3)
		run(dst, dh, dw, &map, 3, 0);
	else if (c == 1)
		run(dst, dh, dw, &map, 1, nearest);
	else
		run(dst, dh, dw, &map, c, nearest);
}
