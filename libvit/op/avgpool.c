/* SPDX-License-Identifier: MIT
 *
 * avgpool: the mean of each window; padding does not count.
 *
 *   y = mean over the window of x;  dx gets dy / n from each window it lies in
 *
 * in   x [B,H,W,C];  out  y [B,H',W',C], H' = (H + 2 pad - size) / stride + 1
 */
#include "op/window.h"

static void forward_one(const struct vit_call *c, const struct window *w, int64_t b, int64_t k, int64_t at)
{
	double sum = 0;
	for (int64_t y = w->y0; y < w->y1; y++)
		for (int64_t x = w->x0; x < w->x1; x++)
			sum += (double)ref_in(c, 0)[window_pixel(c, b, y, x, k)];
	ref_out(c, 0)[at] = (real)(sum / (double)((w->y1 - w->y0) * (w->x1 - w->x0)));
}

static void backward_one(const struct vit_call *c, const struct window *w, int64_t b, int64_t k, int64_t at)
{
	const double d = (double)ref_dout(c, 0)[at] / (double)((w->y1 - w->y0) * (w->x1 - w->x0));
	for (int64_t y = w->y0; y < w->y1; y++)
		for (int64_t x = w->x0; x < w->x1; x++)
			((real *)c->din[0].data)[window_pixel(c, b, y, x, k)] += (real)d;
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

const struct vit_op VIT_OP(avgpool) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "avgpool", .help = "y = mean over windows",
	.attr_size = sizeof(struct vit_window_attr),
	.infer = window_infer, .forward = forward, .backward = backward, .flops = window_flops,
};
