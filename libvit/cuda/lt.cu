/* SPDX-License-Identifier: MIT
 *
 * lt.cu - finds cublasLt on this machine and opens it.
 */
#include "cuda/lt.h"

#include "cuda/cuda.h"
extern "C" {
#include "core/mem.h"
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(VIT_CUDA_SHIM)

static int load(struct lt *lt)
{
#define LT_TAKE(name) lt->name = &::name;
	LT_FUNCTIONS(LT_TAKE)
#undef LT_TAKE
	return 0;
}

#else

#include <dlfcn.h>
#include <limits.h>
#include <sys/stat.h>

/* The headers' own: another major version is another library. */
#define LT_TEXT2(x) #x
#define LT_TEXT(x) LT_TEXT2(x)
#define LT_FILE "libcublasLt.so." LT_TEXT(CUBLAS_VER_MAJOR)

/* The user's choice is not second-guessed; without one: the loader's path, the
 * toolkit's usual place, and beside libvit, where `make bundle` may have put it. */
static int find(void **library)
{
	char path[PATH_MAX];
	struct stat st;
	const char *own = getenv("VIT_CUBLASLT");
	if (own && *own) {
		int folder = !stat(own, &st) && S_ISDIR(st.st_mode);
		snprintf(path, sizeof path, "%s%s", own, folder ? "/" LT_FILE : "");
		*library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
		return *library ? 0 : vit_fail(VIT_EUNSUPPORTED, "cublasLt, from VIT_CUBLASLT: %s", dlerror());
	}
	const char *folder[] = { "", "/usr/local/cuda/lib64/", vit_lib_dir() };
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s" LT_FILE, folder[i], i == 2 ? "/" : "");
		*library = dlopen(path, RTLD_LAZY | RTLD_LOCAL);
		if (*library)
			return 0;
	}
	return vit_fail(VIT_EUNSUPPORTED, LT_FILE " is neither on the loader's path nor in /usr/local/cuda/lib64 or %s: "
	                "set VIT_CUBLASLT to it or to its directory", vit_lib_dir());
}

static int load(struct lt *lt)
{
	VIT_TRY(find(&lt->library));
	const char *lacks = NULL;
	void *at;
#define LT_TAKE(name) \
	at = dlsym(lt->library, #name); \
	if (!at) \
		lacks = #name; \
	memcpy(&lt->name, &at, sizeof at);
	LT_FUNCTIONS(LT_TAKE)
#undef LT_TAKE
	if (lacks)
		return vit_fail(VIT_EUNSUPPORTED, "cublasLt: the library found lacks %s; it is no " LT_FILE, lacks);
	size_t version = lt->cublasLtGetVersion();
	if (version / 10000 != CUBLAS_VER_MAJOR)
		return vit_fail(VIT_EUNSUPPORTED, "cublasLt: version %zu.%zu was found, %d.x is wanted", version / 10000, version / 100 % 100,
		                CUBLAS_VER_MAJOR);
	return 0;
}

#endif

int lt_check(const struct lt *lt, cublasStatus_t s)
{
	return s == CUBLAS_STATUS_SUCCESS ? 0 : vit_fail(VIT_EDEVICE, "cublasLt: %s", lt->cublasLtGetStatusString(s));
}

int lt_open(struct lt **out)
{
	struct lt *lt = (struct lt *)vit_calloc(1, sizeof *lt);
	if (!lt)
		return VIT_ENOMEM;
	int rc = load(lt);
	if (!rc)
		rc = lt_check(lt, lt->cublasLtCreate(&lt->handle));
	if (rc) {
		lt_close(lt);
		return rc;
	}
	lt->version = lt->cublasLtGetVersion();
	*out = lt;
	return 0;
}

void lt_close(struct lt *lt)
{
	if (!lt)
		return;
	if (lt->handle)
		lt->cublasLtDestroy(lt->handle);
	free(lt);
}
