/* SPDX-License-Identifier: MIT
 *
 * module.cu - the backend "cuda": what devices there are, opening one, handing
 * out kernels.
 *
 * VIT_CUDA_SYNC=1 in the environment waits for every kernel, so that an error
 * names its op and no other; VIT_CUDA_TAPES=0 records no tapes.
 */
#include "build_id.h"
#include "cuda/device.h"
#include "cuda/product.h"
extern "C" {
#include "core/mem.h"
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARCH_MIN = 80 };         /* bf16 products and asynchronous copies begin there */

/* ---- what there is ------------------------------------------------------------------ */

/* How many devices, at least one. CUDA calls a missing driver an insufficient one. */
static int count_devices(int *n)
{
	int driver = 0, runtime = 0;
	*n = 0;
	cudaError_t e = cudaGetDeviceCount(n);
	if (e == cudaSuccess && *n > 0)
		return 0;
	cudaGetLastError();
	if (e == cudaErrorInsufficientDriver && cudaDriverGetVersion(&driver) == cudaSuccess && cudaRuntimeGetVersion(&runtime) == cudaSuccess) {
		if (!driver)
			return vit_fail(VIT_EUNSUPPORTED, "no NVIDIA driver found");
		return vit_fail(VIT_EUNSUPPORTED, "the NVIDIA driver is made for CUDA %d.%d, this build wants %d.%d: update the driver",
		                driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
	}
	const char *visible = getenv("CUDA_VISIBLE_DEVICES");
	if (e != cudaSuccess && e != cudaErrorNoDevice)
		return vit_fail(VIT_EUNSUPPORTED, "CUDA does not start: %s (%s)", cudaGetErrorString(e), cudaGetErrorName(e));
	if (visible)
		return vit_fail(VIT_EUNSUPPORTED, "no NVIDIA GPU found: CUDA_VISIBLE_DEVICES is '%s'", visible);
	return vit_fail(VIT_EUNSUPPORTED, "no NVIDIA GPU found");
}

static int arch_of(const cudaDeviceProp *p)
{
	return p->major * 10 + p->minor;
}

static int gib(const cudaDeviceProp *p)
{
	return (int)(p->totalGlobalMem >> 30);
}

static int cuda_devices(char *text, size_t size)
{
	int n;
	VIT_TRY(count_devices(&n));
	size_t at = 0;
	*text = 0;
	for (int i = 0; i < n && at < size; i++) {
		cudaDeviceProp p;
		VIT_TRY(cuda_check(cudaGetDeviceProperties(&p, i)));
		at += (size_t)snprintf(text + at, size - at, "cuda:%d %s, %d GiB, sm_%d%s\n", i, p.name, gib(&p), arch_of(&p),
		                       arch_of(&p) < ARCH_MIN ? " (too old)" : "");
	}
	return 0;
}

/* ---- open, close -------------------------------------------------------------------- */

static int index_of(const char *spec, int *index)
{
	int n;
	size_t digits = strspn(spec, "0123456789");
	if (spec[digits] || digits > 4)
		return vit_fail(VIT_EUSAGE, "'%s' is no number of a device, as in cuda:0", spec);
	VIT_TRY(count_devices(&n));
	*index = atoi(spec);
	if (*index < n)
		return 0;
	if (n == 1)
		return vit_fail(VIT_EUNSUPPORTED, "the only one here is cuda:0");
	return vit_fail(VIT_EUNSUPPORTED, "there are %d here, cuda:0 to cuda:%d", n, n - 1);
}

static int on(const char *name, int without)
{
	const char *v = getenv(name);
	return v && *v ? strcmp(v, "0") != 0 : without;
}

static int start(struct vit_dev *d)
{
	cudaDeviceProp p;
	int runtime = 0;
	VIT_TRY(cuda_use(d));
	VIT_TRY(cuda_check(cudaGetDeviceProperties(&p, d->index)));
	d->arch = arch_of(&p);
	if (d->arch < ARCH_MIN)
		return vit_fail(VIT_EUNSUPPORTED, "cuda:%d is a %s of sm_%d: sm_%d (Ampere, 2020) or later is wanted", d->index, p.name, d->arch,
		                ARCH_MIN);
	d->n_sm = p.multiProcessorCount;
	d->smem_max = p.sharedMemPerBlockOptin;
	d->watch = on("VIT_CUDA_SYNC", 0);
	d->tapes = on("VIT_CUDA_TAPES", 1) && !d->watch;
	VIT_TRY(cuda_check(cudaStreamCreateWithFlags(&d->stream, cudaStreamNonBlocking)));
	VIT_TRY(cuda_event(&d->reached));
	VIT_TRY(cuda_stage_open(d));
	VIT_TRY(lt_open(&d->lt));
	d->lt_ws = cuda_alloc(d, LT_WORKSPACE, 0);
	if (!d->lt_ws)
		return VIT_ENOMEM;
	VIT_TRY(cuda_check(cudaRuntimeGetVersion(&runtime)));
	snprintf(d->line, sizeof d->line, "%.80s, sm_%d, %d GiB, CUDA %d.%d, cublasLt %zu.%zu", p.name, d->arch, gib(&p), runtime / 1000,
	         runtime % 1000 / 10, d->lt->version / 10000, d->lt->version / 100 % 100);
	return 0;
}

/* Tapes are gone with their plans by now; then events, streams, the products'
 * handle, and memory last. */
static void cuda_close(struct vit_dev *d)
{
	if (d->stream && !cuda_use(d))
		cudaStreamSynchronize(d->stream);
	cuda_stage_close_events(d);
	if (d->reached)
		cudaEventDestroy(d->reached);
	if (d->stream)
		cudaStreamDestroy(d->stream);
	tune_forget(d);
	lt_close(d->lt);
	cuda_free(d, d->lt_ws, 0);
	cuda_stage_close(d);
	free(d);
}

static int cuda_open(struct vit_dev **out, const char *spec, int threads)
{
	int index = 0;
	(void)threads;
	VIT_TRY(index_of(spec ? spec : "", &index));
	struct vit_dev *d = (struct vit_dev *)vit_calloc(1, sizeof *d);
	if (!d)
		return VIT_ENOMEM;
	d->index = index;
	int rc = start(d);
	if (rc) {
		cuda_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

static const char *cuda_describe(struct vit_dev *d)
{
	return d->line;
}

/* ---- kernels ------------------------------------------------------------------------ */

static int watched(const struct vit_call *c)
{
	struct cuda_state *s = (struct cuda_state *)c->state;
	char shape[96];
	int rc = s->run(c);
	if (!rc)
		rc = cuda_sync(s->dev);
	return rc ? vit_wrap(rc, "op %s (%s)", c->op, vit_shape_str(shape, sizeof shape, &c->in[0])) : 0;
}

static const struct cuda_op *op_by_name(const char *name)
{
	for (const struct cuda_op *const *op = cuda_ops; *op; op++)
		if (!strcmp((*op)->name, name))
			return *op;
	return NULL;
}

static vit_kernel cuda_find(struct vit_dev *d, struct vit_call *c, int back)
{
	const struct cuda_op *op = op_by_name(c->op);
	vit_kernel run = !op ? NULL : back ? op->backward : op->forward;
	c->state = NULL;
	if (!run || cuda_use(d) || (op->fit && !op->fit(d, c, back)))
		return NULL;
	if (!c->state && !(c->state = vit_calloc(1, sizeof(struct cuda_state))))
		return NULL;
	struct cuda_state *s = (struct cuda_state *)c->state;
	s->dev = d;
	s->run = run;
	return d->watch ? watched : run;
}

static void cuda_drop(struct vit_dev *d, struct vit_call *c)
{
	struct cuda_state *s = (struct cuda_state *)c->state;
	c->state = NULL;
	if (!s || cuda_use(d))
		return;
	if (s->release)
		s->release(s);
	else
		free(s);
}

/* C++17 knows no designated initialisers: the order is backend.h's. */
extern "C" __attribute__((visibility("default"))) const struct vit_backend vit_module_cuda = {
	{ sizeof(struct vit_backend), VIT_BUILD_ID },
	"cuda",
	cuda_open, cuda_close, cuda_describe,
	cuda_alloc, cuda_free, cuda_copy, cuda_sync, cuda_send,
	cuda_find, cuda_drop,
	cuda_record, cuda_play, cuda_erase,
	0,                              /* host */
	1u << VIT_BF16 | 1u << VIT_F16, /* amp */
	1,                              /* tf32 */
	cuda_devices,
	LT_WORKSPACE,                   /* own_bytes */
};
