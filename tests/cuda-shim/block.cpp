/* SPDX-License-Identifier: MIT
 *
 * block.cpp - who runs next in a block, barriers and meetings of a warp, and
 * the checks that they are what CUDA asks for.
 */
#include "block.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

const char *shim_where(char *text, size_t size)
{
	const struct shim_launch *l = shim_block.launch;
	const uint3 b = shim_block_index;
	*text = 0;
	if (l && shim_self)
		snprintf(text, size, "kernel %s, block (%u,%u,%u), thread (%u,%u,%u): ", l->name, b.x, b.y, b.z,
		         threadIdx.x, threadIdx.y, threadIdx.z);
	else if (l)
		snprintf(text, size, "kernel %s, block (%u,%u,%u): ", l->name, b.x, b.y, b.z);
	return text;
}

void shim_die(const char *fmt, ...)
{
	char where[320], text[320];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "cuda-shim: %s%s\n", shim_where(where, sizeof where), text);
	abort();
}

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* "__syncthreads (norm.cu:41)" */
static const char *at(const struct shim_site *s, char *text, size_t size)
{
	if (s->file)
		snprintf(text, size, "%s (%s:%d)", s->what, base(s->file), s->line);
	else
		snprintf(text, size, "%s", s->what);
	return text;
}

/* ---- who runs next ---- */

__attribute__((noreturn)) static void stuck(void)
{
	const struct shim_lane *a = NULL, *b = NULL;
	char first[160], second[160];
	for (int i = 0; i < shim_block.n; i++) {
		const struct shim_lane *t = shim_block.thread[i];
		if (t->state == SHIM_DONE)
			continue;
		if (!a)
			a = t;
		else if (t->state != a->state || t->site.id != a->site.id || t->mask != a->mask)
			b = t;
	}
	shim_self = NULL;
	if (!b)
		shim_die("deadlock: %d threads wait in %s for lanes that never come", shim_block.live, at(&a->site, first, sizeof first));
	shim_die("divergence: thread %d waits in %s, thread %d in %s", a->number, at(&a->site, first, sizeof first),
	         b->number, at(&b->site, second, sizeof second));
}

static struct shim_lane *next_after(int i)
{
	const int n = shim_block.n, step = shim_block.backward ? n - 1 : 1;
	for (int k = 0; k < n; k++) {
		i = (i + step) % n;
		if (shim_block.thread[i]->state == SHIM_READY)
			return shim_block.thread[i];
	}
	return NULL;
}

static void switch_to(struct shim_lane *t)
{
	shim_self = t ? &t->self : NULL;
	shim_fiber_switch(t ? t->fiber : NULL);
}

/* Let others run until somebody makes this thread ready. */
static void wait_here(struct shim_lane *me)
{
	struct shim_lane *t = next_after(me->number);
	if (!t)
		stuck();
	switch_to(t);
}

void shim_block_start(void)
{
	switch_to(next_after(shim_block.backward ? 0 : shim_block.n - 1));
}

/* ---- barriers ---- */

static char *sync_object(unsigned parity)
{
	return shim_block.sync + 8 * (parity & 1);
}

void shim_barrier(struct shim_site site)
{
	struct shim_block *b = &shim_block;
	struct shim_lane *me = shim_me();
	char here[160], there[160];
	if (b->exited)
		shim_die("divergent barrier: in %s while %d threads of the block have returned", at(&site, here, sizeof here), b->exited);
	for (int i = 0; i < b->n && b->at_barrier; i++) {
		const struct shim_lane *t = b->thread[i];
		if (t->state != SHIM_AT_BARRIER)
			continue;
		if (t->site.id != site.id)
			shim_die("divergent barrier: in %s, but thread %d is in %s", at(&site, here, sizeof here), t->number,
			         at(&t->site, there, sizeof there));
		break;
	}
	/* two objects in turn: a thread that comes to the next barrier must not order
	 * itself before one that has yet to leave this one */
	char *object = sync_object(b->barriers);
	shim_release(object);
	me->site = site;
	me->mask = 0;
	if (++b->at_barrier < b->live) {
		me->state = SHIM_AT_BARRIER;
		shim_my_warp()->waiting |= 1u << me->self.lane;
		wait_here(me);
	} else {
		for (int i = 0; i < b->n; i++) {
			b->thread[i]->state = SHIM_READY;
			b->warp[i / 32].waiting = 0;
		}
		b->at_barrier = 0;
		b->barriers++;
	}
	shim_acquire(object);
}

