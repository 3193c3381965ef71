/* SPDX-License-Identifier: MIT
 *
 * conv2d: two-dimensional convolution (cross-correlation), zero padding.
 *
 *   p[b,y,x,o] = b[o] + sum_{u,v,i} in[b, y s + u - pad, x s + v - pad, i] W[o,u,v,i],  out = act(p)
 *
 * in   x [B,H,W,I], W [O,kh,kw,I], b [O] (optional)
 * out  [B,H',W',O], H' = (H + 2 pad - kh) / stride + 1;  aux  p where act is not NONE
 * FLOPs 2 B H' W' O kh kw I forward, twice that backward.
 *
 * LeCun et al., 1989.
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	const struct vit_conv2d_attr *a = c->attr;
	VIT_TRY(vit_want_n(c, 2, 3));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, 4, (int64_t[]){ c->in[0].dim[0], VIT_ANY_DIM, VIT_ANY_DIM, VIT_ANY_DIM }));
	const int64_t *d = c->in[0].dim, *w = c->in[1].dim;
	VIT_TRY(vit_want(c, 1, VIT_ANY_FLOAT, 4, (int64_t[]){ VIT_ANY_DIM, VIT_ANY_DIM, VIT_ANY_DIM, d[3] }));
	if (c->n_in > 2)
		VIT_TRY(vit_want(c, 2, VIT_ANY_FLOAT, 1, &w[0]));
	if (a->stride < 1 || a->pad < 0 || d[1] + 2 * a->pad < w[1] || d[2] + 2 * a->pad < w[2])
		return vit_fail(VIT_EMISMATCH, "%s %s: a kernel of %lldx%lld does not fit %lldx%lld with stride %d and padding %d", c->op, c->name,
		                (long long)w[1], (long long)w[2], (long long)d[1], (long long)d[2], a->stride, a->pad);
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, 4, (int64_t[]){ d[0], (d[1] + 2 * a->pad - w[1]) / a->stride + 1,
	              (d[2] + 2 * a->pad - w[2]) / a->stride + 1, w[0] });
	c->n_aux = a->act != VIT_ACT_NONE;
	if (c->n_aux)
		vit_shape_set(&c->aux[0], c->in[0].dtype, 4, c->out[0].dim);
	return 0;
}

struct shape { int64_t B, H, W, I, Y, X, O, kh, kw, stride, pad; };

static struct shape shape_of(const struct vit_call *c)
{
	const struct vit_conv2d_attr *a = c->attr;
	const int64_t *d = c->in[0].dim, *w = c->in[1].dim, *o = c->out[0].dim;
	return (struct shape){ d[0], d[1], d[2], d[3], o[1], o[2], o[3], w[1], w[2], a->stride, a->pad };
}

static double dp(const struct vit_call *c, int64_t i)
{
	return ref_dpre(c, ((const struct vit_conv2d_attr *)c->attr)->act, i);
}

/* One output element: the sum over the window. */
static double window(const struct vit_call *c, const struct shape *s, int64_t b, int64_t y, int64_t x, int64_t o)
{
	double sum = c->n_in > 2 ? (double)ref_in(c, 2)[o] : 0;
	for (int64_t u = 0; u < s->kh; u++)
		for (int64_t v = 0; v < s->kw; v++) {
			const int64_t iy = y * s->stride + u - s->pad, ix = x * s->stride + v - s->pad;
			if (iy < 0 || iy >= s->H || ix < 0 || ix >= s->W)
				continue;
			const real *p = ref_in(c, 0) + ((b * s->H + iy) * s->W + ix) * s->I;
			const real *w = ref_in(c, 1) + ((o * s->kh + u) * s->kw + v) * s->I;
			for (int64_t i = 0; i < s->I; i++)
				sum += (double)p[i] * (double)w[i];
		}
	return sum;
}

static int forward(const struct vit_call *c)
{
	const struct shape s = shape_of(c);
	real *out = ref_out(c, 0), *pre = c->n_aux ? c->aux[0].data : NULL;
	int64_t at = 0;
	for (int64_t b = 0; b < s.B; b++)
		for (int64_t y = 0; y < s.Y; y++)
			for (int64_t x = 0; x < s.X; x++)
				for (int64_t o = 0; o < s.O; o++, at++) {
					const double p = window(c, &s, b, y, x, o);
					if (pre)
						pre[at] = (real)p;
					out[at] = (real)ref_act(((const struct vit_conv2d_attr *)c->attr)->act, p);
				}
	return 0;
}

/* dx of one input pixel: every output whose window covers it. */
static void backward_pixel(const struct vit_call *c, const struct shape *s, int64_t b, int64_t iy, int64_t ix)
{
	for (int64_t i = 0; i < s->I; i++) {
		double sum = 0;
		for (int64_t u = 0; u < s->kh; u++)
			for (int64_t v = 0; v < s->kw; v++) {
				const int64_t ys = iy + s->pad - u, xs = ix + s->pad - v, y = ys / s->stride, x = xs / s->stride;
				if (ys < 0 || xs < 0 || ys % s->stride || xs % s->stride || y >= s->Y || x >= s->X)
					continue;
				for (int64_t o = 0; o < s->O; o++)
					sum += dp(c, ((b * s->Y + y) * s->X + x) * s->O + o) * (double)ref_in(c, 1)[((o * s->kh + u) * s->kw + v) * s->I + i];
			}
		ref_put(c, 0, ((b * s->H + iy) * s->W + ix) * s->I + i, sum);
	}
}

static double weight_grad(const struct vit_call *c, const struct shape *s, int64_t o, int64_t u, int64_t v, int64_t i)
{
	double sum = 0;
	for (int64_t b = 0; b < s->B; b++)
		for (int64_t y = 0; y < s->Y; y++)
			for (int64_t x = 0; x < s->X; x++) {
				const int64_t iy = y * s->stride + u - s->pad, ix = x * s->stride + v - s->pad;
				if (iy >= 0 && iy < s->H && ix >= 0 && ix < s->W)
					sum += dp(c, ((b * s->Y + y) * s->X + x) * s->O + o) * (double)ref_in(c, 0)[((b * s->H + iy) * s->W + ix) * s->I + i];
			}
	return sum;
}

static int backward(const struct vit_call *c)
{
	const struct shape s = shape_of(c);
	for (int64_t b = 0; b < s.B && ref_need(c, 0); b++)
		for (int64_t y = 0; y < s.H; y++)
			for (int64_t x = 0; x < s.W; x++)
				backward_pixel(c, &s, b, y, x);
	for (int64_t o = 0; o < s.O && ref_need(c, 1); o++)
		for (int64_t u = 0; u < s.kh; u++)
			for (int64_t v = 0; v < s.kw; v++)
				for (int64_t i = 0; i < s.I; i++)
					ref_put(c, 1, ((o * s.kh + u) * s.kw + v) * s.I + i, weight_grad(c, &s, o, u, v, i));
	for (int64_t o = 0; o < s.O && ref_need(c, 2); o++) {
		double sum = 0;
		for (int64_t r = 0; r < s.B * s.Y * s.X; r++)
			sum += dp(c, r * s.O + o);
		ref_put(c, 2, o, sum);
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 4.0 : 2.0) * (double)vit_tensor_count(&c->out[0]) * (double)vit_inner(&c->in[1], 1);
}

const struct vit_op VIT_OP(conv2d) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "conv2d", .help = "y = act(conv(x, W) + b), NHWC",
	.attr_size = sizeof(struct vit_conv2d_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1 | 2,
};
