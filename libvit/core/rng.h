/* SPDX-License-Identifier: MIT
 *
 * rng.h - counter-based random numbers: Philox-4x32-10.
 *
 * Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.
 * A draw is a pure function of (key, counter), so no thread count, batch split
 * or cut of a pipe changes it. One header serves C and CUDA.
 */
#ifndef VIT_CORE_RNG_H
#define VIT_CORE_RNG_H

#include <stdint.h>

#if defined(__CUDACC__)
#define VIT_HD __host__ __device__
#else
#define VIT_HD
#endif

struct vit_rand4 {
	uint32_t v[4];
};

static inline VIT_HD struct vit_rand4 vit_philox(uint64_t key, uint64_t hi, uint64_t lo)
{
	uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
	uint32_t c0 = (uint32_t)lo, c1 = (uint32_t)(lo >> 32), c2 = (uint32_t)hi, c3 = (uint32_t)(hi >> 32);
	for (int round = 0; round < 10; round++) {
		uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
		uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
		c1 = (uint32_t)b;
		c3 = (uint32_t)a;
		c0 = n0;
		c2 = n2;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	struct vit_rand4 r = { { c0, c1, c2, c3 } };
	return r;
}

/* A key from two: the splitmix64 finaliser over both. Not symmetric, so nest
 * as vit_key(vit_key(seed, epoch), ordinal). */
static inline VIT_HD uint64_t vit_key(uint64_t a, uint64_t b)
{
	uint64_t x = a + 0x9E3779B97F4A7C15u * (b + 1);
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

/* Uniform in [0, 1), 24 bits: exact in float. */
static inline VIT_HD float vit_uniform(uint32_t x)
{
	return (float)(x >> 8) * 0x1p-24f;
}

/* Uniform integer in [0, n), n >= 1, by the high half of a 64-bit product;
 * its bias is below n / 2^32. */
static inline VIT_HD uint32_t vit_below(uint32_t x, uint32_t n)
{
	return (uint32_t)(((uint64_t)x * n) >> 32);
}

/* Draw number `i` of a sequence keyed by (key, stream): for code that takes
 * numbers one by one, such as an augmentation with several parameters. */
struct vit_draws {
	uint64_t key, stream;
	uint64_t i;
	uint64_t known;                 /* 1 + the four that are in `four`; 0: none */
	struct vit_rand4 four;
};
static inline VIT_HD uint32_t vit_draw(struct vit_draws *d)
{
	uint64_t block = d->i >> 2;
	if (d->known != block + 1) {
		d->four = vit_philox(d->key, d->stream, block);
		d->known = block + 1;
	}
	return d->four.v[d->i++ & 3];
}

/* FNV-1a of a name: the key of a graph node. A name, never an index, so that
 * inserting a node does not change the masks of the others. */
static inline uint64_t vit_name_key(const char *s)
{
	uint64_t h = 0xCBF29CE484222325u;
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 0x100000001B3u;
	return h;
}

#endif
