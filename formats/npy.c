/* SPDX-License-Identifier: MIT
 *
 * npy.c - numpy arrays: .npy files, and .npz, which are zips of them.
 *
 * Images: uint8 or bool (0 and 255) of shape [N,H,W], [N,H,W,C] or [N,C,H,W],
 * in either byte and index order. A last dimension of 1 or 3 is the channels;
 * otherwise a second one of 1 or 3 is; otherwise a last one of up to 16. Labels:
 * integers [N] or [N,1], or probabilities, floats [N,K]. Everything else has a
 * range or meaning that only its owner knows, and is refused with the remedy.
 *
 * Which array is which is told by the words of its name: x, images, data or y,
 * labels, targets; where no name says so, by shape. The other words tell pairs
 * and splits: x_train and y_train (Keras), val_images and val_labels (MedMNIST),
 * train/x and train/y. Labels named by nothing else, as CIFAR-10-C's labels.npy,
 * belong to every array of as many images.
 */
#include "format/format.h"
#include "format/npy.h"
#include "format/parts.h"
#include "image/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { NOTHING, IMAGES, LABELS };
enum { MAX_CLASS = 1 << 20, MAX_IMAGE = 1 << 28 };

/* extra of a part */
struct array {
	struct vit_npy a;
	const char *key;                /* folder and words of the name that say no role */
	int bare, named;                /* bare: no such words; named: a word says the role */
	struct array *label;            /* IMAGES: theirs; NULL: none */
	const struct vit_part *part;
	int64_t h, w, c;                /* IMAGES: */
	int64_t step[4];                /* elements from one n, h, w, c to the next */
	int dense;                      /* a record's elements are H,W,C in the file already */
	int n_class, soft;              /* LABELS: */
};

struct npy {
	struct vit_parts images, labels;
	char id[64];
	uint8_t *pixels;                /* of one record, where the file has them otherwise */
	float *soft;
	int64_t n_pixels;
	int n_soft;
	const char *odd;                /* name of the first array whose part is not known, */
	struct array odd_array;         /* and it */
	struct vit_buf passed;          /* names of arrays that are neither images nor labels */
};

/* ---- names ------------------------------------------------------------------------- */

static int word_role(const char *p, size_t n)
{
	static const struct { const char *word; int role; } table[] = {
		{ "x", IMAGES }, { "images", IMAGES }, { "image", IMAGES }, { "imgs", IMAGES }, { "img", IMAGES }, { "data", IMAGES },
		{ "y", LABELS }, { "labels", LABELS }, { "label", LABELS }, { "targets", LABELS }, { "target", LABELS },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strlen(table[i].word) == n && !strncasecmp(table[i].word, p, n))
			return table[i].role;
	return NOTHING;
}

/* What the name says; "labels" counts more than "images" beside it. */
static int name_role(struct array *x, const char *name, struct vit_arena *arena)
{
	const char *slash = strrchr(name, '/'), *p = slash ? slash + 1 : name;
	size_t n = strlen(name), at = (size_t)(p - name);
	const char *end = n > 4 && !strcmp(name + n - 4, ".npy") ? name + n - 4 : name + n;
	int role = NOTHING;
	char *key = vit_arena_strdup(arena, name);
	if (!key)
		return VIT_ENOMEM;
	while (p < end) {
		size_t k = strcspn(p, "-_. ");
		if (k > (size_t)(end - p))
			k = (size_t)(end - p);
		int r = word_role(p, k);
		if (r > role)
			role = r;
		if (!r && k) {
			memcpy(key + at, p, k);
			at += k;
			key[at++] = '_';
		}
		p += k;
		p += p < end;
	}
	key[at] = '\0';
	x->key = key;
	x->bare = !at;
	x->named = role != NOTHING;
	return role;
}

/* ---- what an array is -------------------------------------------------------------- */

static int is_integer(const struct vit_npy *a)
{
	return a->dtype >= 0 && !vit_dtypes[a->dtype].is_float;
}

static int is_image(const struct vit_npy *a)
{
	return (a->ndim == 3 || a->ndim == 4) && (a->dtype == VIT_U8 || a->dtype == VIT_BOOL);
}

static int is_column(const struct vit_npy *a)
{
	return a->ndim == 1 || (a->ndim == 2 && a->dim[1] == 1);
}

