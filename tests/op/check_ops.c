/* SPDX-License-Identifier: MIT
 *
 * check-ops - every op against differences, against its own expansion, and
 * every kernel against the reference.
 *
 *   check-ops [--backend NAME] [--bench] [--list] [-v] [FILTER...]
 *
 * A FILTER is a part of a case's name, such as "linear" or "attention(B=2". One
 * line per failure, last line "N passed, N failed"; exit 1 if any failed.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int checks_passed, checks_failed, verbose;
static struct op_cases *first;

/* Kept sorted: the order of constructors is the linker's. */
void op_cases_add(struct op_cases *c)
{
	struct op_cases **at = &first;
	while (*at && strcmp((*at)->op, c->op) < 0)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

struct op_cases *op_cases_find(const char *op)
{
	struct op_cases *c = first;
	while (c && strcmp(c->op, op))
		c = c->next;
	return c;
}

/* ---- results -------------------------------------------------------------------- */

void check(int ok, const char *name, const char *fmt, ...)
{
	if (ok) {
		checks_passed++;
		return;
	}
	checks_failed++;
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	printf("%s: %s\n", name, text);
}

/* ---- the run ----------------------------------------------------------------------- */

struct options {
	const char *backend;
	int bench, list, n_filter;
	char **filter;
};

struct opened {
	const struct vit_backend *backend;
	struct vit_dev *dev;
};

static int wanted(const struct options *o, const char *name)
{
	for (int i = 0; i < o->n_filter; i++)
		if (strstr(name, o->filter[i]))
			return 1;
	return !o->n_filter;
}

/* CUDA that does not open here is named, not counted. */
static int open_backends(const struct options *o, struct opened *list)
{
	static const char *const names[] = { "cpu", "cuda" };
	int n = 0;
	if (!o->backend || !strcmp(o->backend, "ref"))
		list[n++].backend = &vit_backend_ref;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (o->backend && strcmp(o->backend, names[i]))
			continue;
		const struct vit_module *m;
		int rc = vit_module_open(names[i], &m);
		if (!rc) {
			list[n].backend = (const struct vit_backend *)(const void *)m;
			rc = list[n].backend->open(&list[n].dev, "", 0);
		}
		if (!rc)
			n++;
		else if (o->backend || !strcmp(names[i], "cpu"))        /* every build has this one */
			check(0, names[i], "%s", vit_errmsg());
		else
			printf("skipped: %s: %s\n", names[i], vit_errmsg());
	}
	return n;
}

static void run_case(const struct options *o, struct ops op, const struct op_case *c, const struct opened *list, int n)
{
	char name[160];
	snprintf(name, sizeof name, "%s(%s)", op.f32->name, c->label);
	if (!wanted(o, name))
		return;
	const int failed = checks_failed;
	if (o->list) {
		printf("%s\n", name);
		return;
	}
	for (int i = 0; i < n; i++)
		if (o->bench)
			bench_case(op.f32, c, list[i].backend, list[i].dev);
		else if (!c->big || list[i].backend != &vit_backend_ref)
			check_kernel(op, c, list[i].backend, list[i].dev);
	/* the references are checked where no backend, or theirs, is asked for */
	if (!o->bench && !c->big && (!o->backend || list[0].backend == &vit_backend_ref)) {
		check_gradient(op.f64, c);
		check_precision(op, c);
		check_expand(op.f64, c);
	}
	if (verbose)
		printf("%s: %s\n", name, failed == checks_failed ? "ok" : "failed");
}

static int parse(struct options *o, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--backend") && i + 1 < argc)
			o->backend = argv[++i];
		else if (!strcmp(argv[i], "--bench"))
			o->bench = 1;
		else if (!strcmp(argv[i], "--list"))
			o->list = 1;
		else if (!strcmp(argv[i], "-v"))
			verbose = 1;
		else if (argv[i][0] == '-')
			return 0;
		else
			o->filter[o->n_filter++] = argv[i];
	return !o->backend || !strcmp(o->backend, "ref") || !strcmp(o->backend, "cpu") || !strcmp(o->backend, "cuda");
}

int main(int argc, char **argv)
{
	struct options o = { .filter = calloc((size_t)argc, sizeof *argv) };
	if (!o.filter || !parse(&o, argc, argv)) {
		fprintf(stderr, "usage: check-ops [--backend ref|cpu|cuda] [--bench] [--list] [-v] [FILTER...]\n");
		return 2;
	}
	/* no waiting threads that spin: the machine may have two cores */
	setenv("OMP_WAIT_POLICY", "passive", 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	struct opened list[3] = { { 0 } };
	const int n = o.list ? 0 : open_backends(&o, list);
	for (int i = 0; vit_ops[i]; i++) {
		const struct op_cases *c = op_cases_find(vit_ops[i]->name);
		if (!o.list)
			check(c && c->n, vit_ops[i]->name, "no cases: add tests/op/%s.c", vit_ops[i]->name);
		for (int k = 0; c && k < c->n; k++)
			run_case(&o, (struct ops){ vit_ops[i], vit_ops_f64[i] }, &c->cases[k], list, n);
	}
	struct ops block;
	const struct op_case *of;
	for (int i = 0; block_case(i, &block, &of); i++)
		run_case(&o, block, of, list, n);
	for (const struct op_cases *c = first; c; c = c->next)
		check(vit_op_by_name(c->op) != NULL, c->op, "cases for an op that does not exist");
	for (int i = 0; i < n; i++)
		list[i].backend->close(list[i].dev);
	free(o.filter);
	if (verbose)
		compare_report();
	if (!o.list && !o.bench)
		printf("%d passed, %d failed\n", checks_passed, checks_failed);
	return checks_failed ? 1 : 0;
}
