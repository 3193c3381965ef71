/* SPDX-License-Identifier: MIT
 *
 * module.c - the backend "cpu": picks the instruction set, hands out kernels.
 *
 * VIT_CPU=scalar|avx2|avx512 in the environment narrows the choice, so that
 * every variant can be tested on one machine; what the processor lacks is
 * refused.
 */
#include "build_id.h"
#include "core/mem.h"
#include "core/thread.h"
#include "cpu/cpu.h"
#include "cpu/onednn.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* cpuid plus what the system saves on a context switch: the builtin asks both. */
static int has_avx512(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma");
#else
	return 0;
#endif
}

static int has_avx2(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
	return 0;
#endif
}

static int choose(const struct cpu_isa **isa)
{
	const char *want = getenv("VIT_CPU");
	if (want && !*want)
		want = NULL;
	*isa = NULL;
#if defined(__x86_64__)
	if (has_avx512() && (!want || !strcmp(want, "avx512")))
		*isa = &cpu_isa_avx512;
	else if (has_avx2() && (!want || !strcmp(want, "avx2")))
		*isa = &cpu_isa_avx2;
#endif
	if (!*isa && (!want || !strcmp(want, "scalar")))
		*isa = &cpu_isa_scalar;
	if (!*isa)
		return vit_fail(VIT_EUNSUPPORTED, "VIT_CPU=%s: this machine offers scalar%s%s", want, has_avx2() ? ", avx2" : "",
		                has_avx512() ? ", avx512" : "");
	return 0;
}

static int cpu_open(struct vit_dev **out, const char *spec, int threads)
{
	if (spec && *spec)
		return vit_fail(VIT_EUSAGE, "device cpu takes no '%s': use --threads for the number of threads", spec);
	const struct cpu_isa *isa;
	VIT_TRY(choose(&isa));
	struct vit_dev *d = vit_calloc(1, sizeof *d);
	if (!d)
		return VIT_ENOMEM;
	d->isa = isa;
	d->threads = threads > 0 ? threads : vit_cpu_count();
	omp_set_dynamic(0);
	char products[32];
	cpu_onednn_version(products, sizeof products);
	snprintf(d->line, sizeof d->line, "%s, %d thread%s, %s", isa->label, d->threads, d->threads == 1 ? "" : "s", products);
	*out = d;
	return 0;
}

static void cpu_close(struct vit_dev *d)
{
	free(d);
}

static const char *cpu_describe(struct vit_dev *d)
{
	return d->line;
}

/* Large blocks start on a 2 MiB border and ask for large pages: a product
 * walks hundreds of small ones at once otherwise. */
static void *cpu_alloc(struct vit_dev *d, size_t n, int pinned)
{
	(void)d;
	(void)pinned;
	const size_t huge = 2u << 20;
	if (n < 4 * huge || n > SIZE_MAX - huge)
		return vit_aligned_alloc(n);
	size_t size = (n + huge - 1) / huge * huge;
	void *p = aligned_alloc(huge, size);
	if (!p) {
		vit_fail(VIT_ENOMEM, "no memory for %zu bytes", n);
		return NULL;
	}
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

static void cpu_free(struct vit_dev *d, void *p, int pinned)
{
	(void)d;
	(void)pinned;
	free(p);
}

static int cpu_copy(struct vit_dev *d, void *to, const void *from, size_t n, int dir)
{
	(void)d;
	(void)dir;
	if (n)
		memmove(to, from, n);
	return 0;
}

static int cpu_sync(struct vit_dev *d)
{
	(void)d;
	return 0;
}

static int all_f32(const struct vit_tensor *t, int n)
{
	for (int i = 0; i < n; i++)
		if (vit_dtypes[t[i].dtype].is_float && t[i].dtype != VIT_F32)
			return 0;
	return 1;
}

static vit_kernel cpu_find(struct vit_dev *d, struct vit_call *c, int back)
{
	for (const struct cpu_op *op = d->isa->op; op->name; op++) {
		if (strcmp(op->name, c->op))
			continue;
		vit_kernel k = back ? op->backward : op->forward;
		int64_t floats = 0;
		if (!k || !all_f32(c->in, c->n_in) || !all_f32(c->out, c->n_out) || (op->fit && !op->fit(c, d, back, &floats)))
			return NULL;
		if (floats)
			vit_shape_set(&c->ws, VIT_F32, 1, &floats);
		c->state = d;
		return k;
	}
	return NULL;
}

static void cpu_drop(struct vit_dev *d, struct vit_call *c)
{
	(void)d;
	c->state = NULL;
}

const struct vit_backend vit_module_cpu = {
	.module = { .size = sizeof(struct vit_backend), .build = VIT_BUILD_ID },
	.name = "cpu",
	.open = cpu_open,
	.close = cpu_close,
	.describe = cpu_describe,
	.alloc = cpu_alloc,
	.free = cpu_free,
	.copy = cpu_copy,
	.sync = cpu_sync,
	.find = cpu_find,
	.drop = cpu_drop,
	.host = 1,
};
