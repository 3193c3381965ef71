/* SPDX-License-Identifier: MIT
 *
 * train_model.c - the model of a run: fresh, or with the parameters of another.
 */
#include "command.h"

#include <stdlib.h>
#include <string.h>

/* "vit:key=value,..." of a model's config, without its classes: those are the
 * samples'. */
static int spec_of(const json_t *config, struct vit_buf *b)
{
	const char *key;
	json_t *v;
	int rc = vit_buf_printf(b, "%s:", json_string_value(json_object_get(config, "type")));
	int n = 0;
	json_object_foreach((json_t *)config, key, v) {
		if (rc < 0 || !strcmp(key, "type") || !strcmp(key, "classes"))
			continue;
		rc = vit_buf_printf(b, "%s%s=", n++ ? "," : "", key);
		if (rc < 0)
			break;
		if (json_is_array(v))
			rc = vit_buf_printf(b, "%lldx%lld", (long long)json_integer_value(json_array_get(v, 0)),
			                    (long long)json_integer_value(json_array_get(v, 1)));
		else if (json_is_string(v))
			rc = vit_buf_printf(b, "%s", json_string_value(v));
		else if (json_is_boolean(v))
			rc = vit_buf_printf(b, "%d", json_is_true(v));
		else
			rc = vit_buf_printf(b, "%.17g", json_number_value(v));
	}
	return rc < 0 ? rc : 0;
}

static int read_init(struct train *t, struct vit_model *m)
{
	struct vit_input *in;
	VIT_TRY(vit_input_open(&in, t->cfg->init));
	return vit_model_read(m, in, t->backend, t->dev);
}

static int same_names(const struct vit_model *a, const struct vit_model *b)
{
	if (!a->classes || !b->classes || a->n_class != b->n_class)
		return 0;
	for (int k = 0; k < a->n_class; k++)
		if (strcmp(a->classes[k], b->classes[k]))
			return 0;
	return 1;
}

/* Where the samples have the classes of `from`, in another order or by a class
 * map, the model has its list, so that its head fits. Else they are other classes. */
static int meet(struct train *t, const struct vit_model *from, struct vit_meta *m)
{
	const char *note;
	int named = from->classes && m->classes, given = t->class_file.n > 0;
	if (!named && !given)
		return 0;
	int rc = vit_classes_map(&t->map, &note, from->classes, from->n_class, m->classes, m->n_class, &t->class_file, given);
	if (rc == VIT_EMISMATCH && !given)
		return 0;
	if (rc)
		return rc;
	if (note)
		cli_note("--init %s: %s", t->cfg->init, note);
	m->classes = from->classes;
	m->n_class = from->n_class;
	return 0;
}

/* A new model like `from`, for the samples' classes, seeing images as it did. */
static int like(struct train *t, const struct vit_model *from)
{
	struct vit_meta m = *vit_samples_meta(t->samples);
	struct vit_buf spec = { 0 };
	VIT_TRY(meet(t, from, &m));
	m.n_mean = from->preprocess.n_mean;
	memcpy(m.mean, from->preprocess.mean, sizeof m.mean);
	memcpy(m.std, from->preprocess.std, sizeof m.std);
	int rc = t->cfg->model ? vit_buf_printf(&spec, "%s", t->cfg->model) : spec_of(from->config, &spec);
	if (rc >= 0)
		rc = vit_model_new(&t->model, (const char *)spec.p, &m);
	vit_buf_release(&spec);
	if (rc)
		return rc;
	t->have_model = 1;
	memcpy(t->model.preprocess.interpolation, from->preprocess.interpolation, sizeof from->preprocess.interpolation);
	memcpy(t->model.preprocess.crop_mode, from->preprocess.crop_mode, sizeof from->preprocess.crop_mode);
	t->model.preprocess.crop_pct = from->preprocess.crop_pct;
	/* the file's words on it are made already */
	json_t *theirs = json_object_get(from->header.meta, "preprocess"), *ours = json_object_get(t->model.header.meta, "preprocess");
	static const char *const same[] = { "interpolation", "crop_mode", "crop_pct" };
	for (size_t i = 0; i < sizeof same / sizeof *same; i++)
		if (json_object_set(ours, same[i], json_object_get(theirs, same[i])))
			return vit_fail(VIT_EFORMAT, "its preprocessing lacks %s", same[i]);
	return vit_history_merge(t->model.header.history, from->header.history);
}

