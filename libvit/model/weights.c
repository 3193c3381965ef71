/* SPDX-License-Identifier: MIT
 *
 * weights.c - model streams: a header with meta {arch, classes, preprocess,
 * quant, training}, then one tensor per parameter and state, float32, in the
 * graph's order.
 */
#include "model/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- header ---------------------------------------------------------------------------- */

static int read_classes(struct vit_model *m, const json_t *v)
{
	const json_t *n = json_object_get(m->config, "classes");
	m->n_class = (int)json_integer_value(n);
	if (json_is_null(v) || !v || (json_is_integer(v) && json_equal(v, n)))
		return 0;
	if (!json_is_array(v) || (json_int_t)json_array_size(v) != json_integer_value(n))
		return vit_fail(VIT_EFORMAT, "header: \"classes\" are not the %d of the architecture", m->n_class);
	m->classes = vit_arena_alloc(&m->arena, (json_array_size(v) + 1) * sizeof *m->classes);
	for (size_t i = 0; m->classes && i < json_array_size(v); i++) {
		const json_t *s = json_array_get(v, i);
		if (!json_is_string(s) || strlen(json_string_value(s)) != json_string_length(s))
			return vit_fail(VIT_EFORMAT, "header: \"classes\" are not names");
		if (!(m->classes[i] = vit_arena_strdup(&m->arena, json_string_value(s))))
			return VIT_ENOMEM;
	}
	const char *twice = m->classes ? vit_classes_twice(m->classes, m->n_class) : NULL;
	if (twice)
		return vit_fail(VIT_EFORMAT, "header: \"classes\" has \"%.80s\" twice; a name is one class", twice);
	return m->classes ? 0 : VIT_ENOMEM;
}

/* The image input of the graph and what preprocessing makes must be one shape. */
static int check_input(const struct vit_model *m)
{
	const struct vit_value *v = vit_graph_find(&m->graph, "image");
	const int64_t *s = m->preprocess.input_size;
	if (!v || v->ndim != 4 || v->dim[1] != s[1] || v->dim[2] != s[2] || v->dim[3] != s[0])
		return vit_fail(VIT_EFORMAT, "header: preprocess \"input_size\" is not the architecture's image");
	return 0;
}

static int read_header(struct vit_model *m, const struct vit_header *h)
{
	const json_t *arch = json_object_get(h->meta, "arch"), *type = json_object_get(arch, "type");
	if (!json_is_object(arch) || !json_is_string(type))
		return vit_fail(VIT_EFORMAT, "header: a model needs \"arch\" with its \"type\"");
	m->arch = vit_arch_by_name(json_string_value(type), json_string_length(type));
	if (!m->arch)
		return vit_fail(VIT_EUNSUPPORTED, "header: architecture \"%.40s\" is not known to this build", json_string_value(type));
	const json_t *quant = json_object_get(h->meta, "quant");
	if (quant && !json_is_null(quant))
		return vit_fail(VIT_EUNSUPPORTED, "the model is quantised, which this build does not compute");
	m->config = json_deep_copy(arch);
	if (!m->config)
		return VIT_ENOMEM;
	VIT_TRY(vit_header_copy(&m->header, h));
	VIT_TRY(vit_preprocess_from_json(&m->preprocess, json_object_get(h->meta, "preprocess")));
	VIT_TRY(read_classes(m, json_object_get(h->meta, "classes")));
	int rc = vit_model_finish(m);
	/* a spec that is wrong in a file is the file's fault, not the command line's */
	if (rc == VIT_EUSAGE)
		rc = VIT_EFORMAT;
	return rc ? rc : check_input(m);
}

/* ---- tensors --------------------------------------------------------------------------- */

static int is_stored(const struct vit_value *v)
{
	return v->role == VIT_PARAM || v->role == VIT_STATE;
}

