/* SPDX-License-Identifier: MIT
 *
 * gradient.c - the f64 reference's backward against central differences, along
 * random directions, for one input at a time.
 */
#include "check.h"

#include <math.h>
#include <stdlib.h>

/* The number whose gradient backward computes. */
static int objective(struct setup *s, double *value)
{
	setup_step(s)->loss = 0;
	VIT_TRY(setup_forward(s, s->op->forward));
	*value = 0;
	if (s->op->loss) {
		*value = setup_step(s)->loss * (double)setup_step(s)->loss_scale;
		return 0;
	}
	for (int o = 0; o < s->call.n_out; o++)
		for (int64_t k = 0; k < s->out[o].n; k++)
			*value += buffer_get(&s->dout[o], k) * buffer_get(&s->out[o], k);
	return 0;
}

static double direction(int64_t k, int i)
{
	struct vit_rand4 r = vit_philox(99, (uint64_t)i, (uint64_t)k);
	return 2 * (double)vit_uniform(r.v[0]) - 1;
}

static int shifted(struct setup *s, int i, const double *x, double h, double *value)
{
	for (int64_t k = 0; k < s->in[i].n; k++)
		buffer_set(&s->in[i], k, x[k] + h * direction(k, i));
	return objective(s, value);
}

/* din[i] along the direction against the difference quotient. `before` holds
 * what an adding backward found there. */
static int along(struct setup *s, int i, const double *before, const double *x)
{
	double slope = 0, size = 0;
	for (int64_t k = 0; k < s->in[i].n; k++) {
		const double d = (buffer_get(&s->din[i], k) - before[k]) * direction(k, i);
		slope += d;
		size += fabs(d);
	}
	const double h = 1e-5;
	double up, down;
	VIT_TRY(shifted(s, i, x, h, &up));
	VIT_TRY(shifted(s, i, x, -h, &down));
	VIT_TRY(shifted(s, i, x, 0, &(double){ 0 }));
	const double quotient = (up - down) / (2 * h), error = fabs(quotient - slope);
	/* the second term is the difference's own rounding */
	check(error <= 1e-6 * size + 1e-9 * (fabs(up) + 1), s->name, "gradient of input %d is %.9g along a direction, differences give %.9g",
	      i, slope, quotient);
	return 0;
}

static int all_inputs(struct setup *s)
{
	double value;
	VIT_TRY(objective(s, &value));
	for (int i = 0; i < s->call.n_in; i++) {
		if (!(s->call.need >> i & 1))
			continue;
		const int64_t n = s->in[i].n;
		double *before = vit_calloc((size_t)n * 2, sizeof *before), *x = before + n;
		if (!before)
			return VIT_ENOMEM;
		for (int64_t k = 0; k < n; k++) {
			before[k] = s->call.add >> i & 1 ? buffer_get(&s->din[i], k) : 0;
			x[k] = buffer_get(&s->in[i], k);
		}
		int rc = setup_backward(s, s->op->backward);
		if (!rc)
			rc = along(s, i, before, x);
		free(before);
		VIT_TRY(rc);
	}
	return 0;
}

void check_gradient(const struct vit_op *f64, const struct op_case *of)
{
	if (!f64->backward)
		return;
	for (int v = 0; v < 3; v++) {
		struct setup s;
		int rc = setup_new(&s, f64, of, (struct target){ .wide = 1 });
		if (!rc) {
			setup_fill(&s, &(struct variant){ .n_valid = v == 2 ? (int)(s.B + 1) / 2 : -1, .add = v == 1 });
			rc = all_inputs(&s);
		}
		check(!rc, s.name, "%s", vit_errmsg());
		setup_free(&s);
	}
}