void shim_thread_exit(struct shim_lane *me)
{
	struct shim_block *b = &shim_block;
	struct shim_warp *w = shim_my_warp();
	char text[160];
	for (int i = 0; i < b->n && b->at_barrier; i++)
		if (b->thread[i]->state == SHIM_AT_BARRIER)
			shim_die("divergent barrier: returns while thread %d waits in %s", i, at(&b->thread[i]->site, text, sizeof text));
	for (uint32_t left = w->live; left; left &= left - 1) {
		const struct shim_lane *t = shim_mates()[__builtin_ctz(left)];
		if (t->state == SHIM_AT_WARP && (t->mask >> me->self.lane & 1))
			shim_die("returns while lane %d waits for it in %s with mask %08x", t->self.lane, at(&t->site, text, sizeof text),
			         t->mask);
	}
	me->state = SHIM_DONE;
	w->live &= ~(1u << me->self.lane);
	b->exited++;
	b->live--;
	struct shim_lane *t = next_after(me->number);
	if (!t && b->live)
		stuck();
	switch_to(t);
}

/* ---- meetings of lanes ---- */

/* A lane of the mask that waits elsewhere for the calling one will never come. */
static void check_mates(const struct shim_site *site, uint32_t mask, uint32_t elsewhere)
{
	const struct shim_lane *me = shim_me();
	char here[160], there[160];
	for (; elsewhere; elsewhere &= elsewhere - 1) {
		const struct shim_lane *t = shim_mates()[__builtin_ctz(elsewhere)];
		if (t->state == SHIM_AT_BARRIER)
			shim_die("lanes disagree: %s with mask %08x, but lane %d is in %s", at(site, here, sizeof here), mask, t->self.lane,
			         at(&t->site, there, sizeof there));
		if (t->mask >> me->self.lane & 1)
			shim_die("lanes disagree: %s with mask %08x, but lane %d is in %s with mask %08x", at(site, here, sizeof here), mask,
			         t->self.lane, at(&t->site, there, sizeof there), t->mask);
	}
}

static void check_mask(const struct shim_site *site, uint32_t mask)
{
	const struct shim_lane *me = shim_me();
	const uint32_t live = shim_my_warp()->live;
	char here[160];
	if (!(mask >> me->self.lane & 1))
		shim_die("%s: the calling lane %d is not in its mask %08x", at(site, here, sizeof here), me->self.lane, mask);
	if (mask & ~live)
		shim_die("%s: mask %08x names lanes %08x that have returned or never were", at(site, here, sizeof here), mask, mask & ~live);
}

static struct shim_meeting *find_meeting(struct shim_warp *w, uint32_t mask, int site)
{
	struct shim_meeting *unused = NULL;
	for (int i = 0; i < 32; i++) {
		struct shim_meeting *m = &w->meeting[i];
		if (m->arrived && m->mask == mask && m->site == site)
			return m;
		if (!m->arrived && !unused)
			unused = m;
		if (!w->waiting)
			break;
	}
	unused->mask = mask;
	unused->site = site;
	unused->turn++;
	return unused;
}

void shim_meet(struct shim_site site, uint32_t mask, void (*act)(uint32_t mask))
{
	struct shim_lane *me = shim_me();
	struct shim_warp *w = shim_my_warp();
	check_mask(&site, mask);
	struct shim_meeting *m = find_meeting(w, mask, site.id);
	const uint32_t mine = 1u << me->self.lane, elsewhere = mask & w->waiting & ~m->arrived;
	if (elsewhere)
		check_mates(&site, mask, elsewhere);
	/* as at a barrier: another object every time */
	char *object = shim_block.sync + 8 * (2 + 2 * (me->number / 32 * 32 + (m - w->meeting)) + (m->turn & 1));
	if (!act)
		shim_release(object);
	m->arrived |= mine;
	if (m->arrived != mask) {
		me->mask = mask;
		me->site = site;
		me->state = SHIM_AT_WARP;
		w->waiting |= mine;
		wait_here(me);
	} else {
		m->arrived = 0;
		w->waiting &= ~mask;
		if (act)
			act(mask);
		struct shim_lane **const mate = shim_mates();
		for (uint32_t left = mask; left; left &= left - 1)
			mate[__builtin_ctz(left)]->state = SHIM_READY;
	}
	if (!act)
		shim_acquire(object);
}

void shim_syncwarp(struct shim_site site, uint32_t mask)
{
	shim_meet(site, mask, NULL);
}
