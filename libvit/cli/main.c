/* SPDX-License-Identifier: MIT
 *
 * main.c - main() of every vit program.
 */
#include "cli/internal.h"

#include "core/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A program started with 0, 1 or 2 closed would give those numbers to its own
 * files. Fill the gaps so that using them still fails. */
static void fill_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
				_exit(CLI_ERROR);
}

/* OpenMP reads these when a backend is opened: waiting threads sleep instead
 * of spinning, and there are as many as asked for. The user's own settings win. */
static void set_openmp(void)
{
	char n[24];
	snprintf(n, sizeof n, "%d", (int)cli.common->threads);
	setenv("OMP_WAIT_POLICY", "passive", 0);
	setenv("OMP_DYNAMIC", "false", 0);
	setenv("OMP_NUM_THREADS", n, cli_given("threads"));
}

static int is_device(const char *s)
{
	if (!strcmp(s, "auto") || !strcmp(s, "cpu") || !strcmp(s, "cuda"))
		return 1;
	return !strncmp(s, "cuda:", 5) && s[5] && strlen(s) < 9 && strspn(s + 5, "0123456789") == strlen(s + 5);
}

/* What the common options mean on this machine. */
static int settle(void)
{
	struct cli_common *c = cli.common;
	if (c->device && !is_device(c->device))
		return cli_usage("--device '%s' is not auto, cpu, cuda or cuda:N", c->device);
	if (!c->threads)
		c->threads = vit_cpu_count();
	if (!c->memory)
		c->memory = (int64_t)(vit_memory_limit() / 4);
	set_openmp();
	return c->log ? cli_fail(cli_log_open(c->log)) : 0;
}

static int answer(void)
{
	if (cli_asked.help == 2)
		cli_print_man();
	else if (cli_asked.help)
		cli_print_help();
	else if (cli_asked.version)
		cli_print_version();
	else
		cli_print_completion(cli_asked.completion);
	return CLI_DONE;
}

/* What stdio still holds, and what the system says only now. */
static int close_stdout(int status)
{
	int failed = ferror(stdout);
	errno = 0;
	if (fflush(stdout) || failed) {
		if (status == CLI_DONE)
			status = errno ? cli_fail(vit_fail_errno("<stdout>")) : cli_fail(vit_fail(VIT_EIO, "<stdout>: write error"));
	}
	return status;
}

int cli_main(int argc, char **argv, const struct cli_program *program)
{
	fill_descriptors();
	int n = 0;
	int status = cli_rows_init(program);
	if (!status)
		status = cli_signals_init();
	if (!status)
		status = cli_parse(argc, argv, &n);
	if (!status && (cli_asked.help || cli_asked.version || cli_asked.completion))
		status = answer();
	else if (!status && !(status = settle()))
		status = program->run(cli.config, n, argv + 1);

	/* what failed because a signal ended the run is the signal's */
	if (cli_signal && status == CLI_ERROR)
		status = 128 + (int)cli_signal;
	cli_progress_end();
	status = close_stdout(status);
	vit_output_cleanup();
	cli_log_close();
	cli_rows_release();
	return status;
}
