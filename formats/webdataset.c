/* SPDX-License-Identifier: MIT
 *
 * webdataset.c - WebDataset shards (https://github.com/webdataset/webdataset).
 *
 * A sample is a run of members in one container whose names are alike up to the
 * first dot of the last component: that is its key, and the id; what follows is
 * the field, in any case. Its image is the first there is of .jpg .jpeg .png .webp
 * .ppm .pgm .pbm .pnm, else of the same with "image" before (.image.jpg). Its
 * label is .cls or .cls.txt, a number or a name; else, in .json, the first there
 * is of the keys "label", "cls" and "class", a number or a text. Other fields,
 * captions (.txt) among them, are counted in a notice and passed over, as are
 * samples without an image.
 *
 * A survey of all shards counts the samples and collects the labels
 * (labelset.h). From a pipe whose classes the user names nothing is surveyed:
 * it need not be kept, and how many samples come is not known.
 */
#include "format/encoded.h"
#include "format/format.h"
#include "format/labelset.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { N_OTHER = 12, MAX_FIELD = 24 };

/* The better comes first; the prefixed ones come after. */
static const char *const images[] = { "jpg", "jpeg", "png", "webp", "ppm", "pgm", "pbm", "pnm" };
enum { N_IMAGES = sizeof images / sizeof *images, NONE = 99, CLS = 0, CLS_TXT = 1, JSON = 2 };

struct webdataset {
	struct vit_labelset labels;
	/* the sample being gathered */
	struct vit_buf key, image, label, id;
	const char *const *container;   /* tells shards apart: a key may begin the next one again */
	int image_rank, label_rank;     /* NONE: there is none yet */
	int bad;                        /* why it cannot be read is in `why` */
	char why[512];
	/* reading */
	struct vit_member m;            /* the first member of the next sample */
	int have, ended;
	/* the survey */
	struct vit_source *source;
	int64_t n_sample, without_image;
	struct {
		char field[MAX_FIELD];
		int64_t n;
	} other[N_OTHER];
	int n_other;
	int64_t more;                   /* others that found no room */
};

/* ---- names ------------------------------------------------------------------------- */

/* Length of the key, *field behind its dot; 0: no member of a sample. */
static size_t key_of(const char *name, const char **field)
{
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *dot = strchr(base, '.');
	if (!dot || dot == base || !dot[1])
		return 0;
	*field = dot + 1;
	return (size_t)(dot - name);
}

static int image_rank(const char *field)
{
	int rank = 0;
	if (!strncasecmp(field, "image.", 6)) {
		field += 6;
		rank = N_IMAGES;
	}
	for (int i = 0; i < N_IMAGES; i++)
		if (!strcasecmp(field, images[i]))
			return rank + i;
	return NONE;
}

static int label_rank(const char *field)
{
	return !strcasecmp(field, "cls") ? CLS : !strcasecmp(field, "cls.txt") ? CLS_TXT : !strcasecmp(field, "json") ? JSON : NONE;
}

/* ---- recognising ------------------------------------------------------------------- */

/* What the container's first members say. An image and .cls of one key is proof;
 * an image and .json or .txt is so only where all lie in one place, for there are
 * class folders with descriptions beside their images. */
static int evidence(const struct vit_member *m)
{
	int found = 0, image = 0, cls = 0, text = 0, one_place = 1;
	size_t dir = 0;
	for (int i = 0; i < m->n_sibling; i++) {
		const char *name = m->sibling[i], *before = i ? m->sibling[i - 1] : NULL, *field, *slash = strrchr(name, '/');
		size_t n = key_of(name, &field), d = slash ? (size_t)(slash - name) : 0;
		one_place &= !before || (d == dir && !strncmp(before, name, d));
		dir = d;
		const char *ignored;
		if (!n || !before || key_of(before, &ignored) != n || strncmp(before, name, n))
			image = cls = text = 0;
		if (!n)
			continue;
		image |= image_rank(field) != NONE;
		cls |= label_rank(field) == CLS || label_rank(field) == CLS_TXT;
		text |= label_rank(field) == JSON || !strcasecmp(field, "txt");
		if (image && cls)
			return 85;
		found |= image && text;
	}
	return found && one_place ? 80 : 0;
}

static int webdataset_probe(const struct vit_member *m)
{
	const char *field;
	int sure = evidence(m);
	/* asked for by name, images alone will do */
	return sure ? sure : key_of(m->name, &field) && (image_rank(field) != NONE || label_rank(field) != NONE) ? 2 : 0;
}

/* ---- a sample ------------------------------------------------------------------------ */