static char *block_at(const struct vit_model *m, const struct vit_value *v, int use_ema)
{
	const struct vit_params *p = &m->params;
	const float *block = v->role == VIT_PARAM ? use_ema ? p->ema : p->w : use_ema ? p->ema_state : p->state;
	return (char *)(uintptr_t)block + vit_params_offset(&m->graph, v) * vit_dtypes[p->dtype].size;
}

static int64_t count_of(const struct vit_value *v)
{
	return vit_shape_bytes(VIT_F32, v->ndim, v->dim) / (int64_t)sizeof(float);
}

/* Elements may lie unaligned in the stream. */
static int to_float(float *to, const struct vit_tensor *t, int64_t n)
{
	const uint8_t *from = t->data;
	for (int64_t i = 0; i < n; i++) {
		double d;
		uint16_t half;
		switch (t->dtype) {
		case VIT_F32:
			memcpy(&to[i], from + 4 * i, 4);
			break;
		case VIT_F64:
			memcpy(&d, from + 8 * i, 8);
			to[i] = (float)d;
			break;
		case VIT_F16:
		case VIT_BF16:
			memcpy(&half, from + 2 * i, 2);
			to[i] = t->dtype == VIT_F16 ? vit_f16_to_f32(half) : vit_bf16_to_f32(half);
			break;
		default:
			return vit_fail(VIT_EFORMAT, "tensor of %s, floating point is wanted", vit_dtypes[t->dtype].name);
		}
	}
	return 0;
}

/* Change between the stream's floats and the blocks' dtype, in place; the
 * buffer has room for doubles. */
static void widen(void *p, int64_t n)
{
	for (int64_t i = n - 1; i >= 0; i--) {
		float x;
		memcpy(&x, (char *)p + 4 * i, 4);
		double d = (double)x;
		memcpy((char *)p + 8 * i, &d, 8);
	}
}

static void narrow(void *p, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		double d;
		memcpy(&d, (char *)p + 8 * i, 8);
		float x = (float)d;
		memcpy((char *)p + 4 * i, &x, 4);
	}
}

static int put(struct vit_model *m, const struct vit_tensor_record *r, unsigned char *seen, void *host)
{
	char name[128], have[96], want[96];
	snprintf(name, sizeof name, "%.*s", (int)(r->name.n < 120 ? r->name.n : 120), r->name.p);
	const struct vit_value *v = vit_graph_find(&m->graph, name);
	if (!v && r->name.n > 8 && !memcmp(r->name.p, "optim.m/", 8))
		return vit_fail(VIT_EMISMATCH, "is a checkpoint of vit-train, not a model; the same command line with --resume finishes the run and "
		                "writes the model");
	if (!v || !is_stored(v) || r->name.n > 120)
		return vit_fail(VIT_EMISMATCH, "tensor %s is not one of this %s model", name, m->arch->name);
	if (seen[v->id])
		return vit_fail(VIT_EFORMAT, "tensor %s comes twice", name);
	seen[v->id] = 1;
	if (r->quant.p)
		return vit_fail(VIT_EUNSUPPORTED, "tensor %s is quantised, which this build does not compute", name);
	struct vit_tensor shape = { .dtype = r->tensor.dtype, .ndim = v->ndim };
	memcpy(shape.dim, v->dim, sizeof shape.dim);
	if (r->tensor.ndim != v->ndim || memcmp(r->tensor.dim, v->dim, (size_t)v->ndim * sizeof v->dim[0]))
		return vit_fail(VIT_EMISMATCH, "tensor %s is %s, the model wants %s", name, vit_shape_str(have, sizeof have, &r->tensor),
		                vit_shape_str(want, sizeof want, &shape));
	int64_t n = count_of(v);
	int rc = to_float(host, &r->tensor, n);
	if (rc)
		return vit_wrap(rc, "%s", name);
	if (m->params.dtype == VIT_F64)
		widen(host, n);
	return vit_params_put(&m->params, block_at(m, v, 0), host, (size_t)(n * vit_dtypes[m->params.dtype].size));
}

