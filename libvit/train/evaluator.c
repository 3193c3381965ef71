/* SPDX-License-Identifier: MIT
 *
 * Forward over samples: an inference plan of the model's graph, sharing the
 * parameters of whoever trains it.
 */
#include "core/mem.h"
#include "train/train.h"

#include <stdlib.h>

struct vit_evaluator {
	struct vit_plan plan;
	int planned;
	const struct vit_backend *backend;
	struct vit_dev *dev;
	const struct vit_value *image, *logits;
	float *out;
};

static int make(struct vit_plan *p, const struct vit_model *m, const struct vit_evaluator_opt *o, const struct vit_backend *backend, struct vit_dev *dev)
{
	static const char *const results[] = { "logits", NULL };
	if (!vit_graph_find(&m->graph, "image") || !vit_graph_find(&m->graph, "logits"))
		return vit_fail(VIT_EUNSUPPORTED, "the %s model has no logits to evaluate", m->arch->name);
	struct vit_plan_opt po = { .B = o->batch, .dtype = VIT_F32, .amp = o->amp, .how = o->how, .results = results };
	return vit_plan_make(p, &m->graph, &po, backend, dev);
}

int vit_evaluator_cost(size_t *bytes, const struct vit_model *m, const struct vit_evaluator_opt *o, const struct vit_backend *backend, struct vit_dev *dev)
{
	struct vit_plan p;
	VIT_TRY(make(&p, m, o, backend, dev));
	*bytes = p.arena_bytes;
	vit_plan_free(&p);
	return 0;
}

int vit_evaluator_new(struct vit_evaluator **out, struct vit_model *m, const struct vit_evaluator_opt *o,
                      const struct vit_backend *backend, struct vit_dev *dev)
{
	struct vit_evaluator *e = vit_calloc(1, sizeof *e);
	if (!e)
		return VIT_ENOMEM;
	e->backend = backend;
	e->dev = dev;
	e->image = vit_graph_find(&m->graph, "image");
	e->logits = vit_graph_find(&m->graph, "logits");
	int rc = make(&e->plan, m, o, backend, dev);
	if (rc)
		goto out;
	e->planned = 1;
	rc = vit_plan_bind(&e->plan, NULL, &m->params, o->use_ema);
	if (rc)
		goto out;
	e->out = vit_calloc((size_t)o->batch * (size_t)e->logits->dim[1], sizeof *e->out);
	rc = e->out ? 0 : VIT_ENOMEM;
out:
	if (rc) {
		vit_evaluator_free(e);
		return rc;
	}
	*out = e;
	return 0;
}

int vit_evaluator_run(struct vit_evaluator *e, int64_t n, const uint8_t *images, const float **logits)
{
	struct vit_tensor x = vit_plan_value(&e->plan, e->image, 0), y = vit_plan_value(&e->plan, e->logits, 0);
	if (n < 1 || n > x.dim[0])
		return vit_fail(VIT_EUSAGE, "%lld samples in a batch of at most %lld", (long long)n, (long long)x.dim[0]);
	size_t one_x = vit_tensor_bytes(&x) / (size_t)x.dim[0], one_y = vit_tensor_bytes(&y) / (size_t)x.dim[0];
	e->plan.host->n_valid = (int32_t)n;
	VIT_TRY(vit_send(e->backend, e->dev, x.data, images, one_x * (size_t)n));
	VIT_TRY(vit_plan_run(&e->plan, VIT_RUN_FIRST | VIT_RUN_LAST, NULL, NULL));
	VIT_TRY(e->backend->copy(e->dev, e->out, y.data, one_y * (size_t)n, VIT_FROM_DEVICE));
	*logits = e->out;
	return 0;
}

void vit_evaluator_free(struct vit_evaluator *e)
{
	if (!e)
		return;
	if (e->planned)
		vit_plan_free(&e->plan);
	free(e->out);
	free(e);
}