static int set_bad(struct webdataset *f)
{
	if (!f->bad)
		snprintf(f->why, sizeof f->why, "%s", vit_errmsg());
	f->bad = 1;
	return 0;
}

static int set_label(struct webdataset *f, const char *p, size_t n)
{
	while (n && strchr(" \t\r\n", p[n - 1]))
		n--;
	for (; n && strchr(" \t\r\n", *p); p++)
		n--;
	f->label.n = 0;
	return vit_buf_add(&f->label, p, n);
}

/* The label in a .json field; one that says none leaves label_rank as it is. */
static int json_label(struct webdataset *f, const uint8_t *p, size_t n)
{
	static const char *const keys[] = { "label", "cls", "class" };
	json_error_t e;
	char number[24];
	json_t *root = json_loadb((const char *)p, n, JSON_DECODE_ANY, &e);
	if (!root) {
		vit_fail(VIT_ERECORD, ".json: %s", e.text);
		return set_bad(f);
	}
	const json_t *v = NULL;
	for (size_t i = 0; i < sizeof keys / sizeof *keys && !v; i++)
		v = json_object_get(root, keys[i]);
	int rc = 0;
	if (json_is_string(v)) {
		rc = set_label(f, json_string_value(v), json_string_length(v));
		f->label_rank = JSON;
	} else if (json_is_integer(v)) {
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
		rc = set_label(f, number, strlen(number));
		f->label_rank = JSON;
	} else if (v && !json_is_null(v)) {
		vit_fail(VIT_ERECORD, ".json: its label is neither a number nor a text");
		rc = set_bad(f);
	}
	json_decref(root);
	return rc;
}

static int take_label(struct webdataset *f, struct vit_source *s, int rank)
{
	const uint8_t *p;
	size_t n;
	if (rank >= f->label_rank)
		return 0;
	int rc = vit_source_bytes(s, &p, &n);
	if (rc == VIT_ERECORD)
		return set_bad(f);
	if (rc)
		return rc;
	if (rank == JSON)
		return json_label(f, p, n);
	f->label_rank = rank;
	return set_label(f, (const char *)p, n);
}

static int take_image(struct webdataset *f, struct vit_source *s, int rank)
{
	const uint8_t *p;
	size_t n;
	if (rank == f->image_rank) {
		vit_fail(VIT_ERECORD, "two images of one name (two samples with one key in a row?)");
		return set_bad(f);
	}
	if (rank > f->image_rank)
		return 0;
	f->image_rank = rank;
	int rc = vit_source_bytes(s, &p, &n);
	if (rc == VIT_ERECORD)
		return set_bad(f);
	f->image.n = 0;
	return rc ? rc : vit_buf_add(&f->image, p, n);
}

static int begins(const struct webdataset *f, const struct vit_member *m, size_t n)
{
	return f->container != m->sibling || f->key.n != n || memcmp(f->key.p, m->name, n);
}

static int begin(struct webdataset *f, const struct vit_member *m, size_t n)
{
	f->container = m->sibling;
	f->key.n = f->label.n = f->image.n = 0;
	f->image_rank = f->label_rank = NONE;
	f->bad = 0;
	return vit_buf_add(&f->key, m->name, n);
}

/* ---- the survey ---------------------------------------------------------------------- */

static void count_other(struct webdataset *f, const char *field)
{
	int i = 0;
	while (i < f->n_other && strncasecmp(f->other[i].field, field, MAX_FIELD - 1))
		i++;
	if (i == N_OTHER) {
		f->more++;
		return;
	}
	if (i == f->n_other)
		snprintf(f->other[f->n_other++].field, MAX_FIELD, "%s", field);
	f->other[i].n++;
}

static int count_sample(struct webdataset *f)
{
	if (!f->key.n)
		return 0;
	if (f->image_rank == NONE) {
		f->without_image++;
		return 0;
	}
	f->n_sample++;
	int rc = f->label_rank == NONE ? 0 : vit_labelset_add(&f->labels, (const char *)f->label.p, f->label.n);
	return rc == VIT_ERECORD ? 0 : rc;      /* said when the record is read */
}

static int survey(void *ctx, const struct vit_member *m)
{
	struct webdataset *f = ctx;
	const char *field = "";
	size_t n = key_of(m->name, &field);
	if (!n) {
		count_other(f, "");
		return 0;
	}
	if (begins(f, m, n)) {
		VIT_TRY(count_sample(f));
		VIT_TRY(begin(f, m, n));
	}
	int rank = image_rank(field);
	if (rank < f->image_rank)
		f->image_rank = rank;
	if (label_rank(field) != NONE)
		return take_label(f, f->source, label_rank(field));
	if (rank == NONE)
		count_other(f, field);
	return 0;
}

