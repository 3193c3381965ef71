/* SPDX-License-Identifier: MIT
 *
 * fiber.h - stacks that the host thread switches between, announced to the
 * sanitizers. TSan takes each for a thread and sees no order between them but
 * what shim_release and shim_acquire make.
 */
#ifndef SHIM_FIBER_H
#define SHIM_FIBER_H

struct shim_fiber;

/* body never returns: it switches away. Never freed: they are used again. */
struct shim_fiber *shim_fiber_new(void (*body)(void *), void *arg);
/* From whoever runs. NULL: back to the host thread. */
void shim_fiber_switch(struct shim_fiber *);

/* What came before release(x) in one fiber comes before what follows
 * acquire(x) in another. Nothing without TSan. */
void shim_release(void *);
void shim_acquire(void *);
/* Between the two, accesses of the host thread are nobody's business. */
void shim_unseen(int on);

#endif
