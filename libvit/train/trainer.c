/* SPDX-License-Identifier: MIT
 *
 * A training session: the training graph of a model, its plan, and optimiser
 * steps of one or more micro-batches.
 *
 * The host decides nothing inside a step. Sums are totals on the device, and so is
 * the first step that went wrong: on the host they are looked at when the next step
 * begins, elsewhere seldom, so that nothing waits for a device in between.
 */
#include "train/session.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { READ_EVERY = 32 };       /* steps between two looks at a device that is not the host */

/* Frozen in both graphs: the layout of the parameter blocks follows the graph. */
static int freeze(struct vit_graph *g, const char *const *pattern)
{
	for (int p = 0; pattern && pattern[p]; p++) {
		int hits = 0;
		for (int i = 0; i < g->n_value; i++) {
			struct vit_value *v = g->value[i];
			if (v->role == VIT_PARAM && !fnmatch(pattern[p], v->name, 0)) {
				v->grad = 0;
				hits++;
			}
		}
		if (!hits)
			return vit_fail(VIT_EUSAGE, "--freeze %s: no parameter has such a name; vit-show lists them", pattern[p]);
	}
	return 0;
}

static int check(const struct vit_train_opt *o)
{
	if (o->batch_size < 1 || o->accum < 1 || o->accum > o->batch_size)
		return vit_fail(VIT_EUSAGE, "batch of %lld in %lld micro-batches: each needs a sample", (long long)o->batch_size, (long long)o->accum);
	if (o->steps < 1)
		return vit_fail(VIT_EUSAGE, "a run of %lld steps; it takes at least one", (long long)o->steps);
	return 0;
}

/* The training graph and its plan: no memory for data yet. */
static int make(struct vit_session *s, struct vit_model *m, const struct vit_train_opt *o,
                const struct vit_backend *backend, struct vit_dev *dev)
{
	VIT_TRY(check(o));
	s->rows = (o->batch_size + o->accum - 1) / o->accum;
	struct vit_build build = o->build;
	build.train = 1;
	VIT_TRY(m->arch->build(&s->graph, m->config, &m->preprocess, &build));
	VIT_TRY(freeze(&s->graph, o->freeze));
	VIT_TRY(freeze(&m->graph, o->freeze));

	s->lr = vit_calloc((size_t)o->steps, sizeof *s->lr);
	if (!s->lr)
		return VIT_ENOMEM;
	VIT_TRY(vit_lr_table(s->lr, o->steps, o->warmup, o->lr, o->min_lr, o->sched));

	struct vit_adamw_attr attr = {
		.beta1 = (float)o->beta1, .beta2 = (float)o->beta2, .eps = (float)o->eps,
		.weight_decay = (float)o->weight_decay, .clip = (float)o->clip, .ema_decay = (float)o->ema, .lr_scale = 1,
	};
	struct vit_optim optim = { .op = o->opt, .attr = &attr, .lr = s->lr, .steps = o->steps };
	struct vit_plan_opt po = { .B = s->rows, .train = 1, .dtype = VIT_F32, .amp = o->amp, .how = o->how, .recompute = o->recompute, .optim = &optim };
	VIT_TRY(vit_plan_make(&s->plan, &s->graph, &po, backend, dev));
	s->planned = 1;
	return 0;
}

static void release(struct vit_session *s)
{
	if (s->planned)
		vit_plan_free(&s->plan);
	vit_graph_release(&s->graph);
	free(s->lr);
}

int vit_trainer_new(struct vit_trainer **out, struct vit_model *m, const struct vit_train_opt *o,
                    const struct vit_backend *backend, struct vit_dev *dev)
{
	struct vit_trainer *t = vit_calloc(1, sizeof *t);
	if (!t)
		return VIT_ENOMEM;
	t->model = m;
	t->opt = *o;
	t->backend = backend;
	t->dev = dev;
	vit_graph_init(&t->s.graph);
	int rc = make(&t->s, m, o, backend, dev);
	if (rc)
		goto out;
	if (!m->params.w) {
		rc = vit_params_new(&m->params, &m->graph, backend, dev, 1, o->ema > 0);
		if (rc)
			goto out;
		rc = vit_params_init(&m->params, &m->graph, o->seed);
		if (rc)
			goto out;
	}
	rc = vit_plan_bind(&t->s.plan, NULL, &m->params, 0);
	if (rc)
		goto out;
	t->image = vit_graph_find(&t->s.graph, "image");
	t->label = vit_graph_find(&t->s.graph, "label");
	if (!t->image || !t->label) {
		rc = vit_fail(VIT_EUNSUPPORTED, "%s builds no graph to train: it lacks image or label", m->arch->name);
		goto out;
	}
	t->s.plan.host->seed = o->seed;
	for (int k = 0; k < VIT_MAXKNOB; k++)
		t->s.plan.host->knob[k] = 1;
	rc = vit_plan_step_get(&t->s.plan, &t->seen);
out:
	if (rc) {
		vit_trainer_free(t);
		return rc;
	}
	*out = t;
	return 0;
}

void vit_trainer_free(struct vit_trainer *t)
{
	if (!t)
		return;
	release(&t->s);
	free(t);
}

