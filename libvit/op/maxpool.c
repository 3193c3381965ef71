/* SPDX-License-Identifier: MIT
 *
 * maxpool: the largest value of each window.
 *
 *   y = max over the window of x;  dx gets dy at the first largest
 *
 * in   x [B,H,W,C];  out  y [B,H',W',C], H' = (H + 2 pad - size) / stride + 1
 */
#include "op/window.h"

static int64_t largest(const struct vit_call *c, const struct window *w, int64_t b, int64_t k)
{
	const real *in = ref_in(c, 0);
	int64_t best = window_pixel(c, b, w->y0, w->x0, k);
	for (int64_t y = w->y0; y < w->y1; y++)
		for (int64_t x = w->x0; x < w->x1; x++)
			if (in[window_pixel(c, b, y, x, k)] > in[best])
				best = window_pixel(c, b, y, x, k);
	return best;
}

static void forward_one(const struct vit_call *c, const struct window *w, int64_t b, int64_t k, int64_t at)
{
	ref_out(c, 0)[at] = ref_in(c, 0)[largest(c, w, b, k)];
}

static void backward_one(const struct vit_call *c, const struct window *w, int64_t b, int64_t k, int64_t at)
{
	((real *)c->din[0].data)[largest(c, w, b, k)] += ref_dout(c, 0)[at];
}

static int forward(const struct vit_call *c)
{
	window_each(c, forward_one);
	return 0;
}

static int backward(const struct vit_call *c)
{
	if (!ref_need(c, 0))
		return 0;
	window_start(c);
	window_each(c, backward_one);
	return 0;
}

const struct vit_op VIT_OP(maxpool) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "maxpool", .help = "y = max over windows",
	.attr_size = sizeof(struct vit_window_attr),
	.infer = window_infer, .forward = forward, .backward = backward, .flops = window_flops,
	.keep_in = 1,
};
