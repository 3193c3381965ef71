/* SPDX-License-Identifier: MIT
 *
 * patches: image, then cut into non-overlapping patches, each one row.
 *
 *   out[b, i * (W/pw) + j, (y * pw + x) * C + c] = image[b, i * ph + y, j * pw + x, c]
 *
 * in   as image
 * out  [B,T,ph*pw*C], T = H/ph * W/pw; H and W are multiples of the patch
 *
 * With the linear after it, the patch embedding of Dosovitskiy et al., 2021.
 * Not differentiable.
 */
#include "op/expand.h"
#include "op/pixel.h"

static int infer(struct vit_call *c)
{
	const struct vit_image_attr *a = c->attr;
	VIT_TRY(pixel_infer(c));
	const int64_t *d = c->in[0].dim;
	if (a->patch_h < 1 || a->patch_w < 1 || d[1] % a->patch_h || d[2] % a->patch_w)
		return vit_fail(VIT_EMISMATCH, "%s %s: an image of %lldx%lld does not divide into patches of %dx%d", c->op, c->name,
		                (long long)d[1], (long long)d[2], a->patch_h, a->patch_w);
	c->n_out = 1;
	vit_shape_set(&c->out[0], VIT_REAL, 3, (int64_t[]){ d[0], d[1] / a->patch_h * (d[2] / a->patch_w), a->patch_h * a->patch_w * d[3] });
	return 0;
}

static int forward(const struct vit_call *c)
{
	const struct vit_image_attr *a = c->attr;
	const int64_t B = c->in[0].dim[0], H = c->in[0].dim[1], W = c->in[0].dim[2], C = c->in[0].dim[3];
	real *o = ref_out(c, 0);
	for (int64_t b = 0; b < B; b++)
		for (int64_t y0 = 0; y0 < H; y0 += a->patch_h)
			for (int64_t x0 = 0; x0 < W; x0 += a->patch_w)
				for (int64_t y = y0; y < y0 + a->patch_h; y++)
					for (int64_t x = x0; x < x0 + a->patch_w; x++)
						for (int64_t k = 0; k < C; k++)
							*o++ = b < c->step->n_valid ? (real)pixel(c, b, y, x, k) : 0;
	return 0;
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	const struct vit_image_attr *a = n->attr;
	if (n->n_in > 1)
		return vit_fail(VIT_EUNSUPPORTED, "%s: mixing has no form in primitives; leave inputs 1 to 3 out", n->name);
	const int64_t *d = n->in[0]->dim, y = d[1] / a->patch_h, x = d[2] / a->patch_w, row = a->patch_w * d[3];
	/* [B, y, ph, x, pw C] to [B, y, x, ph, pw C] */
	struct vit_value *v = ex_reshape(&e, "grid", ex_pixels(&e, a), (struct vit_reshape_attr){ 5, { VIT_B, y, a->patch_h, x, row } });
	v = ex_transpose(&e, "turned", v, (struct vit_perm_attr){ 5, { 0, 1, 3, 2, 4 } });
	*out = ex_reshape(&e, "rows", v, (struct vit_reshape_attr){ 3, { VIT_B, y * x, a->patch_h * row } });
	return g->rc;
}

const struct vit_op VIT_OP(patches) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "patches", .help = "image, cut into patches of one row each",
	.attr_size = sizeof(struct vit_image_attr),
	.infer = infer, .forward = forward,
	.expand = expand,
};
