/* SPDX-License-Identifier: MIT
 *
 * Checkpoints: everything from which a run goes on to the same bytes.
 *
 * A model stream with these records per parameter: NAME, "optim.m/NAME",
 * "optim.v/NAME" and, with an average, "ema/NAME"; per state value: NAME and
 * "ema/NAME". meta.training.checkpoint holds the cursor, the options that shape
 * the result, and the build; with fp16 "scaler" too: the loss scale, the good
 * steps since it moved, and the updates done, which are fewer than the cursor's
 * steps by those that were skipped. u64 numbers travel as text: JSON's integers
 * are signed.
 */
#include "train/session.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* One flat block of the parameters, under its prefix. */
struct block {
	const char *prefix;
	enum vit_role role;
	float *data;            /* device; NULL: this run has none */
	int64_t n;
	float *host;
	int seen;               /* reading: values found */
};
enum { N_BLOCK = 6 };

static void blocks(struct vit_params *p, struct block b[N_BLOCK])
{
	struct block all[N_BLOCK] = {
		{ "", VIT_PARAM, p->w, p->n, NULL, 0 }, { "optim.m/", VIT_PARAM, p->m, p->n, NULL, 0 },
		{ "optim.v/", VIT_PARAM, p->v, p->n, NULL, 0 }, { "ema/", VIT_PARAM, p->ema, p->n, NULL, 0 },
		{ "", VIT_STATE, p->state, p->n_state, NULL, 0 }, { "ema/", VIT_STATE, p->ema_state, p->n_state, NULL, 0 },
	};
	for (int i = 0; i < N_BLOCK; i++) {
		if (!all[i].n)
			all[i].data = NULL;
		b[i] = all[i];
	}
}

static void blocks_free(struct block b[N_BLOCK])
{
	for (int i = 0; i < N_BLOCK; i++)
		free(b[i].host);
}

static struct vit_tensor value_tensor(const struct vit_value *v, float *at)
{
	struct vit_tensor t = { .data = at, .dtype = VIT_F32, .ndim = v->ndim };
	memcpy(t.dim, v->dim, sizeof t.dim);
	return t;
}

static json_t *build_json(const struct vit_trainer *t)
{
	return json_pack("{s:s, s:s}", "build", vit_build_id(), "device", t->backend->describe(t->dev));
}

static json_t *cursor_json(const struct vit_cursor *c)
{
	char hash[24];
	snprintf(hash, sizeof hash, "%016" PRIx64, c->hash);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:f, s:s}", "step", (json_int_t)c->step, "samples", (json_int_t)c->samples,
	                 "epoch", (json_int_t)c->epoch, "in_epoch", (json_int_t)c->in_epoch, "record", (json_int_t)c->record,
	                 "seq", (json_int_t)c->seq, "hash_from", (json_int_t)c->hash_from, "epoch_end", c->epoch_end != 0, "best", c->best, "xxh3", hash);
}

static json_t *scaler_json(const struct vit_step *s)
{
	return json_pack("{s:f, s:i, s:I}", "loss_scale", (double)s->loss_scale, "good", (int)s->good, "done", (json_int_t)s->done);
}

static int header(struct vit_trainer *t, struct vit_header *h, const struct vit_cursor *c, const json_t *options)
{
	VIT_TRY(vit_header_copy(h, &t->model->header));
	h->kind = VIT_MODEL;
	json_t *copy = json_deep_copy(options);
	json_t *ck = json_pack("{s:o, s:o, s:o}", "cursor", cursor_json(c), "options", copy, "build", build_json(t));
	int failed = t->opt.amp == VIT_F16 && json_object_set_new(ck, "scaler", scaler_json(&t->seen));
	json_t *training = ck ? json_pack("{s:o}", "checkpoint", ck) : NULL;
	if (!training || json_object_set_new(h->meta, "training", training) || failed)
		return vit_fail(VIT_ENOMEM, "out of memory for a checkpoint's header");
	return 0;
}

static int write_block(struct vit_trainer *t, struct vit_writer *w, struct block *b)
{
	const struct vit_graph *g = &t->model->graph;
	b->host = vit_malloc((size_t)b->n * sizeof *b->host);
	if (!b->host)
		return VIT_ENOMEM;
	VIT_TRY(t->backend->copy(t->dev, b->host, b->data, (size_t)b->n * sizeof *b->host, VIT_FROM_DEVICE));
	for (int i = 0; i < g->n_value; i++) {
		const struct vit_value *v = g->value[i];
		if (v->role != b->role)
			continue;
		char name[256];
		snprintf(name, sizeof name, "%s%s", b->prefix, v->name);
		struct vit_tensor x = value_tensor(v, b->host + vit_params_offset(g, v));
		VIT_TRY(vit_writer_tensor(w, name, &x));
	}
	return 0;
}