static int check_dtype(const struct vit_npy *a, const char *name)
{
	const char *d = a->descr;
	char shape[256];
	if (a->dtype >= 0)
		return 0;
	if (strchr(d, 'O'))
		return vit_fail(VIT_EUNSUPPORTED, "%s: holds Python objects (dtype %s), which only Python can read; save it as numbers", name, d);
	if (strchr(d, 'U') || (strchr(d, 'S') && *d != 'a'))
		return vit_fail(VIT_EUNSUPPORTED, "%s: holds texts (dtype %s); save their numbers: "
		                "names, y = numpy.unique(y, return_inverse=True)", name, d);
	return vit_fail(VIT_EUNSUPPORTED, "%s: %s holds no numbers that are read; save it as uint8 images or integer labels", name,
	                vit_npy_str(shape, sizeof shape, a));
}

/* Sizes and steps of images; the rule is at the top. */
static int describe_images(struct array *x, const char *name)
{
	const struct vit_npy *a = &x->a;
	char shape[256];
	VIT_TRY(check_dtype(a, name));
	vit_npy_str(shape, sizeof shape, a);
	if (a->ndim < 3 || a->ndim > 4)
		return vit_fail(VIT_EFORMAT, "%s: %s are no images; reshape it to [N,H,W], [N,H,W,C] or [N,C,H,W]", name, shape);
	if (a->dtype != VIT_U8 && a->dtype != VIT_BOOL)
		return vit_fail(VIT_EUNSUPPORTED, "%s: %s images have a range that the file does not say; save them as uint8 of 0 to 255: "
		                "%s", name, shape, vit_dtypes[a->dtype].is_float ? "(255 * x).round().astype('uint8') where x is 0 to 1"
		                                                                  : "x.astype('uint8') where x is 0 to 255");
	if (a->ndim == 3 && (a->dim[2] == 1 || a->dim[2] == 3))
		return vit_fail(VIT_EFORMAT, "%s: %s may be one image; save x[None], of shape [1,H,W,C]", name, shape);
	/* places of n, h, w, c among the dimensions */
	int at[4] = { 0, 1, 2, 3 };
	if (a->ndim == 4 && a->dim[3] != 1 && a->dim[3] != 3 && (a->dim[1] == 1 || a->dim[1] == 3)) {
		at[1] = 2;
		at[2] = 3;
		at[3] = 1;
	}
	int64_t stride[4] = { 1, 1, 1, 1 };
	for (int k = 0; k < a->ndim; k++)
		for (int j = a->fortran ? 0 : k + 1; j < (a->fortran ? k : a->ndim); j++)
			stride[k] *= a->dim[j];
	for (int k = 0; k < 4; k++)
		x->step[k] = at[k] < a->ndim ? stride[at[k]] : 1;
	x->h = a->dim[at[1]];
	x->w = a->dim[at[2]];
	x->c = a->ndim == 4 ? a->dim[at[3]] : 1;
	if (x->c < 1 || x->c > VIT_MAX_CHANNELS)
		return vit_fail(VIT_EFORMAT, "%s: %s has its channels (1 or 3) neither first nor last in each image", name, shape);
	if (x->h < 1 || x->w < 1 || x->h > VIT_MAX_SIDE || x->w > VIT_MAX_SIDE || x->h * x->w * x->c > MAX_IMAGE)
		return vit_fail(VIT_EFORMAT, "%s: %s are images of no size, or of one too large", name, shape);
	x->dense = a->dtype == VIT_U8 && (x->c == 1 || x->step[3] == 1) && x->step[2] == x->c && x->step[1] == x->w * x->c;
	return 0;
}

static int describe_labels(struct array *x, const char *name)
{
	const struct vit_npy *a = &x->a;
	char shape[256];
	VIT_TRY(check_dtype(a, name));
	vit_npy_str(shape, sizeof shape, a);
	x->soft = !is_integer(a);
	if (is_column(a) && x->soft)
		return vit_fail(VIT_EUNSUPPORTED, "%s: %s are no class numbers; save y.astype('int64'), or probabilities of shape [N,K]", name, shape);
	if (a->ndim != 2 && !is_column(a))
		return vit_fail(VIT_EFORMAT, "%s: %s are no labels; these are integers [N] or [N,1], or probabilities, floats [N,K]", name, shape);
	if (!x->soft && !is_column(a))
		return vit_fail(VIT_EUNSUPPORTED, "%s: %s are several numbers an image; one of each is wanted: y.argmax(1) of one-hot rows", name, shape);
	if (x->soft && (a->dim[1] < 2 || a->dim[1] > MAX_CLASS))
		return vit_fail(VIT_EFORMAT, "%s: %s are no probabilities of 2 to %d classes", name, shape, MAX_CLASS);
	x->n_class = x->soft ? (int)a->dim[1] : 0;
	return 0;
}

