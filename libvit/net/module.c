/* SPDX-License-Identifier: MIT
 *
 * module.c - one transfer, by libcurl.
 */
#include "net/net.h"

#include "build_id.h"
#include "core/url.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct transfer {
	struct vit_net_request *r;
	CURL *curl;
	char *name;                     /* the URL as messages show it */
	/* of the present response: a redirect's or proxy's come before it */
	int status;                     /* 0: not HTTP */
	char etag[sizeof((struct vit_net_request *)0)->validator], date[64];
	int64_t range_from, range_total;/* of Content-Range; -1: not said */
	int started;                    /* the body has begun */
	int64_t at;                     /* place of its next byte */
	time_t heard;                   /* when something came last */
	int rc;                         /* a failure of ours, message set; 0: none */
};

static time_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

/* ---- the response's head -------------------------------------------------------------- */

/* The value of header `name` in this line, cut of blanks, or NULL. */
static const char *value_of(const char *line, size_t n, const char *name, size_t *len)
{
	size_t k = strlen(name);
	if (n <= k || line[k] != ':' || strncasecmp(line, name, k))
		return NULL;
	const char *p = line + k + 1, *end = line + n;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && strchr(" \t\r\n", end[-1]))
		end--;
	*len = (size_t)(end - p);
	return p;
}

/* "bytes 100-199/200", or a 416's "bytes *" with the length after it; a star: not known */
static void content_range(struct transfer *t, const char *v, size_t n)
{
	char text[96], *end;
	snprintf(text, sizeof text, "%.*s", (int)(n < 90 ? n : 90), v);
	const char *slash = strchr(text, '/');
	if (strncasecmp(text, "bytes ", 6) || !slash)
		return;
	if (text[6] != '*')
		t->range_from = strtoll(text + 6, NULL, 10);
	int64_t total = strtoll(slash + 1, &end, 10);
	if (end > slash + 1 && total >= 0)
		t->range_total = total;
}

static size_t on_header(char *line, size_t one, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t len;
	const char *v;
	n *= one;
	t->heard = now();
	if (n > 5 && !strncmp(line, "HTTP/", 5)) {
		const char *space = memchr(line, ' ', n);
		t->status = space && (size_t)(space - line) + 4 <= n ? atoi(space + 1) : 0;
		*t->etag = *t->date = 0;
		t->range_from = t->range_total = -1;
		/* a weak ETag names what looks the same: not the same bytes */
	} else if ((v = value_of(line, n, "ETag", &len)) && len < sizeof t->etag && *v == '"') {
		snprintf(t->etag, sizeof t->etag, "%.*s", (int)len, v);
	} else if ((v = value_of(line, n, "Last-Modified", &len)) && len < sizeof t->date) {
		snprintf(t->date, sizeof t->date, "%.*s", (int)len, v);
	} else if ((v = value_of(line, n, "Content-Range", &len))) {
		content_range(t, v, len);
	}
	return n;
}

/* ---- the body --------------------------------------------------------------------------- */

static int stale(struct transfer *t, const char *why)
{
	t->r->stale = 1;
	return t->rc = vit_fail(VIT_EIO, "%s: %s", t->name, why);
}

/* What comes: where its first byte belongs, how long the file is, which version. */
static int start_body(struct transfer *t)
{
	struct vit_net_request *r = t->r;
	curl_off_t length = -1;
	const char *type = NULL;
	curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	curl_easy_getinfo(t->curl, CURLINFO_CONTENT_TYPE, &type);
	t->started = 1;
	/* no file is that long, and sums with it must not overflow */
	if (length > INT64_MAX - r->from)
		length = -1;
	/* where a network wants a login, or the address is that of a page about the file */
	if (t->status && type && !strncasecmp(type, "text/html", 9))
		return t->rc = vit_fail(VIT_EIO, "%s: a web page comes in place of the file; open it in a browser to see what it says", t->name);
	snprintf(r->validator, sizeof r->validator, "%s", *t->etag ? t->etag : t->date);
	if (!t->status) {
		t->at = r->from;
		r->total = length < 0 ? -1 : r->from + length;
		return 0;
	}
	if (t->status != 206) {
		t->at = 0;
		r->total = length;
		return 0;
	}
	if (!r->from)
		return t->rc = vit_fail(VIT_EIO, "%s: the server sends a part although the whole was asked for", t->name);
	if (t->range_from != r->from)
		return stale(t, "the server sends another part than was asked for");
	/* a server that knows no If-Range */
	if (r->if_range && *r->if_range == '"' && *t->etag && strcmp(r->if_range, t->etag))
		return stale(t, "the file changed while it was downloaded");
	t->at = r->from;
	r->total = t->range_total >= 0 ? t->range_total : length < 0 ? -1 : r->from + length;
	return 0;
}

static size_t on_body(char *p, size_t one, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	n *= one;
	t->heard = now();
	if (!t->started && start_body(t))
		return 0;
	int rc = t->r->write(t->r->ctx, p, n, t->at);
	if (rc) {
		t->rc = rc;
		return 0;
	}
	t->at += (int64_t)n;
	return n;
}

static long stall_seconds(void)
{
	const char *text = getenv("VIT_NET_STALL");
	long s = text ? strtol(text, NULL, 10) : 0;
	return s > 0 && s < 86400 ? s : 30;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t done, curl_off_t up, curl_off_t up_done)
{
	struct transfer *t = ctx;
	(void)total, (void)done, (void)up, (void)up_done;
	if (t->r->progress && t->r->progress(t->r->ctx, t->started ? t->at : t->r->from, t->r->total))
		t->rc = vit_fail(VIT_EINTR, "%s: interrupted", t->name);
	/* curl's own limit on slow transfers looks at an average, which outlives a stall by seconds */
	if (!t->rc && now() - t->heard > stall_seconds()) {
		t->r->retry = VIT_NET_LATER;
		t->rc = vit_fail(VIT_EIO, "%s: nothing came for %ld s", t->name, stall_seconds());
	}
	return t->rc != 0;
}

