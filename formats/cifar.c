/* SPDX-License-Identifier: MIT
 *
 * cifar.c - CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html).
 *
 * Binary: records of label, 3072 pixels (CIFAR-10) or coarse label, fine label,
 * 3072 pixels (CIFAR-100). Python: a pickled dict of "data", a u8 array
 * [N, 3072], and "labels", or "fine_labels" and "coarse_labels". In both a row
 * is three planes R, G, B of 32 x 32; a sample is H,W,C. The label is the fine
 * one; the coarse one travels as "coarse_label".
 *
 * Splits are told by the files' names. A nameless pipe holds one file: its
 * records belong to whichever split is asked for.
 */
#include "format/format.h"
#include "format/parts.h"
#include "format/pickle.h"

#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, ROW = 3 * PLANE, FINE = 100, COARSE = 20 };
enum { MAX_NAMES = 1 << 16, MAX_BATCH = 1 << 30 };  /* bytes; the largest published batch has 154 million */
enum { NOTHING, BINARY10, BINARY100, PYTHON, NAMES };    /* kinds of member */

/* Where a part's rows, labels and coarse labels are: base and distance. */
struct column {
	const uint8_t *p;
	size_t step;
};
struct rows {
	struct column pixels, label, coarse;    /* coarse.p NULL: CIFAR-10 */
};

struct cifar {
	struct vit_parts parts;
	const char **names;
	int n_names;
	int n_class;                            /* 10 or 100, 0: not known yet */
	char id[64];
	uint8_t image[ROW];
};

static const char *const ten[] = {
	"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
};
static const char *const hundred[] = {
	"apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy", "bridge",
	"bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud",
	"cockroach", "couch", "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl",
	"hamster", "house", "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man",
	"maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear",
	"pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
	"rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake", "spider", "squirrel",
	"streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor", "train",
	"trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
};

/* ---- recognising ------------------------------------------------------------------ */

static const char *base_of(const struct vit_member *m)
{
	const char *slash = strrchr(m->name, '/');
	return slash ? slash + 1 : m->name;
}

/* Do the labels at the beginning of each record in sight make sense? Returns how many were seen. */
static int plausible(const struct vit_member *m, size_t record, int first, int second)
{
	int n = 0;
	for (size_t at = 0; at + (size_t)(second > 0) < m->n_head; at += record, n++)
		if (m->head[at] >= first || (second && m->head[at + 1] >= second))
			return 0;
	return n;
}

static int whole(const struct vit_member *m, int64_t record)
{
	/* a head shorter than 64 KiB is the member */
	int64_t size = m->size >= 0 ? m->size : m->n_head < 1 << 16 ? (int64_t)m->n_head : -1;
	return size > 0 && size % record == 0;
}

static int kind_of(const struct vit_member *m, int *sure)
{
	const char *name = base_of(m);
	*sure = 40;
	if (!strcmp(name, "batches.meta.txt") || !strcmp(name, "fine_label_names.txt"))
		return NAMES;
	if (m->n_head > 4 && m->head[0] == 0x80 && m->head[1] >= 2 && m->head[1] <= 4) {
		int at = m->head[2] == 0x95 ? 11 : 2;     /* past a frame */
		return m->n_head > 12 && m->head[at] == '}' ? PYTHON : NOTHING;
	}
	int n10 = plausible(m, 1 + ROW, 10, 0), n100 = plausible(m, 2 + ROW, COARSE, FINE);
	int w10 = whole(m, 1 + ROW), w100 = whole(m, 2 + ROW);
	*sure = 60;
	if (n10 && w10)
		return BINARY10;
	if (n100 && w100)
		return BINARY100;
	/* a pipe, whose size is not known, or a cut file that must be told so */
	*sure = 30;
	if (n10 > 2 && n10 >= n100)
		return BINARY10;
	return n100 > 2 ? BINARY100 : NOTHING;
}

static int cifar_probe(const struct vit_member *m)
{
	int sure, kind = kind_of(m, &sure);
	return kind == NOTHING ? 0 : sure;
}

/* ---- members ------------------------------------------------------------------------ */

static int classes_are(struct cifar *c, const char *name, int n)
{
	if (c->n_class && c->n_class != n)
		return vit_fail(VIT_EFORMAT, "%s: CIFAR-%d among files of CIFAR-%d; give one of them", name, n, c->n_class);
	c->n_class = n;
	return 0;
}

static int add_name(struct cifar *c, struct vit_arena *arena, const char *p, size_t n)
{
	if (!c->names)
		c->names = vit_arena_alloc(arena, FINE * sizeof *c->names);
	char *copy = c->names ? vit_arena_printf(arena, "%.*s", (int)n, p) : NULL;
	if (!copy)
		return VIT_ENOMEM;
	if (c->n_names == FINE || n > 256 || strlen(copy) != n)
		return vit_fail(VIT_EFORMAT, "the list of class names is not one");
	c->names[c->n_names++] = copy;
	return 0;
}

