/* SPDX-License-Identifier: MIT
 *
 * download.c - mirrors, retries, digests.
 */
#include "format/download.h"

#include "core/mem.h"
#include "core/sha256.h"
#include "format/partial.h"
#include "net/net.h"
#include "stream/input.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_IDLE = 5,           /* attempts in a row that bring nothing */
	MAX_ATTEMPTS = 50,      /* at one mirror */
	MAX_WAIT = 60,          /* seconds between attempts that we choose */
	MAX_ASKED = 300,        /* that the server chooses */
};

struct job {
	const struct vit_download *d;
	const struct vit_net_module *net;
	struct vit_partial part;
	struct vit_net_request r;
	const char *url;        /* the present mirror */
	char *name;             /* as messages show it */
	char origin[65];        /* its digest */
	char *what;             /* what happens, for `progress` */
	int64_t best;           /* bytes of the part at most so far */
	int reached;            /* this mirror has brought some of them */
	int begun;              /* the attempt has brought bytes */
	int own;                /* the failure is this machine's: no other mirror helps */
};

/* ---- what happens, in words ------------------------------------------------------------------- */

static int tell(void *ctx, int64_t done, int64_t total)
{
	struct job *j = ctx;
	const struct vit_download *d = j->d;
	if (vit_input_interrupted() || (d->progress && d->progress(d->ctx, j->what, done, total)))
		return vit_fail(VIT_EINTR, "%s: interrupted; what came is kept for the next time", d->path);
	return 0;
}

static int on_progress(void *ctx, int64_t done, int64_t total)
{
	const struct job *j = ctx;
	return tell(ctx, done, total >= 0 ? total : j->d->size);
}

static int say(struct job *j, int64_t total, const char *fmt, ...) VIT_PRINTF(3, 4);
static int say(struct job *j, int64_t total, const char *fmt, ...)
{
	char text[1200];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	free(j->what);
	j->what = vit_strdup(text);
	return j->what ? tell(j, j->part.have, total) : VIT_ENOMEM;
}

static int wait_for_lock(void *ctx)
{
	struct job *j = ctx;
	return j->what ? tell(j, 0, -1) : say(j, -1, "waiting for another process that downloads it");
}

static int pause_for(struct job *j, double seconds)
{
	const struct timespec tenth = { .tv_nsec = 100000000 };
	for (; seconds > 0; seconds -= 0.1) {
		struct timespec t = tenth;
		if (seconds < 0.1)
			t.tv_nsec = (long)(seconds * 1e9);
		VIT_TRY(tell(j, j->part.have, -1));
		nanosleep(&t, NULL);
	}
	return 0;
}

/* ---- digests ------------------------------------------------------------------------------------ */

static int digest_of(int fd, const char *name, char hex[65])
{
	enum { PIECE = 1 << 18 };
	struct vit_sha256 sha;
	uint8_t *buf = vit_malloc(PIECE);
	int rc = buf ? 0 : VIT_ENOMEM;
	vit_sha256_init(&sha);
	for (off_t at = 0; !rc; ) {
		ssize_t k = pread(fd, buf, PIECE, at);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			rc = vit_fail_errno("%s", name);
		if (vit_input_interrupted())
			rc = vit_fail(VIT_EINTR, "%s: interrupted", name);
		if (k <= 0)
			break;
		vit_sha256_update(&sha, buf, (size_t)k);
		at += k;
	}
	vit_sha256_hex(&sha, hex);
	free(buf);
	return rc;
}

static int check_hex(const char *want)
{
	if (strlen(want) != 64 || strspn(want, "0123456789abcdefABCDEF") != 64)
		return vit_fail(VIT_EUSAGE, "%s: a SHA-256 is 64 hexadecimal digits", want);
	return 0;
}

int vit_file_digest(const char *path, const char *want)
{
	char hex[65];
	VIT_TRY(check_hex(want));
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return vit_fail_errno("%s", path);
	int rc = digest_of(fd, path, hex);
	close(fd);
	if (!rc && strcasecmp(hex, want))
		rc = vit_fail(VIT_EFORMAT, "%s: its SHA-256 is %s, not %s; fetch the file again", path, hex, want);
	return rc;
}

/* The same file for every user and every part of it. */
static int url_digest(const char *url, char hex[65])
{
	struct vit_sha256 sha;
	char *clean = vit_url_clean(url);
	if (!clean)
		return VIT_ENOMEM;
	const char *query = strchr(url, '?');
	vit_sha256_init(&sha);
	vit_sha256_update(&sha, clean, strlen(clean));
	if (query)
		vit_sha256_update(&sha, query, strcspn(query, "#"));
	vit_sha256_hex(&sha, hex);
	free(clean);
	return 0;
}

/* ---- one attempt ---------------------------------------------------------------------------------- */

