/* SPDX-License-Identifier: MIT */
#include "core/url.h"

#include "core/mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int vit_is_url(const char *s)
{
	static const char *const start[] = { "http://", "https://", "ftp://", "file:/" };
	for (size_t i = 0; i < sizeof start / sizeof *start; i++)
		if (!strncasecmp(s, start[i], strlen(start[i])))
			return 1;
	return 0;
}

/* Where the host begins, with the user before it cut off, and its length. *head:
 * bytes before the user. */
static const char *host_of(const char *url, size_t *head, size_t *n)
{
	const char *p = url + strcspn(url, ":/?#");
	p += *p == ':';
	p += !strncmp(p, "//", 2) ? 2 : 0;
	*head = (size_t)(p - url);
	size_t all = *head && p[-1] == '/' ? strcspn(p, "/") : 0;
	/* the last @, past ? and # too: a careless password has them */
	const char *at = NULL;
	for (size_t i = 0; i < all; i++)
		if (p[i] == '@')
			at = p + i;
	p = at ? at + 1 : p;
	*n = *head && all ? strcspn(p, "/?#") : 0;
	return p;
}

char *vit_url_clean(const char *url)
{
	size_t n, head;
	const char *host = host_of(url, &head, &n);
	size_t tail = strcspn(host, "?#");
	char *out = vit_malloc(head + tail + 1);
	if (!out)
		return NULL;
	memcpy(out, url, head);
	memcpy(out + head, host, tail);
	out[head + tail] = 0;
	return out;
}

char *vit_url_host(const char *url)
{
	size_t n, head;
	const char *host = host_of(url, &head, &n);
	char *out = vit_malloc(n + 1);
	if (!out)
		return NULL;
	memcpy(out, host, n);
	out[n] = 0;
	return out;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

int vit_url_file(const char *url, char **path)
{
	size_t n, head;
	const char *host = host_of(url, &head, &n);
	if (n && !(n == 9 && !strncasecmp(host, "localhost", 9)))
		return vit_fail(VIT_EUSAGE, "%s: names a file of another machine; file:///PATH is one of this", url);
	const char *p = host + n;
	size_t len = strcspn(p, "?#");
	if (!len)
		return vit_fail(VIT_EUSAGE, "%s: names no file; file:///PATH does", url);
	char *out = vit_malloc(len + 1);
	if (!out)
		return VIT_ENOMEM;
	size_t k = 0;
	for (size_t i = 0; i < len; i++) {
		int high = p[i] == '%' ? hex(p[i + 1]) : -1, low = high < 0 ? -1 : hex(p[i + 2]);
		out[k++] = low < 0 ? p[i] : (char)(high * 16 + low);
		i += low < 0 ? 0 : 2;
		if (!out[k - 1]) {
			free(out);
			return vit_fail(VIT_EUSAGE, "%s: a path holds no zero byte", url);
		}
	}
	out[k] = 0;
	*path = out;
	return 0;
}
