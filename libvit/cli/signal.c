/* SPDX-License-Identifier: MIT
 *
 * signal.c - the first SIGINT, SIGTERM or SIGHUP asks, the second kills.
 */
#include "cli/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

volatile sig_atomic_t cli_signal;
static int wake[2] = { -1, -1 };

static void on_signal(int sig)
{
	int saved = errno;
	if (cli_signal) {
		vit_output_cleanup();
		signal(sig, SIG_DFL);
		raise(sig);     /* delivered when this handler returns */
	} else {
		cli_signal = sig;
		/* the pipe wakes a waiting vit_input; it never fills, so the result says nothing */
		if (write(wake[1], "", 1) < 0)
			errno = saved;
	}
	errno = saved;
}

int cli_signals_init(void)
{
	static const int asks[] = { SIGINT, SIGTERM, SIGHUP };
	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK))
		return cli_fail(vit_fail_errno("cannot make a pipe"));
	vit_input_interrupt(wake[0]);
	signal(SIGPIPE, SIG_IGN);       /* writes give VIT_EPIPE instead */
	for (int i = 0; i < 3; i++) {
		/* without SA_RESTART: a blocked open() of a FIFO wakes up too */
		struct sigaction now = { .sa_handler = on_signal }, old;
		sigemptyset(&now.sa_mask);
		/* nohup and shells' background jobs ignore some on purpose */
		if (!sigaction(asks[i], NULL, &old) && old.sa_handler != SIG_IGN)
			sigaction(asks[i], &now, NULL);
	}
	return 0;
}
