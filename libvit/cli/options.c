/* SPDX-License-Identifier: MIT
 *
 * options.c - the option table of a run, and the command line read by it.
 */
#include "cli/internal.h"
#include "core/near.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cli_state cli;
struct cli_asked cli_asked;

#define COMMON(field) offsetof(struct cli_common, field)

/* The options every program shares, each with the CLI_USE_ bit that shows it. */
static const struct {
	int use;
	struct cli_option o;
} common_options[] = {
	{ CLI_USE_OUT, { .name = "output", .letter = 'o', .type = CLI_STR, .offset = COMMON(out), .arg = "FILE", .flags = CLI_FILE,
		.help = "write here instead of stdout; the file appears when it is complete" } },
	{ CLI_USE_THREADS, { .name = "threads", .letter = 'j', .alias = "jobs", .type = CLI_INT, .offset = COMMON(threads), .min = 0, .max = 4096,
		.arg = "N", .help = "threads to use, 0 being all that the process may use", .def = "0" } },
	{ CLI_USE_SEED, { .name = "seed", .type = CLI_INT, .offset = COMMON(seed), .min = 0, .max = 0x1p62,
		.help = "random numbers are a function of this", .def = "0" } },
	{ CLI_USE_DEVICE, { .name = "device", .type = CLI_STR, .offset = COMMON(device), .def = "auto", .arg = "auto|cpu|cuda[:N]",
		.help = "where to compute; auto: the first GPU, or the CPU where there is none" } },
	{ CLI_USE_AMP, { .name = "amp", .type = CLI_CHOICE, .offset = COMMON(amp), .def = "none", .values = "none|tf32|bf16|fp16",
		.synonyms = "f32=none|float32=none|off=none|bfloat16=bf16|float16=fp16", .flags = CLI_RESULT,
		.help = "16 bits for products and what passes between layers, or TF32 for products; the CPU computes in float32 only" } },
	{ CLI_USE_AMP, { .name = "deterministic", .type = CLI_FLAG, .offset = COMMON(deterministic), .flags = CLI_RESULT,
		.help = "the same bits in every run on a GPU too, where kernels are chosen by timing otherwise" } },
	{ CLI_USE_MEMORY, { .name = "memory", .type = CLI_BYTES, .offset = COMMON(memory),
		.help = "memory for held data (default a quarter of what the process may use)" } },
	{ CLI_USE_LIMIT, { .name = "limit", .type = CLI_INT, .offset = COMMON(limit), .def = "-1", .min = 0, .max = -1,
		.help = "stop after N records", .flags = CLI_RESULT } },
	{ CLI_USE_MAX_BAD, { .name = "max-bad", .type = CLI_SHARE, .offset = COMMON(max_bad), .def = "0",
		.help = "bad records that may be left out, each named once" } },
	{ CLI_USE_MAX_RECORD, { .name = "max-record", .type = CLI_BYTES, .offset = COMMON(max_record), .def = "256M", .min = 1, .max = 0x1p30,
		.help = "refuse larger records" } },
	{ CLI_USE_PROGRESS, { .name = "progress", .type = CLI_CHOICE, .offset = COMMON(progress), .values = "auto|always|never",
		.help = "a live line on stderr", .def = "auto" } },
	{ CLI_USE_LOG, { .name = "log", .type = CLI_STR, .offset = COMMON(log), .arg = "FILE", .flags = CLI_FILE,
		.help = "append a line of JSON per event" } },
	{ 0, { .name = "quiet", .letter = 'q', .type = CLI_FLAG, .offset = COMMON(quiet), .help = "errors only" } },
	{ 0, { .name = "verbose", .letter = 'v', .type = CLI_FLAG, .offset = COMMON(verbose), .help = "say more" } },
};

/* Not in the config: these end the run at once. */
static const struct cli_option asked_options[] = {
	{ .name = "help", .letter = 'h', .type = CLI_OPTCHOICE, .offset = offsetof(struct cli_asked, help), .values = "text|man",
		.help = "show this help, or a man page, and exit" },
	{ .name = "version", .type = CLI_FLAG, .offset = offsetof(struct cli_asked, version),
		.help = "show version, build, backends and formats, and exit" },
	{ .name = "completion", .type = CLI_OPTCHOICE, .offset = offsetof(struct cli_asked, completion), .values = "bash|zsh|fish",
		.help = "print a completion script", .flags = CLI_HIDDEN },
};

/* ---- rows --------------------------------------------------------------------------- */

static int add_row(const struct cli_option *o, char *base, char *defaults)
{
	if (cli.n_row == CLI_MAX_ROWS) {
		cli_error("internal error: more than %d options", CLI_MAX_ROWS);
		return CLI_ERROR;
	}
	struct cli_row *r = &cli.row[cli.n_row++];
	r->o = o;
	r->value = base + o->offset;
	r->def = defaults ? defaults + o->offset : NULL;
	if (o->def && (cli_value_set(o, r->value, o->def, 0) || cli_value_set(o, r->def, o->def, 0))) {
		cli_error("internal error: default of --%s: %s", o->name, vit_errmsg());
		return CLI_ERROR;
	}
	return 0;
}

