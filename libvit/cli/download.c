/* SPDX-License-Identifier: MIT
 *
 * download.c - a download's live line.
 */
#include "cli/internal.h"

#include <stdio.h>
#include <string.h>

char *cli_bytes(char buf[32], int64_t n)
{
	static const char *const unit[] = { "kB", "MB", "GB", "TB" };
	double v = (double)n;
	size_t u = 0;
	if (n < 1000) {
		snprintf(buf, 32, "%d B", (int)n);
		return buf;
	}
	/* 999.5 would be shown as 1000 */
	for (v /= 1000; v >= 999.5 && u < sizeof unit / sizeof *unit - 1; u++)
		v /= 1000;
	snprintf(buf, 32, v < 9.95 ? "%.1f %s" : "%.0f %s", v, unit[u]);
	return buf;
}

/* The rate is that of the last few seconds, so that a stall shows. */
static struct {
	char what[256];         /* what was said last */
	double since, rate;     /* bytes a second; 0: not known yet */
	int64_t at;
} now;

static void measure(const char *what, int64_t done)
{
	double t = cli_now();
	if (strncmp(now.what, what, sizeof now.what - 1) || done < now.at) {
		snprintf(now.what, sizeof now.what, "%s", what);
		now.since = t;
		now.at = done;
		now.rate = 0;
	} else if (t - now.since >= 1) {
		double rate = (double)(done - now.at) / (t - now.since);
		now.rate = now.rate > 0 ? 0.7 * now.rate + 0.3 * rate : rate;
		now.since = t;
		now.at = done;
	}
}

static void draw(const char *what, int64_t done, int64_t total)
{
	char a[32], b[32], c[32], d[32], of[48] = "", rate[96] = "";
	if (total > 0)
		snprintf(of, sizeof of, " of %s", cli_bytes(b, total));
	if (now.rate >= 1 && total > done)
		snprintf(rate, sizeof rate, ", %s/s, %s left", cli_bytes(c, (int64_t)now.rate),
		         cli_duration(d, (double)(total - done) / now.rate));
	else if (now.rate >= 1)
		snprintf(rate, sizeof rate, ", %s/s", cli_bytes(c, (int64_t)now.rate));
	int was = cli_progress_owner(1);
	if (done > 0 || total > 0)
		cli_progress("%s: %s%s%s", what, cli_bytes(a, done), of, rate);
	else
		cli_progress("%s", what);
	cli_progress_owner(was);
}

int cli_download(void *ctx, const char *what, int64_t done, int64_t total)
{
	(void)ctx;
	char size[32];
	if (!what) {
		cli_progress_end();
		*now.what = 0;
		return cli_signal != 0;
	}
	int news = strncmp(now.what, what, sizeof now.what - 1) != 0;
	measure(what, done);
	int was = cli_progress_owner(1), watched = cli_progress_wanted();
	cli_progress_owner(was);
	if (watched)
		draw(what, done, total);
	else if (news && total > 0)
		cli_note("%s, %s", what, cli_bytes(size, total));
	else if (news)
		cli_note("%s", what);
	return cli_signal != 0;
}
