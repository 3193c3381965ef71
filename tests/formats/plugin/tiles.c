/* SPDX-License-Identifier: MIT
 *
 * tiles.c - a format of somebody else: "TILE", then one sample each of label,
 * and 4 x 4 gray pixels. Built against installed headers alone:
 *
 *     cc -shared -fPIC $(pkg-config --cflags vit) -o tiles.so tiles.c
 */
#include <format/format.h>

#include <stdio.h>
#include <string.h>

struct tiles {
	struct vit_input *in;
	uint8_t record[17];
	char id[32];
};

static int probe(const struct vit_member *m)
{
	return m->n_head >= 4 && !memcmp(m->head, "TILE", 4) ? 100 : 0;
}

static int start(void *priv, struct vit_source *s, struct vit_format_info *info)
{
	struct tiles *t = priv;
	struct vit_member m;
	VIT_TRY(vit_source_next(s, &m));
	VIT_TRY(vit_source_input(s, &t->in));
	VIT_TRY(vit_input_skip(t->in, 4));
	info->meta->labels = VIT_LABELS_INDEX;
	info->meta->n_class = 256;
	info->meta->shape[0] = info->meta->shape[1] = 4;
	info->meta->shape[2] = 1;
#ifdef NAMES
	const char **name = vit_arena_alloc(&info->meta->arena, NAMES * sizeof *name);
	if (!name)
		return VIT_ENOMEM;
	for (int i = 0; i < NAMES; i++)
		name[i] = vit_arena_printf(&info->meta->arena, "class %04d", i);
	info->meta->classes = name;
	info->meta->n_class = NAMES;
#endif
	return 0;
}

static int next(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	struct tiles *t = priv;
	VIT_TRY(vit_input_read(t->in, t->record, sizeof t->record));
	int n = snprintf(t->id, sizeof t->id, "%s/%05lld", vit_source_split(s), (long long)i);
	*r = (struct vit_record){
		.id = { t->id, (size_t)n },
		.seq = (uint64_t)i,
		.label_kind = VIT_LABEL_INDEX,
		.label = t->record[0],
		.image = { t->record + 1, VIT_U8, 3, { 4, 4, 1 } },
	};
	return 0;
}

static void finish(void *priv)
{
	(void)priv;
}

#ifndef ABI
#define ABI VIT_FORMAT_ABI
#endif

const struct vit_format vit_format_tiles = {
	.abi = ABI,
	.size = sizeof(struct vit_format),
	.name = "tiles",
	.help = "small gray tiles",
	.priv_size = sizeof(struct tiles),
	.probe = probe,
	.open = start,
	.read = next,
	.close = finish,
};
