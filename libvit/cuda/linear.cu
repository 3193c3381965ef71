/* SPDX-License-Identifier: MIT
 *
 * linear.cu - y = act(x W^T + b), by up to three products.
 *
 *   forward    p = x W^T + b, y = act(p): bias and tanh-GELU follow the sums in
 *              cublasLt where it can, else act.h does them
 *   backward   dp = dy act'(p), dx = dp W, dW += dp^T x, db += column sums of dp
 *
 * dp takes the type of the product's other factor. It is written out only where
 * it is not dy itself: for an activation, for another type (logits are f32), and
 * for rows that are no multiple of 16 bytes, which tensor cores refuse: there
 * they get a longer ld.
 */
#include "cuda/act.h"
#include "cuda/product.h"

#include <stdlib.h>

struct linear {
	struct cuda_state head;
	struct product y, dx, dw;
	int bias, act;          /* forward: the product is added to rows of the bias; a pass follows it */
	int dp_type;
	int64_t dp_ld;          /* 0: dy is dp */
	int dw_sums;            /* the product of dW also sums the columns of dp */
	int64_t dp, part, scratch;      /* bytes into ws; scratch: of the products */
};

static struct linear *of(const struct vit_call *c) { return static_cast<struct linear *>(c->state); }
static int act_of(const struct vit_call *c) { return static_cast<const struct vit_linear_attr *>(c->attr)->act; }
static struct act_rows shape_of(const struct vit_call *c)
{
	const struct act_rows s = { cuda_rows(&c->out[0]), c->in[1].dim[0] };
	return s;
}

static void release(struct cuda_state *head)
{
	struct linear *l = reinterpret_cast<struct linear *>(head);
	product_free(&l->y, head->dev);
	product_free(&l->dx, head->dev);
	product_free(&l->dw, head->dev);
	free(l);
}

static struct linear *linear_new(struct vit_dev *dev, struct vit_call *c)
{
	struct linear *l = static_cast<struct linear *>(calloc(1, sizeof *l));
	if (l) {
		l->head.dev = dev;
		l->head.release = release;
		c->state = l;
	}
	return l;
}

static int tuned(const struct vit_call *c) { return (c->how & VIT_HOW_TUNE) != 0; }

/* ---- plan: forward ----------------------------------------------------------------- */

static struct product_spec forward_spec(const struct vit_call *c, int type)
{
	const struct act_rows s = shape_of(c);
	const int64_t k = c->in[1].dim[1];
	const struct product_spec spec = { s.rows, s.n, k, c->in[0].dtype, 0, k, c->in[1].dtype, 1, k, type, PRODUCT_PLAIN,
	                                   (c->how & VIT_HOW_TF32) != 0 };
	return spec;
}

/* All in one. Where f32 is meant to be exact cublasLt's tanh is not trusted: how
 * it rounds is written nowhere. */
static int fused(struct linear *l, struct vit_dev *dev, const struct vit_call *c, int with_bias)
{
	struct product_spec s = forward_spec(c, c->out[0].dtype);
	if (act_of(c) != VIT_ACT_GELU_TANH || (s.d_type == VIT_F32 && !s.tf32))
		return 0;
	if ((c->n_aux && c->aux[0].dtype != s.d_type) || (with_bias && c->in[2].dtype != s.d_type))
		return 0;
	s.end = PRODUCT_GELU | (c->n_aux ? PRODUCT_KEEP : 0) | (with_bias ? PRODUCT_BIAS : 0);
	return product_lt(&l->y, dev, &s, tuned(c));
}

/* Where the product goes: into p where that is kept, and y is made of it. */
static const struct vit_tensor *target(const struct vit_call *c, int act)
{
	return act && c->n_aux ? &c->aux[0] : &c->out[0];
}

