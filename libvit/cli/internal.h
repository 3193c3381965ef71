/* SPDX-License-Identifier: MIT
 *
 * internal.h - what the files of cli/ share among themselves.
 */
#ifndef VIT_CLI_INTERNAL_H
#define VIT_CLI_INTERNAL_H

#include "cli/cli.h"

/* One option of this run: its table row, where its value and its default lie. */
enum cli_origin { CLI_FROM_DEFAULT, CLI_FROM_RECIPE, CLI_FROM_COMMAND_LINE };
struct cli_row {
	const struct cli_option *o;
	void *value;
	void *def;              /* the same type, holding the default */
	int origin;
};

enum { CLI_MAX_ROWS = 128 };
struct cli_state {
	const struct cli_program *program;
	char *config, *defaults;
	struct cli_common *common;      /* == config */
	struct cli_row row[CLI_MAX_ROWS];
	int n_row, n_own;               /* the program's own rows come first */
	struct vit_arena arena;         /* lists given on the command line */
};
extern struct cli_state cli;

/* Lines that --help, --version or --completion ask for. */
struct cli_asked {
	int help;               /* 0, 1 text, 2 man */
	int version;
	int completion;         /* 0, 1 bash, 2 zsh, 3 fish */
};
extern struct cli_asked cli_asked;

/* options.c */
int cli_rows_init(const struct cli_program *);          /* exit status */
void cli_rows_release(void);
/* Options out of argv; operands are moved to argv[1..*n], then NULL. Exit status. */
int cli_parse(int argc, char **argv, int *n);
int cli_takes_value(const struct cli_option *);         /* 0 never, 1 attached only, 2 always */

/* value.c: text to value and back. cli_value_set leaves a message such as
 * "'12x' is not a number from 0 to 10". */
int cli_value_set(const struct cli_option *, void *value, const char *text, int check_range);
int cli_value_text(const struct cli_option *, const void *value, struct vit_buf *out);
size_t cli_value_size(const struct cli_option *);
/* Digits that show a limit: a whole number as one, up to 2^63, others without the noise of binary. */
static inline int cli_digits(const struct cli_option *o)
{
	return o->type == CLI_INT || o->type == CLI_BYTES || o->type == CLI_OPTINT ? 19 : 15;
}

/* help.c, man.c, completion.c, version.c: print to stdout */
void cli_print_help(void);
void cli_print_man(void);
void cli_print_completion(int shell);
void cli_print_version(void);
/* "FILE", "auto|always|never", ...: what stands for the value; NULL: none. */
const char *cli_value_word(const struct cli_option *);
/* "example:" and the program's, indented. */
int cli_example(struct vit_buf *) VIT_MUST_CHECK;
/* The heading that begins with row `i`, or NULL. */
const char *cli_heading(int i);
/* " (0 to 1; default 0.1)" or "". */
char *cli_value_note(char *buf, size_t size, const struct cli_option *);

/* signal.c */
int cli_signals_init(void);

/* log.c */
int cli_log_open(const char *path);
void cli_log_close(void);

/* progress.c: print `text` (one or more lines, newline at the end) on stderr,
 * with a live line out of the way */
void cli_say(const char *text, size_t n);

#endif