/* One name a line. */
static int text_names(struct cifar *c, struct vit_source *s, struct vit_arena *arena)
{
	struct vit_blob b;
	int rc = vit_source_load(s, MAX_NAMES, &b);
	const char *p = (const char *)b.p, *end = p + b.n;
	while (!rc && p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);
		size_t bare = n && p[n - 1] == '\r' ? n - 1 : n;
		if (bare)
			rc = add_name(c, arena, p, bare);
		p += n + (nl != NULL);
	}
	vit_blob_release(&b);
	return rc;
}

static int binary(struct cifar *c, struct vit_part *p)
{
	int fine = p->kind == BINARY100, head = 1 + fine;
	size_t record = (size_t)(head + ROW);
	struct rows *r = p->extra;
	VIT_TRY(classes_are(c, p->name, fine ? FINE : 10));
	if (p->blob.n % record)
		return vit_fail(VIT_EFORMAT, "%s: %zu records of %zu bytes and %zu bytes more; the file is cut", p->name,
		                p->blob.n / record, record, p->blob.n % record);
	p->n = (int64_t)(p->blob.n / record);
	r->label = (struct column){ p->blob.p + fine, record };
	r->pixels = (struct column){ p->blob.p + head, record };
	if (fine)
		r->coarse = (struct column){ p->blob.p, record };
	return 0;
}

/* A list of small integers becomes a column of bytes. */
static int list_column(const struct vit_pickle *list, size_t n, struct vit_arena *arena, struct column *out)
{
	if (list->kind != VIT_PICKLE_LIST || list->n_item != n)
		return vit_fail(VIT_EFORMAT, "the labels are no list of %zu integers", n);
	uint8_t *p = vit_arena_alloc(arena, n + 1);
	if (!p)
		return VIT_ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct vit_pickle *v = list->item[i];
		if (v->kind != VIT_PICKLE_INT || v->i < 0 || v->i > 255)
			return vit_fail(VIT_EFORMAT, "label %zu is no class", i);
		p[i] = (uint8_t)v->i;
	}
	*out = (struct column){ p, 1 };
	return 0;
}

static int batch(struct cifar *c, struct vit_part *p, const struct vit_pickle *root, struct vit_arena *arena)
{
	struct rows *r = p->extra;
	const struct vit_pickle *data = vit_pickle_get(root, "data"), *fine = vit_pickle_get(root, "fine_labels");
	const struct vit_pickle *coarse = vit_pickle_get(root, "coarse_labels"), *label = vit_pickle_get(root, "labels");
	if (!data || data->kind != VIT_PICKLE_ARRAY || data->n % ROW || !(fine || label))
		return vit_fail(VIT_EFORMAT, "no CIFAR batch: \"data\" of rows of %d bytes and \"labels\" are wanted", ROW);
	p->n = (int64_t)(data->n / ROW);
	VIT_TRY(classes_are(c, p->name, fine ? FINE : 10));
	r->pixels = (struct column){ data->p, ROW };
	VIT_TRY(list_column(fine ? fine : label, (size_t)p->n, arena, &r->label));
	return fine && coarse ? list_column(coarse, (size_t)p->n, arena, &r->coarse) : 0;
}

/* Either a batch, or "batches.meta" with the class names. */
static int python(struct cifar *c, struct vit_part *p, struct vit_arena *arena)
{
	const struct vit_pickle *root;
	VIT_TRY(vit_pickle_read(&root, p->blob.p, p->blob.n, arena));
	const struct vit_pickle *names = vit_pickle_get(root, "fine_label_names");
	if (!names)
		names = vit_pickle_get(root, "label_names");
	if (!names)
		return batch(c, p, root, arena);
	p->kind = NAMES;
	for (size_t i = 0; names->kind == VIT_PICKLE_LIST && i < names->n_item; i++) {
		const struct vit_pickle *v = names->item[i];
		if (v->kind != VIT_PICKLE_TEXT)
			return vit_fail(VIT_EFORMAT, "a class name is no text");
		VIT_TRY(add_name(c, arena, (const char *)v->p, v->n));
	}
	return 0;
}

static int add_part(struct cifar *c, struct vit_source *s, const struct vit_member *m, int kind, struct vit_arena *arena)
{
	struct vit_part *p;
	VIT_TRY(vit_parts_add(&c->parts, s, m, arena, &p));
	p->kind = kind;
	p->extra = vit_arena_alloc(arena, sizeof(struct rows));
	if (!p->extra)
		return VIT_ENOMEM;
	if (!vit_parts_wants(&c->parts, p->split))
		return 0;
	VIT_TRY(vit_source_load(s, MAX_BATCH, &p->blob));
	int rc = kind == PYTHON ? python(c, p, arena) : binary(c, p);
	if (rc || p->kind != NAMES)
		return rc ? vit_wrap(rc, "%s", p->name) : 0;
	vit_blob_release(&p->blob);
	c->parts.n--;
	return 0;
}

