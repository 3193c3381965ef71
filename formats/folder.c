/* SPDX-License-Identifier: MIT
 *
 * folder.c - images in class folders, or images alone.
 *
 * Which directories are splits and classes is told by format/layout.h from the
 * names of all members. Directories and zips are read in any order; of other
 * archives a first pass takes the names, and a second one the images, so that
 * memory does not grow with the number of members.
 *
 * What is an image is told by the suffix of its name, as a list of names is all
 * there is at first; files without one are looked into. What the bytes are is
 * told by the bytes.
 */
#include "format/encoded.h"
#include "format/format.h"
#include "format/layout.h"

#include "image/decode.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { OTHER = -1, IMAGE = -2, NO_SUFFIX = -3, EMPTY = -4 };     /* or an index into `unread` */
enum { ALL = -1, NEVER = -2 };                                  /* splits besides 0 to 2 */

static const char *const readable[] = {
	".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".pnm", ".ppm", ".pgm", ".pbm",
};
/* images nobody here reads: they are missed, so they are named */
static const char *const unread[] = {
	".heic", ".heif", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".svg", ".jxl", ".jp2", ".ico", ".psd", ".raw", ".dng", ".cr2",
	".cr3", ".nef", ".arw", ".orf", ".rw2", ".exr", ".hdr", ".tga", ".eps",
};
enum { N_READABLE = sizeof readable / sizeof *readable, N_UNREAD = sizeof unread / sizeof *unread };

struct item {
	uint32_t member;
	int32_t label;
};

struct folder {
	struct vit_layout layout;
	struct vit_source *source;
	int split;                      /* the one asked for */
	int unlabelled;
	int directory;                  /* some place is one */
	int64_t members;                /* -1: they come one after the other */
	struct item *item;
	int64_t n_item, at;
	int64_t unread[N_UNREAD], empty, other;
	struct vit_buf id;
};

/* ---- names ------------------------------------------------------------------------- */

static int kind_of_name(const char *name)
{
	const char *slash = strrchr(name, '/'), *dot = strrchr(slash ? slash : name, '.');
	if (!dot)
		return NO_SUFFIX;
	for (int i = 0; i < N_READABLE; i++)
		if (!strcasecmp(dot, readable[i]))
			return IMAGE;
	for (int i = 0; i < N_UNREAD; i++)
		if (!strcasecmp(dot, unread[i]))
			return i;
	return OTHER;
}

/* The same in a survey and when it is read, or counts would differ. */
static int kind_of(struct vit_source *s, const struct vit_member *m, int *kind)
{
	*kind = m->size == 0 ? EMPTY : kind_of_name(m->name);
	/* what comes alone was meant, whatever its name */
	if (*kind == EMPTY || *kind == IMAGE || (*kind != NO_SUFFIX && m->n_sibling > 1))
		return 0;
	const uint8_t *p = m->head;
	size_t n = m->n_head;
	if (!p) {
		struct vit_input *in;
		VIT_TRY(vit_source_input(s, &in));
		VIT_TRY(vit_input_peek(in, 64, &p, &n));
	}
	if (vit_image_type(p, n))
		*kind = IMAGE;
	return 0;
}

static int folder_probe(const struct vit_member *m)
{
	if (vit_image_type(m->head, m->n_head))
		return 20;
	int kind = kind_of_name(m->name);
	/* broken, or of a type that is not read: nobody else says so better */
	return kind == IMAGE ? 10 : kind >= 0 ? 5 : 0;
}

/* ---- the first pass ------------------------------------------------------------------ */

static int count_member(void *ctx, const struct vit_member *m)
{
	struct folder *f = ctx;
	int kind;
	VIT_TRY(kind_of(f->source, m, &kind));
	if (kind == EMPTY)
		f->empty++;
	else if (kind >= 0)
		f->unread[kind]++;
	else if (kind != IMAGE)
		f->other++;
	if (kind == IMAGE)
		return vit_layout_add(&f->layout, m->name, 1);
	/* a class may hold nothing else */
	const char *slash = strrchr(m->name, '/');
	char dir[4096];
	if (!slash || snprintf(dir, sizeof dir, "%.*s", (int)(slash - m->name), m->name) >= (int)sizeof dir)
		return 0;
	return vit_layout_add(&f->layout, dir, 0);
}

static int count_directory(void *ctx, const char *path)
{
	struct folder *f = ctx;
	f->directory |= !*path;
	return *path ? vit_layout_add(&f->layout, path, 0) : 0;
}

/* Is this image one of the split asked for? */
static int is_ours(const struct folder *f, const char *name, int64_t *label, const char **id)
{
	int split;
	if (!vit_layout_find(&f->layout, name, &split, label, id))
		return 0;
	return (f->split == ALL || f->split == split) && (*label < 0) == f->unlabelled;
}

