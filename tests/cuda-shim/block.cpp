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

__attribute__((noreturn)) static void refuse_meeting(const struct shim_site *site, uint32_t mask)
{
	const struct shim_lane *me = shim_me();
	const uint32_t live = shim_my_warp()->live;
	char here[160], there[160];
	at(site, here, sizeof here);
	if (!(mask >> me->self.lane & 1))
		shim_die("%s: the calling lane %d is not in its mask %08x", here, me->self.lane, mask);
	if (mask & ~live)
		shim_die("%s: mask %08x names lanes %08x that have returned or never were", here, mask, mask & ~live);
	for (int l = 0; l < 32; l++) {
		if (!((mask & live) >> l & 1))
			continue;
		const struct shim_lane *t = shim_mates()[l];
		if (t->state == SHIM_AT_BARRIER)
			shim_die("lanes disagree: %s with mask %08x, but lane %d is in %s", here, mask, l, at(&t->site, there, sizeof there));
		if (t->state == SHIM_AT_WARP && (t->mask != mask || t->site.id != site->id))
			shim_die("lanes disagree: %s with mask %08x, but lane %d is in %s with mask %08x", here, mask, l,
			         at(&t->site, there, sizeof there), t->mask);
	}
	shim_die("%s: mask %08x cannot be met", here, mask);
}

void shim_meet(struct shim_site site, uint32_t mask, void (*act)(uint32_t mask))
{
	struct shim_lane *me = shim_me();
	struct shim_warp *w = shim_my_warp();
	const uint32_t mine = 1u << me->self.lane;
	if (!(mask & mine) || mask & ~w->live)
		refuse_meeting(&site, mask);
	const int slot = __builtin_ctz(mask);
	uint32_t *arrived = &w->arrived[slot];
	if (mask & w->waiting & ~*arrived || (*arrived && (w->mask[slot] != mask || w->site[slot] != site.id)))
		refuse_meeting(&site, mask);
	*arrived |= mine;
	if (*arrived != mask) {
		w->mask[slot] = me->mask = mask;
		w->site[slot] = site.id;
		me->site = site;
		me->state = SHIM_AT_WARP;
		w->waiting |= mine;
		wait_here(me);
		return;
	}
	*arrived = 0;
	w->waiting &= ~mask;
	if (act)
		act(mask);
	struct shim_lane **const mate = shim_mates();
	for (uint32_t left = mask; left; left &= left - 1)
		mate[__builtin_ctz(left)]->state = SHIM_READY;
}

void shim_syncwarp(struct shim_site site, uint32_t mask)
{
	struct shim_warp *w = shim_my_warp();
	const int warp = shim_me()->number / 32, lowest = __builtin_ctz(mask ? mask : 1);
	const unsigned parity = w->syncs[lowest] & 1;
	char *object = shim_block.sync + 16 + 16 * (warp * 32 + lowest) + 8 * parity;
	shim_release(object);
	shim_meet(site, mask, [](uint32_t m) { shim_my_warp()->syncs[__builtin_ctz(m)] ^= 1; });
	shim_acquire(object);
}
