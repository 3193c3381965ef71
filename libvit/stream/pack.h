/* SPDX-License-Identifier: MIT
 *
 * pack.h - the msgpack of records, written straight into a buffer that has room;
 * inside libvit/stream only.
 *
 * A record is some dozen short values: a call for each, as msgpack-c makes,
 * takes longer than its pixels. The same bytes: every head is the shortest.
 */
#ifndef VIT_STREAM_PACK_H
#define VIT_STREAM_PACK_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

enum { VIT_HEAD_MAX = 9 };      /* bytes of the longest head, and of any number */

static inline uint8_t *vit_put_byte(uint8_t *p, uint64_t v)
{
	*p = (uint8_t)v;
	return p + 1;
}

/* `first`, then the last `width` bytes of v, the highest first. Writes VIT_HEAD_MAX bytes. */
static inline uint8_t *vit_put_wide(uint8_t *p, uint8_t first, uint64_t v, unsigned width)
{
	uint64_t be = htobe64(v << (64 - 8 * width));
	p[0] = first;
	memcpy(p + 1, &be, sizeof be);
	return p + 1 + width;
}

static inline uint8_t *vit_put_uint(uint8_t *p, uint64_t v)
{
	if (v < 0x80)
		return vit_put_byte(p, v);
	return v <= UINT8_MAX ? vit_put_wide(p, 0xcc, v, 1) : v <= UINT16_MAX ? vit_put_wide(p, 0xcd, v, 2)
	     : v <= UINT32_MAX ? vit_put_wide(p, 0xce, v, 4) : vit_put_wide(p, 0xcf, v, 8);
}

static inline uint8_t *vit_put_int(uint8_t *p, int64_t i)
{
	uint64_t v = (uint64_t)i;
	if (i >= 0)
		return vit_put_uint(p, v);
	if (i >= -32)
		return vit_put_byte(p, v);
	return i >= INT8_MIN ? vit_put_wide(p, 0xd0, v, 1) : i >= INT16_MIN ? vit_put_wide(p, 0xd1, v, 2)
	     : i >= INT32_MIN ? vit_put_wide(p, 0xd2, v, 4) : vit_put_wide(p, 0xd3, v, 8);
}

/* Lengths and counts are below 4 GiB. */
static inline uint8_t *vit_put_map(uint8_t *p, size_t n)
{
	if (n < 16)
		return vit_put_byte(p, 0x80 | n);
	return n <= UINT16_MAX ? vit_put_wide(p, 0xde, n, 2) : vit_put_wide(p, 0xdf, n, 4);
}

static inline uint8_t *vit_put_array(uint8_t *p, size_t n)
{
	if (n < 16)
		return vit_put_byte(p, 0x90 | n);
	return n <= UINT16_MAX ? vit_put_wide(p, 0xdc, n, 2) : vit_put_wide(p, 0xdd, n, 4);
}

static inline uint8_t *vit_put_bytes(uint8_t *p, const void *from, size_t n)
{
	if (n)
		memcpy(p, from, n);
	return p + n;
}

static inline uint8_t *vit_put_str(uint8_t *p, const char *s, size_t n)
{
	if (n < 32)
		p = vit_put_byte(p, 0xa0 | n);
	else
		p = n <= UINT8_MAX ? vit_put_wide(p, 0xd9, n, 1) : n <= UINT16_MAX ? vit_put_wide(p, 0xda, n, 2) : vit_put_wide(p, 0xdb, n, 4);
	return vit_put_bytes(p, s, n);
}

/* The bytes themselves are left to the caller. */
static inline uint8_t *vit_put_bin_head(uint8_t *p, size_t n)
{
	return n <= UINT8_MAX ? vit_put_wide(p, 0xc4, n, 1) : n <= UINT16_MAX ? vit_put_wide(p, 0xc5, n, 2) : vit_put_wide(p, 0xc6, n, 4);
}

/* Of a constant, whose length is known where it is inlined. */
static inline uint8_t *vit_put_key(uint8_t *p, const char *key)
{
	return vit_put_str(p, key, strlen(key));
}

static inline uint8_t *vit_put_bin_key(uint8_t *p, const char *key)
{
	return vit_put_bytes(vit_put_bin_head(p, strlen(key)), key, strlen(key));
}

#endif