int vit_checkpoint_write(struct vit_trainer *t, const char *path, const struct vit_cursor *c, const json_t *options)
{
	struct vit_header h = { 0 };
	struct vit_output *out = NULL;
	struct vit_writer *w = NULL;
	struct block b[N_BLOCK];
	struct vit_train_stats stats;
	/* a step whose update was skipped is none from which a run may go on */
	VIT_TRY(vit_trainer_stats(t, &stats));
	blocks(&t->model->params, b);
	int rc = header(t, &h, c, options);
	if (rc)
		goto out;
	rc = vit_output_open(&out, path);
	if (rc)
		goto out;
	rc = vit_writer_open(&w, out, &h);
	for (int i = 0; i < N_BLOCK && !rc; i++)
		if (b[i].data)
			rc = write_block(t, w, &b[i]);
	if (rc)
		goto out;
	rc = vit_writer_end(w, 0);
	if (rc)
		goto out;
	rc = vit_output_commit(out, "", 1);
	out = NULL;
out:
	vit_writer_close(w);
	vit_output_discard(out);
	vit_header_release(&h);
	blocks_free(b);
	return rc ? vit_wrap(rc, "checkpoint %s", path) : 0;
}

/* ---- reading ------------------------------------------------------------------ */

static const char *text(const json_t *v, char buf[64])
{
	if (json_is_string(v))
		return json_string_value(v);
	if (json_is_integer(v))
		snprintf(buf, 64, "%lld", (long long)json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, 64, "%.9g", json_real_value(v));
	else
		snprintf(buf, 64, "%s", !v ? "the default" : json_is_true(v) ? "on" : "off");
	return buf;
}

static int option_changed(const char *key, const json_t *was, const json_t *now)
{
	char a[64], b[64];
	/* a key with a space is no option: what options and samples together became */
	return vit_fail(VIT_EUSAGE, "%s%s was %s in the run that wrote the checkpoint and is %s now; give the same, or start afresh without --resume",
	                strchr(key, ' ') ? "the " : "--", key, text(was, a), text(now, b));
}

static int check_options(const json_t *was, const json_t *now)
{
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)now, key, v)
		if (!json_equal(v, json_object_get(was, key)))
			return option_changed(key, json_object_get(was, key), v);
	json_object_foreach((json_t *)was, key, v)
		if (!json_object_get(now, key))
			return option_changed(key, v, NULL);
	return 0;
}

static int cursor_read(struct vit_cursor *c, const json_t *j)
{
	/* older checkpoints lack the place's seq and hash from the first record on */
	json_int_t step, samples, epoch, in_epoch, record, seq = -1, hash_from = 0;
	int epoch_end;
	const char *hash;
	json_error_t e;
	if (json_unpack_ex((json_t *)j, &e, 0, "{s:I, s:I, s:I, s:I, s:I, s?I, s?I, s:b, s:F, s:s}", "step", &step, "samples", &samples,
	                   "epoch", &epoch, "in_epoch", &in_epoch, "record", &record, "seq", &seq, "hash_from", &hash_from, "epoch_end", &epoch_end,
	                   "best", &c->best, "xxh3", &hash))
		return vit_fail(VIT_EFORMAT, "its cursor: %s", e.text);
	if (step < 0 || samples < 0 || epoch < 0 || in_epoch < 0 || record < 0 || hash_from < 0)
		return vit_fail(VIT_EFORMAT, "its cursor has a negative count");
	c->step = step;
	c->samples = samples;
	c->epoch = epoch;
	c->in_epoch = in_epoch;
	c->record = record;
	c->seq = seq;
	c->hash_from = hash_from;
	c->epoch_end = epoch_end;
	c->hash = strtoull(hash, NULL, 16);
	return 0;
}

/* What of the step's block a run goes on from. */
static int scaler_read(struct vit_step *s, const struct vit_cursor *c, const json_t *j, int amp)
{
	double scale = 1;
	int good = 0;
	json_int_t done = c->step;
	json_error_t e;
	if (amp == VIT_F16 && json_unpack_ex((json_t *)j, &e, 0, "{s:F, s:i, s:I}", "loss_scale", &scale, "good", &good, "done", &done))
		return vit_fail(VIT_EFORMAT, "its scaler: %s", e.text);
	if (!(scale > 0) || !isfinite((float)scale) || good < 0 || done < 0 || done > c->step)
		return vit_fail(VIT_EFORMAT, "its scaler: a loss scale of %g, %d good steps, %lld of %lld done", scale, good, (long long)done, (long long)c->step);
	s->loss_scale = (float)scale;
	s->good = good;
	s->done = done;
	s->closed = c->step;
	s->skipped = c->step - done;
	return 0;
}

static int builds(const struct vit_trainer *t, const json_t *was, char **changed)
{
	json_t *now = build_json(t);
	struct vit_buf b = { 0 };
	const char *key;
	json_t *v;
	int rc = now ? 0 : VIT_ENOMEM;
	json_object_foreach(now, key, v) {
		char x[64], y[64];
		if (!rc && !json_equal(v, json_object_get(was, key)))
			rc = vit_buf_printf(&b, "%s%s was %s and is %s", b.n ? ", " : "", key, text(json_object_get(was, key), x), text(v, y));
	}
	json_decref(now);
	*changed = (char *)b.p;
	return rc < 0 ? rc : 0;
}

