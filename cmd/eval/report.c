/* SPDX-License-Identifier: MIT
 *
 * report.c - reports, the confusion matrix. Shares are percent.
 */
#include "command.h"

#include "draw/draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Samples, where they are from, how many were left out: here or by who made the stream. */
static int counts(struct eval *e, struct vit_buf *b)
{
	int rc = vit_buf_printf(b, "model    %s\nsamples  %lld of ", e->model_name, (long long)e->score.count);
	for (int i = 0; i < e->n_set && !rc; i++) {
		const struct vit_meta *m = vit_samples_meta(e->set[i].samples);
		const char *name = m->dataset ? m->dataset : e->set[i].source ? e->set[i].name : "an unnamed set";
		rc = vit_buf_printf(b, "%s%s, %s", i ? "; " : "", name, m->split ? m->split : "no split");
	}
	uint64_t skipped = eval_skipped(e);
	if (!rc && skipped)
		rc = vit_buf_printf(b, " (%llu more were bad and left out)", (unsigned long long)skipped);
	return rc < 0 ? rc : vit_buf_add(b, "\n", 1);
}

uint64_t eval_skipped(const struct eval *e)
{
	uint64_t n = cli_bad_count();
	for (int i = 0; i < e->n_set; i++)
		n += vit_samples_skipped(e->set[i].samples);
	return n;
}

int eval_report_text(struct eval *e)
{
	const struct vit_score *s = &e->score;
	struct vit_buf *b = &e->text;
	int rc = counts(e, b);
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
	/* of several sets there is no one name */
	const struct vit_meta *m = vit_samples_meta(e->set[0].samples);
	const char *dataset = e->n_set == 1 ? m->dataset : NULL, *split = e->n_set == 1 ? m->split : NULL;
	json_t *classes = json_array();
	for (int k = 0; k < s->n_class; k++) {
		char buf[24];
		struct per_class c = class_score(s, k);
		json_array_append_new(classes, json_pack("{s:s, s:I, s:f, s:f, s:f}", "class", eval_class(e, k, buf), "support", (json_int_t)c.support,
		                                         "precision", c.precision, "recall", c.recall, "f1", c.f1));
	}
	json_t *j = json_pack("{s:s?, s:s?, s:I, s:I, s:f, s:f, s:o, s:s, s:o, s:{s:f, s:f}}", "dataset", dataset, "split", split,
	                      "count", (json_int_t)s->count, "skipped", (json_int_t)eval_skipped(e), "top1", share(s->top1, s->count), "top5", share(s->top5, s->count),
	                      "loss", isfinite(s->loss) ? json_real(s->loss / (double)s->count) : json_null(), "unit", "percent", "classes", classes,
	                      "speed", "images_per_second", speed(e), "seconds", e->seconds);
	return put_json(&e->text, j);
}

/* ---- confusion -------------------------------------------------------------------- */

static int confusion_json(struct eval *e, struct vit_output *o)
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
	/* compact: a row of a matrix on a line of its own would be 1000 lines each */
	json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o}", "rows", "true", "columns", "predicted", "classes", names, "matrix", rows,
	                      "unpredicted", none);
	char *text = j ? json_dumps(j, JSON_COMPACT) : NULL;
	int rc = text ? vit_buf_printf(&b, "%s\n", text) : vit_fail(VIT_ENOMEM, "out of memory for the confusion matrix");
	if (!rc)
		rc = vit_output_write(o, b.p, b.n);
	free(text);
	json_decref(j);
	vit_buf_release(&b);
	return rc;
}

static int confusion_png(struct eval *e, struct vit_output *o)
{
	const struct vit_score *s = &e->score;
	const struct vit_module *m;
	const char *base = strrchr(e->model_name, '/');
	char title[160];
	int64_t none = 0;
	for (int k = 0; k < s->n_class; k++)
		none += s->unpredicted[k];
	if (none == s->count)
		return vit_fail(VIT_EFORMAT, "%s predicts no class of any sample, there is nothing to draw; as JSON (a FILE not in .png) they are counted",
		                e->model_name);
	snprintf(title, sizeof title, "%.100s, top-1 %.2f %%", base ? base + 1 : e->model_name, share(s->top1, s->count));
	VIT_TRY(vit_module_open("draw", &m));
	return ((const struct vit_draw *)(const void *)m)->confusion(s->confusion, e->model.classes, s->n_class, title, o);
}

int eval_confusion(struct eval *e, const char *path)
{
	struct vit_output *o = NULL;
	int rc = vit_output_open(&o, path);
	if (!rc)
		rc = eval_is_png(path) ? confusion_png(e, o) : confusion_json(e, o);
	if (!rc) {
		rc = vit_output_commit(o, "", 0);
		o = NULL;
	}
	vit_output_discard(o);
	return rc < 0 ? vit_wrap(rc, "--confusion") : 0;
}
