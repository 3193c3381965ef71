/* SPDX-License-Identifier: MIT
 *
 * vmath.h - exp, erf, tanh and the activations on vectors.
 *
 * Constants stand first in v_max/v_min, so that a NaN comes through instead of
 * becoming a limit: whoever watches for NaN must see it.
 * Errors are the largest seen on [-12, 12]; tests/unit/test_cpu.c holds them.
 */
#ifndef VIT_CPU_VMATH_H
#define VIT_CPU_VMATH_H

#include "cpu/vec.h"
#include "op/op.h"

/* Cephes' expf: 2^n times a polynomial on +-ln(2)/2. 1 ulp; below -87.3 it
 * stays at 1.2e-38 instead of reaching 0. */
VEC vf v_exp(vf x)
{
	x = v_min(v_set(88.3762626f), v_max(v_set(-87.3365447f), x));
	vf n = v_round(x * 1.44269504088896341f);
	vf r = v_fma(n, v_set(-0.693359375f), x);
	r = v_fma(n, v_set(2.12194440e-4f), r);
	vf p = v_set(1.9875691500e-4f);
	p = v_fma(p, r, v_set(1.3981999507e-3f));
	p = v_fma(p, r, v_set(8.3334519073e-3f));
	p = v_fma(p, r, v_set(4.1665795894e-2f));
	p = v_fma(p, r, v_set(1.6666665459e-1f));
	p = v_fma(p, r, v_set(5.0000001201e-1f));
	return (v_fma(p, r * r, r) + 1.0f) * v_pow2(n);
}

/* The rational approximation that XLA and Eigen use: 5e-7 absolute (4e-7 where fma fuses). */
VEC vf v_erf(vf x)
{
	x = v_min(v_set(4.0f), v_max(v_set(-4.0f), x));
	vf z = x * x;
	vf p = v_set(-2.72614225801306e-10f);
	p = v_fma(p, z, v_set(2.77068142495902e-08f));
	p = v_fma(p, z, v_set(-2.10102402082508e-06f));
	p = v_fma(p, z, v_set(-5.69250639462346e-05f));
	p = v_fma(p, z, v_set(-7.34990630326855e-04f));
	p = v_fma(p, z, v_set(-2.95459980854025e-03f));
	p = v_fma(p, z, v_set(-1.60960333262415e-02f));
	vf q = v_set(-1.45660718464996e-05f);
	q = v_fma(q, z, v_set(-2.13374055278905e-04f));
	q = v_fma(q, z, v_set(-1.68282697438203e-03f));
	q = v_fma(q, z, v_set(-7.37332916720468e-03f));
	q = v_fma(q, z, v_set(-1.42647390514189e-02f));
	return x * p / q;
}

/* 2e-7 absolute. */
VEC vf v_tanh(vf x) { return 1.0f - 2.0f / (v_exp(x + x) + 1.0f); }

#define SQRT_HALF 0.70710678118654752f
#define INV_SQRT_2PI 0.39894228040143268f
#define SQRT_2_BY_PI 0.79788456080286536f
#define TANH_CUBE 0.044715f

VEC vf v_act(vf x, int act)
{
	switch (act) {
	case VIT_ACT_GELU:
		return 0.5f * x * (1.0f + v_erf(x * SQRT_HALF));
	case VIT_ACT_GELU_TANH:
		return 0.5f * x * (1.0f + v_tanh(SQRT_2_BY_PI * (x + TANH_CUBE * x * x * x)));
	case VIT_ACT_RELU:
		return v_where_pos(x, x);
	default:
		return x;
	}
}

/* Derivative of the activation at x, times d. */
VEC vf v_act_back(vf x, vf d, int act)
{
	switch (act) {
	case VIT_ACT_GELU:
		return d * (0.5f * (1.0f + v_erf(x * SQRT_HALF)) + x * INV_SQRT_2PI * v_exp(-0.5f * x * x));
	case VIT_ACT_GELU_TANH: {
		vf t = v_tanh(SQRT_2_BY_PI * (x + TANH_CUBE * x * x * x));
		return d * (0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * SQRT_2_BY_PI * (1.0f + 3 * TANH_CUBE * x * x));
	}
	case VIT_ACT_RELU:
		return v_where_pos(x, d);
	default:
		return d;
	}
}

#endif
