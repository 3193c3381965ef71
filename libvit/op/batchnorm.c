/* SPDX-License-Identifier: MIT
 *
 * batchnorm: Ioffe & Szegedy, 2015.
 *
 *   y = (x - mean) rstd g + b per channel, rstd = 1 / sqrt(var + eps)
 *   training: mean and var (biased) of the rows b < n_valid; padding gives 0, and
 *     state = (1 - momentum) state + momentum (mean, unbiased var)
 *   else: mean and var are the state's, and so are they in its backward
 *
 * in   x [B,...,C], g [C], b [C], state mean [C], var [C] (data NULL in a
 *      training forward: not updated)
 * out  y [B,...,C];  aux  mean, rstd [C]
 */
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	struct vit_tensor *x = &c->in[0];
	VIT_TRY(vit_want_n(c, 5, 5));
	if (x->ndim < 2)
		return vit_fail(VIT_EMISMATCH, "%s %s: input 0 has %d dimensions, [B,...,C] is wanted", c->op, c->name, x->ndim);
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, x->ndim, x->dim));
	for (int i = 1; i < 5; i++)
		VIT_TRY(vit_want(c, i, VIT_ANY_FLOAT, 1, &x->dim[x->ndim - 1]));
	c->n_out = 1;
	vit_shape_set(&c->out[0], x->dtype, x->ndim, x->dim);
	c->n_aux = 2;
	for (int i = 0; i < 2; i++)
		vit_shape_set(&c->aux[i], VIT_REAL, 1, &x->dim[x->ndim - 1]);
	return 0;
}

/* Rows of C that count, and all of them. */
static int64_t rows_of(const struct vit_call *c, int64_t *all)
{
	const int64_t C = c->in[1].dim[0], per = vit_inner(&c->in[0], 1) / C;
	*all = c->in[0].dim[0] * per;
	return c->train ? ref_min(c->in[0].dim[0], c->step->n_valid) * per : *all;
}

/* Mean and rstd of channel k; training: from the batch, and into the state. */
static void statistics(const struct vit_call *c, int64_t rows, int64_t C, int64_t k, double *mean, double *rstd)
{
	const struct vit_batchnorm_attr *a = c->attr;
	const real *x = ref_in(c, 0);
	real *state_mean = c->in[3].data, *state_var = c->in[4].data;
	double m = 0, v = 0;
	if (!c->train) {
		m = (double)state_mean[k];
		v = (double)state_var[k];
	} else if (rows) {
		for (int64_t r = 0; r < rows; r++)
			m += (double)x[r * C + k];
		m /= (double)rows;
		for (int64_t r = 0; r < rows; r++)
			v += ((double)x[r * C + k] - m) * ((double)x[r * C + k] - m);
		const double q = (double)a->momentum;
		if (state_mean)
			state_mean[k] = (real)((1 - q) * (double)state_mean[k] + q * m);
		if (state_var)
			state_var[k] = (real)((1 - q) * (double)state_var[k] + q * v / (double)(rows > 1 ? rows - 1 : 1));
		v /= (double)rows;
	}
	*mean = m;
	*rstd = 1 / sqrt(v + (double)a->eps);
}

static int forward(const struct vit_call *c)
{
	const int64_t C = c->in[1].dim[0];
	int64_t all;
	const int64_t rows = rows_of(c, &all);
	for (int64_t k = 0; k < C; k++) {
		double mean, rstd;
		statistics(c, rows, C, k, &mean, &rstd);
		for (int64_t r = 0; r < all; r++)
			ref_out(c, 0)[r * C + k] = r < rows ? (real)(((double)ref_in(c, 0)[r * C + k] - mean) * rstd * (double)ref_in(c, 1)[k] +
			                                             (double)ref_in(c, 2)[k]) : 0;
		if (c->aux[0].data)
			((real *)c->aux[0].data)[k] = (real)mean;
		if (c->aux[1].data)
			((real *)c->aux[1].data)[k] = (real)rstd;
	}
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t C = c->in[1].dim[0];
	int64_t all;
	const int64_t rows = rows_of(c, &all);
	const real *x = ref_in(c, 0), *dy = ref_dout(c, 0);
	for (int64_t k = 0; k < C; k++) {
		const double mean = (double)((const real *)c->aux[0].data)[k], rstd = (double)((const real *)c->aux[1].data)[k];
		double db = 0, dg = 0;
		for (int64_t r = 0; r < rows; r++) {
			db += (double)dy[r * C + k];
			dg += (double)dy[r * C + k] * ((double)x[r * C + k] - mean) * rstd;
		}
		/* the batch's own mean and var carry gradient; those of the state do not */
		const double m1 = c->train && rows ? db / (double)rows : 0, m2 = c->train && rows ? dg / (double)rows : 0;
		for (int64_t r = 0; r < all && ref_need(c, 0); r++) {
			const double h = r < rows ? ((double)x[r * C + k] - mean) * rstd : 0;
			ref_put(c, 0, r * C + k, r < rows ? (double)ref_in(c, 1)[k] * rstd * ((double)dy[r * C + k] - m1 - h * m2) : 0);
		}
		if (ref_need(c, 1))
			ref_put(c, 1, k, dg);
		if (ref_need(c, 2))
			ref_put(c, 2, k, db);
	}
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	return (back ? 11.0 : 7.0) * (double)vit_tensor_count(&c->in[0]);
}

const struct vit_op VIT_OP(batchnorm) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "batchnorm", .help = "y = (x - mean) rstd g + b per channel",
	.attr_size = sizeof(struct vit_batchnorm_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.keep_in = 1 | 2, .f32_in = 2 | 4 | 8 | 16, .state_in = 8 | 16,
};
