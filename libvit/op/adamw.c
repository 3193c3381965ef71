/* SPDX-License-Identifier: MIT
 *
 * adamw: Adam with decoupled weight decay. Loshchilov & Hutter, 2019; the order
 * of operations is PyTorch's.
 *
 *   t = done + 1,  lr = table[done] lr_scale  (past its end: the last entry)
 *   g' = g / (wsum loss_scale) min(1, clip / (|g'| + 1e-6)),  |g'| from gnorm2
 *   w -= lr weight_decay w
 *   m += (1 - beta1) (g' - m),  v = beta2 v + (1 - beta2) g'^2
 *   w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps)
 *   ema = ema_decay ema + (1 - ema_decay) w
 *   copy = w rounded to nearest even
 *
 * in   w, g, m, v [n], lr table f32 [steps], ema [n], copy f16 or bf16 [n]
 *      (these two optional, or data NULL)
 * In place on w, m, v, ema, copy; g is left. found_inf: nothing changes. Needs
 * grad_norm over every range before it, step_done after the last one.
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(vit_want_n(c, 5, 7));
	for (int i = 0; i < c->n_in; i++)
		if (i != 4)
			VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, 1, c->in[0].dim));
	VIT_TRY(vit_want(c, 4, VIT_ANY_FLOAT, 1, (int64_t[]){ VIT_ANY_DIM }));
	if (c->n_in > 6 && c->in[6].dtype != VIT_F16 && c->in[6].dtype != VIT_BF16)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 6 is %s, float16 or bfloat16 is wanted", c->op, c->name, vit_dtypes[c->in[6].dtype].name);
	if (c->in[4].dim[0] < 1)
		return vit_fail(VIT_EMISMATCH, "%s %s: the learning-rate table is empty", c->op, c->name);
	return 0;
}

/* What every gradient is multiplied with: no weight, no gradient. */
static double gradient_scale(const struct vit_step *s, double clip)
{
	if (!(s->wsum > 0))
		return 0;
	const double inv = 1 / (s->wsum * (double)s->loss_scale), norm = sqrt(s->gnorm2) * inv;
	return clip > 0 ? inv * fmin(1, clip / (norm + 1e-6)) : inv;
}

static int forward(const struct vit_call *c)
{
	const struct vit_adamw_attr *a = c->attr;
	const struct vit_step *s = c->step;
	if (s->found_inf)
		return 0;
	real *w = c->in[0].data, *m = c->in[2].data, *v = c->in[3].data, *ema = c->n_in > 5 ? c->in[5].data : NULL;
	uint16_t *copy = c->n_in > 6 ? c->in[6].data : NULL;
	const real *g = c->in[1].data;
	const double scale = gradient_scale(s, (double)a->clip), b1 = (double)a->beta1, b2 = (double)a->beta2, keep = (double)a->ema_decay;
	const double t = (double)s->done + 1;
	const double lr = ref_scalar(&c->in[4], ref_min(s->done, c->in[4].dim[0] - 1)) * (double)a->lr_scale;
	const double fix1 = 1 - pow(b1, t), fix2 = sqrt(1 - pow(b2, t));
	for (int64_t i = 0; i < c->in[0].dim[0]; i++) {
		const double d = (double)g[i] * scale;
		m[i] = (real)((double)m[i] + (1 - b1) * (d - (double)m[i]));
		v[i] = (real)(b2 * (double)v[i] + (1 - b2) * d * d);
		w[i] = (real)((double)w[i] * (1 - lr * (double)a->weight_decay) -
		              lr / fix1 * (double)m[i] / (sqrt((double)v[i]) / fix2 + (double)a->eps));
		if (ema)
			ema[i] = (real)(keep * (double)ema[i] + (1 - keep) * (double)w[i]);
		if (copy)
			copy[i] = c->in[6].dtype == VIT_BF16 ? vit_f32_to_bf16((float)w[i]) : vit_f32_to_f16((float)w[i]);
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return back ? 0 : 15.0 * (double)c->in[0].dim[0];
}

const struct vit_op VIT_OP(adamw) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "adamw", .help = "Adam with decoupled weight decay, clipping and EMA, in place",
	.attr_size = sizeof(struct vit_adamw_attr),
	.infer = infer, .forward = forward, .flops = flops,
	.f32_in = 0x3f,
};