static int list_member(void *ctx, const struct vit_member *m)
{
	struct folder *f = ctx;
	int kind;
	int64_t label, i = f->at++;
	const char *id;
	VIT_TRY(kind_of(f->source, m, &kind));
	if (kind != IMAGE || !is_ours(f, m->name, &label, &id))
		return 0;
	/* the directories are as they were listed, but a file in them may have changed */
	if (f->n_item == f->members)
		return vit_fail(VIT_EFORMAT, "%s: changed while it was read", vit_source_name(f->source));
	f->item[f->n_item++] = (struct item){ (uint32_t)i, (int32_t)label };
	return 0;
}

/* ---- what the user is told -------------------------------------------------------------- */

static int part(struct vit_buf *b, int64_t n, const char *what, const char *end)
{
	return n ? vit_buf_printf(b, "%s%lld %s%s%s", b->n ? ", " : "", (long long)n, what, n == 1 ? "" : "s", end) : 0;
}

/* "2 .gif, 1 .heic"; nothing: b stays empty. */
static int name_unread(const struct folder *f, struct vit_buf *b)
{
	for (int i = 0; i < N_UNREAD; i++)
		if (f->unread[i])
			VIT_TRY(vit_buf_printf(b, "%s%lld %s", b->n ? ", " : "", (long long)f->unread[i], unread[i]));
	return 0;
}

static int tell_left_out(struct folder *f, struct vit_source *s)
{
	const char *where = vit_source_name(s);
	const struct vit_layout *l = &f->layout;
	struct vit_buf b = { 0 }, types = { 0 };
	int rc = part(&b, vit_source_hidden(s), "hidden file", "");
	if (!rc)
		rc = part(&b, f->empty, "empty file", "");
	if (!rc)
		rc = part(&b, f->other, "file", f->other == 1 ? " that is no image" : " that are no images");
	if (!rc && b.n)
		rc = vit_source_notice(s, "%s: left out: %s", where, (char *)b.p);
	if (!rc)
		rc = name_unread(f, &types);
	if (!rc && types.n)
		rc = vit_source_notice(s, "%s: left out: %s, image types that are not read; convert them to JPEG or PNG", where,
		                       (char *)types.p);
	int64_t outside = l->outside + (f->split == ALL ? l->flat[0] + l->flat[1] + l->flat[2] : 0);
	if (!rc && outside)
		rc = vit_source_notice(s, "%s: left out: %lld image%s outside the class folders", where, (long long)outside,
		                       outside == 1 ? "" : "s");
	vit_buf_release(&b);
	vit_buf_release(&types);
	return rc;
}

/* Archives that each have a directory around their classes, or a level too many:
 * it may be meant, but seldom is. */
static int tell_deep_classes(const struct folder *f, struct vit_source *s)
{
	const struct vit_layout *l = &f->layout;
	if (l->kind != VIT_LAYOUT_CLASSES || l->shallow || l->n_class < 2)
		return 0;
	return vit_source_notice(s, "%s: classes are %s, %s%s, and all images lie in directories below them; where those are the classes, "
	                         "give each part alone", vit_source_name(s), l->classes[0], l->classes[1], l->n_class > 2 ? ", ..." : "");
}

static int tell_empty_classes(struct folder *f, struct vit_source *s)
{
	const struct vit_layout *l = &f->layout;
	struct vit_buf b = { 0 };
	int n = 0, rc = 0;
	for (int i = 0; i < l->n_class && !rc; i++)
		if (!l->per_class[i] && n++ < 4)
			rc = vit_buf_printf(&b, "%s%s", b.n ? ", " : "", n < 4 ? l->classes[i] : "...");
	if (!rc && n)
		rc = vit_source_notice(s, "%s: no images in class%s %s; %s in the list of classes", vit_source_name(s), n == 1 ? "" : "es",
		                       (char *)b.p, n == 1 ? "it stays" : "they stay");
	vit_buf_release(&b);
	return rc;
}

static int no_images(const struct folder *f, struct vit_source *s)
{
	struct vit_buf b = { 0 };
	VIT_TRY(name_unread(f, &b));
	int rc = vit_fail(VIT_EFORMAT, "%s: no image in it that can be read%s%s", vit_source_name(s),
	                  b.n ? "; convert to JPEG or PNG: " : "", b.n ? (char *)b.p : "");
	vit_buf_release(&b);
	return rc;
}

/* ---- opening ------------------------------------------------------------------------------- */

static int asked_for(const struct folder *f, const char *split)
{
	if (!strcmp(split, "all"))
		return ALL;
	if (f->layout.kind == VIT_LAYOUT_FLAT)
		return 0;
	int i = vit_layout_split(split, strlen(split));
	return i < 0 || (i && f->layout.kind == VIT_LAYOUT_CLASSES) ? NEVER : i;
}

