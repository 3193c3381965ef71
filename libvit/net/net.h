/* SPDX-License-Identifier: MIT
 *
 * net.h - the module "net": one file from the network, by libcurl. What is
 * around it (cache, lock, mirrors, digest, rename) is format/download.h.
 */
#ifndef VIT_NET_NET_H
#define VIT_NET_NET_H

#include "core/module.h"

#include <stddef.h>

/* Bytes of the body as they come, in order; nonzero ends the transfer and is what
 * get() returns. `at`: place of the first one in the file. When the server ignores
 * the wish to resume, or has another version by now, `at` is 0 again. */
typedef int vit_net_write(void *ctx, const void *p, size_t n, int64_t at);

enum vit_net_retry {
	VIT_NET_NEVER,                  /* the same request will fail in the same way */
	VIT_NET_LATER,                  /* it may succeed later */
	VIT_NET_UNREACHABLE,            /* no such host, no connection: later only if it was there a moment ago */
};

struct vit_net_request {
	const char *url;                /* http, https, ftp, file */
	int64_t from;                   /* resume: bytes that are there already */
	const char *if_range;           /* resume only if this validator (ETag or date) still holds; NULL: none */
	vit_net_write *write;
	/* Called several times a second; total -1: unknown. Nonzero ends it (VIT_EINTR). */
	int (*progress)(void *ctx, int64_t done, int64_t total);
	void *ctx;
	/* out; `total` and `validator` are there before the first write */
	int64_t total;                  /* bytes of the whole file, as the server says; -1: it does not */
	char validator[256];            /* for the next if_range; "": none */
	int retry;                      /* after a failure: enum vit_net_retry */
	int stale;                      /* after a failure: what is there already is not of this file; from 0 it may work */
	int64_t retry_after;            /* seconds the server asks to wait; 0: it does not say */
};
struct vit_net_module {
	struct vit_module module;
	/* One attempt. Redirects (to http, https and ftp alone) and proxies ($https_proxy,
	 * $no_proxy) are followed, credentials come from the URL or ~/.netrc. A body's
	 * Content-Encoding stays. Transfers that stall for $VIT_NET_STALL seconds (30) end.
	 * VIT_EIO with a message that names the URL without credentials. */
	int (*get)(struct vit_net_request *);
};

#endif