static int check_complete(const struct vit_model *m, const unsigned char *seen)
{
	int missing = 0;
	const char *first = NULL;
	for (int i = 0; i < m->graph.n_value; i++) {
		if (!is_stored(m->graph.value[i]) || seen[i])
			continue;
		first = first ? first : m->graph.value[i]->name;
		missing++;
	}
	return missing ? vit_fail(VIT_EMISMATCH, "%d tensors of the model are missing, the first is %s", missing, first) : 0;
}

/* Room for the largest tensor as doubles. */
static void *staging(const struct vit_graph *g)
{
	int64_t most = 1;
	for (int i = 0; i < g->n_value; i++)
		if (is_stored(g->value[i]) && count_of(g->value[i]) > most)
			most = count_of(g->value[i]);
	return vit_calloc((size_t)most, sizeof(double));
}

static int read_tensors(struct vit_model *m, struct vit_reader *r)
{
	unsigned char *seen = vit_calloc((size_t)m->graph.n_value + 1, 1);
	void *host = staging(&m->graph);
	int rc = seen && host ? 0 : VIT_ENOMEM;
	while (!rc) {
		const uint8_t *raw;
		size_t n;
		struct vit_tensor_record t;
		rc = vit_reader_next(r, &raw, &n);
		if (rc)
			break;
		rc = vit_tensor_record_decode(&t, raw, n);
		if (!rc)
			rc = put(m, &t, seen, host);
		/* a model with a bad tensor is no model */
		if (rc == VIT_ERECORD)
			rc = VIT_EFORMAT;
		if (rc)
			rc = vit_wrap(rc, "%s", vit_input_name(vit_reader_input(r)));
	}
	if (rc == VIT_END && (rc = check_complete(m, seen)))
		rc = vit_wrap(rc, "%s", vit_input_name(vit_reader_input(r)));
	free(seen);
	free(host);
	return rc;
}

int vit_model_read(struct vit_model *m, struct vit_input *in, const struct vit_backend *backend, struct vit_dev *dev)
{
	const struct vit_reader_opt opt = { .kind = VIT_MODEL };
	struct vit_reader *r = NULL;
	memset(m, 0, sizeof *m);
	vit_graph_init(&m->graph);
	int rc = vit_reader_open(&r, in, &opt);
	if (!rc && (rc = read_header(m, vit_reader_header(r))))
		rc = vit_wrap(rc, "%s", vit_input_name(vit_reader_input(r)));
	if (!rc)
		rc = vit_params_new(&m->params, &m->graph, backend, dev, 0, 0);
	if (!rc)
		rc = read_tensors(m, r);
	vit_reader_close(r);
	if (rc)
		vit_model_free(m);
	return rc;
}

int vit_model_write(const struct vit_model *m, struct vit_output *out, int use_ema)
{
	const struct vit_params *p = &m->params;
	struct vit_writer *w = NULL;
	void *host = NULL;
	if (!p->w || (use_ema && !p->ema))
		return vit_fail(VIT_EUSAGE, "the model has no %s to write", p->w ? "EMA" : "weights");
	int rc = vit_writer_open(&w, out, &m->header);
	if (!rc && !(host = staging(&m->graph)))
		rc = VIT_ENOMEM;
	for (int i = 0; i < m->graph.n_value && !rc; i++) {
		const struct vit_value *v = m->graph.value[i];
		if (!is_stored(v))
			continue;
		struct vit_tensor t = { .data = host, .dtype = VIT_F32, .ndim = v->ndim };
		memcpy(t.dim, v->dim, sizeof t.dim);
		rc = p->backend->copy(p->dev, host, block_at(m, v, use_ema), (size_t)(count_of(v) * vit_dtypes[p->dtype].size), VIT_FROM_DEVICE);
		if (!rc)
			rc = p->backend->sync(p->dev);
		if (!rc && p->dtype == VIT_F64)
			narrow(host, count_of(v));
		if (!rc)
			rc = vit_writer_tensor(w, v->name, &t);
	}
	if (!rc)
		rc = vit_writer_end(w, 0);
	vit_writer_close(w);
	free(host);
	return rc;
}
