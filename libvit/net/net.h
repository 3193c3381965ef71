/* SPDX-License-Identifier: MIT
 *
 * net.h - the module "net": one file from the network, by libcurl. What is
 * around it (cache, lock, mirrors, digest, rename) is format/download.h.
 */
#ifndef VIT_NET_NET_H
#define VIT_NET_NET_H

#include "core/module.h"

#include <stddef.h>

/* Bytes of the body as they come, in order; nonzero ends the transfer. `at`: place of
 * the first one in the file. When the server ignores the wish to resume, `at`
 * is 0 again. */
typedef int vit_net_write(void *ctx, const void *p, size_t n, int64_t at);

struct vit_net_request {
	const char *url;                /* http, https, ftp, file */
	int64_t from;                   /* resume: bytes that are there already */
	const char *if_range;           /* resume only if this validator (ETag or date) still holds; NULL: none */
	vit_net_write *write;
	/* Called several times a second; total -1: unknown. Nonzero ends it (VIT_EINTR). */
	int (*progress)(void *ctx, int64_t done, int64_t total);
	void *ctx;
	/* out */
	int64_t total;                  /* bytes of the whole file, as the server says; -1: it does not */
	char validator[256];            /* for the next if_range; "": none */
	int retry;                      /* after a failure: the same may succeed later */
	int retry_after;                /* seconds the server asks to wait; 0: it does not say */
};
struct vit_net_module {
	struct vit_module module;
	/* One attempt; redirects and proxies ($https_proxy, $no_proxy) are followed,
	 * credentials come from the URL or ~/.netrc. Stalled transfers (under 1 byte/s for 30 s)
	 * end. VIT_EIO with a message that names the URL without credentials. */
	int (*get)(struct vit_net_request *);
};

#endif