static int take(struct train *t, const struct vit_model *from)
{
	int head = same_names(&t->model, from) ||
		   (t->cfg->keep_head && t->model.n_class == from->n_class && !t->model.classes && !from->classes);
	char *missing, *unused;
	VIT_TRY(vit_model_take(&t->model, from, head, &missing, &unused));
	if (!head)
		cli_note("--init %s: its classes are others, the head begins anew", t->cfg->init);
	if (*missing)
		cli_warn("--init %s: not there, beginning anew: %s", t->cfg->init, missing);
	if (*unused)
		cli_warn("--init %s: not used: %s", t->cfg->init, unused);
	free(missing);
	free(unused);
	return 0;
}

static int new_trainer(struct train *t)
{
	int rc = vit_trainer_new(&t->trainer, &t->model, &t->opt, t->backend, t->dev);
	return rc == VIT_ENOMEM ? vit_wrap(rc, "too little memory, a smaller --batch-size or --recompute takes less") : rc;
}

static int from_init(struct train *t)
{
	struct vit_model from = { 0 };
	int rc = read_init(t, &from);
	if (rc)
		return rc;
	rc = like(t, &from);
	if (!rc && !t->cfg->explain) {
		rc = new_trainer(t);
		if (!rc)
			rc = take(t, &from);
	}
	vit_model_free(&from);
	return rc;
}

/* Largest patch that cuts the image into at least 16. */
static int64_t patch_for(int64_t h, int64_t w)
{
	int64_t best = 1;
	for (int64_t p = 1; p <= h && p <= w; p++)
		if (h % p == 0 && w % p == 0 && (h / p) * (w / p) >= 16)
			best = p;
	return best;
}

/* A preset whose patches do not divide small images takes them at its own size:
 * 28x28 become 224x224. That works, slowly. */
static void look_at_size(const struct train *t)
{
	const struct vit_meta *m = vit_samples_meta(t->samples);
	const int64_t *chw = t->model.preprocess.input_size, h = m->shape[0], w = m->shape[1];
	int name = (int)strcspn(t->cfg->model, "/:");
	if (h < 1 || w < 1 || chw[1] * chw[2] < 4 * h * w || t->cfg->model[name] != '/' || strstr(t->cfg->model, "image="))
		return;
	const char *patch = t->cfg->model + name + 1;
	cli_note("images of %lldx%lld are made %lldx%lld for this model; --model %.*s/%lld%s takes them as they are and is faster", (long long)h, (long long)w,
	         (long long)chw[1], (long long)chw[2], name, t->cfg->model, (long long)patch_for(h, w), patch + strspn(patch, "0123456789x"));
}

static int fresh(struct train *t)
{
	VIT_TRY(vit_model_new(&t->model, t->cfg->model, vit_samples_meta(t->samples)));
	t->have_model = 1;
	look_at_size(t);
	return t->cfg->explain ? 0 : new_trainer(t);
}

/* What the model's file will say of where it comes from. */
static int history(struct train *t)
{
	const struct vit_meta *m = vit_samples_meta(t->samples);
	json_t *training = json_pack("{s:s?, s:s?, s:o, s:I, s:I}", "dataset", m->dataset, "split", m->split,
	                             "count", m->count < 0 ? json_null() : json_integer((json_int_t)m->count), "steps", (json_int_t)t->opt.steps, "batch_size", (json_int_t)t->opt.batch_size);
	if (!training || json_object_set_new(t->model.header.meta, "training", training))
		return vit_fail(VIT_ENOMEM, "out of memory");
	VIT_TRY(vit_history_merge(t->model.header.history, vit_samples_header(t->samples)->history));
	return vit_history_add(t->model.header.history, "vit-train", cli_options_json(), t->opt.seed);
}

int train_model(struct train *t)
{
	int rc = t->cfg->init ? from_init(t) : fresh(t);
	if (rc && t->cfg->init)
		rc = vit_wrap(rc, "--init %s", t->cfg->init);
	if (!rc)
		rc = history(t);
	return rc ? cli_fail(rc) : 0;
}
