/* SPDX-License-Identifier: MIT
 *
 * memory.cpp - device memory: one region of address space that the host may not
 * touch while no kernel runs, so that a launcher that reads a value of the step
 * crashes here as it would with a card. Copies go through a second view of it:
 * changing the protection of pages costs more than most copies. Pinned memory.
 */
#include "runtime.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum { ALIGN = 256, RED_ZONE = 256 };

/* Allocations in the order of their addresses. */
struct extent {
	char *p;
	size_t n;
};
static struct extent *extents;
static int n_extent, room;
static char *region, *top;              /* top: highest byte ever used */
static char *view;                      /* the same memory, always open */
static size_t region_size;
static int open_count;
static size_t used;

/* ---- the lock ---- */

static void protect(int how)
{
	if (region && mprotect(region, (size_t)(top - region), how))
		shim_die("device memory cannot be opened to kernels");
}

void shim_memory_open(void)
{
	if (!open_count++)
		protect(PROT_READ | PROT_WRITE);
}

void shim_memory_close(void)
{
	if (!--open_count)
		protect(PROT_NONE);
}

#if !defined(__SANITIZE_ADDRESS__)
static void touched(int sig, siginfo_t *info, void *)
{
	char where[320];
	const char *p = (const char *)info->si_addr;
	signal(sig, SIG_DFL);
	if (p >= region && p < region + region_size)
		fprintf(stderr, "cuda-shim: %s%s %p\n", shim_where(where, sizeof where),
		        open_count ? "outside of device memory:" : "the host touches device memory:", (const void *)p);
}

/* Words before the signal kills; ASan has its own. */
static void watch(void)
{
	struct sigaction old, a = {};
	sigaction(SIGSEGV, NULL, &old);
	if (old.sa_handler != SIG_DFL)
		return;
	a.sa_sigaction = touched;
	a.sa_flags = SA_SIGINFO;
	sigaction(SIGSEGV, &a, NULL);
}
#else
static void watch(void)
{
}
#endif

/* ---- the allocator ---- */

