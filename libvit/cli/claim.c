/* SPDX-License-Identifier: MIT
 *
 * claim.c - who reads stdin, and where data is written.
 */
#include "cli/internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *stdin_of;    /* who claimed it */

static int is_stdin(const char *path)
{
	static const char *const name[] = { "-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0" };
	for (int i = 0; path && i < 4; i++)
		if (!strcmp(path, name[i]))
			return 1;
	return !path;
}

int cli_claim(const char *what, const char *path)
{
	if (!is_stdin(path))
		return 0;
	if (stdin_of)
		return cli_usage("%s and %s cannot both be read from stdin, name a file for one of them", stdin_of, what);
	stdin_of = what;
	if (!isatty(STDIN_FILENO))
		return 0;
	cli_error("%s: no input, stdin is a terminal", what);
	struct vit_buf text = { 0 };
	if (!vit_buf_printf(&text, "usage: %s\n", cli.program->synopsis) && !cli_example(&text))
		cli_say((const char *)text.p, text.n);
	vit_buf_release(&text);
	return CLI_USAGE;
}

int cli_output(struct vit_output **out, const char *path, int text)
{
	int rc = vit_output_open(out, path);
	if (rc)
		return cli_fail(rc);
	if (!text && vit_output_is_tty(*out)) {
		vit_output_discard(*out);
		*out = NULL;
		return cli_usage("tensor bytes are not written to a terminal: pipe them on or name a file with -o");
	}
	return 0;
}
