/* SPDX-License-Identifier: MIT
 *
 * eval_report.c - reports, the confusion matrix, predictions. Shares are percent.
 */
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const char *eval_class(const struct eval *e, int k, char buf[24])
{
	if (e->model.classes)
		return e->model.classes[k];
	snprintf(buf, 24, "%d", k);
	return buf;
}

struct per_class {
	int64_t support;
	double precision, recall, f1;
};

static struct per_class class_score(const struct vit_score *s, int k)
{
	struct per_class c = { 0 };
	int64_t predicted = 0, right = s->confusion[(int64_t)k * s->n_class + k];
	c.support = s->unpredicted[k];
	for (int i = 0; i < s->n_class; i++) {
		c.support += s->confusion[(int64_t)k * s->n_class + i];
		predicted += s->confusion[(int64_t)i * s->n_class + k];
	}
	c.precision = predicted ? 100 * (double)right / (double)predicted : 0;
	c.recall = c.support ? 100 * (double)right / (double)c.support : 0;
	c.f1 = c.support + predicted ? 200 * (double)right / (double)(c.support + predicted) : 0;
	return c;
}

static double share(int64_t n, int64_t of)
{
	return 100 * (double)n / (double)of;
}

static double speed(const struct eval *e)
{
	return e->seconds > 0 ? (double)e->score.count / e->seconds : 0;
}

int eval_report_text(struct eval *e)
{
	const struct vit_score *s = &e->score;
	const struct vit_meta *m = vit_samples_meta(e->samples);
	struct vit_buf *b = &e->text;
	int rc = vit_buf_printf(b, "model    %s\nsamples  %lld of %s, %s\n", e->model_name, (long long)s->count,
	                        m->dataset ? m->dataset : "an unnamed set", m->split ? m->split : "no split");
	if (!rc)
		rc = vit_buf_printf(b, "top-1    %.2f %%\n", share(s->top1, s->count));
	if (!rc && s->n_class > 5)
		rc = vit_buf_printf(b, "top-5    %.2f %%\n", share(s->top5, s->count));
	if (!rc)
		rc = vit_buf_printf(b, "loss     %.4f\nspeed    %.0f images/s\n\n%-20s %9s %9s %9s %9s\n", s->loss / (double)s->count, speed(e),
		                    "class", "precision", "recall", "F1", "support");
	for (int k = 0; k < s->n_class && !rc; k++) {
		char buf[24];
		struct per_class c = class_score(s, k);
		rc = vit_buf_printf(b, "%-20s %9.2f %9.2f %9.2f %9lld\n", eval_class(e, k, buf), c.precision, c.recall, c.f1, (long long)c.support);
	}
	return rc < 0 ? rc : 0;
}

static int put_json(struct vit_buf *b, json_t *j)
{
	char *text = j ? json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(8)) : NULL;
	int rc = text ? vit_buf_printf(b, "%s\n", text) : vit_fail(VIT_ENOMEM, "out of memory for the report");
	free(text);
	json_decref(j);
	return rc < 0 ? rc : 0;
}

int eval_report_json(struct eval *e)
{
	const struct vit_score *s = &e->score;
	const struct vit_meta *m = vit_samples_meta(e->samples);
	json_t *classes = json_array();
	for (int k = 0; k < s->n_class; k++) {
		char buf[24];
		struct per_class c = class_score(s, k);
		json_array_append_new(classes, json_pack("{s:s, s:I, s:f, s:f, s:f}", "class", eval_class(e, k, buf), "support", (json_int_t)c.support,
		                                         "precision", c.precision, "recall", c.recall, "f1", c.f1));
	}
	json_t *j = json_pack("{s:s?, s:s?, s:I, s:f, s:f, s:o, s:s, s:o, s:{s:f, s:f}}", "dataset", m->dataset, "split", m->split,
	                      "count", (json_int_t)s->count, "top1", share(s->top1, s->count), "top5", share(s->top5, s->count),
	                      "loss", isfinite(s->loss) ? json_real(s->loss / (double)s->count) : json_null(), "unit", "percent", "classes", classes,
	                      "speed", "images_per_second", speed(e), "seconds", e->seconds);
	return put_json(&e->text, j);
}

int eval_confusion(struct eval *e, const char *path)
{
	const struct vit_score *s = &e->score;
	json_t *names = json_array(), *rows = json_array(), *none = json_array();
	for (int k = 0; k < s->n_class; k++) {
		char buf[24];
		json_t *row = json_array();
		for (int i = 0; i < s->n_class; i++)
			json_array_append_new(row, json_integer((json_int_t)s->confusion[(int64_t)k * s->n_class + i]));
		json_array_append_new(rows, row);
		json_array_append_new(none, json_integer((json_int_t)s->unpredicted[k]));
		json_array_append_new(names, json_string(eval_class(e, k, buf)));
	}
	struct vit_buf b = { 0 };
	struct vit_output *o = NULL;
	/* compact: a row of a matrix on a line of its own would be 1000 lines each */
	json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o}", "rows", "true", "columns", "predicted", "classes", names, "matrix", rows,
	                      "unpredicted", none);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	int rc = text ? vit_buf_printf(&b, "%s\n", text) : vit_fail(VIT_ENOMEM, "out of memory for the confusion matrix");
	if (!rc)
		rc = vit_output_open(&o, path);
	if (!rc)
		rc = vit_output_write(o, b.p, b.n);
	if (!rc) {
		rc = vit_output_commit(o, "", 0);
		o = NULL;
	}
	vit_output_discard(o);
	free(text);
	json_decref(j);
	vit_buf_release(&b);
	return rc < 0 ? vit_wrap(rc, "--confusion") : 0;
}

/* ---- predictions ------------------------------------------------------------------------ */

struct ranked {
	float p;
	int k;
};

static int by_p(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	return x->p < y->p ? 1 : x->p > y->p ? -1 : x->k - y->k;
}

/* Tabs and newlines separate: none may come from data. */
static int add_word(struct vit_buf *b, const char *word)
{
	for (; *word; word++) {
		char c = (unsigned char)*word < 0x20 || *word == 0x7f ? '?' : *word;
		VIT_TRY(vit_buf_add(b, &c, 1));
	}
	return 0;
}

static int line(struct eval *e, const char *id, const float *logits, struct ranked *r)
{
	int n = e->model.n_class;
	double top = logits[0], sum = 0;
	for (int k = 1; k < n; k++)
		top = logits[k] > top ? logits[k] : top;
	for (int k = 0; k < n; k++)
		sum += exp(logits[k] - top);
	for (int k = 0; k < n; k++)
		r[k] = (struct ranked){ (float)(exp(logits[k] - top) / sum), k };
	qsort(r, (size_t)n, sizeof *r, by_p);
	VIT_TRY(add_word(&e->text, id));
	for (int k = 0; k < n && k < e->cfg->top; k++) {
		char buf[24];
		VIT_TRY(vit_buf_add(&e->text, "\t", 1));
		VIT_TRY(add_word(&e->text, eval_class(e, r[k].k, buf)));
		VIT_TRY(vit_buf_printf(&e->text, "\t%.4f", (double)r[k].p));
	}
	return vit_buf_add(&e->text, "\n", 1);
}

int eval_predictions(struct eval *e, const struct vit_batch *b, const float *logits)
{
	struct ranked *r = vit_calloc((size_t)e->model.n_class, sizeof *r);
	int rc = r ? 0 : VIT_ENOMEM;
	for (int64_t i = 0; i < b->n && !rc; i++)
		rc = line(e, b->id[i], logits + i * e->model.n_class, r);
	free(r);
	return rc;
}
