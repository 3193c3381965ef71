/* SPDX-License-Identifier: MIT
 *
 * hash.h - XXH3 over every byte of a stream; inside libvit/stream only.
 *
 * libxxhash itself is built for the oldest processors. Where it was built with
 * its dispatcher, too, that one finds the widest vectors: the same hash, in
 * half the time.
 */
#ifndef VIT_STREAM_HASH_H
#define VIT_STREAM_HASH_H

#include <xxhash.h>

/* weak: absent from some builds of the library */
extern XXH_errorcode XXH3_64bits_update_dispatch(XXH3_state_t *, const void *, size_t) __attribute__((weak));

static inline XXH_errorcode vit_hash_update(XXH3_state_t *state, const void *p, size_t n)
{
	return XXH3_64bits_update_dispatch ? XXH3_64bits_update_dispatch(state, p, n) : XXH3_64bits_update(state, p, n);
}

#endif