struct vit_plan *vit_trainer_plan(struct vit_trainer *t)
{
	return &t->s.plan;
}

/* A step that nothing mends; each later one would only be worse. */
static int check_seen(const struct vit_trainer *t)
{
	if (!t->seen.bad)
		return 0;
	return vit_fail(VIT_EFORMAT, "step %lld: %s not finite; lower --lr, lengthen --warmup or set --clip-grad 1%s", (long long)t->seen.bad,
	                t->opt.amp == VIT_F16 ? "whatever its scale, the loss or a gradient is" : "a gradient is",
	                t->opt.amp == VIT_F16 ? ", or choose --amp bf16" : "");
}

static int read_back(struct vit_trainer *t)
{
	if (t->unread) {
		VIT_TRY(vit_plan_step_get(&t->s.plan, &t->seen));
		t->unread = 0;
	}
	return check_seen(t);
}

static int micro(struct vit_trainer *t, int64_t n, const uint8_t *images, const void *labels, int first, int last)
{
	struct vit_tensor x = vit_plan_value(&t->s.plan, t->image, 0), y = vit_plan_value(&t->s.plan, t->label, 0);
	size_t one_x = vit_tensor_bytes(&x) / (size_t)t->s.rows, one_y = vit_tensor_bytes(&y) / (size_t)t->s.rows;
	t->s.plan.host->sample0 = (uint64_t)t->samples;
	t->s.plan.host->n_valid = (int32_t)n;
	VIT_TRY(vit_send(t->backend, t->dev, x.data, images, one_x * (size_t)n));
	VIT_TRY(vit_send(t->backend, t->dev, y.data, labels, one_y * (size_t)n));
	t->samples += n;
	return vit_plan_run(&t->s.plan, (first ? VIT_RUN_FIRST : 0) | (last ? VIT_RUN_LAST : 0), NULL, NULL);
}

int vit_trainer_step(struct vit_trainer *t, int64_t n, const uint8_t *images, const void *labels)
{
	if (n < 1 || n > t->opt.batch_size)
		return vit_fail(VIT_EUSAGE, "%lld samples in a step of at most %lld", (long long)n, (long long)t->opt.batch_size);
	if (t->step >= t->opt.steps)
		return vit_fail(VIT_EUSAGE, "the schedule ends after %lld steps", (long long)t->opt.steps);
	VIT_TRY(t->backend->host || t->unread >= READ_EVERY ? read_back(t) : check_seen(t));
	struct vit_tensor x = vit_plan_value(&t->s.plan, t->image, 0), y = vit_plan_value(&t->s.plan, t->label, 0);
	size_t one_x = vit_tensor_bytes(&x) / (size_t)t->s.rows, one_y = vit_tensor_bytes(&y) / (size_t)t->s.rows;
	for (int64_t at = 0; at < n; at += t->s.rows) {
		int64_t rows = n - at < t->s.rows ? n - at : t->s.rows;
		VIT_TRY(micro(t, rows, images + (size_t)at * one_x, (const char *)labels + (size_t)at * one_y, !at, at + rows == n));
	}
	t->step++;
	t->unread++;
	return 0;
}

int vit_trainer_stats(struct vit_trainer *t, struct vit_train_stats *out)
{
	VIT_TRY(read_back(t));
	const struct vit_step *d = &t->seen;
	/* a step that was skipped had the rate that the next one has as well */
	const int64_t at = d->done - !d->last_inf;
	*out = (struct vit_train_stats){
		.step = t->step, .samples = t->samples, .lr = t->s.lr[at > 0 ? at : 0],
		.loss = d->last_wsum > 0 ? d->last_loss / d->last_wsum : 0,
		.grad_norm = d->last_wsum > 0 ? sqrt(d->last_gnorm2) / d->last_wsum : 0,
		.sum_loss = d->total_loss, .sum_weight = d->total_wsum, .sum_hits = d->total_hits,
		.loss_scale = (double)d->loss_scale, .skipped = d->skipped,
	};
	return 0;
}

int vit_train_cost(struct vit_train_cost *c, struct vit_model *m, const struct vit_train_opt *o,
                   const struct vit_backend *backend, struct vit_dev *dev)
{
	struct vit_session s = { 0 };
	vit_graph_init(&s.graph);
	int rc = make(&s, m, o, backend, dev);
	if (!rc) {
		*c = (struct vit_train_cost){ .rows = s.rows, .params = vit_graph_params(&s.graph), .arena_bytes = s.plan.arena_bytes };
		c->flops_step = s.plan.flops * (double)((o->batch_size + s.rows - 1) / s.rows);
		for (int i = 0; i < s.graph.n_value; i++) {
			const struct vit_value *v = s.graph.value[i];
			struct vit_tensor t = { .ndim = v->ndim };
			memcpy(t.dim, v->dim, sizeof t.dim);
			if (v->role == VIT_PARAM && v->grad)
				c->trained += vit_tensor_count(&t);
		}
		rc = vit_params_cost(&c->bytes, &m->graph, 1, o->ema > 0, o->amp);
	}
	release(&s);
	return rc;
}
