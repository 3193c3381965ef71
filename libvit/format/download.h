/* SPDX-License-Identifier: MIT
 *
 * download.h - a file from the network into the cache, once.
 *
 * Several processes may ask for the same file at once (make -j): one downloads,
 * the others wait for its lock and find the file. A partial file, PATH.part, stays
 * and is resumed by the next attempt or the next process; the file gets its name
 * only when length and digest are right. PATH.part.from says where the part came
 * from and which version it is, so that two versions are never glued together.
 */
#ifndef VIT_FORMAT_DOWNLOAD_H
#define VIT_FORMAT_DOWNLOAD_H

#include "core/url.h"

#include <stdint.h>

struct vit_download {
	const char *const *url;         /* the same file at several places, tried in order; NULL-terminated */
	const char *sha256;             /* 64 hex digits; NULL: not known */
	int64_t size;                   /* bytes; -1: not known */
	const char *path;               /* where it is wanted; folders are made */
	/* What happens, in words ("downloading from www.example.org"): called several
	 * times a second, also while waiting; once with `what` NULL when it is over.
	 * total -1: not known. Nonzero ends it with VIT_EINTR. NULL: none. */
	int (*progress)(void *ctx, const char *what, int64_t done, int64_t total);
	void *ctx;
};
/* 0 also when the file is there already (its digest is checked only when it
 * comes). VIT_EIO after all mirrors and retries, naming each; VIT_EFORMAT: the
 * digest differs, both named; the file is then not kept. VIT_EINTR: told to stop
 * (vit_input_interrupt() or `progress`); what came stays for the next time.
 * $VIT_NET_RETRY: seconds before the first retry (1), each next wait is twice as long. */
int vit_download(const struct vit_download *) VIT_MUST_CHECK;

/* The cache's folder: `cache`, or where that is NULL $XDG_CACHE_HOME/vit, or
 * ~/.cache/vit; malloc'd. VIT_EUSAGE: none of them is known. */
int vit_cache_dir(const char *cache, char **dir) VIT_MUST_CHECK;
/* Where a URL is kept: <cache>/url/<digest of the URL>/<its last part>, malloc'd. */
int vit_url_path(const char *url, const char *cache, char **path) VIT_MUST_CHECK;
/* VIT_EFORMAT unless the file's SHA-256 is `want` (64 hex digits, else VIT_EUSAGE). */
int vit_file_digest(const char *path, const char *want) VIT_MUST_CHECK;

#endif
