/* SPDX-License-Identifier: MIT
 *
 * order.h - a permutation of 0..n-1 in constant memory.
 *
 * A Feistel network over the smallest power of two that holds n, walked until
 * it lands inside (Black and Rogaway, "Ciphers with Arbitrary Finite Domains",
 * 2002). A pure function of (n, seed, epoch): every shard and every cut of the
 * stream sees the same order.
 */
#ifndef VIT_FORMAT_ORDER_H
#define VIT_FORMAT_ORDER_H

#include "core/rng.h"

struct vit_order {
	uint64_t n, key;
	int low, high;          /* bits of the two halves */
};

static inline struct vit_order vit_order_of(uint64_t n, uint64_t seed, uint64_t epoch)
{
	int bits = 2;
	while (bits < 63 && (UINT64_C(1) << bits) < n)
		bits++;
	struct vit_order o = { n, vit_key(vit_key(seed, epoch), vit_name_key("order")), bits / 2, bits - bits / 2 };
	return o;
}

/* Position that comes at place `i` < n. */
static inline uint64_t vit_order_at(const struct vit_order *o, uint64_t i)
{
	const uint64_t low = (UINT64_C(1) << o->low) - 1, high = (UINT64_C(1) << o->high) - 1;
	do {
		uint64_t a = i & low, b = i >> o->low;
		/* the halves differ by a bit when their sum is odd, so each keeps its place */
		for (uint64_t round = 0; round < 8; round += 2) {
			b ^= vit_key(o->key + round, a) & high;
			a ^= vit_key(o->key + round + 1, b) & low;
		}
		i = b << o->low | a;
	} while (i >= o->n);
	return i;
}

#endif
