/* SPDX-License-Identifier: MIT
 *
 * thread.c - the order-preserving parallel map.
 *
 * A ring of `depth` slots. Tickets rise for ever: popped <= taken <= pushed, and
 * a ticket's slot is ticket % depth. Threads take the oldest untaken job.
 */
#include "core/thread.h"

#include "core/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot {
	void *job;
	int done, rc;
	char message[1024];
};

struct vit_workers {
	pthread_mutex_t lock;
	pthread_cond_t pushed_one, popped_one, done_one;
	struct slot *slot;
	size_t depth, pushed, taken, popped;
	int stop;
	int (*work)(void *ctx, void *job);
	void *ctx;
	int n;
	pthread_t *thread;
};

/* Called without the lock: the slot belongs to the thread that took its job. */
static void run_job(struct vit_workers *w, struct slot *s)
{
	s->rc = w->work(w->ctx, s->job);
	if (s->rc)
		snprintf(s->message, sizeof s->message, "%s", vit_errmsg());
}

static void *thread_main(void *arg)
{
	struct vit_workers *w = arg;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->stop && w->taken == w->pushed)
			pthread_cond_wait(&w->pushed_one, &w->lock);
		if (w->stop)
			break;
		struct slot *s = &w->slot[w->taken++ % w->depth];
		pthread_mutex_unlock(&w->lock);
		run_job(w, s);
		pthread_mutex_lock(&w->lock);
		s->done = 1;
		pthread_cond_broadcast(&w->done_one);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int start_threads(struct vit_workers *w, int n)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = 0;
	while (w->n < n && !(e = pthread_create(&w->thread[w->n], NULL, thread_main, w)))
		w->n++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return e ? vit_fail(VIT_EIO, "cannot start thread %d of %d: %s", w->n + 1, n, strerror(e)) : 0;
}

int vit_workers_new(struct vit_workers **out, int n, int depth, int (*work)(void *, void *), void *ctx)
{
	struct vit_workers *w = vit_calloc(1, sizeof *w);
	if (!w)
		return VIT_ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->pushed_one, NULL);
	pthread_cond_init(&w->popped_one, NULL);
	pthread_cond_init(&w->done_one, NULL);
	w->depth = depth < 1 ? 1 : (size_t)depth;
	w->work = work;
	w->ctx = ctx;
	w->slot = vit_calloc(w->depth, sizeof *w->slot);
	w->thread = vit_calloc((size_t)(n < 1 ? 1 : n), sizeof *w->thread);
	int rc = !w->slot || !w->thread ? VIT_ENOMEM : n > 1 ? start_threads(w, n) : 0;
	if (rc) {
		vit_workers_free(w);
		return rc;
	}
	*out = w;
	return 0;
}

int vit_workers_push(struct vit_workers *w, void *job)
{
	pthread_mutex_lock(&w->lock);
	while (w->pushed - w->popped == w->depth)
		pthread_cond_wait(&w->popped_one, &w->lock);
	struct slot *s = &w->slot[w->pushed % w->depth];
	s->job = job;
	s->done = 0;
	if (w->n == 0) {
		w->taken++;
		run_job(w, s);
		s->done = 1;
		pthread_cond_broadcast(&w->done_one);
	}
	w->pushed++;
	pthread_cond_signal(&w->pushed_one);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

int vit_workers_pop(struct vit_workers *w, void **job)
{
	int rc = 0;
	*job = NULL;
	pthread_mutex_lock(&w->lock);
	if (w->popped != w->pushed) {
		struct slot *s = &w->slot[w->popped % w->depth];
		while (!s->done)
			pthread_cond_wait(&w->done_one, &w->lock);
		*job = s->job;
		rc = s->rc ? vit_fail(s->rc, "%s", s->message) : 0;
		w->popped++;
		pthread_cond_signal(&w->popped_one);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int vit_workers_inside(const struct vit_workers *cw)
{
	struct vit_workers *w = (struct vit_workers *)cw;       /* the lock is not part of its value */
	pthread_mutex_lock(&w->lock);
	int n = (int)(w->pushed - w->popped);
	pthread_mutex_unlock(&w->lock);
	return n;
}

int vit_workers_ready(struct vit_workers *w)
{
	pthread_mutex_lock(&w->lock);
	int ready = w->popped == w->pushed || w->slot[w->popped % w->depth].done;
	pthread_mutex_unlock(&w->lock);
	return ready;
}

void vit_workers_free(struct vit_workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = 1;
	pthread_cond_broadcast(&w->pushed_one);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->n; i++)
		pthread_join(w->thread[i], NULL);
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->pushed_one);
	pthread_cond_destroy(&w->popped_one);
	pthread_cond_destroy(&w->done_one);
	free(w->slot);
	free(w->thread);
	free(w);
}
