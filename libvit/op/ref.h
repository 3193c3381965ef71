/* SPDX-License-Identifier: MIT
 *
 * ref.h - what the reference kernels share. For files in libvit/op/ only: it
 * depends on `real`, so each build of an op gets its own copy.
 *
 * Sums run in double and in a fixed order in both builds: the f32 reference is
 * to be a better number than the kernels that are measured against it.
 */
#ifndef VIT_OP_REF_H
#define VIT_OP_REF_H

#include "op/op.h"

#include <math.h>

enum { VIT_CHUNK = 64 };        /* sums kept at once where a whole row of them would need an allocation */

static inline const real *ref_in(const struct vit_call *c, int i) { return c->in[i].data; }
static inline real *ref_out(const struct vit_call *c, int i) { return c->out[i].data; }
static inline const real *ref_dout(const struct vit_call *c, int i) { return c->dout[i].data; }
static inline int ref_need(const struct vit_call *c, int i) { return c->need >> i & 1; }
static inline int ref_adds(const struct vit_call *c, int i) { return c->add >> i & 1; }

/* The add bit, for one element of din[i]. */
static inline void ref_put(const struct vit_call *c, int i, int64_t at, double v)
{
	real *p = (real *)c->din[i].data + at;
	*p = (real)(ref_adds(c, i) ? (double)*p + v : v);
}

static inline int64_t ref_min(int64_t a, int64_t b) { return a < b ? a : b; }

/* Tables that stay f32 in the f64 build may still arrive as f64 from a plan
 * that widened every value. */
static inline double ref_scalar(const struct vit_tensor *t, int64_t i)
{
	return t->dtype == VIT_F64 ? ((const double *)t->data)[i] : (double)((const float *)t->data)[i];
}

/* Element e of sample b: uniform in [0, 1). */
static inline float ref_draw(const struct vit_call *c, int64_t b, uint64_t e)
{
	struct vit_rand4 r = vit_philox(vit_key(c->step->seed, c->key), c->step->sample0 + (uint64_t)b, e / 4);
	return vit_uniform(r.v[e % 4]);
}

/* Activations and their derivatives at the pre-activation x. GELU: Hendrycks &
 * Gimpel, 2016; the tanh form is the one of the same paper. */
static inline double ref_act(int act, double x)
{
	switch (act) {
	case VIT_ACT_GELU:
		return 0.5 * x * (1 + erf(x * 0.70710678118654752440));
	case VIT_ACT_GELU_TANH:
		return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
	case VIT_ACT_RELU:
		return x > 0 ? x : 0;
	default:
		return x;
	}
}

static inline double ref_act_grad(int act, double x)
{
	switch (act) {
	case VIT_ACT_GELU:
		return 0.5 * (1 + erf(x * 0.70710678118654752440)) + x * 0.39894228040143267794 * exp(-0.5 * x * x);
	case VIT_ACT_GELU_TANH: {
		double t = tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x));
		return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * 0.79788456080286535588 * (1 + 3 * 0.044715 * x * x);
	}
	case VIT_ACT_RELU:
		return x > 0;
	default:
		return 1;
	}
}

/* dp of y = act(p), element i: p is aux[0] where there is an activation. */
static inline double ref_dpre(const struct vit_call *c, int act, int64_t i)
{
	const double d = (double)ref_dout(c, 0)[i];
	return act == VIT_ACT_NONE ? d : d * ref_act_grad(act, (double)((const real *)c->aux[0].data)[i]);
}

#endif
