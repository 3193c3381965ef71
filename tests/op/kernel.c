/* SPDX-License-Identifier: MIT
 *
 * kernel.c - the kernels of a backend, in every precision that it has, against
 * the f64 reference on the same numbers; and the f32 reference against the f64 one.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* What a backend without references must have: what training, evaluating and
 * looking at a ViT uses. */
static const char *const needed[] = {
	"image", "patches", "tokens", "linear", "layernorm", "add_layernorm", "attention", "attention_probs", "pool", "dropout",
	"softmax_xent", "kl_div", "mse", "adamw", "grad_norm", "step_done", "zero", "ema_state", "lower",
};

static int is_needed(const char *op, const struct vit_backend *b)
{
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
		if (!strcmp(op, needed[i]))
			return !b->host;
	return 0;
}

/* Rounding to integers may fall either way between f32 and f64. */
static int rounds_to_integers(const struct vit_op *op)
{
	return !strcmp(op->name, "linear_i8") || !strcmp(op->name, "quantise");
}

/* Both hold the same numbers: those of the narrower. */
static void agree(struct setup *narrow, struct setup *wide)
{
	setup_copy(narrow, wide);
	setup_copy(wide, narrow);
}

/* ---- f32 reference against f64 ------------------------------------------------- */

static int precision(struct setup *a, struct setup *b, const struct variant *v, int exact)
{
	setup_fill(a, v);
	setup_fill(b, v);
	VIT_TRY(setup_forward(a, a->op->forward));
	VIT_TRY(setup_forward(b, b->op->forward));
	if (exact)
		compare_forward(a, b, "f32 against f64");
	if (a->op->backward) {
		VIT_TRY(setup_backward(a, a->op->backward));
		VIT_TRY(setup_backward(b, b->op->backward));
		char what[64];
		for (int i = 0; i < a->call.n_in; i++) {
			snprintf(what, sizeof what, "f32 against f64: gradient of input %d", i);
			if (a->call.need >> i & 1)
				check_near(a->name, what, &a->din[i], &b->din[i], a->din[i].n, tolerance_of(a, VIT_F32));
		}
	}
	check(!setup_overrun(a), a->name, "the reference wrote past the memory of %s", setup_overrun(a));
	return 0;
}

void check_precision(struct ops op, const struct op_case *of)
{
	struct setup a, b;
	int rc = setup_new(&a, op.f32, of, (struct target){ 0 }), rc2 = setup_new(&b, op.f64, of, (struct target){ .wide = 1 });
	for (int v = 0; v < 2 && !rc && !rc2; v++)
		rc = precision(&a, &b, &(struct variant){ .n_valid = v ? (int)(a.B + 1) / 2 : -1, .add = v }, !rounds_to_integers(op.f32));
	check(!rc && !rc2, a.name, "%s", vit_errmsg());
	setup_free(&a);
	setup_free(&b);
}

/* ---- one kernel, one variant ---------------------------------------------------------- */

struct trio { struct setup want, got, other; };         /* reference, kernel, kernel with other garbage */

static int forward_variant(struct trio *t, vit_kernel k, const struct variant *v, const char *how)
{
	setup_fill(&t->want, v);
	agree(&t->got, &t->want);
	VIT_TRY(setup_forward(&t->want, t->want.op->forward));
	VIT_TRY(setup_forward(&t->got, k));
	compare_forward(&t->got, &t->want, how);
	if (v->n_valid < 0)
		return 0;
	struct variant again = *v;
	again.garbage++;
	setup_fill(&t->other, &again);
	VIT_TRY(setup_forward(&t->other, k));
	compare_garbage(&t->other, &t->got, 0);
	return 0;
}

/* What forward saved is rounded as the kernel's own forward would have. */
static int saved(struct trio *t, struct setup *kernels, const struct variant *v)
{
	setup_fill(&t->want, v);
	agree(kernels, &t->want);
	VIT_TRY(setup_forward(&t->want, t->want.op->forward));
	agree(kernels, &t->want);
	return 0;
}

