/* SPDX-License-Identifier: MIT
 *
 * man.c - --help=man: the same facts as a roff page, so that the two never differ.
 */
#include "cli/internal.h"

#include "core/module.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Text with roff's own characters escaped. `literal`: dashes can be copied from
 * the page into a shell. */
static void print_roff(const char *s, int literal)
{
	for (int at_start = 1; *s; at_start = *s == '\n', s++) {
		if (at_start && (*s == '.' || *s == '\''))
			fputs("\\&", stdout);
		if (at_start && *s == '\n' && !literal)
			fputs(".PP", stdout);
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-' && literal)
			fputs("\\-", stdout);
		else
			putchar(*s);
	}
}

static void print_option(const struct cli_option *o)
{
	char note[192];
	const char *word = cli_value_word(o);
	fputs(".TP\n.B ", stdout);
	if (o->letter)
		printf("\\-%c, ", o->letter);
	fputs("\\-\\-", stdout);
	print_roff(o->name, 1);
	if (word) {
		fputs(cli_takes_value(o) == 1 ? "\\fR[=\\fI" : "\\fR \\fI", stdout);
		print_roff(word, 1);
		fputs(cli_takes_value(o) == 1 ? "\\fR]" : "\\fR", stdout);
	}
	putchar('\n');
	print_roff(o->help, 0);
	print_roff(cli_value_note(note, sizeof note, o), 0);
	putchar('\n');
}

static void print_options(void)
{
	puts(".SH OPTIONS");
	for (int i = 0; i < cli.n_row; i++) {
		const char *heading = cli_heading(i);
		if (heading && i)
			printf(".SS %s\n", heading);
		if (!(cli.row[i].o->flags & CLI_HIDDEN))
			print_option(cli.row[i].o);
	}
}

static void print_exit_status(void)
{
	static const char *const row[][2] = {
		{ "0", "done" },
		{ "1", "an error while running or in the data" },
		{ "2", "a usage error" },
		{ "3", "finished, but a threshold that was asked for was missed" },
		{ "128+N", "ended by signal N" },
	};
	puts(".SH EXIT STATUS");
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		printf(".TP\n.B %s\n%s\n", row[i][0], row[i][1]);
}

void cli_print_man(void)
{
	const struct cli_program *p = cli.program;
	char upper[64];
	size_t n = 0;
	for (; n < sizeof upper - 1 && p->name[n]; n++)
		upper[n] = (char)toupper((unsigned char)p->name[n]);
	upper[n] = 0;
	printf(".TH %s 1 \"\" \"vit-tools %s\" \"User Commands\"\n.SH NAME\n", upper, vit_version());
	print_roff(p->name, 1);
	fputs(" \\- ", stdout);
	print_roff(p->summary, 0);
	fputs("\n.SH SYNOPSIS\n.nf\n", stdout);
	print_roff(p->synopsis, 1);
	puts("\n.fi");
	if (p->arguments) {
		/* roff joins lines and keeps indented ones, as --help does */
		puts(".SH DESCRIPTION");
		print_roff(p->arguments, 0);
		putchar('\n');
	}
	print_options();
	print_exit_status();
	fputs(".SH EXAMPLE\n.EX\n", stdout);
	print_roff(p->example, 1);
	puts("\n.EE");
}
