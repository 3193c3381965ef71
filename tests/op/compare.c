/* SPDX-License-Identifier: MIT
 *
 * compare.c - two setups of one case after a run: how far values may be apart,
 * and what must not have changed.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- tolerances ------------------------------------------------------------------ */

/* Largest error allowed, relative to |want| + rms(want). Kernel and reference
 * read the same rounded numbers and sums are f32, so a 16-bit result is off by
 * its own rounding alone, half a unit in the last place: 2^-8 in bf16, 2^-11 in
 * f16 (truncation would give twice that). `staged`: of ops that may round once
 * more on the way: probabilities and their gradients before a product, the
 * pre-activation and its gradient, logits' gradients that meet 16-bit weights,
 * the sum before its norm. */
static const struct { int dtype; double own, staged; } tolerances[] = {
	{ VIT_F64, 1e-11, 1e-11 },
	{ VIT_F32, 2e-5, 2e-5 },
	{ VIT_BF16, 1.02 * 0x1p-8, 3 * 0x1p-8 },
	{ VIT_F16, 1.02 * 0x1p-11, 3 * 0x1p-11 },
};
static const double tf32 = 2e-3;        /* factors rounded to 11 bits */

static double entry(int dtype, int staged)
{
	for (size_t i = 0; i < sizeof tolerances / sizeof tolerances[0]; i++)
		if (tolerances[i].dtype == dtype)
			return staged ? tolerances[i].staged : tolerances[i].own;
	return 0;
}

static int is_staged(const struct setup *s)
{
	if (!strcmp(s->op->name, "linear"))
		return ((const struct vit_linear_attr *)s->call.attr)->act || s->target.f32_out;
	return !strcmp(s->op->name, "attention") || !strcmp(s->op->name, "add_layernorm");
}

double tolerance_of(const struct setup *s, int dtype)
{
	if (s->target.how & VIT_HOW_TF32 && dtype == VIT_F32)
		return tf32;
	/* an f32 sum of what was rounded on the way, which only linear has; of exact
	 * products, as lse, mean and rstd are: the sum's own order */
	if (s->target.low != VIT_F32 && dtype == VIT_F32)
		return is_staged(s) && !strcmp(s->op->name, "linear") ? entry(s->target.low, 1) : 5 * entry(VIT_F32, 0);
	/* dv sums T rounded probabilities and is the largest third of what rms is taken over */
	return entry(dtype, is_staged(s)) * (!strcmp(s->op->name, "attention") && dtype == s->target.low && dtype != VIT_F32 ? 4.0 / 3 : 1);
}

static double tolerance(const struct setup *s, const struct buffer *b)
{
	return tolerance_of(s, b->dtype);
}

double check_near(const char *name, const char *what, const struct buffer *got, const struct buffer *want, int64_t n, double tolerance)
{
	double square = 0, worst = 0;
	int64_t at = -1;
	for (int64_t i = 0; i < n; i++)
		square += buffer_get(want, i) * buffer_get(want, i);
	/* below its smallest normal number the step of f16 stays the same */
	const double least = got->dtype == VIT_F16 ? 0x1p-14 : 0, rms = n ? sqrt(square / (double)n) : 0;
	for (int64_t i = 0; i < n; i++) {
		const double a = buffer_get(got, i), b = buffer_get(want, i);
		if (a == b || (isnan(a) && isnan(b)))
			continue;
		const double error = fabs(a - b) / fmax(fabs(b) + (isfinite(rms) ? rms : 0), least);
		if (!(error <= worst)) {        /* also where error is not a number */
			worst = error;
			at = i;
		}
		if (isnan(error))
			break;
	}
	check(at < 0 || worst <= tolerance, name, "%s: %.9g at %lld of %lld, wanted is %.9g: error %.2g, allowed %.2g", what,
	      at < 0 ? 0 : buffer_get(got, at), (long long)at, (long long)n, at < 0 ? 0 : buffer_get(want, at), worst, tolerance);
	return worst;
}

/* ---- parts of a setup ---------------------------------------------------------------- */

static void compare_step(const char *name, const struct vit_step *got, const struct vit_step *want, double tolerance)
{
#define FIELD(f) { #f, (double)got->f, (double)want->f }
	const struct { const char *what; double got, want; } field[] = {
		FIELD(wsum), FIELD(loss), FIELD(hits), FIELD(gnorm2), FIELD(done), FIELD(found_inf), FIELD(loss_scale), FIELD(good),
		FIELD(last_wsum), FIELD(last_loss), FIELD(last_hits), FIELD(last_gnorm2), FIELD(last_inf),
		FIELD(closed), FIELD(skipped), FIELD(bad), FIELD(total_wsum), FIELD(total_loss), FIELD(total_hits),
		FIELD(n_valid), FIELD(micro), FIELD(sample0), FIELD(seed), FIELD(knob[0]),
	};
#undef FIELD
	for (size_t i = 0; i < sizeof field / sizeof field[0]; i++) {
		const double a = field[i].got, b = field[i].want;
		check(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fabs(b), name, "step: %s is %.9g, wanted is %.9g", field[i].what, a, b);
	}
}

/* Elements of a buffer before the padding. */
static int64_t valid(const struct setup *s, const struct buffer *b, int batched)
{
	return batched ? b->n / s->B * setup_step(s)->n_valid : b->n;
}

static int batched(const struct vit_tensor *t, int64_t B)
{
	return t->ndim > 0 && t->dim[0] == B;
}

/* Elements of an output to compare: the padding counts where the op's rule is
 * that it gives zeros. */
static int64_t promised(const struct setup *s, const struct buffer *b)
{
	const int64_t rows = valid(s, b, 1);
	for (int64_t i = rows; i < b->n; i++)
		if (fabs(buffer_get(b, i)) > 0)
			return rows;
	return b->n;
}

