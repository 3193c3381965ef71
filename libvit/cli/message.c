/* SPDX-License-Identifier: MIT
 *
 * message.c - what is said on stderr, exit statuses, bad records.
 */
#include "cli/internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Names come from archives and streams: they must not steer a terminal. The
 * second block of control characters, 80 to 9F, is C2 80 to C2 9F in UTF-8. */
static void tame(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < 0x20 || p[i] == 0x7F || (i && p[i - 1] == 0xC2 && p[i] >= 0x80 && p[i] <= 0x9F))
			p[i] = '?';
}

static void say(const char *fmt, va_list ap)
{
	char text[1200];
	int n = vsnprintf(text, sizeof text, fmt, ap);
	if (n < 0)
		return;
	tame((uint8_t *)text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
	struct vit_buf line = { 0 };
	if (!vit_buf_printf(&line, "%s: %s\n", cli.program->name, text))
		cli_say((const char *)line.p, line.n);
	vit_buf_release(&line);
}

#define SAY(fmt) do { va_list ap_; va_start(ap_, fmt); say(fmt, ap_); va_end(ap_); } while (0)

void cli_error(const char *fmt, ...)
{
	SAY(fmt);
}

static int quiet(void)
{
	return cli.common && cli.common->quiet;
}

void cli_warn(const char *fmt, ...)
{
	if (!quiet())
		SAY(fmt);
}

void cli_note(const char *fmt, ...)
{
	if (!quiet())
		SAY(fmt);
}

void cli_verbose(const char *fmt, ...)
{
	if (cli.common && cli.common->verbose)
		SAY(fmt);
}

int cli_usage(const char *fmt, ...)
{
	SAY(fmt);
	struct vit_buf line = { 0 };
	if (!vit_buf_printf(&line, "try '%s --help'\n", cli.program->name))
		cli_say((const char *)line.p, line.n);
	vit_buf_release(&line);
	return CLI_USAGE;
}

int cli_fail(int code)
{
	if (cli_signal) {
		if (code == VIT_EIO || code == VIT_ENOMEM)
			cli_error("%s", vit_errmsg());
		return 128 + (int)cli_signal;
	}
	if (code == VIT_OK)
		return CLI_DONE;
	if (code == VIT_EPIPE && cli.program->common & CLI_SAMPLES_OUT)
		return CLI_DONE;
	if (code == VIT_EUSAGE)
		return cli_usage("%s", vit_errmsg());
	cli_error("%s", vit_errmsg());
	return CLI_ERROR;
}

/* ---- bad records ----------------------------------------------------------------- */

static uint64_t bad;

uint64_t cli_bad_count(void)
{
	return bad;
}

/* How many of `total` may be bad. */
static double allowed(uint64_t total)
{
	const struct cli_share *max = &cli.common->max_bad;
	return max->percent ? ceil(max->value / 100 * (double)total) : max->value;
}

static int too_many(uint64_t total)
{
	const struct cli_share *max = &cli.common->max_bad;
	vit_fail(VIT_ERECORD, "%" PRIu64 " bad records of %" PRIu64 " are more than --max-bad %g%s", bad, total, max->value, max->percent ? "%" : "");
	cli_error("%s", vit_errmsg());
	return CLI_ERROR;
}

int cli_bad_record(uint64_t total)
{
	bad++;
	if (cli.common->max_bad.value == 0) {
		cli_error("%s (--max-bad leaves such records out)", vit_errmsg());
		return CLI_ERROR;
	}
	if ((double)bad <= allowed(total < 100 ? 100 : total)) {
		cli_warn("%s, left out", vit_errmsg());
		return 0;
	}
	cli_error("%s", vit_errmsg());
	return too_many(total);
}

int cli_bad_end(uint64_t total)
{
	return (double)bad > allowed(total) ? too_many(total) : 0;
}
