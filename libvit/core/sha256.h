/* SPDX-License-Identifier: MIT
 *
 * sha256.h - SHA-256 (FIPS 180-4), for digests that users are given elsewhere.
 * Our own data carry XXH3, which is far quicker and guards against accidents only.
 */
#ifndef VIT_CORE_SHA256_H
#define VIT_CORE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct vit_sha256 {
	uint32_t h[8];
	uint64_t n;             /* bytes so far */
	uint8_t block[64];
};
void vit_sha256_init(struct vit_sha256 *);
void vit_sha256_update(struct vit_sha256 *, const void *p, size_t n);
/* 64 lower-case hexadecimal digits and a NUL; the state is spent. */
void vit_sha256_hex(struct vit_sha256 *, char hex[65]);

#endif
