/* SPDX-License-Identifier: MIT
 *
 * help.c - --help, from the option table.
 */
#include "cli/internal.h"

#include <stdio.h>
#include <string.h>

enum { WIDTH = 80, HELP_COLUMN = 28 };

const char *cli_value_word(const struct cli_option *o)
{
	if (o->arg)
		return o->arg;
	switch (o->type) {
	case CLI_FLAG:
		return NULL;
	case CLI_CHOICE:
	case CLI_OPTCHOICE:
		return o->values;
	case CLI_STR:
	case CLI_LIST:
		return "TEXT";
	case CLI_BYTES:
		return "BYTES";
	case CLI_SHARE:
		return "N|P%";
	case CLI_SPAN:
		return "Nep|Nit|P%";
	case CLI_PART:
		return "I/N";
	case CLI_PLACE:
		return "E[:R]";
	case CLI_FLOAT:
	case CLI_FRACTION:
		return "X";
	default:
		return "N";
	}
}

char *cli_value_note(char *buf, size_t size, const struct cli_option *o)
{
	int number = o->type == CLI_INT || o->type == CLI_FLOAT || o->type == CLI_SPAN || o->type == CLI_OPTINT;
	char range[64] = "", def[96] = "";
	/* limits in the billions only keep out nonsense */
	if (number && o->max > o->min && o->max < 1e6)
		snprintf(range, sizeof range, "%.*g to %.*g", cli_digits(o), o->min, cli_digits(o), o->max);
	/* a negative default stands for "none" where negative values cannot be given */
	if (o->def && o->type != CLI_FLAG && !(o->def[0] == '-' && o->min == 0))
		snprintf(def, sizeof def, "default %s", o->def);
	if (!*range && !*def)
		*buf = 0;
	else
		snprintf(buf, size, " (%s%s%s)", range, *range && *def ? "; " : "", def);
	return buf;
}

int cli_example(struct vit_buf *b)
{
	VIT_TRY(vit_buf_printf(b, "example:\n"));
	for (const char *line = cli.program->example; *line; ) {
		int n = (int)strcspn(line, "\n");
		VIT_TRY(vit_buf_printf(b, "  %.*s\n", n, line));
		line += n + (line[n] == '\n');
	}
	return 0;
}

const char *cli_heading(int i)
{
	const struct cli_option *o = cli.row[i].o;
	if (i == cli.n_own)
		return i ? "common options" : "options";
	return o->group ? o->group : i ? NULL : "options";
}

/* Where a line of hand-written text ends for good: before an empty or an
 * indented line. Other line breaks are as good as blanks. */
static int is_hard_break(const char *s)
{
	return s[0] == '\n' && (s[1] == '\n' || s[1] == ' ' || !s[1]);
}

/* Words of `text` wrapped from `column` on, where the cursor is. */
static void print_wrapped(const char *text, int column)
{
	int at = column, blanks = 0;
	while (*text) {
		if (is_hard_break(text)) {
			printf("\n%*s", text[1] == ' ' ? column : 0, "");
			at = column;
			blanks = 0;
			text++;
			continue;
		}
		if (*text == ' ' || *text == '\n') {
			blanks++;
			text++;
			continue;
		}
		int n = (int)strcspn(text, " \n");
		if (at > column && at + blanks + n > WIDTH) {
			printf("\n%*s", column, "");
			at = column;
			blanks = 0;
		}
		at += printf("%*s%.*s", blanks, "", n, text);
		blanks = 0;
		text += n;
	}
	putchar('\n');
}

static void print_option(const struct cli_option *o)
{
	char left[160], text[512], note[192];
	const char *word = cli_value_word(o);
	int n = o->letter ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
			  : snprintf(left, sizeof left, "      --%s", o->name);
	if (word)
		n += snprintf(left + n, sizeof left - (size_t)n, cli_takes_value(o) == 1 ? "[=%s]" : " %s", word);
	snprintf(text, sizeof text, "%s%s", o->help, cli_value_note(note, sizeof note, o));
	printf("%s", left);
	if (n + 2 > HELP_COLUMN) {
		putchar('\n');
		n = 0;
	}
	printf("%*s", HELP_COLUMN - n, "");
	print_wrapped(text, HELP_COLUMN);
}

void cli_print_help(void)
{
	const struct cli_program *p = cli.program;
	printf("usage: %s\n%s\n", p->synopsis, p->summary);
	if (p->arguments) {
		putchar('\n');
		print_wrapped(p->arguments, 0);
	}
	for (int i = 0; i < cli.n_row; i++) {
		const struct cli_option *o = cli.row[i].o;
		if (cli_heading(i))
			printf("\n%s:\n", cli_heading(i));
		if (!(o->flags & CLI_HIDDEN))
			print_option(o);
	}
	printf("\nexit status: 0 done, 1 error, 2 usage, 3 a threshold was missed, 128+N signal N\n");
	struct vit_buf example = { 0 };
	if (!cli_example(&example))
		printf("\n%s", (const char *)example.p);
	vit_buf_release(&example);
}
