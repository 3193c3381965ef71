/* SPDX-License-Identifier: MIT
 *
 * packs.h - tar and zip files made by hand, so that they can be odd in every way.
 */
#ifndef TESTS_UNIT_PACKS_H
#define TESTS_UNIT_PACKS_H

#include "core/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pack {
	struct vit_buf body, central;   /* central: a zip's directory */
	int entries;
};

static inline void pack_bytes(struct vit_buf *b, const void *p, size_t n)
{
	if (vit_buf_add(b, p, n))
		abort();
}

static inline void pack_le(struct vit_buf *b, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		pack_bytes(b, &(uint8_t){ (uint8_t)(v >> 8 * i) }, 1);
}

static inline uint32_t pack_crc(const uint8_t *p, size_t n)
{
	uint32_t c = ~0U;
	for (size_t i = 0; i < n; i++) {
		c ^= p[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320U : 0);
	}
	return ~c;
}

struct zip_as {
	int flags, lie_crc;     /* flags: 1 encrypted */
	uint32_t mode;          /* Unix mode; 0: a regular file's */
	uint32_t size;          /* claimed; 0: the truth */
};

/* One stored entry. */
static inline void zip_add(struct pack *z, const char *name, const void *p, size_t n, struct zip_as as)
{
	uint32_t at = (uint32_t)z->body.n, size = as.size ? as.size : (uint32_t)n, crc = pack_crc(p, n) ^ (as.lie_crc ? 1U : 0);
	size_t k = strlen(name);
	for (int central = 0; central < 2; central++) {
		struct vit_buf *b = central ? &z->central : &z->body;
		pack_bytes(b, central ? "PK\1\2" : "PK\3\4", 4);
		if (central)
			pack_le(b, 3 << 8 | 20, 2);     /* made by Unix */
		pack_le(b, 20, 2);
		pack_le(b, (uint64_t)as.flags, 2);
		pack_le(b, 0, 2 + 4);
		pack_le(b, crc, 4);
		pack_le(b, (uint32_t)n, 4);
		pack_le(b, size, 4);
		pack_le(b, k, 2);
		pack_le(b, 0, 2);
		if (central) {
			pack_le(b, 0, 2 + 2 + 2);
			pack_le(b, (uint64_t)(as.mode ? as.mode : 0100644) << 16, 4);
			pack_le(b, at, 4);
		}
		pack_bytes(b, name, k);
	}
	pack_bytes(&z->body, p, n);
	z->entries++;
}

static inline void zip_end(struct pack *z)
{
	size_t at = z->body.n, n = z->central.n;
	pack_bytes(&z->body, z->central.p, n);
	pack_bytes(&z->body, "PK\5\6\0\0\0\0", 8);
	pack_le(&z->body, (uint64_t)z->entries, 2);
	pack_le(&z->body, (uint64_t)z->entries, 2);
	pack_le(&z->body, n, 4);
	pack_le(&z->body, at, 4);
	pack_le(&z->body, 0, 2);
}

/* A ustar entry; `link`: a symbolic one to there. */
static inline void tar_add(struct pack *t, const char *name, const void *p, size_t n, const char *link)
{
	char h[512] = { 0 };
	snprintf(h, 100, "%s", name);
	snprintf(h + 100, 8, "%07o", 0644);
	snprintf(h + 108, 8, "%07o", 0);
	snprintf(h + 116, 8, "%07o", 0);
	snprintf(h + 124, 12, "%011o", (unsigned)(n & 0x7fffffff));
	snprintf(h + 136, 12, "%011o", 0);
	memset(h + 148, ' ', 8);
	h[156] = link ? '2' : '0';
	if (link)
		snprintf(h + 157, 100, "%s", link);
	memcpy(h + 257, "ustar\0" "00", 8);
	unsigned sum = 0;
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	pack_bytes(&t->body, h, 512);
	pack_bytes(&t->body, p, n);
	memset(h, 0, 512);
	pack_bytes(&t->body, h, (512 - n % 512) % 512);
}

static inline void tar_end(struct pack *t)
{
	static const char zero[1024];
	pack_bytes(&t->body, zero, sizeof zero);
}

static inline void pack_write(struct pack *z, const char *path)
{
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(z->body.p, 1, z->body.n, f) != z->body.n || fclose(f))
		abort();
	vit_buf_release(&z->body);
	vit_buf_release(&z->central);
	z->entries = 0;
}

#endif