static int set_up(void)
{
	if (region)
		return 1;
	region_size = shim_card_memory();
	const int fd = memfd_create("cuda-shim", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)region_size))
		return 0;
	void *v = mmap(NULL, region_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	void *p = mmap(NULL, region_size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	close(fd);
	if (p == MAP_FAILED || v == MAP_FAILED)
		return 0;
	view = (char *)v;
	region = top = (char *)p;
	watch();
	return 1;
}

static int in_region(const void *p)
{
	return region && (const char *)p >= region && (const char *)p < region + region_size;
}

/* Where the host may touch it: host memory itself, device memory in the view. */
static char *seen(const void *p)
{
	char *c = (char *)const_cast<void *>(p);
	return in_region(p) ? view + (c - region) : c;
}

static char *end_of(const struct extent *e)
{
	return e->p + (e->n + ALIGN - 1) / ALIGN * ALIGN + RED_ZONE;
}

/* First fit. */
static int place(size_t n, char **at)
{
	const size_t want = (n + ALIGN - 1) / ALIGN * ALIGN + RED_ZONE;
	char *p = region;
	for (int i = 0; i < n_extent; i++) {
		if ((size_t)(extents[i].p - p) >= want) {
			*at = p;
			return i;
		}
		p = end_of(&extents[i]);
	}
	*at = p;
	return n > region_size || want > (size_t)(region + region_size - p) ? -1 : n_extent;
}

static int extent_new(int i, char *p, size_t n)
{
	if (n_extent == room) {
		void *more = realloc(extents, (size_t)(2 * room + 16) * sizeof *extents);
		if (!more)
			return 0;
		extents = (struct extent *)more;
		room = 2 * room + 16;
	}
	memmove(extents + i + 1, extents + i, (size_t)(n_extent++ - i) * sizeof *extents);
	extents[i] = extent { p, n };
	return 1;
}

cudaError_t cudaMalloc(void **out, size_t n)
{
	*out = NULL;
	const cudaError_t e = shim_no_capture();
	if (e)
		return e;
	char *p;
	const int i = n && set_up() ? place(n, &p) : -1;
	if (!n)
		return cudaSuccess;
	if (i < 0 || !extent_new(i, p, n))
		return shim_fail(cudaErrorMemoryAllocation);
	const long page = sysconf(_SC_PAGESIZE);
	char *end = region + ((size_t)(end_of(&extents[i]) - region) + (size_t)page - 1) / (size_t)page * (size_t)page;
	if (end > top)
		top = end;
	memset(seen(p), 0xff, n);
	ASAN_UNPOISON_MEMORY_REGION(p, n);
	ASAN_POISON_MEMORY_REGION(p + n, (size_t)(end_of(&extents[i]) - p) - n);
	used += n;
	*out = p;
	return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
	const cudaError_t e = shim_no_capture();
	if (e || !p)
		return e;
	shim_drain_all();
	for (int i = 0; i < n_extent; i++) {
		if (extents[i].p != p)
			continue;
		memset(seen(p), 0xff, extents[i].n);
		ASAN_POISON_MEMORY_REGION(p, extents[i].n);
		used -= extents[i].n;
		memmove(extents + i, extents + i + 1, (size_t)(--n_extent - i) * sizeof *extents);
		return cudaSuccess;
	}
	return shim_fail(cudaErrorInvalidValue);
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *total)
{
	*total = shim_card_memory();
	*free = *total - used;
	return cudaSuccess;
}

int shim_on_device(const void *p, size_t n)
{
	const char *c = (const char *)p;
	for (int i = 0; i < n_extent; i++)
		if (c >= extents[i].p && c <= extents[i].p + extents[i].n && n <= (size_t)(extents[i].p + extents[i].n - c))
			return 1;
	return 0;
}

/* ---- pinned memory ---- */

struct pinned {
	struct pinned *next;
	char *p;
	size_t n;
};
static struct pinned *pinned;

cudaError_t cudaMallocHost(void **out, size_t n)
{
	*out = NULL;
	const cudaError_t e = shim_no_capture();
	if (e)
		return e;
	struct pinned *x = (struct pinned *)malloc(sizeof *x);
	void *p;
	if (!x || posix_memalign(&p, 256, n ? n : 1)) {
		free(x);
		return shim_fail(cudaErrorMemoryAllocation);
	}
	*x = { pinned, (char *)p, n };
	memset(p, 0xff, n);
	pinned = x;
	*out = p;
	return cudaSuccess;
}

cudaError_t cudaHostAlloc(void **out, size_t n, unsigned)
{
	return cudaMallocHost(out, n);
}

cudaError_t cudaFreeHost(void *p)
{
	const cudaError_t e = shim_no_capture();
	if (e || !p)
		return e;
	shim_drain_all();
	for (struct pinned **at = &pinned; *at; at = &(*at)->next) {
		struct pinned *x = *at;
		if (x->p != p)
			continue;
		*at = x->next;
		free(x);
		free(p);
		return cudaSuccess;
	}
	return shim_fail(cudaErrorInvalidValue);
}

int shim_is_pinned(const void *p, size_t n)
{
	const char *c = (const char *)p;
	for (const struct pinned *x = pinned; x; x = x->next)
		if (c >= x->p && c + n <= x->p + x->n)
			return 1;
	return 0;
}

/* ---- copies ---- */

struct copy {
	void *to;
	const void *from;
	size_t n;
	int value;              /* of a fill: from is NULL */
	void *staged;           /* a copy of pageable memory, made when it was queued */
};

static void run_copy(const void *data)
{
	const struct copy *c = (const struct copy *)data;
	if (!c->from)
		memset(seen(c->to), c->value, c->n);
	else
		memcpy(seen(c->to), c->staged ? c->staged : seen(c->from), c->n);
	free(c->staged);
}

/* Which side is the device's; 0: not what the kind says. */
static int sides(const void *to, const void *from, size_t n, enum cudaMemcpyKind kind, int *to_device, int *from_device)
{
	*to_device = kind == cudaMemcpyDefault ? in_region(to) : kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
	*from_device = kind == cudaMemcpyDefault ? in_region(from) : kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
	return (*to_device ? shim_on_device(to, n) : !in_region(to)) && (*from_device ? shim_on_device(from, n) : !in_region(from));
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, enum cudaMemcpyKind kind, cudaStream_t s)
{
	cudaError_t e = shim_stream_check(s);
	if (e)
		return shim_fail(e);
	if (!n)
		return cudaSuccess;
	int to_device, from_device;
	if (!sides(to, from, n, kind, &to_device, &from_device))
		return shim_fail(cudaErrorInvalidValue);
	struct copy c = { to, from, n, 0, NULL };
	const int pageable = (!to_device && !shim_is_pinned(to, n)) || (!from_device && !shim_is_pinned(from, n));
	if (pageable && (e = shim_no_capture()))
		return e;
	if (pageable && !from_device) {         /* CUDA has read it when the call returns */
		c.staged = malloc(n);
		if (!c.staged)
			return shim_fail(cudaErrorMemoryAllocation);
		memcpy(c.staged, from, n);
	}
	e = shim_queue(s, to_device && !from_device ? SHIM_COPY_IN : SHIM_WORK, run_copy, &c, sizeof c);
	if (!e && pageable && !to_device)       /* and has written it */
		shim_drain(s);
	return shim_fail(e);
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t n, cudaStream_t s)
{
	const cudaError_t e = shim_stream_check(s);
	if (e)
		return shim_fail(e);
	if (n && !shim_on_device(p, n))
		return shim_fail(cudaErrorInvalidValue);
	const struct copy c = { p, NULL, n, value, NULL };
	return n ? shim_fail(shim_queue(s, SHIM_WORK, run_copy, &c, sizeof c)) : cudaSuccess;
}

/* Those without a stream wait for the whole device, the strictest reading. */
cudaError_t cudaMemcpy(void *to, const void *from, size_t n, enum cudaMemcpyKind kind)
{
	const cudaError_t e = shim_no_capture();
	if (e)
		return e;
	int to_device, from_device;
	if (n && !sides(to, from, n, kind, &to_device, &from_device))
		return shim_fail(cudaErrorInvalidValue);
	shim_drain_all();
	memcpy(seen(to), seen(from), n);
	return cudaSuccess;
}

cudaError_t cudaMemset(void *p, int value, size_t n)
{
	const cudaError_t e = shim_no_capture();
	if (e)
		return e;
	if (n && !shim_on_device(p, n))
		return shim_fail(cudaErrorInvalidValue);
	shim_drain_all();
	memset(seen(p), value, n);
	return cudaSuccess;
}
