/* SPDX-License-Identifier: MIT
 *
 * completion.c - --completion bash|zsh|fish: a script for the user's shell.
 */
#include "cli/internal.h"

#include <stdio.h>
#include <string.h>

static const char *choices(const struct cli_option *o)
{
	return o->type == CLI_CHOICE || o->type == CLI_OPTCHOICE ? o->values : NULL;
}

static void print_words(const char *values)
{
	for (; *values; values++)
		putchar(*values == '|' ? ' ' : *values);
}

/* Shell function names have no dashes. */
static void print_function(void)
{
	putchar('_');
	for (const char *p = cli.program->name; *p; p++)
		putchar(*p == '-' ? '_' : *p);
}

static void print_bash(void)
{
	print_function();
	puts("() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n\tCOMPREPLY=()\n\tcase $prev in");
	for (int i = 0; i < cli.n_row; i++) {
		const struct cli_option *o = cli.row[i].o;
		if (o->flags & CLI_HIDDEN || !choices(o))
			continue;
		printf("\t--%s) COMPREPLY=($(compgen -W '", o->name);
		print_words(choices(o));
		puts("' -- \"$cur\")); return ;;");
	}
	printf("\tesac\n\t[[ $cur == -* ]] && COMPREPLY=($(compgen -W '");
	for (int i = 0; i < cli.n_row; i++)
		if (!(cli.row[i].o->flags & CLI_HIDDEN))
			printf("--%s ", cli.row[i].o->name);
	printf("' -- \"$cur\"))\n\treturn 0\n}\ncomplete -o default -F ");
	print_function();
	printf(" %s\n", cli.program->name);
}

static void print_fish(void)
{
	for (int i = 0; i < cli.n_row; i++) {
		const struct cli_option *o = cli.row[i].o;
		if (o->flags & CLI_HIDDEN)
			continue;
		printf("complete -c %s -l %s", cli.program->name, o->name);
		if (o->letter)
			printf(" -s %c", o->letter);
		if (choices(o)) {
			printf(" -x -a '");
			print_words(choices(o));
			putchar('\'');
		} else if (cli_takes_value(o) == 2) {
			printf(" -r");
		}
		printf(" -d '");
		for (const char *p = o->help; *p; p++)
			printf(*p == '\'' || *p == '\\' ? "\\%c" : "%c", *p);
		puts("'");
	}
}

void cli_print_completion(int shell)
{
	if (shell == 3) {
		print_fish();
		return;
	}
	if (shell == 2)
		puts("autoload -U +X bashcompinit && bashcompinit");
	print_bash();
}
