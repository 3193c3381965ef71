/* SPDX-License-Identifier: MIT
 *
 * predict.c - lines of predictions, tab-separated or JSON.
 */
#include "command.h"

#include "stream/show.h"

#include <math.h>
#include <stdlib.h>

struct ranked {
	float p;
	int k;
};

/* A NaN comes last; it must not make an order that contradicts itself. */
static int by_p(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	float p = isnan(x->p) ? -1 : x->p, q = isnan(y->p) ? -1 : y->p;
	return p < q ? 1 : p > q ? -1 : x->k - y->k;
}

/* Softmax in f64, the greatest first; equal ones in the order of classes. */
static void rank(struct ranked *r, const float *logits, int n)
{
	double top = (double)logits[0], sum = 0;
	for (int k = 1; k < n; k++)
		top = (double)logits[k] > top ? (double)logits[k] : top;
	for (int k = 0; k < n; k++)
		sum += exp((double)logits[k] - top);
	for (int k = 0; k < n; k++)
		r[k] = (struct ranked){ (float)(exp((double)logits[k] - top) / sum), k };
	qsort(r, (size_t)n, sizeof *r, by_p);
}

/* ---- text ------------------------------------------------------------------------------- */

/* Tabs and newlines separate: none may come from data. */
static int add_word(struct vit_buf *b, const char *word)
{
	for (; *word; word++) {
		char c = (unsigned char)*word < 0x20 || *word == 0x7f ? '?' : *word;
		VIT_TRY(vit_buf_add(b, &c, 1));
	}
	return 0;
}

static int text_line(struct eval *e, const char *id, const struct ranked *r, int n)
{
	VIT_TRY(add_word(&e->text, id));
	for (int i = 0; i < n; i++) {
		char buf[24];
		VIT_TRY(vit_buf_add(&e->text, "\t", 1));
		VIT_TRY(add_word(&e->text, eval_class(e, r[i].k, buf)));
		VIT_TRY(vit_buf_printf(&e->text, "\t%.4f", (double)r[i].p));
	}
	return vit_buf_add(&e->text, "\n", 1);
}

/* ---- JSON ------------------------------------------------------------------------------- */

static int json_line(struct eval *e, const char *id, const struct ranked *r, int n)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++) {
		char buf[24];
		json_array_append_new(list, json_pack("{s:o, s:o}", "class", vit_show_name(eval_class(e, r[i].k, buf)),
		                                      "p", isnan(r[i].p) ? json_null() : json_real((double)r[i].p)));
	}
	json_t *j = json_pack("{s:o, s:o}", "id", vit_show_name(id), "predictions", list);
	char *line = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	int rc = line ? vit_buf_printf(&e->text, "%s\n", line) : vit_fail(VIT_ENOMEM, "out of memory for predictions");
	free(line);
	json_decref(j);
	return rc < 0 ? rc : 0;
}

int eval_predictions(struct eval *e, const struct vit_batch *b, const float *logits)
{
	int n = e->model.n_class, top = e->cfg->top < n ? (int)e->cfg->top : n, rc = 0;
	struct ranked *r = vit_calloc((size_t)n, sizeof *r);
	if (!r)
		return VIT_ENOMEM;
	for (int64_t i = 0; i < b->n && !rc; i++) {
		rank(r, logits + i * n, n);
		e->not_a_number |= isnan(r[n - 1].p);
		rc = e->json ? json_line(e, b->id[i], r, top) : text_line(e, b->id[i], r, top);
	}
	free(r);
	return rc;
}