static int check_header(struct vit_trainer *t, const struct vit_header *h, struct vit_cursor *c, struct vit_step *s, const json_t *options, char **changed)
{
	const json_t *ck = json_object_get(json_object_get(h->meta, "training"), "checkpoint");
	if (!json_is_object(ck))
		return vit_fail(VIT_EUSAGE, "it is a finished model, no checkpoint; --init begins a new run from it");
	VIT_TRY(check_options(json_object_get(ck, "options"), options));
	VIT_TRY(cursor_read(c, json_object_get(ck, "cursor")));
	VIT_TRY(scaler_read(s, c, json_object_get(ck, "scaler"), t->opt.amp));
	return builds(t, json_object_get(ck, "build"), changed);
}

/* Put one tensor where its block has it. */
static int place(struct vit_trainer *t, struct block b[N_BLOCK], const struct vit_tensor_record *r)
{
	const struct vit_graph *g = &t->model->graph;
	char name[256], shape[96];
	snprintf(name, sizeof name, "%.*s", (int)r->name.n, r->name.p);
	for (int i = 0; i < N_BLOCK; i++) {
		size_t n = strlen(b[i].prefix);
		if (!b[i].data || strncmp(name, b[i].prefix, n))
			continue;
		const struct vit_value *v = vit_graph_find(g, name + n);
		if (!v || v->role != b[i].role)
			continue;
		struct vit_tensor want = value_tensor(v, b[i].host + vit_params_offset(g, v));
		if (r->tensor.dtype != VIT_F32 || vit_tensor_bytes(&r->tensor) != vit_tensor_bytes(&want))
			return vit_fail(VIT_EFORMAT, "%s is %s; the model wants another size", name, vit_shape_str(shape, sizeof shape, &r->tensor));
		memcpy(want.data, r->tensor.data, vit_tensor_bytes(&want));
		b[i].seen++;
		return 0;
	}
	return vit_fail(VIT_EFORMAT, "%s is no tensor of this run", name);
}

static int read_tensors(struct vit_trainer *t, struct vit_reader *r, struct block b[N_BLOCK])
{
	const uint8_t *raw;
	size_t n;
	int rc;
	while (!(rc = vit_reader_next(r, &raw, &n))) {
		struct vit_tensor_record rec;
		VIT_TRY(vit_tensor_record_decode(&rec, raw, n));
		VIT_TRY(place(t, b, &rec));
	}
	if (rc != VIT_END)
		return rc;
	int params = 0, states = 0;
	for (int i = 0; i < t->model->graph.n_value; i++) {
		params += t->model->graph.value[i]->role == VIT_PARAM;
		states += t->model->graph.value[i]->role == VIT_STATE;
	}
	for (int i = 0; i < N_BLOCK; i++)
		if (b[i].data && b[i].seen != (b[i].role == VIT_PARAM ? params : states))
			return vit_fail(VIT_EFORMAT, "%d of the tensors '%sNAME' are there, the run has %d", b[i].seen, b[i].prefix,
			                b[i].role == VIT_PARAM ? params : states);
	return 0;
}

static int restore(struct vit_trainer *t, struct block b[N_BLOCK], const struct vit_cursor *c, const struct vit_step *s)
{
	for (int i = 0; i < N_BLOCK; i++)
		if (b[i].data)
			VIT_TRY(vit_params_put(&t->model->params, b[i].data, b[i].host, (size_t)b[i].n * sizeof *b[i].host));
	VIT_TRY(vit_plan_step_put(&t->s.plan, s));
	t->seen = *s;
	t->unread = 0;
	t->step = c->step;
	t->samples = c->samples;
	return 0;
}

int vit_checkpoint_read(struct vit_trainer *t, const char *path, struct vit_cursor *c, const json_t *options, char **changed)
{
	*changed = NULL;
	if (access(path, F_OK))
		return VIT_END;
	struct vit_input *in;
	struct vit_reader *r = NULL;
	struct vit_reader_opt ro = { .kind = VIT_MODEL, .max_record = SIZE_MAX };
	struct block b[N_BLOCK];
	struct vit_step s = t->seen;
	blocks(&t->model->params, b);
	int rc = vit_input_open(&in, path);
	if (rc)
		goto out;
	rc = vit_reader_open(&r, in, &ro);
	if (rc)
		goto out;
	rc = check_header(t, vit_reader_header(r), c, &s, options, changed);
	for (int i = 0; i < N_BLOCK && !rc; i++)
		/* zeroed: between the values nothing is read */
		if (b[i].data && !(b[i].host = vit_calloc((size_t)b[i].n, sizeof *b[i].host)))
			rc = VIT_ENOMEM;
	if (rc)
		goto out;
	rc = read_tensors(t, r, b);
	if (rc)
		goto out;
	rc = restore(t, b, c, &s);
out:
	vit_reader_close(r);
	blocks_free(b);
	if (rc) {
		free(*changed);
		*changed = NULL;
		return vit_wrap(rc, "checkpoint %s", path);
	}
	return 0;
}
