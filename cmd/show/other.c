/* SPDX-License-Identifier: MIT
 *
 * other.c - files that are none of ours: images, archives, what a format reads,
 * JSON, and anything compressed.
 */
#include "command.h"

#include "format/source.h"
#include "image/decode.h"
#include "train/curve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEAD = 64 << 10, WHOLE_MOST = 1 << 30 };

int show_whole(struct vit_buf *b, struct vit_input *in)
{
	const uint8_t *p;
	size_t got;
	for (;;) {
		VIT_TRY(vit_input_peek(in, HEAD, &p, &got));
		if (!got)
			return 0;
		if (b->n + got > WHOLE_MOST)
			return vit_fail(VIT_EFORMAT, "%s: more than %d bytes, too large for what it is", vit_input_name(in), WHOLE_MOST);
		VIT_TRY(vit_buf_add(b, p, got));
		VIT_TRY(vit_input_skip(in, got));
	}
}

/* Which of our formats would read it? */
static const struct vit_format *probe(const char *name, int fd, const uint8_t *p, size_t n)
{
	const char *slash = strrchr(name, '/'), *own[1] = { slash ? slash + 1 : name };
	struct stat st;
	int64_t size = !fstat(fd, &st) && S_ISREG(st.st_mode) ? st.st_size : -1;
	const struct vit_member m = { .name = own[0], .size = size, .head = p, .n_head = n, .sibling = own, .n_sibling = 1 };
	const struct vit_format *best = NULL;
	int most = 0;
	for (const struct vit_format *const *f = vit_formats; *f; f++) {
		int sure = (*f)->probe ? (*f)->probe(&m) : 0;
		if (sure > most) {
			most = sure;
			best = *f;
		}
	}
	return best;
}

/* One line on what it is and who reads it; the same as JSON. */
static int name_it(struct show *s, const char *name, const char *what, const struct vit_format *f, json_t *about)
{
	const char *packed = json_string_value(json_object_get(about, "compression"));
	if (!s->cfg->json)
		return vit_buf_printf(&s->text, f ? "%s: %s%s%s%sread by vit-fetch as %s (%s)\n" : "%s: %s%s%s\n", name, what ? what : "",
		                      packed ? what ? ", in " : "in " : "", packed ? packed : "", what || packed ? ", " : "", f ? f->name : "", f ? f->help : "");
	json_object_set_new(about, "format", json_string(what ? what : f ? f->help : "unknown"));
	if (f)
		json_object_set_new(about, "reader", json_string(f->name));
	return show_put_json(s, about);
}

/* ---- images --------------------------------------------------------------------- */

int show_image(struct show *s, struct vit_input *in, const char *what, json_t *about)
{
	struct vit_buf file = { 0 };
	struct vit_image im = { 0 };
	int64_t h = 0, w = 0;
	const char *name = vit_input_name(in);
	int rc = show_whole(&file, in);
	if (!rc)
		rc = vit_image_size(file.p, file.n, &h, &w);
	/* decoded to the end: a picture that cannot be used must not look well */
	if (!rc)
		rc = vit_image_decode(&im, file.p, file.n, &(struct vit_decode_opt){ .channels = 0 });
	if (rc) {
		rc = vit_wrap(rc, "%s: %s", name, what);
	} else if (s->cfg->json) {
		json_object_set_new(about, "format", json_string(what));
		json_object_set_new(about, "height", json_integer((json_int_t)h));
		json_object_set_new(about, "width", json_integer((json_int_t)w));
		json_object_set_new(about, "channels", json_integer((json_int_t)im.c));
		rc = show_put_json(s, about);
	} else {
		rc = vit_buf_printf(&s->text, "%s: %s, %lld x %lld pixels (height x width), %s\n", name, what, (long long)h, (long long)w,
		                    im.c == 1 ? "gray" : "colour");
	}
	vit_image_release(&im);
	vit_buf_release(&file);
	return rc;
}

/* ---- JSON ------------------------------------------------------------------------- */

/* What vit-eval wrote is named; other JSON is JSON. */
static const char *kind_of_json(struct vit_input *in)
{
	struct vit_buf b = { 0 };
	const char *what = "JSON text";
	json_t *v = show_whole(&b, in) ? NULL : json_loadb((const char *)b.p, b.n, JSON_DISABLE_EOF_CHECK, NULL);
	if (json_object_get(v, "matrix") && json_object_get(v, "columns"))
		what = "a confusion matrix (vit-eval --confusion)";
	else if (json_object_get(v, "top1") && json_object_get(v, "classes"))
		what = "a report (vit-eval --report json)";
	json_decref(v);
	vit_buf_release(&b);
	return what;
}

/* ---- anything ---------------------------------------------------------------------- */

static int is_archive(const uint8_t *p, size_t n)
{
	return (n >= 262 && !memcmp(p + 257, "ustar", 5)) || (n >= 4 && !memcmp(p, "PK\3\4", 4)) || (n >= 6 && !memcmp(p, "7z\xbc\xaf\x27\x1c", 6));
}

/* An archive is read through its path once more, which only a file allows. */
static int archive(struct show *s, struct vit_input *in, const char *what, json_t *about)
{
	struct stat st;
	const char *name = vit_input_name(in);
	if (stat(name, &st) || !S_ISREG(st.st_mode) || !strcmp(name, "<stdin>"))
		return name_it(s, name, what, NULL, about);
	return show_source(s, name, what, about);
}

static int inside(struct show *s, struct vit_input **in, json_t *about)
{
	const uint8_t *p;
	size_t n;
	const char *name = vit_input_name(*in);
	VIT_TRY(vit_input_peek(*in, HEAD, &p, &n));
	if (n == 0)
		return vit_fail(VIT_EFORMAT, "%s: empty", name);
	if (vit_is_stream(p, n)) {
		struct vit_input *stream = *in;
		*in = NULL;
		return show_stream(s, stream, about);
	}
	if (vit_curve_probe(p, n))
		return show_log(s, *in, about);
	const char *what = vit_magic(p, n);
	const struct vit_format *f = probe(name, vit_input_fd(*in), p, n);
	if (s->cfg->dump)
		return vit_fail(VIT_EFORMAT, "%s: %s: only the records of a vit stream can be dumped", name, what ? what : f ? f->help : "of an unknown format");
	if (is_archive(p, n))
		return archive(s, *in, what, about);
	if (vit_image_type(p, n))
		return show_image(s, *in, what ? what : "an image", about);
	if (what && !strcmp(what, "JSON text"))
		return name_it(s, name, kind_of_json(*in), NULL, about);
	if (!what && !f)
		return vit_fail(VIT_EFORMAT, "%s: of an unknown format", name);
	return name_it(s, name, what, f, about);
}

int show_other(struct show *s, struct vit_input **in, json_t *about)
{
	const uint8_t *p;
	size_t n;
	int undone;
	VIT_TRY(vit_input_peek(*in, 512, &p, &n));
	const char *packed = vit_magic(p, n);
	int rc = vit_unpack(in, &undone);
	if (undone && packed)
		json_object_set_new(about, "compression", json_string(packed));
	return rc ? rc : inside(s, in, about);
}