static void fit_forward(struct linear *l, struct vit_dev *dev, const struct vit_call *c)
{
	const int with_bias = c->n_in > 2;
	if (fused(l, dev, c, with_bias))
		return;
	l->act = act_of(c);
	struct product_spec s = forward_spec(c, target(c, l->act)->dtype);
	/* a bias of another type than D's is not in cublasLt's list: f32 logits of 16-bit weights */
	s.end = PRODUCT_BIAS;
	if (with_bias && c->in[2].dtype == s.d_type && product_lt(&l->y, dev, &s, tuned(c)))
		return;
	s.end = PRODUCT_PLAIN;
	l->bias = with_bias;    /* added before, not after: so the sum is rounded once */
	if (!product_lt(&l->y, dev, &s, tuned(c)))
		product_plain(&l->y, &s);
}

/* ---- plan: backward ---------------------------------------------------------------- */

static void fit_dp(struct linear *l, const struct vit_call *c)
{
	const struct act_rows s = shape_of(c);
	const int need_x = cuda_need(c, 0), need_w = cuda_need(c, 1);
	l->dp_type = c->in[need_x ? 1 : 0].dtype;
	const int64_t line = 16 / vit_dtypes[l->dp_type].size, ld = cuda_ceil(s.n, line) * line;
	if ((need_x || need_w) && (act_of(c) != VIT_ACT_NONE || c->dout[0].dtype != l->dp_type || ld != s.n))
		l->dp_ld = ld;
}

static void fit_dx(struct linear *l, struct vit_dev *dev, const struct vit_call *c)
{
	const struct act_rows s = shape_of(c);
	const int64_t k = c->in[1].dim[1];
	const struct product_spec spec = { s.rows, k, s.n, l->dp_type, 0, l->dp_ld ? l->dp_ld : s.n, c->in[1].dtype, 0, k, c->din[0].dtype,
	                                   PRODUCT_PLAIN, (c->how & VIT_HOW_TF32) != 0 };
	if (!product_lt(&l->dx, dev, &spec, tuned(c)))
		product_plain(&l->dx, &spec);
}

static void fit_dw(struct linear *l, struct vit_dev *dev, const struct vit_call *c)
{
	const struct act_rows s = shape_of(c);
	const int64_t k = c->in[1].dim[1];
	struct product_spec spec = { s.n, k, s.rows, l->dp_type, 1, l->dp_ld ? l->dp_ld : s.n, c->in[0].dtype, 0, k, c->din[1].dtype,
	                             PRODUCT_SUM_A, (c->how & VIT_HOW_TF32) != 0 };
	/* who makes dp sums it on the way; else cublasLt may, into f32 */
	if (cuda_need(c, 2) && !l->dp_ld && spec.d_type == VIT_F32 && product_lt(&l->dw, dev, &spec, tuned(c))) {
		l->dw_sums = 1;
		return;
	}
	spec.end = PRODUCT_PLAIN;
	if (!product_lt(&l->dw, dev, &spec, tuned(c)))
		product_plain(&l->dw, &spec);
}

static int64_t reserve(int64_t *total, int64_t bytes)
{
	const int64_t at = *total;
	*total += cuda_ceil(bytes, 256) * 256;
	return at;
}

static void fit_backward(struct linear *l, struct vit_dev *dev, struct vit_call *c)
{
	const struct act_rows s = shape_of(c);
	int64_t total = 0, scratch = 0;
	fit_dp(l, c);
	if (cuda_need(c, 0)) {
		fit_dx(l, dev, c);
		scratch = product_scratch(&l->dx);
	}
	if (cuda_need(c, 1)) {
		fit_dw(l, dev, c);
		scratch = product_scratch(&l->dw) > scratch ? product_scratch(&l->dw) : scratch;
	}
	l->dp = reserve(&total, s.rows * l->dp_ld * vit_dtypes[l->dp_type].size);
	l->part = reserve(&total, cuda_need(c, 2) ? act_parts(s) * s.n * (int64_t)sizeof(float) : 0);
	l->scratch = reserve(&total, scratch);
	if (total)
		cuda_scratch(c, total);
}

/* ---- plan ---------------------------------------------------------------------------- */

static int all_float(const struct vit_call *c, int back)
{
	int ok = cuda_is_float(c->out[0].dtype) && (!c->n_aux || cuda_is_float(c->aux[0].dtype));
	for (int i = 0; i < c->n_in; i++)
		ok = ok && cuda_is_float(c->in[i].dtype) && (!back || !cuda_need(c, i) || cuda_is_float(c->din[i].dtype));
	return ok && (!back || cuda_is_float(c->dout[0].dtype));
}