int cli_rows_init(const struct cli_program *program)
{
	cli.program = program;
	cli.config = vit_calloc(1, program->config_size);
	cli.defaults = vit_calloc(1, program->config_size);
	if (!cli.config || !cli.defaults)
		return cli_fail(VIT_ENOMEM);
	cli.common = (struct cli_common *)(void *)cli.config;
	int rc = 0;
	for (const struct cli_option *o = program->options; !rc && o && o->name; o++)
		rc = add_row(o, cli.config, cli.defaults);
	cli.n_own = cli.n_row;
	for (size_t i = 0; !rc && i < sizeof common_options / sizeof *common_options; i++)
		if (!common_options[i].use || program->common & common_options[i].use)
			rc = add_row(&common_options[i].o, cli.config, cli.defaults);
	for (size_t i = 0; !rc && i < sizeof asked_options / sizeof *asked_options; i++)
		rc = add_row(&asked_options[i], (char *)&cli_asked, NULL);
	return rc;
}

void cli_rows_release(void)
{
	free(cli.config);
	free(cli.defaults);
	vit_arena_release(&cli.arena);
	cli = (struct cli_state) { .program = cli.program };
}

int cli_takes_value(const struct cli_option *o)
{
	return o->type == CLI_FLAG ? 0 : o->type == CLI_OPTINT || o->type == CLI_OPTCHOICE ? 1 : 2;
}

/* ---- finding ------------------------------------------------------------------------- */

static int has_alias(const struct cli_option *o, const char *name, size_t n)
{
	for (const char *p = o->alias; p; ) {
		size_t len = strcspn(p, ",");
		if (len == n && !memcmp(p, name, n))
			return 1;
		p = p[len] ? p + len + 1 : NULL;
	}
	return 0;
}

static struct cli_row *find_name(const char *name, size_t n)
{
	for (int i = 0; i < cli.n_row; i++) {
		const struct cli_option *o = cli.row[i].o;
		if ((strlen(o->name) == n && !memcmp(o->name, name, n)) || has_alias(o, name, n))
			return &cli.row[i];
	}
	return NULL;
}

static struct cli_row *find_letter(char c)
{
	for (int i = 0; i < cli.n_row; i++)
		if (cli.row[i].o->letter == c)
			return &cli.row[i];
	return NULL;
}

/* The option most like `name`: a prefix counts as near. NULL: none is. */
static const char *nearest(const char *name)
{
	const char *best = NULL;
	int best_d = 2 + (int)strlen(name) / 4;
	for (int i = 0; i < cli.n_row; i++) {
		const struct cli_option *o = cli.row[i].o;
		if (o->flags & CLI_HIDDEN)
			continue;
		int d = strlen(name) > 1 && !strncmp(o->name, name, strlen(name)) ? 1 : vit_text_distance(name, o->name);
		if (d < best_d) {
			best_d = d;
			best = o->name;
		}
	}
	return best;
}

/* `where` "" is the command line, else it ends in ": ". */
static int unknown(const char *where, const char *dashes, const char *name, size_t n)
{
	char text[64];
	snprintf(text, sizeof text, "%.*s", (int)n, name);
	const char *near = nearest(text);
	return near ? cli_usage("%sunknown option '%s%s', did you mean '--%s'?", where, dashes, text, near)
		    : cli_usage("%sunknown option '%s%s'", where, dashes, text);
}

/* ---- setting --------------------------------------------------------------------------- */

static int set(struct cli_row *r, const char *where, const char *text, int origin)
{
	const struct cli_option *o = r->o;
	/* a list replaces the one of a lower origin and adds to its own */
	if (o->type == CLI_LIST && r->origin < origin)
		*(struct cli_list *)r->value = (struct cli_list) { 0 };
	r->origin = origin;
	if (!text && o->type == CLI_OPTINT) {
		((struct cli_optint *)r->value)->given = 1;
		return 0;
	}
	if (!text && o->type == CLI_OPTCHOICE) {
		*(int *)r->value = 1;
		return 0;
	}
	if (cli_value_set(o, r->value, text ? text : "1", 1))
		return cli_usage("%s--%s %s", where, o->name, vit_errmsg());
	return 0;
}