static int backward_variant(struct trio *t, vit_kernel k, const struct variant *v, const char *how)
{
	VIT_TRY(saved(t, &t->got, v));
	VIT_TRY(setup_backward(&t->want, t->want.op->backward));
	VIT_TRY(setup_backward(&t->got, k));
	compare_backward(&t->got, &t->want, how);
	if (v->n_valid < 0)
		return 0;
	struct variant again = *v;
	again.garbage++;
	VIT_TRY(saved(t, &t->other, &again));
	VIT_TRY(setup_backward(&t->other, k));
	compare_garbage(&t->other, &t->got, 1);
	return 0;
}

/* ---- all variants ------------------------------------------------------------------------ */

static int run_variant(struct trio *t, int back, vit_kernel k, const struct variant *v)
{
	char how[96];
	const char *rows = v->n_valid < 0 ? "" : v->n_valid ? ", short batch" : ", no valid row";
	snprintf(how, sizeof how, "%s%s%s%s%s", t->got.target.backend->name, rows, back && v->add ? ", add" : "",
	         v->unwanted ? ", one gradient" : "", v->unread ? ", an unread output" : "");
	int rc = back ? backward_variant(t, k, v, how) : forward_variant(t, k, v, how);
	check(!setup_overrun(&t->got), t->got.name, "%s wrote past the memory of %s", how, setup_overrun(&t->got));
	return rc;
}

/* Full and short batches, overwriting and adding; then, where it is cheap, no
 * row at all, each gradient alone, and outputs that nobody read. */
static int run_variants(struct trio *t, int back, vit_kernel k)
{
	const int64_t B = t->got.B;
	int rc = 0;
	for (int v = 0; v < 4 && !rc; v++)
		if ((back || !(v & 1)) && (!(v & 2) || B > 1))
			rc = run_variant(t, back, k, &(struct variant){ v & 2 ? (int)(B + 1) / 2 : -1, 1, v & 1, 0, 0 });
	if (t->got.of->big)
		return rc;
	if (!rc && B > 1)
		rc = run_variant(t, back, k, &(struct variant){ .n_valid = 0, .garbage = 1, .add = 1 });
	const unsigned need = t->got.call.need;
	for (int i = 0; back && i < t->got.call.n_in && !rc; i++)
		if (need >> i & 1 && need != 1u << i)
			rc = run_variant(t, back, k, &(struct variant){ .n_valid = -1, .unwanted = need & ~(1u << i) });
	for (int o = 0; back && t->got.call.n_out > 1 && o < t->got.call.n_out && !rc; o++)
		rc = run_variant(t, back, k, &(struct variant){ .n_valid = -1, .unread = 1u << o });
	return rc;
}

/* The reference keeps the rules for padding, red zones and inputs as well, and
 * on 16-bit memory no more than the tolerance is lost. */
static vit_kernel reference(const struct setup *s, int back)
{
	if (s->target.low != VIT_F32)
		return back ? lowered_backward : lowered_forward;
	return back ? s->op->backward : s->op->forward;
}

int setup_find(struct setup *s, int back, vit_kernel *kernel)
{
	struct vit_call c = s->call;
	for (int i = 0; i < VIT_MAXIO; i++)
		c.in[i].data = c.din[i].data = NULL;
	for (int i = 0; i < VIT_MAXOUT; i++)
		c.out[i].data = c.aux[i].data = c.dout[i].data = NULL;
	c.step = NULL;
	*kernel = s->target.backend->find(s->target.dev, &c, back);
	if (s->target.backend == &vit_backend_ref)
		*kernel = reference(s, back);
	if (!*kernel)
		return 0;
	s->call.state = c.state;
	s->call.ws = c.ws;
	s->call.ws.data = NULL;
	return setup_scratch(s);
}