/* ---- the format ------------------------------------------------------------------------- */

static int describe(struct cifar *c, struct vit_source *s, struct vit_format_info *info)
{
	struct vit_meta *meta = info->meta;
	int n = c->n_class;
	if (!c->parts.n && !info->splits)
		return vit_fail(VIT_EFORMAT, "%s: class names without records", vit_source_name(s));
	if (n && c->names && c->n_names != n)
		return vit_fail(VIT_EFORMAT, "%s: %d class names, CIFAR-%d has %d", vit_source_name(s), c->n_names, n, n);
	meta->dataset = n == FINE ? "cifar100" : n ? "cifar10" : NULL;
	meta->n_class = n;
	meta->classes = vit_arena_alloc(&meta->arena, (FINE + 1) * sizeof *meta->classes);
	if (!meta->classes)
		return VIT_ENOMEM;
	for (int i = 0; i < n; i++)
		meta->classes[i] = c->names ? c->names[i] : n == FINE ? hundred[i] : ten[i];
	meta->labels = VIT_LABELS_INDEX;
	meta->shape[0] = meta->shape[1] = SIDE;
	meta->shape[2] = 3;
	info->random = 1;
	return 0;
}

static int cifar_open(void *priv, struct vit_source *s, struct vit_format_info *info)
{
	struct cifar *c = priv;
	struct vit_arena *arena = &info->meta->arena;
	struct vit_member m;
	int rc;
	while (!(rc = vit_source_next(s, &m))) {
		int sure, kind = kind_of(&m, &sure);
		if (kind == NAMES)
			VIT_TRY(text_names(c, s, arena));
		else if (kind != NOTHING)
			VIT_TRY(add_part(c, s, &m, kind, arena));
	}
	if (rc != VIT_END)
		return rc;
	VIT_TRY(vit_parts_done(&c->parts, info));
	return describe(c, s, info);
}

/* R, G, B planes to pixels. */
static void interleave(uint8_t *out, const uint8_t *row)
{
	for (int i = 0; i < PLANE; i++) {
		out[3 * i] = row[i];
		out[3 * i + 1] = row[PLANE + i];
		out[3 * i + 2] = row[2 * PLANE + i];
	}
}

static int cifar_read(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	struct cifar *c = priv;
	int64_t k;
	const struct vit_part *p = vit_parts_at(&c->parts, i, &k);
	const struct rows *rows = p->extra;
	size_t at = (size_t)k;
	const uint8_t *label = rows->label.p + at * rows->label.step;
	const uint8_t *coarse = rows->coarse.p ? rows->coarse.p + at * rows->coarse.step : NULL;
	*r = (struct vit_record){
		.id = { c->id, (size_t)vit_parts_id(&c->parts, p, k, c->id, sizeof c->id) },
		.seq = (uint64_t)i,
		.label_kind = VIT_LABEL_INDEX,
		.label = *label,
		.image = { c->image, VIT_U8, 3, { SIDE, SIDE, 3 } },
	};
	if (*label >= c->n_class)
		return vit_fail(VIT_ERECORD, "%s: record %lld (%s): label %d, CIFAR-%d has 0 to %d", vit_source_name(s), (long long)i,
		                c->id, *label, c->n_class, c->n_class - 1);
	if (coarse) {
		if (*coarse >= COARSE)
			return vit_fail(VIT_ERECORD, "%s: record %lld (%s): coarse label %d, CIFAR-100 has 0 to 19", vit_source_name(s),
			                (long long)i, c->id, *coarse);
		/* a small integer is its own msgpack */
		r->field[r->n_field++] = (struct vit_field){ { "coarse_label", 12 }, coarse, 1 };
	}
	vit_blob_used(&p->blob, rows->pixels.p + at * rows->pixels.step, ROW);
	interleave(c->image, rows->pixels.p + at * rows->pixels.step);
	return 0;
}

static void cifar_close(void *priv)
{
	struct cifar *c = priv;
	vit_parts_release(&c->parts);
}

const struct vit_format vit_format_cifar = {
	.abi = VIT_FORMAT_ABI,
	.size = sizeof(struct vit_format),
	.name = "cifar",
	.help = "CIFAR-10 and CIFAR-100, binary files or Python batches",
	.priv_size = sizeof(struct cifar),
	.probe = cifar_probe,
	.open = cifar_open,
	.read = cifar_read,
	.close = cifar_close,
};