static int fit(struct vit_dev *dev, struct vit_call *c, int back)
{
	struct linear *l = all_float(c, back) ? linear_new(dev, c) : NULL;
	if (!l)
		return 0;
	if (back) {
		fit_backward(l, dev, c);
	} else {
		fit_forward(l, dev, c);
		if (product_scratch(&l->y))
			cuda_scratch(c, product_scratch(&l->y));
	}
	return 1;
}

/* ---- run ------------------------------------------------------------------------------- */

static int forward(const struct vit_call *c)
{
	const struct linear *l = of(c);
	const struct vit_tensor *p = target(c, l->act);
	const struct vit_tensor *bias = c->n_in > 2 ? &c->in[2] : NULL;
	const struct product_run r = { c->in[0].data, c->in[1].data, p->data, l->bias, bias ? bias->data : NULL,
	                               c->n_aux ? c->aux[0].data : NULL, c->ws.data };
	if (l->bias) {
		const struct act_fill q = { bias->data, p->data, bias->dtype, p->dtype };
		VIT_TRY(act_fill(cuda_stream(c), shape_of(c), &q));
	}
	VIT_TRY(product_run(l->head.dev, &l->y, &r));
	if (!l->act)
		return 0;
	const struct act_forward q = { p->data, c->out[0].data, p->dtype, c->out[0].dtype, l->act };
	return act_forward(cuda_stream(c), shape_of(c), &q);
}

/* A gradient that does not arrive is zero. */
static int nothing(const struct vit_call *c)
{
	for (int i = 0; i < c->n_in; i++)
		if (cuda_need(c, i) && !cuda_adds(c, i))
			VIT_TRY(cuda_check(cudaMemsetAsync(c->din[i].data, 0, vit_tensor_bytes(&c->din[i]), cuda_stream(c))));
	return 0;
}

static int make_dp(const struct vit_call *c, char *ws, int sums)
{
	const struct linear *l = of(c);
	const int act = act_of(c);
	if (!l->dp_ld && !sums)
		return 0;
	const struct act_backward q = { c->dout[0].data, act ? c->aux[0].data : NULL, l->dp_ld ? ws + l->dp : NULL,
	                                sums ? reinterpret_cast<float *>(ws + l->part) : NULL, c->dout[0].dtype,
	                                act ? c->aux[0].dtype : VIT_F32, l->dp_type, act, l->dp_ld };
	return act_backward(cuda_stream(c), shape_of(c), &q);
}

static int backward(const struct vit_call *c)
{
	const struct linear *l = of(c);
	const struct act_rows s = shape_of(c);
	char *const ws = static_cast<char *>(c->ws.data);
	if (!c->dout[0].data)
		return nothing(c);
	const int sums = cuda_need(c, 2) && !(l->dw_sums && cuda_need(c, 1));
	VIT_TRY(make_dp(c, ws, sums));
	const void *const dp = l->dp_ld ? ws + l->dp : c->dout[0].data;
	const struct product_run dx = { dp, c->in[1].data, c->din[0].data, cuda_adds(c, 0), NULL, NULL, ws + l->scratch };
	const struct product_run dw = { dp, c->in[0].data, c->din[1].data, cuda_adds(c, 1), ws + l->part, NULL, ws + l->scratch };
	if (cuda_need(c, 0))
		VIT_TRY(product_run(l->head.dev, &l->dx, &dx));
	if (cuda_need(c, 1))
		VIT_TRY(product_run(l->head.dev, &l->dw, &dw));
	if (!cuda_need(c, 2))
		return 0;
	/* sums that cublasLt made are one part */
	return act_sum(cuda_stream(c), reinterpret_cast<float *>(ws + l->part), sums ? act_parts(s) : 1, s.n, c->din[2].data,
	               c->din[2].dtype, cuda_adds(c, 2));
}

extern "C" const struct cuda_op CUDA_OP(linear) = { "linear", fit, forward, backward };