void setup_drop(struct setup *s)
{
	if (s->target.backend->drop)
		s->target.backend->drop(s->target.dev, &s->call);
	s->call.state = NULL;
	s->call.ws = (struct vit_tensor){ 0 };
}

static int pass(struct trio *t, int back)
{
	const char *backend = t->got.target.backend->name, *direction = back ? "backward" : "forward";
	vit_kernel k, k2;
	VIT_TRY(setup_find(&t->got, back, &k));
	if (!k) {
		check(!is_needed(t->got.op->name, t->got.target.backend), t->got.name, "%s has no %s kernel", backend, direction);
		if (verbose)
			printf("%s: %s has no %s kernel\n", t->got.name, backend, direction);
		return 0;
	}
	VIT_TRY(setup_find(&t->other, back, &k2));
	int rc = run_variants(t, back, k);
	setup_drop(&t->got);
	setup_drop(&t->other);
	return rc;
}

/* Forward as inference has it: nothing is saved. */
static int pass_lean(struct trio *t)
{
	struct vit_call *const call[] = { &t->want.call, &t->got.call, &t->other.call };
	struct vit_tensor aux[3][VIT_MAXOUT];
	const int n_aux = t->got.call.n_aux;
	for (int i = 0; i < 3; i++) {
		memcpy(aux[i], call[i]->aux, sizeof aux[i]);
		memset(call[i]->aux, 0, sizeof aux[i]);
		call[i]->n_aux = 0;
	}
	const int rc = pass(t, 0);
	for (int i = 0; i < 3; i++) {
		memcpy(call[i]->aux, aux[i], sizeof aux[i]);
		call[i]->n_aux = n_aux;
	}
	return rc;
}

/* ---- all precisions ------------------------------------------------------------------------ */

static void check_target(struct ops op, const struct op_case *of, struct target target)
{
	struct trio t = { 0 };
	const int wide = !rounds_to_integers(op.f32);
	int rc = setup_new(&t.got, op.f32, of, target);
	/* an op with nothing to lower was checked in f32 */
	if (!rc && target.low != VIT_F32 && !t.got.lowered) {
		setup_free(&t.got);
		return;
	}
	if (!rc)
		rc = setup_new(&t.other, op.f32, of, target);
	if (!rc)
		rc = setup_new(&t.want, wide ? op.f64 : op.f32, of, (struct target){ .wide = wide });
	if (!rc)
		rc = pass(&t, 0);
	if (!rc && op.f32->lean && t.got.call.n_aux)
		rc = pass_lean(&t);
	if (!rc && op.f32->backward)
		rc = pass(&t, 1);
	check(!rc, t.got.name, "%s: %s", target.backend->name, vit_errmsg());
	setup_free(&t.want);
	setup_free(&t.got);
	setup_free(&t.other);
}

void check_kernel(struct ops op, const struct op_case *of, const struct vit_backend *b, struct vit_dev *dev)
{
	static const int both[] = { VIT_BF16, VIT_F16 };
	const int linear = !strcmp(op.f32->name, "linear"), two = !strcmp(op.f32->name, "add_layernorm");
	check_target(op, of, (struct target){ .backend = b, .dev = dev });
	if (b->tf32 && linear)
		check_target(op, of, (struct target){ .backend = b, .dev = dev, .how = VIT_HOW_TF32 });
	if (!b->host && linear && !of->big)
		check_target(op, of, (struct target){ .backend = b, .dev = dev, .how = VIT_HOW_TUNE });
	for (int i = 0; i < 2; i++) {
		if (b != &vit_backend_ref && !(b->amp >> both[i] & 1))
			continue;
		struct target t = { .backend = b, .dev = dev, .low = both[i] };
		check_target(op, of, t);
		/* what no node reads, such as logits or the last block's sum; an activation has readers */
		for (t.f32_out = two ? 1 : 3; t.f32_out < 4 && !of->big && !(linear && ((const struct vit_linear_attr *)of->attr)->act); t.f32_out += 2)
			check_target(op, of, t);
	}
}
