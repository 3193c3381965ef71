/* SPDX-License-Identifier: MIT
 *
 * idx.c - MNIST's IDX files (http://yann.lecun.com/exdb/mnist/).
 *
 * Images: u32be 0x00000803, N, H, W, then N*H*W bytes. Labels: u32be 0x00000801,
 * N, then N bytes. A pair differs only in the word "images" or "labels" of its
 * names. A nameless pipe can hold one file only: its records belong to whichever
 * split is asked for, and without labels they have none.
 */
#include "format/format.h"
#include "format/parts.h"

#include <string.h>

enum { IMAGES = 0x0803, LABELS = 0x0801, SIDE = 1 << 14 };

struct idx {
	struct vit_parts images, labels;
	char id[64];
};
/* extra of an images part: its labels part; sizes are read from the header again */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int kind_of(const uint8_t *p, size_t n)
{
	if (n >= 8 && be32(p) == LABELS)
		return LABELS;
	if (n >= 16 && be32(p) == IMAGES && be32(p + 8) - 1 < SIDE && be32(p + 12) - 1 < SIDE)
		return IMAGES;
	return 0;
}

static int idx_probe(const struct vit_member *m)
{
	return kind_of(m->head, m->n_head) ? 90 : 0;
}

/* Load one part, as long as its header announces. */
static int take(struct vit_source *s, const struct vit_member *m, struct vit_part *p)
{
	const uint8_t *b = m->head;
	p->n = be32(b + 4);
	uint64_t want = (uint64_t)p->n, head = 8;
	if (p->kind == IMAGES) {        /* below 2^32 * 2^28: no overflow */
		want *= (uint64_t)be32(b + 8) * be32(b + 12);
		head = 16;
	}
	VIT_TRY(vit_source_load(s, head + want, &p->blob));
	if (p->blob.n != head + want)
		return vit_fail(VIT_EFORMAT, "%s: %zu bytes after the header, which announces %llu", p->name,
		                p->blob.n - (size_t)head, (unsigned long long)want);
	return 0;
}

/* torchvision keeps each file twice, packed and unpacked: the first one counts. */
static const struct vit_part *seen(const struct vit_parts *ps, const char *name)
{
	for (int i = 0; i < ps->n; i++)
		if (*name && !strcmp(ps->v[i].name, name))
			return &ps->v[i];
	return NULL;
}

/* Two sets given at once have files of one name too: neither may go unread. */
static int same_file(struct vit_source *s, const struct vit_part *first)
{
	struct vit_blob b;
	if (!first->blob.n)     /* of a split that is not asked for */
		return 0;
	VIT_TRY(vit_source_load(s, first->blob.n, &b));
	int same = b.n == first->blob.n && !memcmp(b.p, first->blob.p, b.n);
	vit_blob_release(&b);
	return same ? 0 : vit_fail(VIT_EFORMAT, "two different files %s; give one set at a time", first->name);
}

static int collect(struct idx *x, struct vit_source *s, struct vit_arena *arena)
{
	struct vit_member m;
	int rc;
	while (!(rc = vit_source_next(s, &m))) {
		int kind = kind_of(m.head, m.n_head);
		struct vit_parts *ps = kind == IMAGES ? &x->images : &x->labels;
		struct vit_part *p;
		if (!kind)
			continue;
		const struct vit_part *first = seen(ps, m.name);
		if (first) {
			VIT_TRY(same_file(s, first));
			continue;
		}
		VIT_TRY(vit_parts_add(ps, s, &m, arena, &p));
		p->kind = kind;
		/* labels of every split: the number of classes is that of all of them */
		if (kind == LABELS || vit_parts_wants(ps, p->split))
			VIT_TRY(take(s, &m, p));
	}
	return rc == VIT_END ? 0 : rc;
}

/* Do the names differ by images/labels alone (and by idx3/idx1)? */
static int pair(const char *image, const char *label)
{
	const char *a = strstr(image, "images"), *b = strstr(label, "labels");
	return a && b && a - image == b - label && !strncmp(image, label, (size_t)(a - image));
}

