/* SPDX-License-Identifier: MIT
 *
 * model.c - a model from a spec and the samples it shall learn.
 *
 * Every architecture's config has "type", "image" [H,W], "channels" and
 * "classes"; the rest is its own.
 */
#include "model/internal.h"

#include <stdlib.h>
#include <string.h>

const struct vit_arch *vit_arch_by_name(const char *name, size_t n)
{
	for (const struct vit_arch *const *a = vit_archs; *a; a++)
		if (strlen((*a)->name) == n && !strncmp((*a)->name, name, n))
			return *a;
	return NULL;
}

static int no_memory(void)
{
	return vit_fail(VIT_ENOMEM, "out of memory");
}

static int unknown(const char *spec)
{
	struct vit_buf list = { 0 };
	int rc = 0;
	for (const struct vit_arch *const *a = vit_archs; *a && !rc; a++) {
		for (int i = 0; (*a)->presets && (*a)->presets(i) && !rc; i++)
			rc = vit_buf_printf(&list, "%.*s ", (int)strcspn((*a)->presets(i), "\t"), (*a)->presets(i));
		if (!rc)
			rc = vit_buf_printf(&list, "%s:key=value,... ", (*a)->name);
	}
	rc = vit_fail(VIT_EUSAGE, "model \"%s\" is not known; there are %.*s", spec, (int)(list.n ? list.n - 1 : 0), list.p ? (char *)list.p : "");
	vit_buf_release(&list);
	return rc;
}

/* "vit:..." goes to vit; anything else to whoever knows the preset. */
static int parse(struct vit_model *m, const char *spec)
{
	size_t n = strcspn(spec, ":");
	m->arch = vit_arch_by_name(spec, n);
	if (m->arch) {
		int rc = m->arch->parse(spec[n] ? spec + n + 1 : "", m->config);
		return rc == 1 ? unknown(spec) : rc;
	}
	for (const struct vit_arch *const *a = vit_archs; *a; a++) {
		int rc = (*a)->parse(spec, m->config);
		if (rc == 1)
			continue;
		m->arch = *a;
		return rc;
	}
	return unknown(spec);
}

static int64_t int_of(const json_t *config, const char *key, int i)
{
	const json_t *v = json_object_get(config, key);
	return (int64_t)json_integer_value(json_is_array(v) ? json_array_get(v, (size_t)i) : v);
}

/* What the samples say goes into the config first, so that a spec overrides it.
 * Where they do not say their channels they are colour. */
static int seed_config(json_t *config, const struct vit_meta *s)
{
	int bad = 0;
	if (s->shape[0] > 0 && s->shape[1] > 0)
		bad |= json_object_set_new(config, "image", json_pack("[I,I]", (json_int_t)s->shape[0], (json_int_t)s->shape[1]));
	bad |= json_object_set_new(config, "channels", json_integer(s->shape[2] > 0 ? s->shape[2] : s->n_mean > 1 ? s->n_mean : 3));
	if (s->n_class > 0)
		bad |= json_object_set_new(config, "classes", json_integer(s->n_class));
	return bad ? no_memory() : 0;
}

static int take_classes(struct vit_model *m, const struct vit_meta *s)
{
	m->n_class = (int)int_of(m->config, "classes", 0);
	if (s->n_class && m->n_class != s->n_class)
		return vit_fail(VIT_EUSAGE, "model: classes=%d, but the samples have %d", m->n_class, s->n_class);
	if (!s->classes)
		return 0;
	m->classes = vit_arena_alloc(&m->arena, ((size_t)m->n_class + 1) * sizeof *m->classes);
	for (int i = 0; m->classes && i < m->n_class; i++)
		if (!(m->classes[i] = vit_arena_strdup(&m->arena, s->classes[i])))
			return no_memory();
	return m->classes ? 0 : no_memory();
}

/* mean and std of the samples where they fit; otherwise timm's for ViT. Small
 * images are taken whole: their border is content. */
static void take_preprocess(struct vit_model *m, const struct vit_meta *s)
{
	struct vit_preprocess *p = &m->preprocess;
	p->input_size[0] = int_of(m->config, "channels", 0);
	p->input_size[1] = int_of(m->config, "image", 0);
	p->input_size[2] = int_of(m->config, "image", 1);
	strcpy(p->interpolation, "bicubic");
	strcpy(p->crop_mode, "center");
	p->crop_pct = p->input_size[1] < 128 ? 1 : 0.9;
	p->n_mean = 1;
	p->mean[0] = p->std[0] = 0.5f;
	if (s->n_mean != 1 && s->n_mean != p->input_size[0])
		return;
	p->n_mean = s->n_mean;
	memcpy(p->mean, s->mean, sizeof p->mean);
	memcpy(p->std, s->std, sizeof p->std);
}

static json_t *classes_json(const struct vit_model *m)
{
	if (!m->classes)
		return json_integer(m->n_class);
	json_t *list = json_array();
	for (int i = 0; list && i < m->n_class; i++)
		if (json_array_append_new(list, json_string(m->classes[i]))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

int vit_model_finish(struct vit_model *m)
{
	json_t *meta = m->header.meta;
	if (json_object_set(meta, "arch", m->config) || json_object_set_new(meta, "classes", classes_json(m)) ||
	    json_object_set_new(meta, "preprocess", vit_preprocess_to_json(&m->preprocess)))
		return no_memory();
	if (!json_object_get(meta, "quant") && json_object_set_new(meta, "quant", json_null()))
		return no_memory();
	if (!json_object_get(meta, "training") && json_object_set_new(meta, "training", json_object()))
		return no_memory();
	return m->arch->build(&m->graph, m->config, &m->preprocess, NULL);
}

int vit_model_new(struct vit_model *m, const char *spec, const struct vit_meta *samples)
{
	memset(m, 0, sizeof *m);
	vit_graph_init(&m->graph);
	m->config = json_object();
	int rc = m->config ? vit_header_init(&m->header, VIT_MODEL) : no_memory();
	if (!rc)
		rc = json_object_set_new(m->config, "type", json_string("")) ? no_memory() : seed_config(m->config, samples);
	if (!rc)
		rc = parse(m, spec);
	if (!rc && json_object_set_new(m->config, "type", json_string(m->arch->name)))
		rc = no_memory();
	if (!rc)
		rc = take_classes(m, samples);
	if (!rc) {
		take_preprocess(m, samples);
		rc = vit_model_finish(m);
	}
	if (rc)
		vit_model_free(m);
	return rc;
}

void vit_model_free(struct vit_model *m)
{
	vit_params_free(&m->params);
	vit_graph_release(&m->graph);
	vit_header_release(&m->header);
	json_decref(m->config);
	vit_arena_release(&m->arena);
	memset(m, 0, sizeof *m);
}