/* "name" or "name=value" with the value perhaps in `next`. *used: 1 when it was. */
static int set_long(const char *where, const char *arg, const char *next, int origin, int *used)
{
	size_t n = strcspn(arg, "=");
	const char *attached = arg[n] ? arg + n + 1 : NULL;
	struct cli_row *r = find_name(arg, n);
	*used = 0;
	if (!r && n > 3 && !strncmp(arg, "no-", 3)) {
		r = find_name(arg + 3, n - 3);
		if (!r || r->o->type != CLI_FLAG)
			return unknown(where, "--", arg, n);
		if (attached)
			return cli_usage("%s--%.*s takes no value", where, (int)n, arg);
		/* a recipe must not undo what the command line says */
		if (origin >= r->origin) {
			*(int *)r->value = 0;
			r->origin = origin;
		}
		return 0;
	}
	if (!r)
		return unknown(where, "--", arg, n);
	/* whoever wrote the recipe does not say which files we touch */
	if (origin == CLI_FROM_RECIPE && r->o->flags & CLI_FILE)
		return cli_usage("%s--%s names a file, which a recipe may not do; give it on the command line", where, r->o->name);
	int takes = cli_takes_value(r->o);
	if (!takes && attached)
		return cli_usage("%s--%s takes no value", where, r->o->name);
	if (takes == 2 && !attached) {
		if (!next)
			return cli_usage("%s--%s needs a value: --%s %s", where, r->o->name, r->o->name, cli_value_word(r->o));
		attached = next;
		*used = 1;
	}
	return origin < r->origin ? 0 : set(r, where, attached, origin);
}

/* "-qj2", "-j 2", "-o FILE" */
static int set_letters(const char *arg, const char *next, int *used)
{
	*used = 0;
	for (const char *p = arg; *p; p++) {
		struct cli_row *r = find_letter(*p);
		if (!r && p == arg && find_name(arg, strcspn(arg, "=")))
			return cli_usage("unknown option '-%s', did you mean '--%s'?", arg, arg);
		if (!r) {
			char name[2] = { *p, 0 };
			return unknown("", "-", name, 1);
		}
		if (cli_takes_value(r->o) < 2) {
			int rc = set(r, "", NULL, CLI_FROM_COMMAND_LINE);
			if (rc)
				return rc;
			continue;
		}
		if (!p[1] && !next)
			return cli_usage("-%c needs a value: -%c %s", *p, *p, cli_value_word(r->o));
		*used = !p[1];
		return set(r, "", p[1] ? p + 1 : next, CLI_FROM_COMMAND_LINE);
	}
	return 0;
}

int cli_parse(int argc, char **argv, int *n)
{
	*n = 0;
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];
		int used = 0, rc = 0;
		if (!strcmp(a, "--")) {
			while (++i < argc)
				argv[++*n] = argv[i];
			break;
		}
		if (a[0] != '-' || !a[1])
			argv[++*n] = argv[i];
		else if (a[1] == '-')
			rc = set_long("", a + 2, argv[i + 1], CLI_FROM_COMMAND_LINE, &used);
		else
			rc = set_letters(a + 1, argv[i + 1], &used);
		if (rc || cli_asked.help || cli_asked.version || cli_asked.completion)
			return rc;
		i += used;
	}
	argv[*n + 1] = NULL;
	return 0;
}

/* ---- what programs ask -------------------------------------------------------------------- */

int cli_given(const char *name)
{
	const struct cli_row *r = find_name(name, strlen(name));
	return r && r->origin != CLI_FROM_DEFAULT;
}

static int apply_line(const char *where, const char *line)
{
	line += strspn(line, " \t-");
	size_t n = strcspn(line, " \t="), end = strlen(line);
	while (end > n && strchr(" \t\r\n", line[end - 1]))
		end--;
	const char *value = line + n + strspn(line + n, " \t=");
	char *arg = value < line + end ? vit_arena_printf(&cli.arena, "%.*s=%.*s", (int)n, line, (int)(line + end - value), value)
				       : vit_arena_printf(&cli.arena, "%.*s", (int)n, line);
	int used;
	return arg ? set_long(where, arg, NULL, CLI_FROM_RECIPE, &used) : cli_fail(VIT_ENOMEM);
}

int cli_apply(const char *where, char *const *lines)
{
	char *prefix = vit_arena_printf(&cli.arena, "%s: ", where);
	int rc = prefix ? 0 : cli_fail(VIT_ENOMEM);
	for (; !rc && *lines; lines++)
		rc = apply_line(prefix, *lines);
	return rc;
}

json_t *cli_options_json(void)
{
	json_t *all = json_object();
	for (int i = 0; all && i < cli.n_row; i++) {
		const struct cli_row *r = &cli.row[i];
		struct vit_buf now = { 0 }, def = { 0 };
		if (r->o->flags & CLI_RESULT && !cli_value_text(r->o, r->value, &now) && !cli_value_text(r->o, r->def, &def) &&
		    strcmp((const char *)now.p, (const char *)def.p))
			json_object_set_new(all, r->o->name, json_string((const char *)now.p));
		vit_buf_release(&now);
		vit_buf_release(&def);
	}
	return all;
}
