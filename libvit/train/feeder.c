/* SPDX-License-Identifier: MIT
 *
 * The feeder's outside: a ring of batches between the reader thread
 * (assemble.c) and the engine's thread. Both block on conditions.
 */
#include "train/feeder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- reader thread --------------------------------------------------------------- */

struct feed_slot *vit_feed_slot(struct vit_feeder *f)
{
	pthread_mutex_lock(&f->lock);
	while (f->head - f->tail == FEED_SLOTS && !f->quit)
		pthread_cond_wait(&f->space, &f->lock);
	struct feed_slot *s = f->quit ? NULL : &f->slot[f->head % FEED_SLOTS];
	pthread_mutex_unlock(&f->lock);
	return s;
}

void vit_feed_publish(struct vit_feeder *f)
{
	pthread_mutex_lock(&f->lock);
	f->head++;
	pthread_cond_signal(&f->data);
	pthread_mutex_unlock(&f->lock);
}

void vit_feed_bad(struct vit_feeder *f, const char *message)
{
	pthread_mutex_lock(&f->lock);
	size_t n = f->bad.n;
	if (vit_buf_add(&f->bad, message, strlen(message) + 1))
		f->bad.n = n;
	pthread_cond_signal(&f->data);
	pthread_mutex_unlock(&f->lock);
}

/* A descriptor may stay silent for ever, so waiting for it happens here, where
 * close can wake the thread. It then finds the end of the input in place of the
 * descriptor: the reader that called has no other way out of a read. */
static void wait_for_data(void *ctx, int fd)
{
	struct vit_feeder *f = ctx;
	struct pollfd p[2] = { { .fd = f->wake, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	if (fd < 0)
		return;
	vit_feed_idle(f);
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (!p[0].revents)
		return;
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (nothing >= 0) {
		dup2(nothing, fd);
		close(nothing);
	}
}

static void *run(void *arg)
{
	vit_feed_run(arg);
	return NULL;
}

/* ---- engine's thread ---------------------------------------------------------------- */

static int slots(struct vit_feeder *f)
{
	const struct vit_feeder_opt *o = &f->opt;
	const int64_t *chw = o->preprocess->input_size;
	f->image_bytes = (size_t)(chw[0] * chw[1] * chw[2]);
	f->label_bytes = o->soft ? sizeof(float) * (size_t)o->n_class : sizeof(int32_t);
	for (int i = 0; i < FEED_SLOTS; i++) {
		struct feed_slot *s = &f->slot[i];
		s->batch.images = vit_calloc((size_t)o->batch, f->image_bytes);
		s->batch.labels = vit_calloc((size_t)o->batch, f->label_bytes);
		s->batch.id = vit_calloc((size_t)o->batch, sizeof *s->batch.id);
		s->id_at = vit_calloc((size_t)o->batch, sizeof *s->id_at);
		if (!s->batch.images || !s->batch.labels || !s->batch.id || !s->id_at)
			return VIT_ENOMEM;
	}
	return 0;
}

int vit_feeder_open(struct vit_feeder **out, struct vit_samples *samples, const struct vit_feeder_opt *o)
{
	struct vit_feeder *f = vit_calloc(1, sizeof *f);
	if (!f)
		return VIT_ENOMEM;
	f->opt = *o;
	f->samples = samples;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->space, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->data, &monotonic);
	pthread_condattr_destroy(&monotonic);
	f->hash = XXH3_createState();
	f->wake = eventfd(0, EFD_CLOEXEC);
	int rc = f->wake < 0 ? vit_fail_errno("reading ahead") : f->hash ? slots(f) : vit_fail(VIT_ENOMEM, "no memory for reading ahead");
	if (!rc) {
		XXH3_64bits_reset(f->hash);
		vit_samples_on_wait(samples, wait_for_data, f);
		if (pthread_create(&f->thread, NULL, run, f))
			rc = vit_fail(VIT_ENOMEM, "no thread for reading ahead");
		else
			f->running = 1;
	}
	if (rc) {
		vit_feeder_close(f);
		return rc;
	}
	*out = f;
	return 0;
}

/* Block until a slot is filled or a bad record is to be named; looks up four times a second whether a signal
 * asks to stop, since a handler cannot signal a condition. */
static int wait_slot(struct vit_feeder *f)
{
	const volatile sig_atomic_t *stop = f->opt.stop;
	while (f->head == f->tail && f->bad_at == f->bad.n) {
		if (stop && *stop)
			return vit_fail(VIT_EPIPE, "stopped by signal %d", (int)*stop);
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		t.tv_nsec += 250000000;
		t.tv_sec += t.tv_nsec / 1000000000;
		t.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&f->data, &f->lock, &t);
	}
	return 0;
}

int vit_feeder_next(struct vit_feeder *f, const struct vit_batch **out)
{
	if (f->last)
		return f->last;
	double t0 = now();
	pthread_mutex_lock(&f->lock);
	if (f->taken) {         /* the batch given before may be overwritten now */
		f->tail++;
		f->taken = 0;
		pthread_cond_signal(&f->space);
	}
	int rc = wait_slot(f);
	if (!rc && f->bad_at < f->bad.n) {
		const char *message = (const char *)f->bad.p + f->bad_at;
		f->bad_at += strlen(message) + 1;
		rc = vit_fail(VIT_ERECORD, "%s", message);
	}
	pthread_mutex_unlock(&f->lock);
	f->waited += now() - t0;
	if (rc)
		return rc;
	struct feed_slot *s = &f->slot[f->tail % FEED_SLOTS];
	f->taken = 1;
	if (s->rc == 0) {
		*out = &s->batch;
		return 0;
	}
	f->last = s->rc;
	return s->rc == VIT_END ? VIT_END : vit_fail(s->rc, "%s", s->message);
}

double vit_feeder_waited(const struct vit_feeder *f)
{
	return f->waited;
}

void vit_feeder_close(struct vit_feeder *f)
{
	if (!f)
		return;
	if (f->running) {
		pthread_mutex_lock(&f->lock);
		f->quit = 1;
		pthread_cond_signal(&f->space);
		pthread_mutex_unlock(&f->lock);
		eventfd_write(f->wake, 1);
		pthread_join(f->thread, NULL);
		vit_samples_on_wait(f->samples, NULL, NULL);
	}
	for (int i = 0; i < FEED_SLOTS; i++) {
		struct feed_slot *s = &f->slot[i];
		free(s->batch.images);
		free(s->batch.labels);
		free(s->batch.id);
		free(s->id_at);
		vit_buf_release(&s->ids);
	}
	vit_ahead_free(f->ahead);
	vit_preprocess_work_release(&f->work);
	vit_named_release(&f->named);
	XXH3_freeState(f->hash);
	if (f->wake >= 0)
		close(f->wake);
	vit_buf_release(&f->bad);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->space);
	pthread_cond_destroy(&f->data);
	free(f);
}