/* Is it the published file, is there room for it? Then it goes behind what is there, or anew. */
static int begin(struct job *j, int64_t at)
{
	const struct vit_download *d = j->d;
	int64_t total = j->r.total;
	j->begun = 1;
	if (total >= 0 && d->size >= 0 && total != d->size)
		return vit_fail(VIT_EFORMAT, "%s: the server has %" PRId64 " bytes, the published file %" PRId64, j->name, total, d->size);
	j->own = 1;
	if (at)
		j->part.pieces++;
	else
		VIT_TRY(vit_partial_restart(&j->part, j->origin, j->r.validator));
	VIT_TRY(vit_partial_room(&j->part, total - at));
	j->own = 0;
	return 0;
}

static int on_bytes(void *ctx, const void *p, size_t n, int64_t at)
{
	struct job *j = ctx;
	if (!j->begun)
		VIT_TRY(begin(j, at));
	if (j->d->size >= 0 && at + (int64_t)n > j->d->size)
		return vit_fail(VIT_EFORMAT, "%s: sends more than the %" PRId64 " bytes of the published file", j->name, j->d->size);
	int rc = vit_partial_write(&j->part, p, n);
	j->own = rc != 0;
	return rc;
}

/* Resuming needs proof that the bytes there are this file's: the server compares
 * its validator, or the digest tells in the end. */
static void ask_for(struct job *j)
{
	const struct vit_partial *f = &j->part;
	int same = !strcmp(f->origin, j->origin) && *f->validator;
	j->begun = 0;
	j->r = (struct vit_net_request){ .url = j->url, .write = on_bytes, .progress = on_progress, .ctx = j };
	if (f->have && (same || j->d->sha256) && strncasecmp(j->url, "file:", 5))
		j->r.from = f->have;
	if (j->r.from && same)
		j->r.if_range = f->validator;
}

/* Ended after the last byte and before it got its name, as the digest will tell? */
static int is_whole(struct job *j)
{
	const struct vit_download *d = j->d;
	if (!d->sha256 || d->size < 0 || j->part.have != d->size)
		return 0;
	j->r.total = d->size;
	/* who knows where the bytes are from: wrong ones are no reproach to the mirror */
	j->part.pieces++;
	return 1;
}

/* The transfer ended well: is it the whole, and the right one? VIT_END: it is glued
 * from pieces and wrong; from 0 it may be right. */
static int check(struct job *j)
{
	const struct vit_download *d = j->d;
	char hex[65];
	if (!j->begun && j->part.have != j->r.total)    /* an empty file */
		VIT_TRY(begin(j, 0));
	if (d->size >= 0 && j->part.have != d->size)
		return vit_fail(VIT_EFORMAT, "%s: %" PRId64 " bytes came, the published file has %" PRId64, j->name, j->part.have, d->size);
	if (!d->sha256)
		return 0;
	VIT_TRY(digest_of(j->part.fd, j->part.part, hex));
	if (!strcasecmp(hex, d->sha256))
		return 0;
	if (j->part.pieces > 1)
		return VIT_END;
	return vit_fail(VIT_EFORMAT, "%s: its SHA-256 is %s, not %s", j->name, hex, d->sha256);
}

/* ---- one mirror -------------------------------------------------------------------------------------- */

static double first_wait(void)
{
	const char *text = getenv("VIT_NET_RETRY");
	double s = text ? strtod(text, NULL) : 1;
	return s >= 0 && s <= MAX_WAIT ? s : 1;
}

/* After a failed attempt: 0 when another one is worth it, having waited. */
static int retry(struct job *j, int rc, int *idle, int attempt)
{
	int64_t asked = j->r.retry_after;
	int came = j->part.have > j->best;
	if (came) {
		j->best = j->part.have;
		j->reached = 1;
		*idle = 0;
	}
	if (j->own || rc == VIT_EINTR || rc == VIT_EFORMAT || rc == VIT_ENOMEM)
		return rc;
	if (j->r.stale && attempt < MAX_ATTEMPTS && ++*idle < MAX_IDLE)
		return vit_partial_restart(&j->part, "", "");
	if (j->r.retry == VIT_NET_NEVER || (j->r.retry == VIT_NET_UNREACHABLE && !j->reached))
		return rc;
	if (asked > MAX_ASKED)
		return vit_fail(rc, "%s; it asks to wait %" PRId64 " s, try again then", vit_errmsg(), asked);
	if (++*idle >= MAX_IDLE || attempt >= MAX_ATTEMPTS)
		return vit_fail(rc, "%s, %d times", vit_errmsg(), attempt);
	double s = first_wait() * (1 << (*idle - 1));
	s = s > MAX_WAIT ? MAX_WAIT : s;
	s = s < (double)asked ? (double)asked : s;
	VIT_TRY(say(j, -1, "%s; trying again in %.3g s", vit_errmsg(), s));
	return pause_for(j, s);
}

