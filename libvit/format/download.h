/* SPDX-License-Identifier: MIT
 *
 * download.h - a file from the network into the cache, once.
 *
 * Several processes may ask for the same file at once (make -j): one downloads,
 * the others wait for its lock and find the file. A partial file stays and is
 * resumed by the next attempt or the next process; the file gets its name only
 * when length and digest are right.
 */
#ifndef VIT_FORMAT_DOWNLOAD_H
#define VIT_FORMAT_DOWNLOAD_H

#include "core/err.h"

#include <stdint.h>

struct vit_download {
	const char *const *url;         /* the same file at several places, tried in order; NULL-terminated */
	const char *sha256;             /* 64 hex digits; NULL: not known */
	int64_t size;                   /* bytes; -1: not known */
	const char *path;               /* where it is wanted; folders are made */
	/* "cifar10: 34 of 170 MB": called several times a second and before each
	 * wait, with what happens in words; nonzero ends it with VIT_EINTR. */
	int (*progress)(void *ctx, const char *what, int64_t done, int64_t total);
	void *ctx;
};
/* 0 also when the file is there already (its digest is checked only when it
 * comes). VIT_EIO after all mirrors and retries, naming each; VIT_EFORMAT: the
 * digest differs, both named; the file is then not kept. */
int vit_download(const struct vit_download *) VIT_MUST_CHECK;

/* Does this source name a URL of ours? http:, https:, ftp:, file: */
int vit_is_url(const char *source);
/* Where a URL is kept: <cache>/url/<digest of the URL>/<its last part>, malloc'd. */
int vit_url_path(const char *url, const char *cache, char **path) VIT_MUST_CHECK;
/* A copy without user, password and query, for messages and history; malloc'd. */
char *vit_url_clean(const char *url);

#endif
