/* SPDX-License-Identifier: MIT
 *
 * module.h - parts of libvit that are loaded on demand.
 *
 * Heavy libraries (OpenMP and oneDNN, libarchive, cairo, later CUDA and curl)
 * hang on modules of their own, so that `vit-train --help` starts in
 * milliseconds. A module lies in <directory of libvit.so>/vit/libvit-NAME.so
 * and exports one const struct that begins with struct vit_module. It
 * belongs to this build alone: any other build id is refused.
 */
#ifndef VIT_CORE_MODULE_H
#define VIT_CORE_MODULE_H

#include "core/err.h"

#include <stdint.h>

struct vit_module {
	uint32_t size;          /* of the whole struct this one begins */
	char build[28];         /* VIT_BUILD_ID of its build, NUL-terminated */
};

/* Open libvit-NAME.so and find `vit_module_NAME`. *m stays valid for the life
 * of the process. VIT_EUNSUPPORTED with the loader's reason if it cannot be. */
int vit_module_open(const char *name, const struct vit_module **m) VIT_MUST_CHECK;

/* "0.1.0", and the id of this very build (digest of sources and flags). */
const char *vit_version(void);
const char *vit_build_id(void);

/* Directory of libvit.so, without a trailing slash; "" if unknown. */
const char *vit_lib_dir(void);

/* "<prefix>/share/vit" beside the library's "<prefix>/lib"; "" if unknown. */
const char *vit_share_dir(void);

#endif
