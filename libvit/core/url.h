/* SPDX-License-Identifier: MIT
 *
 * url.h - the parts of an address. Nothing here asks a network.
 */
#ifndef VIT_CORE_URL_H
#define VIT_CORE_URL_H

#include "core/err.h"

/* Does this name a file by a URL that is read? http://, https://, ftp://, file:/ */
int vit_is_url(const char *source);
/* A copy without user, password, query and fragment, which may hold secrets: for
 * messages, names and history; malloc'd, NULL without memory. */
char *vit_url_clean(const char *url);
/* "www.example.org:8080", "" for file:; malloc'd, NULL without memory. */
char *vit_url_host(const char *url);
/* The path that a file: URL names, %-escapes undone; malloc'd. VIT_EUSAGE: it is
 * on another host, or no path. */
int vit_url_file(const char *url, char **path) VIT_MUST_CHECK;

#endif