static int tell(struct webdataset *f, struct vit_source *s)
{
	struct vit_buf b = { 0 };
	int rc = 0;
	for (int i = 0; i < f->n_other && !rc; i++)
		rc = vit_buf_printf(&b, "%s%lld %s%s", i ? ", " : "", (long long)f->other[i].n, *f->other[i].field ? "." : "without a field",
		                    f->other[i].field);
	if (!rc && f->more)
		rc = vit_buf_printf(&b, ", %lld more", (long long)f->more);
	if (!rc && b.n)
		rc = vit_source_notice(s, "%s: passed over, as neither image nor label: %s", vit_source_name(s), (char *)b.p);
	vit_buf_release(&b);
	if (!rc && f->without_image)
		rc = vit_source_notice(s, "%s: left out: %lld samples without an image (.jpg .jpeg .png .webp .ppm .pgm .pbm .pnm)",
		                       vit_source_name(s), (long long)f->without_image);
	return rc;
}

/* ---- the format ------------------------------------------------------------------------ */

static int webdataset_open(void *priv, struct vit_source *s, struct vit_format_info *info)
{
	struct webdataset *f = priv;
	int n;
	f->source = s;
	if (!vit_source_again(s) && vit_source_classes(s, &n))
		return vit_labelset_names(&f->labels, s, info->meta);
	VIT_TRY(vit_source_survey(s, survey, f));
	VIT_TRY(count_sample(f));
	VIT_TRY(tell(f, s));
	if (!f->n_sample)
		return vit_fail(VIT_EFORMAT, "%s: no sample has an image (.jpg .jpeg .png .webp .ppm .pgm .pbm .pnm)", vit_source_name(s));
	info->meta->count = f->n_sample;
	return vit_labelset_done(&f->labels, s, info->meta);
}

/* Step to the first member of the next sample. */
static int step(struct webdataset *f, struct vit_source *s)
{
	int rc = f->ended ? VIT_END : vit_source_next(s, &f->m);
	f->have = !rc;
	f->ended = rc == VIT_END;
	return rc;
}

/* The whole of the next sample. */
static int gather(struct webdataset *f, struct vit_source *s)
{
	const char *field = "";
	size_t n = 0;
	int rc = f->have ? 0 : step(f, s);
	while (!rc && !(n = key_of(f->m.name, &field)))
		rc = step(f, s);
	if (rc)
		return rc;
	VIT_TRY(begin(f, &f->m, n));
	for (; !rc; rc = step(f, s)) {
		n = key_of(f->m.name, &field);
		if (n && begins(f, &f->m, n))
			break;
		int image = n ? image_rank(field) : NONE, label = n ? label_rank(field) : NONE;
		if (image != NONE)
			VIT_TRY(take_image(f, s, image));
		if (label != NONE)
			VIT_TRY(take_label(f, s, label));
	}
	return rc == VIT_END ? 0 : rc;
}

static int webdataset_read(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	struct webdataset *f = priv;
	do {
		VIT_TRY(gather(f, s));
	} while (f->image_rank == NONE);
	*r = (struct vit_record){ .seq = (uint64_t)i };
	VIT_TRY(vit_encoded_id(r, &f->id, (const char *)f->key.p, f->key.n));
	if (!f->bad && f->label_rank != NONE) {
		r->label_kind = VIT_LABEL_INDEX;
		if (vit_labelset_find(&f->labels, (const char *)f->label.p, f->label.n, &r->label))
			set_bad(f);
	}
	if (f->bad)
		return vit_fail(VIT_ERECORD, "%s: %.*s: %s", vit_source_name(s), (int)r->id.n, r->id.p, f->why);
	return vit_encoded_image(r, vit_source_name(s), f->image.p, f->image.n);
}

static int webdataset_again(void *priv, struct vit_source *s)
{
	struct webdataset *f = priv;
	(void)s;
	f->have = f->ended = 0;
	return 0;
}

static void webdataset_close(void *priv)
{
	struct webdataset *f = priv;
	vit_labelset_release(&f->labels);
	vit_buf_release(&f->key);
	vit_buf_release(&f->image);
	vit_buf_release(&f->label);
	vit_buf_release(&f->id);
}

const struct vit_format vit_format_webdataset = {
	.abi = VIT_FORMAT_ABI,
	.size = sizeof(struct vit_format),
	.name = "webdataset",
	.help = "WebDataset shards: tars of KEY.jpg (.png .webp ...) beside KEY.cls or KEY.json",
	.priv_size = sizeof(struct webdataset),
	.probe = webdataset_probe,
	.open = webdataset_open,
	.read = webdataset_read,
	.close = webdataset_close,
	.again = webdataset_again,
};
