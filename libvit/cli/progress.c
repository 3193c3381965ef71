/* SPDX-License-Identifier: MIT
 *
 * progress.c - one live line on stderr, and everything else said there.
 */
#include "cli/internal.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { AUTO, ALWAYS, NEVER };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char line[1024];         /* what stands on the live line */
static int live;                /* it is on the screen, without a newline */
static int is_owner;
static double last_drawn = -1e9;

double cli_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

char *cli_duration(char buf[32], double seconds)
{
	/* beyond 99,999 hours it is a guess not worth a number */
	long s = seconds > 0 && seconds < 3.6e8 ? (long)(seconds + 0.5) : 0;
	if (seconds >= 3.6e8)
		snprintf(buf, 32, "ever");
	else if (s >= 3600)
		snprintf(buf, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
	else if (s >= 60)
		snprintf(buf, 32, "%ld:%02ld", s / 60, s % 60);
	else
		snprintf(buf, 32, "%lds", s);
	return buf;
}

/* Nothing can be done where stderr itself fails. */
static void put(const char *text, size_t n)
{
	for (ssize_t w; n && (w = write(STDERR_FILENO, text, n)) > 0; n -= (size_t)w)
		text += w;
}

static int on_terminal(void)
{
	static int known = -1;
	if (known < 0)
		known = isatty(STDERR_FILENO);
	return known;
}

static int stdout_is_pipe(void)
{
	struct stat st;
	return !fstat(STDOUT_FILENO, &st) && S_ISFIFO(st.st_mode);
}

int cli_progress_wanted(void)
{
	if (!cli.common || cli.common->progress == NEVER)
		return 0;
	if (cli.common->progress == ALWAYS)
		return 1;
	return !cli.common->quiet && on_terminal() && (is_owner || !stdout_is_pipe());
}

int cli_progress_owner(int owner)
{
	int was = is_owner;
	is_owner = owner;
	return was;
}

int cli_progress_due(void)
{
	return cli_progress_wanted() && cli_now() - last_drawn >= (on_terminal() ? 0.1 : 1.0);
}

/* Bytes of `text` that fit into `columns`, counting UTF-8 characters as one: whole
 * fields, which two spaces part, if there are such. Half a number misleads. */
static size_t fitting(const char *text, int columns)
{
	size_t n = 0;
	for (; text[n]; n++)
		if (((unsigned char)text[n] & 0xC0) != 0x80 && columns-- == 0)
			break;
	if (!text[n])
		return n;
	for (size_t k = n; k > 1; k--)
		if (text[k] == ' ' && text[k - 1] == ' ')
			return k - 1;
	return n;
}

static int columns(void)
{
	struct winsize w;
	/* one column stays free: a full line would wrap */
	return !ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col > 1 ? w.ws_col - 1 : 79;
}

static void draw(void)
{
	char text[sizeof line + 8];
	int n = on_terminal() ? snprintf(text, sizeof text, "\r%.*s\033[K", (int)fitting(line, columns()), line)
			      : snprintf(text, sizeof text, "%s\n", line);
	put(text, (size_t)n);
	live = on_terminal();
}

void cli_progress(const char *fmt, ...)
{
	if (!cli_progress_due())
		return;
	pthread_mutex_lock(&lock);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	last_drawn = cli_now();
	draw();
	pthread_mutex_unlock(&lock);
}

void cli_progress_end(void)
{
	pthread_mutex_lock(&lock);
	if (live)
		put("\n", 1);
	live = 0;
	pthread_mutex_unlock(&lock);
}

void cli_say(const char *text, size_t n)
{
	pthread_mutex_lock(&lock);
	int was_live = live;
	if (was_live)
		put("\r\033[K", 4);
	put(text, n);
	if (was_live)
		draw();
	pthread_mutex_unlock(&lock);
}
