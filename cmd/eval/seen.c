/* SPDX-License-Identifier: MIT
 *
 * seen.c - was the model trained on these samples? By what its history and the
 * samples' say of where they come from; what they do not say gives no warning.
 */
#include "command.h"

#include <stdlib.h>
#include <string.h>

/* Where samples come from. A hold-out cuts the ids of train in two by a hash:
 * "val" are those below the share, "train" those above. */
struct origin {
	const char *dataset, *split, *shard;
	double holdout;
};

static const char *text(const json_t *options, const char *key)
{
	return json_string_value(json_object_get(options, key));
}

static int is_fetch(const json_t *entry)
{
	const char *tool = text(entry, "tool");
	return tool && !strcmp(tool, "vit-fetch");
}

static struct origin of_entry(const json_t *entry)
{
	const json_t *options = json_object_get(entry, "options");
	const char *split = text(options, "split"), *holdout = text(options, "holdout");
	return (struct origin){ text(options, "dataset"), split ? split : "train", text(options, "shard"), holdout ? strtod(holdout, NULL) : 0 };
}

/* Of one set: a stream's last vit-fetch says how it was cut, a source was cut here. */
static struct origin of_set(const struct eval *e, const struct eval_set *set)
{
	const struct vit_meta *m = vit_samples_meta(set->samples);
	const json_t *history = vit_samples_header(set->samples)->history;
	struct origin o = { .holdout = e->cfg->holdout };
	for (size_t i = 0; i < json_array_size(history); i++)
		if (is_fetch(json_array_get(history, i)))
			o = of_entry(json_array_get(history, i));
	o.dataset = m->dataset;
	o.split = m->split;
	return o;
}

static int same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* Have the two parts of one data set a sample in common? */
static int overlap(const struct origin *a, const struct origin *b)
{
	const char *base_a = a->holdout > 0 ? "train" : a->split, *base_b = b->holdout > 0 ? "train" : b->split;
	if (a->shard && b->shard && strcmp(a->shard, b->shard))
		return 0;
	if (!strcmp(base_a, "all") || !strcmp(base_b, "all"))
		return 1;
	if (strcmp(base_a, base_b))
		return 0;
	if (!(a->holdout > 0) || !(b->holdout > 0) || !strcmp(a->split, b->split))
		return 1;
	double val = strcmp(a->split, "val") ? b->holdout : a->holdout, train = strcmp(a->split, "val") ? a->holdout : b->holdout;
	return val > train;
}

/* Sets without a name, as folders are: the same classes, split and number of samples. */
static int alike(const struct eval *e, const struct vit_meta *m, const struct origin *from, const struct origin *o)
{
	const json_t *count = json_object_get(json_object_get(e->model.header.meta, "training"), "count");
	if (from->dataset || o->dataset || m->count < 1 || !json_is_integer(count) || json_integer_value(count) != m->count)
		return 0;
	if (!m->classes || !e->model.classes || m->n_class != e->model.n_class)
		return 0;
	for (int k = 0; k < m->n_class; k++)
		if (strcmp(m->classes[k], e->model.classes[k]))
			return 0;
	return same_text(from->split, o->split) || !strcmp(o->split, "all");
}

static void check(const struct eval *e, const struct eval_set *set, const struct origin *from, const struct origin *o, int *said)
{
	const struct vit_meta *m = vit_samples_meta(set->samples);
	if (*said || !from->split || !o->split || !overlap(from, o))
		return;
	if (from->dataset && same_text(from->dataset, o->dataset))
		cli_warn("%s: the model was trained on this split (%s, %s): its scores say little about new data", set->name, o->dataset, from->split);
	else if (alike(e, m, from, o))
		cli_warn("%s: the model was trained on %lld samples of these classes too (%s): if they are the same ones, its scores say little "
		         "about new data", set->name, (long long)m->count, from->split);
	else
		return;
	*said = 1;
}

void eval_warn_seen(const struct eval *e, const struct eval_set *set)
{
	const json_t *history = e->model.header.history, *training = json_object_get(e->model.header.meta, "training");
	struct origin o = of_set(e, set);
	int said = 0, fetched = 0;
	for (size_t i = 0; i < json_array_size(history); i++) {
		const json_t *entry = json_array_get(history, i);
		if (!is_fetch(entry))
			continue;
		struct origin from = of_entry(entry);
		check(e, set, &from, &o, &said);
		fetched = 1;
	}
	/* samples that others made */
	struct origin from = { .dataset = text(training, "dataset"), .split = text(training, "split") };
	if (!fetched)
		check(e, set, &from, &o, &said);
}
