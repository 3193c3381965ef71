/* SPDX-License-Identifier: MIT
 *
 * image: u8 pixels to normalised numbers, with mixup or CutMix on the way.
 *
 *   out[b,y,x,c] = (mix(in[b,y,x,c]) / 255 - mean[c]) / std[c], 0 for b >= n_valid
 *
 * in   image u8 [B,H,W,C]; then partner i32 [B], lambda f32 [B], box i32 [B,4]
 * out  [B,H,W,C]
 *
 * mixup: Zhang et al., 2018. CutMix: Yun et al., 2019. Not differentiable.
 */
#include "op/expand.h"
#include "op/pixel.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(pixel_infer(c));
	c->n_out = 1;
	vit_shape_set(&c->out[0], VIT_REAL, 4, c->in[0].dim);
	return 0;
}

static int forward(const struct vit_call *c)
{
	const int64_t *d = c->out[0].dim;
	real *o = ref_out(c, 0);
	for (int64_t b = 0; b < d[0]; b++)
		for (int64_t y = 0; y < d[1]; y++)
			for (int64_t x = 0; x < d[2]; x++)
				for (int64_t k = 0; k < d[3]; k++)
					*o++ = b < c->step->n_valid ? (real)pixel(c, b, y, x, k) : 0;
	return 0;
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	struct expand e = { g, n };
	if (n->n_in > 1)
		return vit_fail(VIT_EUNSUPPORTED, "%s: mixing has no form in primitives; leave inputs 1 to 3 out", n->name);
	*out = ex_pixels(&e, n->attr);
	return g->rc;
}

const struct vit_op VIT_OP(image) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "image", .help = "x = (mix(u8) / 255 - mean) / std",
	.attr_size = sizeof(struct vit_image_attr),
	.infer = infer, .forward = forward,
	.expand = expand,
};
