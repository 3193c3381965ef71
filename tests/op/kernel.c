/* SPDX-License-Identifier: MIT
 *
 * kernel.c - kernels of a backend against the f32 reference, and the f32
 * reference against the f64 one.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- comparing two setups of one case --------------------------------------- */

static void compare_step(const char *name, const struct vit_step *got, const struct vit_step *want, double tolerance)
{
	const double a[] = { got->wsum, got->loss, got->hits, got->gnorm2, (double)got->done, got->found_inf, got->last_loss, got->last_wsum,
	                     got->last_hits, got->last_gnorm2, got->last_inf };
	const double b[] = { want->wsum, want->loss, want->hits, want->gnorm2, (double)want->done, want->found_inf, want->last_loss,
	                     want->last_wsum, want->last_hits, want->last_gnorm2, want->last_inf };
	static const char *const what[] = { "wsum", "loss", "hits", "gnorm2", "done", "found_inf", "last_loss", "last_wsum", "last_hits",
	                                    "last_gnorm2", "last_inf" };
	for (size_t i = 0; i < sizeof a / sizeof a[0]; i++)
		check(fabs(a[i] - b[i]) <= tolerance * fabs(b[i]), name, "step: %s is %.9g, wanted is %.9g", what[i], a[i], b[i]);
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

static void compare_forward(const struct setup *got, const struct setup *want, double tolerance, const char *how)
{
	char what[96];
	for (int i = 0; i < got->call.n_out; i++) {
		snprintf(what, sizeof what, "%s: output %d", how, i);
		check_near(got->name, what, &got->out[i], &want->out[i], promised(want, &want->out[i]), tolerance);
	}
	for (int i = 0; i < got->call.n_aux; i++) {
		snprintf(what, sizeof what, "%s: saved value %d", how, i);
		check_near(got->name, what, &got->aux[i], &want->aux[i], valid(got, &got->aux[i], batched(&got->call.aux[i], got->B)), tolerance);
	}
	for (int i = 0; i < got->call.n_in; i++) {
		const int may = (got->of->inplace | got->op->state_in) >> i & 1;
		snprintf(what, sizeof what, "%s: input %d after the run", how, i);
		check_near(got->name, what, &got->in[i], &want->in[i], got->in[i].n, may ? tolerance : 0);
	}
	compare_step(got->name, setup_step(got), setup_step(want), tolerance);
}

static void compare_backward(const struct setup *got, const struct setup *want, double tolerance, const char *how)
{
	char what[96];
	for (int i = 0; i < got->call.n_in; i++) {
		if (!(got->call.need >> i & 1))
			continue;
		snprintf(what, sizeof what, "%s: gradient of input %d", how, i);
		check_near(got->name, what, &got->din[i], &want->din[i], valid(got, &got->din[i], got->of->in[i].kind == ACT), tolerance);
		/* padding: zero where a loss starts, or left as it was with add */
		if (got->op->loss && got->of->in[i].kind == ACT)
			check_near(got->name, what, &got->din[i], &want->din[i], got->din[i].n, tolerance);
	}
	for (int i = 0; i < got->call.n_in; i++)
		check_near(got->name, "an input after backward", &got->in[i], &want->in[i], got->in[i].n, 0);
	for (int i = 0; i < got->call.n_out; i++) {
		if (got->dout[i].n)
			check_near(got->name, "dout after backward", &got->dout[i], &want->dout[i], got->dout[i].n, 0);
		check_near(got->name, "an output after backward", &got->out[i], &want->out[i], got->out[i].n, 0);
	}
}

/* ---- f32 reference against f64 ------------------------------------------------- */

static int precision(struct setup *a, struct setup *b, const struct variant *v, int exact)
{
	setup_fill(a, v);
	setup_fill(b, v);
	VIT_TRY(setup_forward(a, a->op->forward));
	VIT_TRY(setup_forward(b, b->op->forward));
	if (exact)
		compare_forward(a, b, 1e-5, "f32 against f64");
	if (a->op->backward) {
		VIT_TRY(setup_backward(a, a->op->backward));
		VIT_TRY(setup_backward(b, b->op->backward));
		char what[64];
		for (int i = 0; i < a->call.n_in; i++) {
			snprintf(what, sizeof what, "f32 against f64: gradient of input %d", i);
			if (a->call.need >> i & 1)
				check_near(a->name, what, &a->din[i], &b->din[i], a->din[i].n, 2e-5);
		}
	}
	check(!setup_overrun(a), a->name, "the reference wrote past the memory of %s", setup_overrun(a));
	return 0;
}

void check_precision(const struct vit_op *f32, const struct vit_op *f64, const struct op_case *of)
{
	struct setup a, b;
	int rc = setup_new(&a, f32, of, (struct target){ 0 }), rc2 = setup_new(&b, f64, of, (struct target){ .wide = 1 });
	/* rounding to integers may fall either way between the two */
	const int exact = strcmp(f32->name, "linear_i8") && strcmp(f32->name, "quantise");
	for (int v = 0; v < 2 && !rc && !rc2; v++)
		rc = precision(&a, &b, &(struct variant){ .n_valid = v ? (int)(a.B + 1) / 2 : -1, .add = v }, exact);
	check(!rc && !rc2, a.name, "%s", vit_errmsg());
	setup_free(&a);
	setup_free(&b);
}

/* ---- kernels ---------------------------------------------------------------------- */

static int find(struct setup *s, int back, vit_kernel *kernel)
{
	struct vit_call c = s->call;
	for (int i = 0; i < VIT_MAXIO; i++)
		c.in[i].data = c.din[i].data = NULL;
	for (int i = 0; i < VIT_MAXOUT; i++)
		c.out[i].data = c.aux[i].data = c.dout[i].data = NULL;
	c.step = NULL;
	*kernel = s->target.backend->find(s->target.dev, &c, back);
	/* the reference keeps the rules for padding, red zones and inputs as well */
	if (s->target.backend == &vit_backend_ref)
		*kernel = back ? s->op->backward : s->op->forward;
	if (!*kernel)
		return 0;
	s->call.state = c.state;
	s->call.ws = c.ws;
	s->call.ws.data = NULL;
	return setup_scratch(s);
}

static void drop(struct setup *s)
{
	if (s->target.backend->drop)
		s->target.backend->drop(s->target.dev, &s->call);
	s->call.state = NULL;
	s->call.ws = (struct vit_tensor){ 0 };
}

struct trio { struct setup want, got, other; };         /* reference, kernel, kernel with other garbage */

static int forward_variant(struct trio *t, vit_kernel k, const struct variant *v, const char *how)
{
	setup_fill(&t->want, v);
	setup_copy(&t->got, &t->want);
	VIT_TRY(setup_forward(&t->want, t->want.op->forward));
	VIT_TRY(setup_forward(&t->got, k));
	compare_forward(&t->got, &t->want, tolerance_of(VIT_F32), how);
	if (v->n_valid < 0)
		return 0;
	setup_fill(&t->other, &(struct variant){ v->n_valid, v->garbage + 1, v->add });
	VIT_TRY(setup_forward(&t->other, k));
	for (int i = 0; i < t->got.call.n_out; i++)
		check_near(t->got.name, "output with other garbage in the padding", &t->other.out[i], &t->got.out[i],
		           valid(&t->got, &t->got.out[i], 1), 0);
	compare_step(t->got.name, setup_step(&t->other), setup_step(&t->got), 0);
	return 0;
}

static int backward_variant(struct trio *t, vit_kernel k, const struct variant *v, const char *how)
{
	setup_fill(&t->want, v);
	VIT_TRY(setup_forward(&t->want, t->want.op->forward));
	setup_copy(&t->got, &t->want);
	VIT_TRY(setup_backward(&t->want, t->want.op->backward));
	VIT_TRY(setup_backward(&t->got, k));
	compare_backward(&t->got, &t->want, tolerance_of(VIT_F32), how);
	if (v->n_valid < 0)
		return 0;
	setup_fill(&t->want, &(struct variant){ v->n_valid, v->garbage + 1, v->add });
	VIT_TRY(setup_forward(&t->want, t->want.op->forward));
	setup_copy(&t->other, &t->want);
	VIT_TRY(setup_backward(&t->other, k));
	for (int i = 0; i < t->got.call.n_in; i++)
		if (t->got.call.need >> i & 1)
			check_near(t->got.name, "gradient with other garbage in the padding", &t->other.din[i], &t->got.din[i],
			           valid(&t->got, &t->got.din[i], t->got.of->in[i].kind == ACT), 0);
	return 0;
}

static int pass(struct trio *t, int back, const char *backend)
{
	vit_kernel k, k2;
	VIT_TRY(find(&t->got, back, &k));
	if (!k) {
		if (verbose)
			printf("%s: %s has no %s kernel, the reference runs\n", t->got.name, backend, back ? "backward" : "forward");
		return 0;
	}
	VIT_TRY(find(&t->other, back, &k2));
	int rc = 0;
	for (int v = 0; v < 4 && !rc; v++) {
		const struct variant variant = { v & 2 ? (int)(t->got.B + 1) / 2 : -1, 1, v & 1 };
		char how[64];
		snprintf(how, sizeof how, "%s%s%s", backend, v & 2 ? ", short batch" : "", back && (v & 1) ? ", add" : "");
		rc = back ? backward_variant(t, k, &variant, how) : v & 1 ? 0 : forward_variant(t, k, &variant, how);
		check(!setup_overrun(&t->got), t->got.name, "%s wrote past the memory of %s", how, setup_overrun(&t->got));
	}
	drop(&t->got);
	drop(&t->other);
	return rc;
}

void check_kernel(const struct vit_op *op, const struct op_case *of, const struct vit_backend *backend, struct vit_dev *dev)
{
	struct trio t = { 0 };
	int rc = setup_new(&t.want, op, of, (struct target){ 0 });
	if (!rc)
		rc = setup_new(&t.got, op, of, (struct target){ backend, dev, 0 });
	if (!rc)
		rc = setup_new(&t.other, op, of, (struct target){ backend, dev, 0 });
	if (!rc)
		rc = pass(&t, 0, backend->name);
	if (!rc && op->backward)
		rc = pass(&t, 1, backend->name);
	check(!rc, t.want.name, "%s: %s", backend->name, vit_errmsg());
	setup_free(&t.want);
	setup_free(&t.got);
	setup_free(&t.other);
}

/* ---- time ---------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Best of several, each at least a millisecond. */
static double best_time(struct setup *s, vit_kernel k, int back)
{
	double best = INFINITY;
	for (int rep = 0, runs = 1; rep < 5;) {
		const double start = now();
		for (int i = 0; i < runs; i++)
			if (back ? setup_backward(s, k) : setup_forward(s, k))
				return NAN;
		const double took = now() - start;
		if (took < 1e-3) {
			runs *= 2;
			continue;
		}
		best = fmin(best, took / runs);
		rep++;
	}
	return best;
}

void bench_case(const struct vit_op *op, const struct op_case *of, const struct vit_backend *backend, struct vit_dev *dev)
{
	struct setup s;
	int rc = setup_new(&s, op, of, (struct target){ backend, dev, 0 });
	for (int back = 0; !rc && back < 2 && (!back || op->backward); back++) {
		vit_kernel k, reference = back ? op->backward : op->forward;
		rc = find(&s, back, &k);
		if (rc)
			break;
		setup_fill(&s, &(struct variant){ .n_valid = -1 });
		rc = setup_forward(&s, op->forward);
		if (rc)
			break;
		const double flops = op->flops ? op->flops(&s.call, back) : 0, ref = best_time(&s, reference, back);
		printf("%-44s %-8s %10.3f us reference", s.name, back ? "backward" : "forward", ref * 1e6);
		if (k) {
			const double own = best_time(&s, k, back);
			printf("  %10.3f us %s  %8.2f GFLOP/s", own * 1e6, backend->name, flops / own * 1e-9);
			drop(&s);
		}
		printf("\n");
	}
	if (rc)
		check(0, s.name, "%s", vit_errmsg());
	setup_free(&s);
}