static int match(struct idx *x, struct vit_part *p)
{
	int lone = x->images.n == 1 && x->labels.n == 1;
	for (int i = 0; i < x->labels.n; i++) {
		struct vit_part *l = &x->labels.v[i];
		if (!lone && !pair(p->name, l->name))
			continue;
		if (l->n != p->n)
			return vit_fail(VIT_EFORMAT, "%s has %lld images, %s %lld labels", p->name, (long long)p->n, l->name,
			                (long long)l->n);
		p->extra = l;
		return 0;
	}
	return 0;
}

static int describe(struct idx *x, struct vit_format_info *info)
{
	struct vit_meta *meta = info->meta;
	int most = -1, labelled = 0;
	for (int i = 0; i < x->images.n; i++) {
		struct vit_part *p = &x->images.v[i];
		const uint8_t *b = p->blob.p;
		int64_t shape[3] = { be32(b + 8), be32(b + 12), 1 };
		if (i && p->split && p[-1].split && !strcmp(p->split, p[-1].split))
			return vit_fail(VIT_EFORMAT, "%s and %s are both split %s; give one set at a time", p[-1].name, p->name, p->split);
		if (!i)
			memcpy(meta->shape, shape, sizeof shape);
		else if (memcmp(meta->shape, shape, sizeof shape))
			memset(meta->shape, 0, sizeof shape);
		labelled += p->extra != NULL;
	}
	for (int k = 0; k < x->labels.n; k++)
		for (int64_t i = 0; i < x->labels.v[k].n; i++)
			if (x->labels.v[k].blob.p[8 + i] > most)
				most = x->labels.v[k].blob.p[8 + i];
	meta->labels = labelled ? VIT_LABELS_INDEX : VIT_LABELS_NONE;
	meta->n_class = labelled ? most + 1 : 0;
	info->random = 1;
	return 0;
}

static int idx_open(void *priv, struct vit_source *s, struct vit_format_info *info)
{
	struct idx *x = priv;
	VIT_TRY(collect(x, s, &info->meta->arena));
	if (!x->images.n)
		return vit_fail(VIT_EFORMAT, "%s: labels without their images", vit_source_name(s));
	for (int i = 0; i < x->images.n; i++)
		if (x->images.v[i].blob.n)
			VIT_TRY(match(x, &x->images.v[i]));
	VIT_TRY(vit_parts_done(&x->images, info));
	return describe(x, info);
}

static int idx_read(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	(void)s;
	struct idx *x = priv;
	int64_t k;
	const struct vit_part *p = vit_parts_at(&x->images, i, &k);
	const struct vit_part *l = p->extra;
	const uint8_t *b = p->blob.p;
	int64_t h = be32(b + 8), w = be32(b + 12);
	vit_blob_used(&p->blob, b + 16 + k * h * w, (size_t)(h * w));
	*r = (struct vit_record){
		.id = { x->id, (size_t)vit_parts_id(&x->images, p, k, x->id, sizeof x->id) },
		.seq = (uint64_t)i,
		.image = { (void *)(uintptr_t)(b + 16 + k * h * w), VIT_U8, 3, { h, w, 1 } },
	};
	if (l) {
		r->label_kind = VIT_LABEL_INDEX;
		r->label = l->blob.p[8 + k];
	}
	return 0;
}

static void idx_close(void *priv)
{
	struct idx *x = priv;
	vit_parts_release(&x->images);
	vit_parts_release(&x->labels);
}

const struct vit_format vit_format_idx = {
	.abi = VIT_FORMAT_ABI,
	.size = sizeof(struct vit_format),
	.name = "idx",
	.help = "MNIST's IDX files: images and labels, plain or compressed",
	.priv_size = sizeof(struct idx),
	.probe = idx_probe,
	.open = idx_open,
	.read = idx_read,
	.close = idx_close,
};
