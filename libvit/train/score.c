/* SPDX-License-Identifier: MIT
 *
 * Scores of a labelled set: counts, cross entropy, confusion.
 */
#include "core/mem.h"
#include "train/train.h"

#include <math.h>
#include <stdlib.h>

int vit_score_init(struct vit_score *s, int n_class)
{
	*s = (struct vit_score){ .n_class = n_class };
	s->confusion = vit_calloc((size_t)n_class * (size_t)n_class, sizeof *s->confusion);
	s->unpredicted = vit_calloc((size_t)n_class, sizeof *s->unpredicted);
	return s->confusion && s->unpredicted ? 0 : VIT_ENOMEM;
}

void vit_score_reset(struct vit_score *s)
{
	for (int64_t i = 0; i < (int64_t)s->n_class * s->n_class; i++)
		s->confusion[i] = 0;
	for (int i = 0; i < s->n_class; i++)
		s->unpredicted[i] = 0;
	*s = (struct vit_score){ .n_class = s->n_class, .confusion = s->confusion, .unpredicted = s->unpredicted };
}

/* log sum exp in f64: the reported loss is a sum over many samples. */
static double cross_entropy(const float *logits, int64_t n, int64_t label)
{
	double top = logits[0], sum = 0;
	for (int64_t k = 1; k < n; k++)
		top = logits[k] > top ? logits[k] : top;
	for (int64_t k = 0; k < n; k++)
		sum += exp(logits[k] - top);
	return log(sum) + top - logits[label];
}

void vit_score_add(struct vit_score *s, const float *logits, int64_t n_class, int64_t label)
{
	/* rank of the label; equal logits go to the lower index, so that a model
	 * with constant outputs does not score. A NaN is greater than nothing:
	 * such a model counts as always wrong. */
	int64_t better = 0, best = 0, nan = 0;
	const float own = logits[label];
	for (int64_t k = 0; k < n_class; k++) {
		if (k != label && !(logits[k] < own || (logits[k] == own && k > label)))
			better++;
		if (logits[k] > logits[best])
			best = k;
		nan |= logits[k] != logits[k];
	}
	s->count++;
	s->top1 += better == 0;
	s->top5 += better < 5;
	s->loss += cross_entropy(logits, n_class, label);
	/* beside a NaN no class is the greatest */
	if (nan)
		s->unpredicted[label]++;
	else
		s->confusion[label * n_class + best]++;
}

void vit_score_release(struct vit_score *s)
{
	free(s->confusion);
	free(s->unpredicted);
	*s = (struct vit_score){ 0 };
}
