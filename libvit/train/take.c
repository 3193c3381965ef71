/* SPDX-License-Identifier: MIT
 *
 * Starting from another model's parameters.
 */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

static int same_shape(const struct vit_value *a, const struct vit_value *b)
{
	return a->ndim == b->ndim && !memcmp(a->dim, b->dim, (size_t)a->ndim * sizeof a->dim[0]);
}

static int wanted(const struct vit_value *v, int head)
{
	return (v->role == VIT_PARAM || v->role == VIT_STATE) && (head || strncmp(v->name, "head.", 5) != 0);
}

static int copy_value(struct vit_model *to, const struct vit_value *v, const struct vit_model *from, const struct vit_value *f)
{
	struct vit_tensor t = { .dtype = VIT_F32, .ndim = v->ndim };
	memcpy(t.dim, v->dim, sizeof t.dim);
	size_t n = vit_tensor_bytes(&t);
	int state = v->role == VIT_STATE;
	float *dst = (state ? to->params.state : to->params.w) + vit_params_offset(&to->graph, v);
	float *ema = state ? to->params.ema_state : to->params.ema;
	const float *src = (state ? from->params.state : from->params.w) + vit_params_offset(&from->graph, f);
	float *host = vit_malloc(n);
	if (!host)
		return VIT_ENOMEM;
	int rc = from->params.backend->copy(from->params.dev, host, src, n, VIT_FROM_DEVICE);
	if (!rc)
		rc = vit_params_put(&to->params, dst, host, n);
	/* the average begins where the weights do */
	if (!rc && ema)
		rc = vit_params_put(&to->params, ema + vit_params_offset(&to->graph, v), host, n);
	free(host);
	return rc;
}

static int list(struct vit_buf *b, const char *name)
{
	return vit_buf_printf(b, "%s%s", b->n ? ", " : "", name);
}

int vit_model_take(struct vit_model *to, const struct vit_model *from, int head, char **missing, char **unused)
{
	struct vit_buf miss = { 0 }, rest = { 0 };
	int rc = vit_buf_printf(&miss, "%s", "");
	if (!rc)
		rc = vit_buf_printf(&rest, "%s", "");
	for (int i = 0; i < to->graph.n_value && rc >= 0; i++) {
		const struct vit_value *v = to->graph.value[i];
		if (!wanted(v, head))
			continue;
		const struct vit_value *f = vit_graph_find(&from->graph, v->name);
		if (f && f->role == v->role && same_shape(v, f))
			rc = copy_value(to, v, from, f);
		else
			rc = list(&miss, v->name);
	}
	for (int i = 0; i < from->graph.n_value && rc >= 0; i++) {
		const struct vit_value *f = from->graph.value[i], *v = vit_graph_find(&to->graph, f->name);
		if (wanted(f, head) && !(v && v->role == f->role && same_shape(v, f)))
			rc = list(&rest, f->name);
	}
	*missing = (char *)miss.p;
	*unused = (char *)rest.p;
	if (rc < 0) {
		free(*missing);
		free(*unused);
		*missing = *unused = NULL;
		return rc;
	}
	return 0;
}