static int describe(struct folder *f, struct vit_source *s, struct vit_format_info *info)
{
	static const char *const name[] = { "train", "val", "test" };
	const struct vit_layout *l = &f->layout;
	struct vit_meta *meta = info->meta;
	f->split = asked_for(f, vit_source_split(s));
	f->unlabelled = l->kind == VIT_LAYOUT_FLAT || (f->split >= 0 && l->flat[f->split]);
	meta->count = 0;
	char splits[32] = "";
	for (int i = 0; i < 3; i++) {
		if (f->split == i || f->split == ALL)
			meta->count += l->count[i] + (f->split == i ? l->flat[i] : 0);
		if (l->count[i] + l->flat[i])
			snprintf(splits + strlen(splits), sizeof splits - strlen(splits), "%s%s", *splits ? " " : "", name[i]);
	}
	if (l->kind != VIT_LAYOUT_FLAT) {
		info->splits = vit_arena_strdup(&meta->arena, splits);
		if (!info->splits)
			return VIT_ENOMEM;
	}
	meta->labels = f->unlabelled ? VIT_LABELS_NONE : VIT_LABELS_INDEX;
	if (f->unlabelled)
		return 0;
	meta->n_class = l->n_class;
	meta->classes = vit_arena_alloc(&meta->arena, (size_t)(l->n_class + 1) * sizeof *meta->classes);
	for (int i = 0; meta->classes && i < l->n_class; i++)
		if (!(meta->classes[i] = vit_arena_strdup(&meta->arena, l->classes[i])))
			return VIT_ENOMEM;
	return meta->classes ? tell_empty_classes(f, s) : VIT_ENOMEM;
}

static int list_items(struct folder *f, struct vit_source *s, int64_t n)
{
	if (f->members > UINT32_MAX)
		return vit_fail(VIT_EUNSUPPORTED, "%s: more than 4 billion files; give a part of them", vit_source_name(s));
	f->members = n;
	f->item = vit_malloc((size_t)(n + !n) * sizeof *f->item);
	if (!f->item)
		return VIT_ENOMEM;
	VIT_TRY(vit_source_survey(s, list_member, f));
	return f->n_item == n ? 0 : vit_fail(VIT_EFORMAT, "%s: changed while it was read", vit_source_name(s));
}

static int folder_open(void *priv, struct vit_source *s, struct vit_format_info *info)
{
	struct folder *f = priv;
	f->source = s;
	VIT_TRY(vit_source_survey_all(s, count_member, count_directory, f));
	int rc = vit_layout_decide(&f->layout, !f->directory);
	if (rc)
		return vit_wrap(rc, "%s", vit_source_name(s));
	VIT_TRY(describe(f, s, info));
	VIT_TRY(tell_left_out(f, s));
	VIT_TRY(tell_deep_classes(f, s));
	const struct vit_layout *l = &f->layout;
	if (l->count[0] + l->count[1] + l->count[2] + l->flat[0] + l->flat[1] + l->flat[2] == 0)
		return no_images(f, s);
	f->members = vit_source_members(s);
	info->random = f->members >= 0;
	return info->random && info->meta->count ? list_items(f, s, info->meta->count) : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static int begin_record(struct folder *f, const char *id, int64_t label, int64_t i, struct vit_record *r)
{
	*r = (struct vit_record){ .seq = (uint64_t)i };
	if (label >= 0) {
		r->label_kind = VIT_LABEL_INDEX;
		r->label = label;
	}
	id = *id ? id : "stdin";
	return vit_encoded_id(r, &f->id, id, strlen(id));
}

static int folder_look(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	struct folder *f = priv;
	struct vit_member m;
	int split;
	int64_t label;
	const char *id = "";
	VIT_TRY(vit_source_at(s, f->item[i].member, &m));
	vit_layout_find(&f->layout, m.name, &split, &label, &id);
	return begin_record(f, id, f->item[i].label, i, r);
}

/* The present member's bytes. */
static int take_image(struct vit_source *s, struct vit_record *r)
{
	const uint8_t *p;
	size_t n;
	VIT_TRY(vit_source_bytes(s, &p, &n));
	return vit_encoded_image(r, vit_source_name(s), p, n);
}

static int folder_read(void *priv, struct vit_source *s, int64_t i, struct vit_record *r)
{
	struct folder *f = priv;
	struct vit_member m;
	if (f->members >= 0) {
		VIT_TRY(folder_look(priv, s, i, r));
		return take_image(s, r);
	}
	for (;;) {
		int kind;
		int64_t label;
		const char *id;
		VIT_TRY(vit_source_next(s, &m));
		VIT_TRY(kind_of(s, &m, &kind));
		if (kind != IMAGE || !is_ours(f, m.name, &label, &id))
			continue;
		VIT_TRY(begin_record(f, id, label, i, r));
		return take_image(s, r);
	}
}

static int folder_again(void *priv, struct vit_source *s)
{
	(void)priv;
	(void)s;
	return 0;
}

static void folder_close(void *priv)
{
	struct folder *f = priv;
	vit_layout_release(&f->layout);
	vit_buf_release(&f->id);
	free(f->item);
}

const struct vit_format vit_format_folder = {
	.abi = VIT_FORMAT_ABI,
	.size = sizeof(struct vit_format),
	.name = "folder",
	.help = "images in class folders, with or without train/ val/ test/; images alone are unlabelled",
	.priv_size = sizeof(struct folder),
	.probe = folder_probe,
	.open = folder_open,
	.read = folder_read,
	.close = folder_close,
	.look = folder_look,
	.again = folder_again,
};