/* What is wanted must be numbers: NaN equals NaN, so a case that makes them
 * would pass whatever a kernel does. */
static void check_numbers(const char *name, const struct buffer *want, int64_t n)
{
	int64_t at = 0;
	while (at < n && isfinite(buffer_get(want, at)))
		at++;
	check(at == n, name, "the reference gives %g at %lld of %lld: the case compares nothing", at < n ? buffer_get(want, at) : 0,
	      (long long)at, (long long)n);
}

static struct reached { const char *op; int low, dtype; uint32_t how; double error, allowed; } reached[256];

static void note(const struct setup *s, int dtype, double error)
{
	struct reached *r = reached, *end = reached + sizeof reached / sizeof reached[0];
	while (r < end && r->op && (strcmp(r->op, s->op->name) || r->low != s->target.low || r->dtype != dtype || r->how != s->target.how))
		r++;
	if (r == end)
		return;
	*r = (struct reached){ s->op->name, s->target.low, dtype, s->target.how, fmax(r->error, error), tolerance_of(s, dtype) };
}

void compare_report(void)
{
	for (const struct reached *r = reached; r < reached + sizeof reached / sizeof reached[0] && r->op; r++)
		printf("%-16s %-9s %-9s%s largest error %.2g, %.0f%% of what is allowed\n", r->op, vit_dtypes[r->low].name,
		       vit_dtypes[r->dtype].name, r->how & VIT_HOW_TF32 ? " tf32" : "", r->error, 100 * r->error / r->allowed);
}

static void compare_values(const struct setup *got, const char *what, const struct buffer *a, const struct buffer *b, int64_t n)
{
	check_numbers(got->name, b, n);
	note(got, a->dtype, check_near(got->name, what, a, b, n, tolerance(got, a)));
}

/* A 16-bit copy of weights is in[0], as the kernel left it, rounded to the nearest. */
static void compare_copy(const struct setup *s)
{
	const int at = !strcmp(s->op->name, "adamw") ? 6 : 1;
	const struct buffer *w = &s->in[0], *low = &s->in[at];
	if (!(s->of->inplace >> at & 1) || (low->dtype != VIT_BF16 && low->dtype != VIT_F16))
		return;
	uint16_t rounded;
	int64_t i = 0;
	for (; i < w->n; i++) {
		element_set(&rounded, low->dtype, 0, buffer_get(w, i));
		if (rounded != ((const uint16_t *)buffer_data(low))[i])
			break;
	}
	check(i == w->n, s->name, "the 16-bit copy at %lld is not its weight rounded", (long long)i);
}

/* ---- whole setups ---------------------------------------------------------------------- */

void compare_forward(const struct setup *got, const struct setup *want, const char *how)
{
	char what[96];
	for (int i = 0; i < got->call.n_out; i++) {
		snprintf(what, sizeof what, "%s: output %d", how, i);
		compare_values(got, what, &got->out[i], &want->out[i], promised(want, &want->out[i]));
	}
	for (int i = 0; i < got->call.n_aux; i++) {
		snprintf(what, sizeof what, "%s: saved value %d", how, i);
		compare_values(got, what, &got->aux[i], &want->aux[i], valid(got, &got->aux[i], batched(&got->call.aux[i], got->B)));
	}
	for (int i = 0; i < got->call.n_in; i++) {
		const int may = (got->of->inplace | got->op->state_in) >> i & 1;
		snprintf(what, sizeof what, "%s: input %d after the run", how, i);
		/* two roundings of numbers that differ in their last bit may be a whole unit apart */
		check_near(got->name, what, &got->in[i], &want->in[i], got->in[i].n, may ? 2 * tolerance(got, &got->in[i]) : 0);
	}
	compare_copy(got);
	compare_step(got->name, setup_step(got), setup_step(want), entry(VIT_F32, 0));
}

void compare_backward(const struct setup *got, const struct setup *want, const char *how)
{
	char what[96];
	for (int i = 0; i < got->call.n_in; i++) {
		if (!(got->wanted >> i & 1))
			continue;
		snprintf(what, sizeof what, "%s: gradient of input %d", how, i);
		compare_values(got, what, &got->din[i], &want->din[i], valid(got, &got->din[i], got->of->in[i].kind == ACT));
		/* padding: zero where a loss starts, or left as it was with add */
		if (got->op->loss && got->of->in[i].kind == ACT)
			compare_values(got, what, &got->din[i], &want->din[i], got->din[i].n);
	}
	for (int i = 0; i < got->call.n_in; i++)
		check_near(got->name, "an input after backward", &got->in[i], &want->in[i], got->in[i].n, 0);
	for (int i = 0; i < got->call.n_out; i++) {
		if (got->dout[i].n)
			check_near(got->name, "dout after backward", &got->dout[i], &want->dout[i], got->dout[i].n, 0);
		check_near(got->name, "an output after backward", &got->out[i], &want->out[i], got->out[i].n, 0);
	}
}

void compare_garbage(const struct setup *other, const struct setup *got, int back)
{
	for (int i = 0; !back && i < got->call.n_out; i++)
		check_near(got->name, "output with other garbage in the padding", &other->out[i], &got->out[i], valid(got, &got->out[i], 1), 0);
	if (!back)
		compare_step(got->name, setup_step(other), setup_step(got), 0);
	for (int i = 0; back && i < got->call.n_in; i++)
		if (got->wanted >> i & 1)
			check_near(got->name, "gradient with other garbage in the padding", &other->din[i], &got->din[i],
			           valid(got, &got->din[i], got->of->in[i].kind == ACT), 0);
}
