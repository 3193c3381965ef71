/* SPDX-License-Identifier: MIT */
#include "fiber.h"

#include "runtime.h"

#include <stdlib.h>
#include <sys/mman.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(SHIM_TSAN)
/* this file is compiled without -fsanitize=thread, which alone would declare them */
extern "C" {
void *__tsan_get_current_fiber(void);
void *__tsan_create_fiber(unsigned flags);
void __tsan_switch_to_fiber(void *, unsigned flags);
void __tsan_release(void *);
void __tsan_acquire(void *);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
}
enum { TSAN_NO_SYNC = 1 };
#endif

enum { STACK = 256 << 10, GUARD = 4096 };

struct shim_fiber {
#if defined(__x86_64__)
	void *sp;
#else
	ucontext_t context;
#endif
	const void *stack;              /* lowest byte; of the host thread: what ASan told */
	size_t size;
	void (*body)(void *);
	void *arg;
	void *tsan, *fake;              /* the sanitizers' own */
};

static struct shim_fiber host, *current = &host, *previous;

/* ---- the switch ---- */

#if defined(__x86_64__)
/* Saves what the ABI asks a callee to keep; control words of SSE and x87 are
 * the same in all. */
extern "C" void shim_switch(void **save, void *load);
asm(R"(.text
.type shim_switch,@function
shim_switch:
	pushq %rbp
	pushq %rbx
	pushq %r12
	pushq %r13
	pushq %r14
	pushq %r15
	movq %rsp,(%rdi)
	movq %rsi,%rsp
	popq %r15
	popq %r14
	popq %r13
	popq %r12
	popq %rbx
	popq %rbp
	ret
.size shim_switch,.-shim_switch
)");

static void set_up(struct shim_fiber *f, void (*entry)(void))
{
	void **sp = (void **)((char *)f->stack + f->size);
	*--sp = NULL;                   /* entry finds the stack as after a call */
	*--sp = (void *)entry;
	for (int i = 0; i < 6; i++)
		*--sp = NULL;
	f->sp = sp;
}

static void jump(struct shim_fiber *from, struct shim_fiber *to)
{
	shim_switch(&from->sp, to->sp);
}
#else
static void set_up(struct shim_fiber *f, void (*entry)(void))
{
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = (void *)f->stack;
	f->context.uc_stack.ss_size = f->size;
	f->context.uc_link = NULL;
	makecontext(&f->context, entry, 0);
}

static void jump(struct shim_fiber *from, struct shim_fiber *to)
{
	swapcontext(&from->context, &to->context);
}
#endif

/* ---- what the sanitizers are told ---- */

static void leaving(struct shim_fiber *to)
{
#if defined(__SANITIZE_ADDRESS__)
	__sanitizer_start_switch_fiber(&current->fake, to->stack, to->size);
#endif
#if defined(SHIM_TSAN)
	if (current == &host)
		host.tsan = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(to->tsan, TSAN_NO_SYNC);
#endif
	(void)to;
}

static void arrived(void)
{
#if defined(__SANITIZE_ADDRESS__)
	const void *stack;
	size_t size;
	__sanitizer_finish_switch_fiber(current->fake, &stack, &size);
	if (previous == &host) {
		host.stack = stack;
		host.size = size;
	}
#endif
}

void shim_release(void *p)
{
#if defined(SHIM_TSAN)
	__tsan_release(p);
#endif
	(void)p;
}

void shim_acquire(void *p)
{
#if defined(SHIM_TSAN)
	__tsan_acquire(p);
#endif
	(void)p;
}

void shim_unseen(int on)
{
#if defined(SHIM_TSAN)
	(on ? AnnotateIgnoreWritesBegin : AnnotateIgnoreWritesEnd)(__FILE__, __LINE__);
#endif
	(void)on;
}

/* ---- fibers ---- */

static void entry(void)
{
	arrived();
	current->body(current->arg);
	abort();
}

struct shim_fiber *shim_fiber_new(void (*body)(void *), void *arg)
{
	struct shim_fiber *f = (struct shim_fiber *)calloc(1, sizeof *f);
	void *p = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (!f || p == MAP_FAILED || mprotect(p, GUARD, PROT_NONE))
		shim_die("no memory for the stack of a CUDA thread");
	f->stack = (char *)p + GUARD;
	f->size = STACK;
	f->body = body;
	f->arg = arg;
#if defined(SHIM_TSAN)
	f->tsan = __tsan_create_fiber(0);
#endif
	set_up(f, entry);
	return f;
}

void shim_fiber_switch(struct shim_fiber *to)
{
	if (!to)
		to = &host;
	leaving(to);
	previous = current;
	current = to;
	jump(previous, to);
	arrived();
}
