/* SPDX-License-Identifier: MIT */
#include "stream/named.h"

#include <stdlib.h>
#include <xxhash.h>

static struct vit_named_one *find(struct vit_named_one *slot, size_t cap, uint64_t key)
{
	size_t i = key & (cap - 1);
	while (slot[i].key && slot[i].key != key)
		i = (i + 1) & (cap - 1);
	return &slot[i];
}

static int grow(struct vit_named *s)
{
	size_t cap = s->cap ? 2 * s->cap : 16;
	struct vit_named_one *slot = vit_calloc(cap, sizeof *slot);
	if (!slot)
		return VIT_ENOMEM;
	for (size_t i = 0; i < s->cap; i++)
		if (s->slot[i].key)
			*find(slot, cap, s->slot[i].key) = s->slot[i];
	free(s->slot);
	s->slot = slot;
	s->cap = cap;
	return 0;
}

int vit_named_before(struct vit_named *s, const struct vit_record *r)
{
	uint64_t key = XXH3_64bits_withSeed(r->id.p, r->id.n, r->seq) | 1;
	/* without memory it is named once more */
	if (2 * s->n >= s->cap && grow(s))
		return 0;
	struct vit_named_one *one = find(s->slot, s->cap, key);
	if (one->key)
		return one->epoch != r->epoch;
	*one = (struct vit_named_one){ key, r->epoch };
	s->n++;
	return 0;
}

void vit_named_release(struct vit_named *s)
{
	free(s->slot);
	*s = (struct vit_named){ 0 };
}
