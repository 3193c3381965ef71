/* SPDX-License-Identifier: MIT
 *
 * plugin.h - which format reads a member.
 */
#ifndef VIT_FORMAT_PLUGIN_H
#define VIT_FORMAT_PLUGIN_H

#include "format/format.h"

/* Step through the source to the first member that a format claims, and hold it
 * there. `name`: only this one is asked; NULL: the built-in ones, then the
 * plugins on the path. *f NULL on failure. VIT_EFORMAT lists what was seen. */
int vit_format_find(struct vit_source *, const char *name, const struct vit_format **f) VIT_MUST_CHECK;

#endif