/* The highest class number. */
static int survey_labels(struct array *x, const struct vit_part *p)
{
	int64_t most = -1;
	for (int64_t i = 0; i < p->n && !x->soft; i++) {
		int64_t v = vit_npy_int(&x->a, p->blob.p + x->a.head, i);
		if (v < 0 || v >= MAX_CLASS)
			return vit_fail(VIT_EFORMAT, "%s: label %lld of record %lld is no class number; these are 0 to %d", p->name,
			                (long long)v, (long long)i + 1, MAX_CLASS - 1);
		most = v > most ? v : most;
	}
	if (!x->soft)
		x->n_class = (int)most + 1;
	return 0;
}

/* ---- taking the arrays -------------------------------------------------------------- */

static int load(struct vit_source *s, const struct vit_member *m, const char *name, struct vit_part *p, const struct vit_npy *a)
{
	uint64_t want = (uint64_t)a->bytes + a->head;
	if (m->size >= 0 && (uint64_t)m->size < want)
		return vit_fail(VIT_EFORMAT, "%s: %lld bytes are there, its header announces %llu: the file is cut", name,
		                (long long)m->size, (unsigned long long)want);
	VIT_TRY(vit_source_load(s, want, &p->blob));
	if (p->blob.n != want)
		return vit_fail(VIT_EFORMAT, "%s: %zu bytes are there, its header announces %llu: the file is %s", name, p->blob.n,
		                (unsigned long long)want, p->blob.n < want ? "cut" : "more than one array");
	return 0;
}

static int once(const struct vit_parts *ps, const char *name)
{
	for (int i = 0; i < ps->n; i++)
		if (!strcmp(ps->v[i].name, name))
			return vit_fail(VIT_EFORMAT, "two arrays %s; give one set at a time", *name ? name : "without a name");
	return 0;
}

static int pass_over(struct npy *f, const char *name)
{
	return vit_buf_printf(&f->passed, "%s%s", f->passed.n ? ", " : "", name);
}

static int take(struct npy *f, struct vit_source *s, const struct vit_member *m, struct vit_arena *arena)
{
	struct array *x = vit_arena_alloc(arena, sizeof *x);
	const char *name = *m->name ? m->name : vit_source_name(s);
	struct vit_part *p;
	if (!x)
		return VIT_ENOMEM;
	int rc = vit_npy_header(&x->a, m->head, m->n_head);
	if (rc)
		return vit_wrap(rc, "%s", name);
	int role = name_role(x, m->name, arena);
	if (role < 0)
		return role;
	if (!role)
		role = is_image(&x->a) ? IMAGES : is_integer(&x->a) && is_column(&x->a) ? LABELS : NOTHING;
	if (!role) {
		if (!f->odd) {
			f->odd_array = *x;
			f->odd = vit_arena_strdup(arena, name);
		}
		return f->odd ? pass_over(f, name) : VIT_ENOMEM;
	}
	struct vit_parts *ps = role == IMAGES ? &f->images : &f->labels;
	VIT_TRY(role == IMAGES ? describe_images(x, name) : describe_labels(x, name));
	VIT_TRY(once(ps, m->name));
	VIT_TRY(vit_parts_add(ps, s, m, arena, &p));
	p->kind = role;
	p->extra = x;
	p->n = x->a.dim[0];
	/* labels of every split: the number of classes is that of all of them */
	if (role == LABELS || vit_parts_wants(ps, p->split))
		VIT_TRY(load(s, m, name, p, &x->a));
	return 0;
}

/* Where names say what the data are, arrays that only look alike (masks, ids) are none of them. */
static int prefer_named(struct npy *f, struct vit_parts *ps)
{
	int named = 0, n = 0, rc = 0;
	for (int i = 0; i < ps->n; i++)
		named |= ((struct array *)ps->v[i].extra)->named;
	for (int i = 0; i < ps->n; i++) {
		if (named && !((struct array *)ps->v[i].extra)->named) {
			vit_blob_release(&ps->v[i].blob);
			rc = rc ? rc : pass_over(f, ps->v[i].name);
		} else {
			ps->v[n++] = ps->v[i];
		}
	}
	ps->n = n;
	ps->named = 0;
	for (int i = 0; i < n; i++)
		ps->named |= ps->v[i].split != NULL;
	return rc;
}

/* ---- pairs ---------------------------------------------------------------------------- */

