/* SPDX-License-Identifier: MIT */
#include "core/module.h"

#include "build_id.h"

#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char lib_dir[PATH_MAX], share_dir[PATH_MAX + 16];

const char *vit_version(void)
{
	return VIT_VERSION;
}

const char *vit_build_id(void)
{
	return VIT_BUILD_ID;
}

static void find_dirs(void)
{
	Dl_info info;
	if (!dladdr((const void *)&lib_dir, &info) || !info.dli_fname || !realpath(info.dli_fname, lib_dir))
		return;
	char *slash = strrchr(lib_dir, '/');
	*slash = 0;
	char *up = strrchr(lib_dir, '/');
	if (up)
		snprintf(share_dir, sizeof share_dir, "%.*s/share/vit", (int)(up - lib_dir), lib_dir);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

const char *vit_lib_dir(void)
{
	pthread_once(&once, find_dirs);
	return lib_dir;
}

const char *vit_share_dir(void)
{
	pthread_once(&once, find_dirs);
	return share_dir;
}

int vit_module_open(const char *name, const struct vit_module **m)
{
	char path[PATH_MAX + 64], symbol[64];
	/* a name is part of a path: letters only, so that it cannot leave the directory */
	if (!*name || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(name) || strlen(name) > 32)
		return vit_fail(VIT_EUNSUPPORTED, "module '%s': not a module's name", name);
	snprintf(path, sizeof path, "%s/vit/libvit-%s.so", vit_lib_dir(), name);
	snprintf(symbol, sizeof symbol, "vit_module_%s", name);

	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		return vit_fail(VIT_EUNSUPPORTED, "module '%s' cannot be loaded: %s", name, dlerror());
	const struct vit_module *found = dlsym(handle, symbol);
	int rc = 0;
	if (!found)
		rc = vit_fail(VIT_EUNSUPPORTED, "%s: has no symbol %s", path, symbol);
	else if (found->size < sizeof *found || memcmp(found->build, VIT_BUILD_ID, sizeof VIT_BUILD_ID))
		rc = vit_fail(VIT_EUNSUPPORTED, "%s: belongs to another build than libvit %s; install both from one build",
			      path, VIT_BUILD_ID);
	if (rc) {
		dlclose(handle);
		return rc;
	}
	*m = found;
	return 0;
}
