/* SPDX-License-Identifier: MIT
 *
 * device.c - from "auto", "cpu", "cuda:1", "ref" to an open backend.
 */
#include "graph/backend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local char text[512];    /* of *note */

static int load(const char *name, const struct vit_backend **backend)
{
	const struct vit_module *m;
	/* OpenMP's library reads this once, while it is loaded with the module.
	 * Threads that spin between small regions starve whoever shares the cores:
	 * the data threads first of all; some microseconds of it still save most
	 * of the sleeps. Who knows better sets them himself. */
	if (!strcmp(name, "cpu")) {
		setenv("OMP_WAIT_POLICY", "passive", 0);
		setenv("GOMP_SPINCOUNT", "1000", 0);
	}
	VIT_TRY(vit_module_open(name, &m));
	if (m->size < sizeof(struct vit_backend))
		return vit_fail(VIT_EUNSUPPORTED, "module %s is of another build", name);
	*backend = (const struct vit_backend *)(const void *)m;
	return 0;
}

static int open_module(const char *name, const char *arg, int threads, const struct vit_backend **backend, struct vit_dev **dev)
{
	const struct vit_backend *b;
	VIT_TRY(load(name, &b));
	VIT_TRY(b->open(dev, arg, threads));
	*backend = b;
	return 0;
}

/* Does this installation have the CUDA module at all? Where it does not there
 * is nothing to say about it. */
static int has_cuda(void)
{
	char path[4096];
	int n = snprintf(path, sizeof path, "%s/vit/libvit-cuda.so", vit_lib_dir());
	return n > 0 && (size_t)n < sizeof path && !access(path, F_OK);
}

/* Hidden from this process on purpose: that is not worth a word. */
static int hides_cuda(void)
{
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");
	return visible && (!*visible || !strcmp(visible, "-1"));
}

static int open_auto(int threads, const struct vit_backend **backend, struct vit_dev **dev, const char **note)
{
	if (has_cuda() && !hides_cuda()) {
		if (!open_module("cuda", "", threads, backend, dev))
			return 0;
		snprintf(text, sizeof text, "no CUDA: %s; using the CPU", vit_errmsg());
		*note = text;
	}
	return open_module("cpu", "", threads, backend, dev);
}

int vit_device_open(const char *spec, int threads, const struct vit_backend **backend, struct vit_dev **dev, const char **note)
{
	const char *none = NULL, *kernels = getenv("VIT_KERNELS");
	if (!note)
		note = &none;
	*note = NULL;
	*backend = NULL;
	*dev = NULL;
	const char *colon = strchr(spec, ':'), *arg = colon ? colon + 1 : "";
	size_t n = colon ? (size_t)(colon - spec) : strlen(spec);
	int is_auto = n == 4 && !strncmp(spec, "auto", n), is_cpu = n == 3 && !strncmp(spec, "cpu", n);
	int is_cuda = n == 4 && !strncmp(spec, "cuda", n), is_ref = n == 3 && !strncmp(spec, "ref", n);
	if ((!is_auto && !is_cpu && !is_cuda && !is_ref) || (colon && !is_cuda))
		return vit_fail(VIT_EUSAGE, "device \"%s\" is none of auto, cpu, cuda, cuda:N, ref", spec);
	if (kernels && *kernels && strcmp(kernels, "ref"))
		return vit_fail(VIT_EUSAGE, "VIT_KERNELS is \"%s\", it may be ref", kernels);
	if (is_ref || (kernels && *kernels)) {
		*backend = &vit_backend_ref;
		return vit_backend_ref.open(dev, "", threads);
	}
	if (is_auto)
		return open_auto(threads, backend, dev, note);
	if (is_cuda && !has_cuda())
		return vit_fail(VIT_EUNSUPPORTED, "device %s: this build of vit-tools has no CUDA; leave the device out, or say cpu", spec);
	if (!is_cuda)
		return open_module("cpu", arg, threads, backend, dev);
	int rc = open_module("cuda", arg, threads, backend, dev);
	return rc ? vit_wrap(rc, "device %s", spec) : 0;
}

int vit_device_list(struct vit_buf *out)
{
	const struct vit_backend *b;
	struct vit_dev *dev = NULL;
	char lines[4096];
	if (open_module("cpu", "", 0, &b, &dev)) {
		VIT_TRY(vit_buf_printf(out, "cpu: %s\n", vit_errmsg()));
	} else {
		int rc = vit_buf_printf(out, "cpu (%s)\n", b->describe(dev));
		b->close(dev);
		VIT_TRY(rc);
	}
	if (!has_cuda())
		return 0;
	int rc = load("cuda", &b);
	if (!rc)
		rc = b->devices(lines, sizeof lines);
	return rc ? vit_buf_printf(out, "cuda: %s\n", vit_errmsg()) : vit_buf_printf(out, "%s", lines);
}