static int from_mirror(struct job *j, const char *url)
{
	char *host = vit_url_host(url);
	free(j->name);
	j->url = url;
	j->name = vit_url_clean(url);
	int idle = 0, rc = host && j->name ? url_digest(url, j->origin) : VIT_ENOMEM;
	j->best = j->part.have;
	j->reached = 0;
	for (int attempt = 1; !rc; attempt++) {
		rc = *host ? say(j, j->d->size, "downloading from %s", host) : say(j, j->d->size, "copying");
		if (rc)
			break;
		ask_for(j);
		rc = is_whole(j) ? 0 : j->net->get(&j->r);
		if (!rc)
			rc = check(j);
		if (!rc)
			break;
		if (rc == VIT_END)
			rc = vit_partial_restart(&j->part, "", "");
		else
			rc = retry(j, rc, &idle, attempt);
	}
	free(host);
	return rc;
}

/* ---- all of them ----------------------------------------------------------------------------------------- */

/* A mirror failed: keep what it said, and go on to the next one. */
static int next_mirror(struct job *j, int rc, struct vit_buf *said)
{
	char text[1024];
	snprintf(text, sizeof text, "%s", vit_errmsg());
	if (vit_buf_printf(said, "%s%s", said->n ? "; " : "", text))
		return VIT_ENOMEM;
	/* bytes that are not the published file's are worth nothing to the next */
	if (rc == VIT_EFORMAT)
		VIT_TRY(vit_partial_restart(&j->part, "", ""));
	return say(j, -1, "%s", text);
}

static int from_any(struct job *j)
{
	struct vit_buf said = { 0 };
	int worst = VIT_EIO, rc = 0;
	for (const char *const *url = j->d->url; *url; url++) {
		rc = from_mirror(j, *url);
		if (!rc || j->own || rc == VIT_EINTR || rc == VIT_ENOMEM)
			goto out;
		worst = rc == VIT_EFORMAT ? rc : worst;
		rc = next_mirror(j, rc, &said);
		if (rc)
			goto out;
	}
	rc = vit_fail(worst, "%s", said.p ? (const char *)said.p : "no address to download from");
out:
	vit_buf_release(&said);
	return rc;
}

int vit_download(const struct vit_download *d)
{
	struct job j = { .d = d };
	const struct vit_module *base;
	if (d->sha256)
		VIT_TRY(check_hex(d->sha256));
	int rc = vit_partial_open(&j.part, d->path, wait_for_lock, &j);
	/* who downloaded it while we waited may not have known the digest */
	if (rc == VIT_END && j.what && d->sha256)
		rc = vit_file_digest(d->path, d->sha256);
	if (rc)
		goto out;
	rc = vit_module_open("net", &base);
	j.net = (const struct vit_net_module *)base;
	if (!rc)
		rc = from_any(&j);
	if (!rc)
		rc = vit_partial_finish(&j.part);
	vit_partial_close(&j.part);
out:
	if (j.what && d->progress)
		(void)d->progress(d->ctx, NULL, 0, 0);
	free(j.what);
	free(j.name);
	return rc == VIT_END ? 0 : rc;
}

/* ---- the cache ---------------------------------------------------------------------------------------------- */

int vit_cache_dir(const char *cache, char **dir)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct vit_buf out = { 0 };
	int rc;
	if (cache)
		rc = vit_buf_printf(&out, "%s", cache);
	else if (xdg && *xdg == '/')    /* the specification ignores relative ones */
		rc = vit_buf_printf(&out, "%s/vit", xdg);
	else if (home && *home)
		rc = vit_buf_printf(&out, "%s/.cache/vit", home);
	else
		rc = vit_fail(VIT_EUSAGE, "no place for downloads: neither $XDG_CACHE_HOME nor $HOME is set; --cache DIR names one");
	*dir = (char *)out.p;
	return rc;
}

int vit_url_path(const char *url, const char *cache, char **path)
{
	char hex[65], *dir = NULL, *clean = vit_url_clean(url);
	struct vit_buf out = { 0 };
	int rc = clean ? url_digest(url, hex) : VIT_ENOMEM;
	if (!rc)
		rc = vit_cache_dir(cache, &dir);
	if (!rc) {
		char *slash = strrchr(clean, '/'), *name = slash && slash[-1] != '/' ? slash + 1 : clean + strlen(clean);
		/* no hidden file, no way up, nothing that a shell or terminal takes for its own */
		for (char *p = name; *p; p++)
			if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+=%", *p) || (p == name && *p == '.'))
				*p = '_';
		rc = vit_buf_printf(&out, "%s/url/%.16s/%.120s", dir, hex, *name ? name : "index");
	}
	*path = (char *)out.p;
	free(dir);
	free(clean);
	return rc;
}