static int same_split(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static int match(struct npy *f, const struct vit_part *p)
{
	struct array *x = p->extra;
	const struct vit_part *found = NULL;
	int lone = f->images.n == 1 && f->labels.n == 1;
	for (int i = 0; i < f->labels.n && !found; i++) {
		const struct vit_part *l = &f->labels.v[i];
		const struct array *y = l->extra;
		if (same_split(p->split, l->split) && (lone || !strcmp(x->key, y->key)))
			found = l;
	}
	for (int i = 0; i < f->labels.n && !found; i++)
		if (((struct array *)f->labels.v[i].extra)->bare)
			found = &f->labels.v[i];
	if (!found)
		return 0;
	if (found->n != p->n)
		return vit_fail(VIT_EFORMAT, "%s has %lld images, %s %lld labels", p->name, (long long)p->n, found->name, (long long)found->n);
	x->label = found->extra;
	x->label->part = found;
	return 0;
}

/* What was there and is not used: a user who misnamed an array wants to know. */
static int tell(struct npy *f, struct vit_source *s)
{
	int labelled = 0;
	for (int i = 0; i < f->images.n; i++)
		labelled |= ((struct array *)f->images.v[i].extra)->label != NULL;
	if (f->passed.n)
		VIT_TRY(vit_source_notice(s, "%s: passed over, as neither images nor labels: %s", vit_source_name(s), (char *)f->passed.p));
	for (int i = 0; i < f->labels.n; i++)
		if (!((struct array *)f->labels.v[i].extra)->part && vit_parts_wants(&f->labels, f->labels.v[i].split))
			VIT_TRY(vit_source_notice(s, "%s: labels that no array of images goes with", f->labels.v[i].name));
	for (int i = 0; labelled && i < f->images.n; i++)
		if (!((struct array *)f->images.v[i].extra)->label)
			VIT_TRY(vit_source_notice(s, "%s: has no labels", f->images.v[i].name));
	return 0;
}

static int describe(struct npy *f, struct vit_format_info *info)
{
	struct vit_meta *meta = info->meta;
	const struct array *first = f->images.n ? f->images.v[0].extra : NULL, *labelled = NULL;
	for (int i = 0; i < f->images.n; i++) {
		const struct array *x = f->images.v[i].extra;
		if (x->c != first->c)
			return vit_fail(VIT_EMISMATCH, "%s has %lld channels, %s %lld; give one of them", f->images.v[0].name,
			                (long long)first->c, f->images.v[i].name, (long long)x->c);
		if (i == 0 || (x->h == meta->shape[0] && x->w == meta->shape[1]))
			memcpy(meta->shape, (int64_t[3]){ x->h, x->w, x->c }, sizeof meta->shape);
		else
			meta->shape[0] = meta->shape[1] = 0;
		if (!x->dense && x->h * x->w * x->c > f->n_pixels)
			f->n_pixels = x->h * x->w * x->c;
		if (x->label && labelled && (x->label->soft != labelled->soft || (x->label->soft && x->label->n_class != labelled->n_class)))
			return vit_fail(VIT_EMISMATCH, "%s and %s are labels of different kinds", labelled->part->name, x->label->part->name);
		labelled = x->label ? x->label : labelled;
	}
	for (int i = 0; labelled && i < f->labels.n; i++) {
		const struct array *y = f->labels.v[i].extra;
		if (y->soft == labelled->soft && y->n_class > meta->n_class)
			meta->n_class = y->n_class;
	}
	meta->labels = !labelled ? VIT_LABELS_NONE : labelled->soft ? VIT_LABELS_SOFT : VIT_LABELS_INDEX;
	f->n_soft = labelled && labelled->soft ? labelled->n_class : 0;
	info->random = 1;
	return 0;
}

/* ---- the format ------------------------------------------------------------------------ */

static int npy_probe(const struct vit_member *m)
{
	return vit_is_npy(m->head, m->n_head) ? 90 : 0;
}

static int npy_open(void *priv, struct vit_source *s, struct vit_format_info *info)
{
	struct npy *f = priv;
	struct vit_member m;
	int rc;
	while (!(rc = vit_source_next(s, &m)))
		if (vit_is_npy(m.head, m.n_head))
			VIT_TRY(take(f, s, &m, &info->meta->arena));
	if (rc != VIT_END)
		return rc;
	VIT_TRY(prefer_named(f, &f->images));
	VIT_TRY(prefer_named(f, &f->labels));
	if (!f->images.n && f->odd)
		VIT_TRY(describe_images(&f->odd_array, f->odd));
	if (!f->images.n)
		return vit_fail(VIT_EFORMAT, "%s: no array of images: uint8 of shape [N,H,W], [N,H,W,C] or [N,C,H,W]", vit_source_name(s));
	for (int i = 0; i < f->labels.n; i++)
		VIT_TRY(survey_labels(f->labels.v[i].extra, &f->labels.v[i]));
	for (int i = 0; i < f->images.n; i++)
		if (f->images.v[i].blob.n)
			VIT_TRY(match(f, &f->images.v[i]));
	VIT_TRY(vit_parts_done(&f->images, info));
	VIT_TRY(tell(f, s));
	VIT_TRY(describe(f, info));
	f->pixels = f->n_pixels ? vit_malloc((size_t)f->n_pixels) : NULL;
	f->soft = f->n_soft ? vit_calloc((size_t)f->n_soft, sizeof *f->soft) : NULL;
	return (f->n_pixels && !f->pixels) || (f->n_soft && !f->soft) ? VIT_ENOMEM : 0;
}

/* Element by element: planar, bool, or the first index running fastest. */
static void gather(uint8_t *to, const struct array *x, const uint8_t *from)
{
	int white = x->a.dtype == VIT_BOOL;
	for (int64_t h = 0; h < x->h; h++)
		for (int64_t w = 0; w < x->w; w++)
			for (int64_t c = 0; c < x->c; c++) {
				uint8_t v = from[h * x->step[1] + w * x->step[2] + c * x->step[3]];
				*to++ = white ? (v ? 255 : 0) : v;
			}
}

static int read_label(struct npy *f, const struct array *y, int64_t k, struct vit_record *r)
{
	const uint8_t *elements = y->part->blob.p + y->a.head;
	if (!y->soft) {
		r->label_kind = VIT_LABEL_INDEX;
		r->label = vit_npy_int(&y->a, elements, k);
		return 0;
	}
	for (int j = 0; j < y->n_class; j++) {
		f->soft[j] = (float)vit_npy_float(&y->a, elements, y->a.fortran ? j * y->a.dim[0] + k : k * y->n_class + j);
		if (!(f->soft[j] >= 0 && isfinite(f->soft[j])))
			return vit_fail(VIT_ERECORD, "%s: record %lld (%s): %g is no probability", y->part->name, (long long)k + 1, f->id,
			                (double)f->soft[j]);
	}
	r->label_kind = VIT_LABEL_SOFT;
	r->soft = (struct vit_tensor){ f->soft, VIT_F32, 1, { y->n_class } };
	return 0;
}

static int npy_look(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	(void)s;
	struct npy *f = priv;
	int64_t k;
	const struct vit_part *p = vit_parts_at(&f->images, i, &k);
	const struct array *x = p->extra;
	*r = (struct vit_record){
		.id = { f->id, (size_t)vit_parts_id(&f->images, p, k, f->id, sizeof f->id) },
		.seq = (uint64_t)i,
	};
	return x->label ? read_label(f, x->label, k, r) : 0;
}

static int npy_read(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	struct npy *f = priv;
	int64_t k;
	const struct vit_part *p = vit_parts_at(&f->images, i, &k);
	const struct array *x = p->extra;
	const uint8_t *elements = p->blob.p + x->a.head, *from = elements + k * x->step[0];
	VIT_TRY(npy_look(priv, s, i, r));
	/* where the first index runs fastest a record is all over the file */
	vit_blob_used(&p->blob, x->a.fortran ? elements : from, (size_t)(x->a.fortran ? x->a.bytes : x->step[0]));
	if (!x->dense)
		gather(f->pixels, x, from);
	r->image = (struct vit_tensor){ x->dense ? (void *)(uintptr_t)from : f->pixels, VIT_U8, 3, { x->h, x->w, x->c } };
	return 0;
}

static void npy_close(void *priv)
{
	struct npy *f = priv;
	vit_parts_release(&f->images);
	vit_parts_release(&f->labels);
	free(f->pixels);
	free(f->soft);
	vit_buf_release(&f->passed);
}

const struct vit_format vit_format_npy = {
	.abi = VIT_FORMAT_ABI,
	.size = sizeof(struct vit_format),
	.name = "npy",
	.help = "numpy arrays of images and labels: .npy, or .npz",
	.priv_size = sizeof(struct npy),
	.probe = npy_probe,
	.open = npy_open,
	.read = npy_read,
	.close = npy_close,
	.look = npy_look,
};