/* ---- one attempt ------------------------------------------------------------------------- */

static int retry_of(CURLcode code, int status)
{
	switch (code) {
	case CURLE_HTTP_RETURNED_ERROR:
		return status >= 500 || status == 408 || status == 425 || status == 429 ? VIT_NET_LATER : VIT_NET_NEVER;
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
		return VIT_NET_UNREACHABLE;
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
	case CURLE_FTP_ACCEPT_TIMEOUT:
		return VIT_NET_LATER;
	default:
		return VIT_NET_NEVER;
	}
}

static int failed(struct transfer *t, CURLcode code, const char *detail)
{
	struct vit_net_request *r = t->r;
	curl_off_t wait = 0;
	if (t->rc)
		return t->rc;
	curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &wait);
	r->retry = retry_of(code, t->status);
	r->retry_after = wait;
	if (code == CURLE_HTTP_RETURNED_ERROR && t->status == 416 && r->from) {
		/* no byte after the last one: it was complete */
		if (t->range_total == r->from) {
			r->total = r->from;
			return 0;
		}
		return stale(t, "the server has fewer bytes than were downloaded before");
	}
	if (code == CURLE_HTTP_RETURNED_ERROR)
		return vit_fail(VIT_EIO, "%s: the server answers with status %d%s", t->name, t->status,
		                t->status == 404 || t->status == 410 ? ", no such file" : "");
	if (code == CURLE_UNSUPPORTED_PROTOCOL)
		return vit_fail(VIT_EIO, "%s: the address, or one it leads to, is none of http, https and ftp", t->name);
	if (code == CURLE_PARTIAL_FILE)
		return vit_fail(VIT_EIO, "%s: the transfer was cut after %" PRId64 " of %" PRId64 " bytes", t->name, t->at, r->total);
	return vit_fail(VIT_EIO, "%s: %s", t->name, *detail ? detail : curl_easy_strerror(code));
}

static void set_options(struct transfer *t, char *detail)
{
	CURL *c = t->curl;
	/* as the program curl does, the library does not */
	const char *authorities = getenv("CURL_CA_BUNDLE");
	if (authorities && *authorities)
		curl_easy_setopt(c, CURLOPT_CAINFO, authorities);
	curl_easy_setopt(c, CURLOPT_URL, t->r->url);
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "vit-tools/" VIT_VERSION);
	curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL);
	/* a server must not make us read the user's own files */
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,ftp,file");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https,ftp");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, 10L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, stall_seconds());
	curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 1L << 17);
	curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
}

static struct curl_slist *add(struct curl_slist *list, const char *line, int *bad)
{
	struct curl_slist *more = curl_slist_append(list, line);
	*bad |= !more;
	return more ? more : list;
}

/* The part that is missing. By header, since curl's own way to resume takes a
 * server that sends the whole instead for an error. */
static struct curl_slist *headers_of(const struct vit_net_request *r, int *bad)
{
	char line[320];
	/* the file's own bytes, which the digest is of: asked for, and what comes packed stays so */
	struct curl_slist *list = add(NULL, "Accept-Encoding: identity", bad);
	if (r->from > 0) {
		snprintf(line, sizeof line, "Range: bytes=%" PRId64 "-", r->from);
		list = add(list, line, bad);
	}
	if (r->from > 0 && r->if_range) {
		snprintf(line, sizeof line, "If-Range: %s", r->if_range);
		list = add(list, line, bad);
	}
	return list;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int ready;

static void init(void)
{
	ready = !curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int net_get(struct vit_net_request *r)
{
	struct transfer t = { .r = r, .range_from = -1, .range_total = -1, .heard = now() };
	struct curl_slist *headers = NULL;
	char detail[CURL_ERROR_SIZE] = "";
	int rc = VIT_ENOMEM, bad = 0;
	r->total = -1;
	*r->validator = 0;
	r->retry = VIT_NET_NEVER;
	r->stale = 0;
	r->retry_after = 0;
	pthread_once(&once, init);
	t.name = vit_url_clean(r->url);
	if (!t.name)
		goto out;
	t.curl = ready ? curl_easy_init() : NULL;
	headers = headers_of(r, &bad);
	if (!t.curl || bad) {
		vit_fail(rc, "%s: no memory for a transfer", t.name);
		goto out;
	}
	set_options(&t, detail);
	curl_easy_setopt(t.curl, CURLOPT_HTTPHEADER, headers);
	if (r->from > 0 && !strncasecmp(r->url, "ftp:", 4))
		curl_easy_setopt(t.curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)r->from);
	CURLcode code = curl_easy_perform(t.curl);
	rc = code == CURLE_OK ? 0 : failed(&t, code, detail);
	/* a file without a byte has no body to start with */
	if (!rc && !t.started && code == CURLE_OK)
		rc = start_body(&t);
out:
	curl_easy_cleanup(t.curl);
	curl_slist_free_all(headers);
	free(t.name);
	return rc;
}

extern const struct vit_net_module vit_module_net;

const struct vit_net_module vit_module_net = {
	.module = { sizeof(struct vit_net_module), VIT_BUILD_ID },
	.get = net_get,
};
