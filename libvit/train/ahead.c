/* SPDX-License-Identifier: MIT */
#include "train/ahead.h"

#include "core/thread.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct job {
	struct feed_item item;
	struct vit_buf raw;
	uint8_t *pixels;
};

struct vit_ahead {
	const struct vit_preprocess *preprocess;
	struct vit_workers *workers;
	struct job *job;                /* a ring: `depth` inside, and the one popped last */
	int depth;
	uint64_t pushed, popped;
	/* Memory to decode in belongs to threads, not to jobs: a large photo takes
	 * much, and more jobs wait than are worked on. */
	pthread_mutex_t lock;
	struct vit_preprocess_work *work;
	int *idle;
	int n_work, n_idle;
};

static int borrow(struct vit_ahead *a)
{
	pthread_mutex_lock(&a->lock);
	int i = a->idle[--a->n_idle];
	pthread_mutex_unlock(&a->lock);
	return i;
}

static void give_back(struct vit_ahead *a, int i)
{
	pthread_mutex_lock(&a->lock);
	a->idle[a->n_idle++] = i;
	pthread_mutex_unlock(&a->lock);
}

static int run(void *ctx, void *arg)
{
	struct vit_ahead *a = ctx;
	struct job *j = arg;
	struct feed_item *it = &j->item;
	it->rc = vit_record_decode(&it->r, it->raw, it->n);
	if (!it->rc) {
		int i = borrow(a);
		it->image_rc = vit_preprocess_record(a->preprocess, &a->work[i], &it->r, j->pixels, &it->resized);
		give_back(a, i);
	}
	if (it->rc || it->image_rc)
		snprintf(it->message, sizeof it->message, "%s", vit_errmsg());
	return 0;
}

int vit_ahead_new(struct vit_ahead **out, const struct vit_preprocess *p, int threads)
{
	struct vit_ahead *a = vit_calloc(1, sizeof *a);
	if (!a)
		return VIT_ENOMEM;
	size_t bytes = (size_t)(p->input_size[0] * p->input_size[1] * p->input_size[2]);
	a->preprocess = p;
	a->n_work = a->n_idle = threads;
	a->depth = 2 * threads + 1;
	pthread_mutex_init(&a->lock, NULL);
	a->work = vit_calloc((size_t)threads, sizeof *a->work);
	a->idle = vit_calloc((size_t)threads, sizeof *a->idle);
	a->job = vit_calloc((size_t)a->depth + 1, sizeof *a->job);
	int rc = a->work && a->idle && a->job ? 0 : VIT_ENOMEM;
	for (int i = 0; i < threads && !rc; i++)
		a->idle[i] = i;
	for (int i = 0; i <= a->depth && !rc; i++)
		rc = (a->job[i].pixels = vit_malloc(bytes)) ? 0 : VIT_ENOMEM;
	if (!rc)
		rc = vit_workers_new(&a->workers, threads, a->depth, run, a);
	if (rc) {
		vit_ahead_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

int64_t vit_ahead_inside(const struct vit_ahead *a)
{
	return (int64_t)(a->pushed - a->popped);
}

int vit_ahead_full(const struct vit_ahead *a)
{
	return vit_ahead_inside(a) == a->depth;
}

int vit_ahead_push(struct vit_ahead *a, const uint8_t *raw, size_t n, struct vit_place place)
{
	struct job *j = &a->job[a->pushed % ((uint64_t)a->depth + 1)];
	j->raw.n = 0;
	VIT_TRY(vit_buf_add(&j->raw, raw, n));
	j->item.raw = j->raw.p;
	j->item.n = n;
	j->item.place = place;
	j->item.pixels = j->pixels;
	j->item.image_rc = j->item.resized = 0;
	a->pushed++;
	return vit_workers_push(a->workers, j);
}

struct feed_item *vit_ahead_pop(struct vit_ahead *a)
{
	void *job;
	if (vit_workers_pop(a->workers, &job) || !job)
		return NULL;
	a->popped++;
	return &((struct job *)job)->item;
}

void vit_ahead_free(struct vit_ahead *a)
{
	if (!a)
		return;
	vit_workers_free(a->workers);
	for (int i = 0; a->job && i <= a->depth; i++) {
		vit_buf_release(&a->job[i].raw);
		free(a->job[i].pixels);
	}
	for (int i = 0; a->work && i < a->n_work; i++)
		vit_preprocess_work_release(&a->work[i]);
	free(a->job);
	free(a->work);
	free(a->idle);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
