/* SPDX-License-Identifier: MIT
 *
 * source.c - the user's paths as one sequence of members.
 *
 * A step finds the next member's name and size; its bytes are opened when they
 * are asked for, so a survey of an archive reads no more than its headers.
 */
#include "format/container.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { HEAD = 1 << 16, SHORT_HEAD = 16, MAX_NOTICES = 64 };
static const size_t default_max = 256 << 20, around = 1 << 16;     /* around: what else is in a record */

struct vit_source {
	struct vit_place *place;
	int n_place;
	char *name, *split;
	size_t memory, loaded, max_record;
	int held, forget;
	int (*on_directory)(void *, const char *);      /* in a survey */
	void *survey_ctx;
	void (*on_wait)(void *);
	void *on_wait_ctx;

	int at;                 /* the present place; n_place: past the last */
	int begun;              /* that place was begun in this pass */
	int64_t next;           /* number of the next member in it */
	unsigned steps;

	/* the present member */
	int present;
	struct vit_member m;
	char *m_name;
	const char *own_sibling;
	struct vit_input *in;
	int plain;              /* its bytes are those of the input's descriptor */

	char *notice[MAX_NOTICES];
	int n_notice;
	struct vit_arena arena;
	const char **classes;
	int n_classes;
};

/* ---- names ------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* By name alone, so that a survey, which opens nothing, says the same name. */
static void strip_suffix(char *name)
{
	static const char *const suffix[] = { ".gz", ".bz2", ".xz", ".zst" };
	for (size_t i = 0, n = strlen(name); i < sizeof suffix / sizeof *suffix; i++) {
		size_t k = strlen(suffix[i]);
		if (n > k && name[n - k - 1] != '/' && !strcmp(name + n - k, suffix[i])) {
			name[n -= k] = '\0';
			i = (size_t)-1;
		}
	}
}

/* ---- steps ----------------------------------------------------------------------- */

static void member_close(struct vit_source *s)
{
	vit_input_close(s->in);
	free(s->m_name);
	s->in = NULL;
	s->m_name = NULL;
	s->m = (struct vit_member){ 0 };
	s->present = 0;
}

/* Begin again at the first member; what is known of the places stays. */
static void restart(struct vit_source *s)
{
	member_close(s);
	for (int i = 0; i < s->n_place; i++)
		vit_place_rest(&s->place[i]);
	s->at = s->begun = s->held = 0;
	s->next = 0;
}

static int begin(struct vit_source *s)
{
	struct vit_place *p = &s->place[s->at];
	VIT_TRY(vit_place_begin(p, s, s->memory, s->forget));
	if (p->kept)
		vit_kept_on_wait(p->kept, s->on_wait, s->on_wait_ctx);
	s->begun = 1;
	s->next = 0;
	return 0;
}

static int set_member(struct vit_source *s, const char *name, int64_t size)
{
	const struct vit_place *p = &s->place[s->at];
	s->m_name = vit_strdup(name);
	if (!s->m_name)
		return VIT_ENOMEM;
	strip_suffix(s->m_name);
	s->own_sibling = s->m_name;
	int own = p->kind == VIT_PLACE_SINGLE || !p->n_sibling;
	s->m = (struct vit_member){ .name = s->m_name, .size = size, .sibling = own ? &s->own_sibling : (const char *const *)p->sibling,
	                            .n_sibling = own ? 1 : p->n_sibling };
	s->present = 1;
	return 0;
}

static int full_path(const struct vit_place *p, int64_t i, char *path, size_t size)
{
	int n = snprintf(path, size, "%s/", p->path);
	if (n < 0 || (size_t)n >= size)
		return vit_fail(VIT_EIO, "%s: the path is too long", p->path);
	return vit_listing_path(&p->list, (size_t)i, path + n, size - (size_t)n);
}

/* The member with number s->next of a place that has numbers. */
static int numbered(struct vit_source *s, const struct vit_place *p)
{
	char path[4096];
	struct stat st;
	int64_t size = -1, i = s->next++;
	switch (p->kind) {
	case VIT_PLACE_DIRECTORY:
		VIT_TRY(full_path(p, i, path, sizeof path));
		if (!stat(path, &st) && S_ISREG(st.st_mode))
			size = (int64_t)st.st_size;
		return set_member(s, path + strlen(p->path) + 1, size);
	case VIT_PLACE_ZIP: {
		const char *name = vit_zipped_name(&p->zip, (size_t)i, &size);
		return set_member(s, name, size);
	}
	default:
		return set_member(s, p->pipe ? "" : base_name(p->path), p->size);
	}
}

int vit_source_met_directory(struct vit_source *s, const char *name)
{
	return s->on_directory ? s->on_directory(s->survey_ctx, name) : 0;
}

/* What a survey hears of a place's directories before its files. */
static int meet_directories(struct vit_source *s, const struct vit_place *p)
{
	if (!s->on_directory)
		return 0;
	for (size_t i = 0; p->kind == VIT_PLACE_DIRECTORY && i < p->list.n_dir; i++)
		VIT_TRY(vit_source_met_directory(s, p->list.text + p->list.dir[i]));
	return p->kind == VIT_PLACE_ZIP ? vit_zipped_directories(&p->zip, s) : 0;
}

/* Have the next member present, not opened. */
static int step(struct vit_source *s)
{
	/* many may pass before a record comes, and nobody else looks */
	if (++s->steps % 256 == 0 && vit_input_interrupted())
		return vit_fail(VIT_EINTR, "%s: interrupted", s->name);
	for (; s->at < s->n_place; s->at++, s->begun = 0) {
		struct vit_place *p = &s->place[s->at];
		if (!s->begun) {
			VIT_TRY(begin(s));
			VIT_TRY(meet_directories(s, p));
		}
		if (p->kind != VIT_PLACE_PACKED) {
			if (s->next < p->n)
				return numbered(s, p);
		} else {
			const char *name;
			int64_t size;
			int rc = vit_packed_next(&p->packed, &name, &size, s);
			if (rc != VIT_END)
				return rc ? rc : set_member(s, name, size);
			p->hidden = p->packed.hidden;
		}
		vit_place_rest(p);
	}
	return VIT_END;
}

/* ---- the present member's bytes ------------------------------------------------------ */

static int open_listed(struct vit_source *s, struct vit_place *p)
{
	char path[4096];
	VIT_TRY(full_path(p, s->next - 1, path, sizeof path));
	/* what is no file any more may be a FIFO, which would be waited for */
	if (s->m.size < 0)
		return vit_fail(VIT_EIO, "%s: is no file, or not there any more", path);
	s->plain = 1;
	return vit_input_open(&s->in, path);
}

static int open_single(struct vit_source *s, struct vit_place *p)
{
	if (!p->in) {   /* for the second time */
		VIT_TRY(vit_place_begin(p, s, s->memory, s->forget));
		if (p->kind != VIT_PLACE_SINGLE)
			return vit_fail(VIT_EFORMAT, "%s: changed while it was read", p->path);
	}
	s->in = p->in;
	p->in = NULL;
	s->plain = p->plain;
	return 0;
}

static int open_member(struct vit_source *s)
{
	if (!s->present)
		return vit_fail(VIT_EFORMAT, "%s: no member is open", s->name);
	if (s->in)
		return 0;
	struct vit_place *p = &s->place[s->at];
	int undone = 0;
	s->plain = 0;
	switch (p->kind) {
	case VIT_PLACE_SINGLE: return open_single(s, p);
	case VIT_PLACE_DIRECTORY: VIT_TRY(open_listed(s, p)); break;
	case VIT_PLACE_ZIP: VIT_TRY(vit_zipped_input(&p->zip, (size_t)s->next - 1, &s->in)); break;
	default: VIT_TRY(vit_packed_input(&p->packed, s->m_name, &s->in));
	}
	VIT_TRY(vit_unpack(&s->in, &undone));
	if (undone) {
		s->plain = 0;
		s->m.size = -1;
	}
	return 0;
}

static int look_at_head(struct vit_source *s)
{
	VIT_TRY(open_member(s));
	/* a stream may still be growing: do not wait for more of it than tells what it is */
	static const char stream[] = "\xa3vit\xa6stream";
	VIT_TRY(vit_input_peek(s->in, SHORT_HEAD, &s->m.head, &s->m.n_head));
	if (memmem(s->m.head, s->m.n_head, stream, sizeof stream - 1))
		return 0;
	return vit_input_peek(s->in, HEAD, &s->m.head, &s->m.n_head);
}

/* Of members that can be opened in any order, one that cannot be had is one
 * record less. */
static int only_this(const struct vit_source *s, int rc)
{
	int kind = s->at < s->n_place ? s->place[s->at].kind : VIT_PLACE_NEW;
	int numbers = kind == VIT_PLACE_DIRECTORY || kind == VIT_PLACE_ZIP;
	return numbers && (rc == VIT_EIO || rc == VIT_EFORMAT || rc == VIT_EUNSUPPORTED) ? VIT_ERECORD : rc;
}

int vit_source_bytes(struct vit_source *s, const uint8_t **p, size_t *n)
{
	size_t max = s->max_record ? s->max_record : default_max;
	max = max > 2 * around ? max - around : max;
	int rc = open_member(s);
	if (rc)
		return only_this(s, rc);
	int64_t size = s->m.size;
	if (size > (int64_t)max)
		return vit_fail(VIT_ERECORD, "%s: %s: %lld bytes, at most %zu are read (--max-record)", s->name, s->m_name,
		                (long long)size, max);
	/* one more byte than an archive claims: there its check sum is looked at */
	size_t want = size < 0 ? HEAD : (size_t)size + !s->plain;
	for (;; want = want > max / 2 ? max + 1 : want * 2) {
		rc = vit_input_peek(s->in, want, p, n);
		if (rc)
			return only_this(s, rc);
		if (*n > max)
			return vit_fail(VIT_ERECORD, "%s: %s: unpacks to more than %zu bytes (--max-record)", s->name, s->m_name, max);
		if (*n < want || (s->plain && size >= 0))
			return 0;
	}
}

int vit_source_beside(struct vit_source *s, const char *path, const uint8_t **p, size_t *n)
{
	struct stat st;
	member_close(s);
	s->held = 0;
	if (stat(path, &st))
		return vit_fail_errno("%s", path), VIT_ERECORD;
	/* a FIFO would be waited for */
	if (!S_ISREG(st.st_mode))
		return vit_fail(VIT_ERECORD, "%s: is no file", path);
	if (vit_input_open(&s->in, path))
		return VIT_ERECORD;
	s->m_name = vit_strdup(path);
	if (!s->m_name)
		return VIT_ENOMEM;
	s->m.size = (int64_t)st.st_size;
	s->plain = s->present = 1;
	int rc = vit_source_bytes(s, p, n);
	return rc == VIT_EIO ? VIT_ERECORD : rc;
}

int vit_source_input(struct vit_source *s, struct vit_input **in)
{
	VIT_TRY(open_member(s));
	*in = s->in;
	return 0;
}

int vit_source_load(struct vit_source *s, uint64_t max, struct vit_blob *b)
{
	VIT_TRY(open_member(s));
	size_t left = s->memory > s->loaded ? s->memory - s->loaded : 0;
	VIT_TRY(vit_blob_fill(b, s->in, s->plain, s->m.size, max, left));
	if (vit_blob_in_memory(b))
		s->loaded += b->n;
	return 0;
}

/* ---- public -------------------------------------------------------------------------- */

int vit_source_next(struct vit_source *s, struct vit_member *m)
{
	if (s->held) {
		/* the format goes forward from here */
		s->held = 0;
		s->forget = 1;
		for (int i = 0; i < s->n_place; i++)
			if (s->place[i].kept)
				vit_kept_forget(s->place[i].kept);
		*m = s->m;
		return 0;
	}
	do {
		member_close(s);
		VIT_TRY(step(s));
		/* what went away since the directory was listed */
	} while (s->place[s->at].kind == VIT_PLACE_DIRECTORY && s->m.size < 0);
	VIT_TRY(look_at_head(s));
	*m = s->m;
	return 0;
}

int vit_source_unread(const struct vit_source *s, int rc, struct vit_member *m)
{
	if (!s->present || only_this(s, rc) != VIT_ERECORD)
		return 0;
	*m = s->m;
	m->head = NULL;
	m->n_head = 0;
	return 1;
}

void vit_source_hold(struct vit_source *s)
{
	s->held = s->present;
}

int vit_source_survey_all(struct vit_source *s, int (*fn)(void *, const struct vit_member *), int (*dir)(void *, const char *), void *ctx)
{
	for (int i = 0; i < s->n_place; i++) {
		struct vit_place *p = &s->place[i];
		if (vit_place_again(p))
			continue;
		if (s->forget)
			return vit_fail(VIT_EUNSUPPORTED, "%s: a pipe can be surveyed only before its first member is taken", s->name);
		VIT_TRY(vit_place_open_pipe(p, s->memory));
		VIT_TRY(vit_kept_all(p->kept));
	}
	restart(s);
	int rc = 0, end;
	s->on_directory = dir;
	s->survey_ctx = ctx;
	while (!(end = step(s))) {
		rc = fn(ctx, &s->m);
		member_close(s);
		if (rc)
			break;
	}
	s->on_directory = NULL;
	restart(s);
	return rc ? rc : end == VIT_END ? 0 : end;
}

int vit_source_survey(struct vit_source *s, int (*fn)(void *, const struct vit_member *), void *ctx)
{
	return vit_source_survey_all(s, fn, NULL, ctx);
}

/* What each place is, begun one after the other. */
static int learn(struct vit_source *s)
{
	restart(s);
	for (s->at = 0; s->at < s->n_place; s->at++)
		VIT_TRY(begin(s));
	return 0;
}

int64_t vit_source_members(struct vit_source *s)
{
	int64_t n = 0;
	int known = 1;
	for (int i = 0; i < s->n_place; i++)
		known &= s->place[i].kind != VIT_PLACE_NEW;
	if (!known) {
		int rc = learn(s);
		restart(s);
		if (rc)         /* said again by the next step */
			return -1;
	}
	for (int i = 0; i < s->n_place; i++) {
		const struct vit_place *p = &s->place[i];
		if (p->kind == VIT_PLACE_PACKED || !vit_place_again(p))
			return -1;
		n += p->n;
	}
	return n;
}

int vit_source_at(struct vit_source *s, int64_t i, struct vit_member *m)
{
	member_close(s);
	s->held = 0;
	for (s->at = 0; s->at < s->n_place && i >= s->place[s->at].n; s->at++)
		i -= s->place[s->at].n;
	if (i < 0 || s->at == s->n_place)
		return vit_fail(VIT_EUNSUPPORTED, "%s: no such member", s->name);
	s->begun = 1;
	s->next = i;
	VIT_TRY(numbered(s, &s->place[s->at]));
	*m = s->m;
	return 0;
}

int vit_source_goto(struct vit_source *s, int64_t i, struct vit_member *m)
{
	VIT_TRY(vit_source_at(s, i, m));
	int rc = look_at_head(s);
	*m = s->m;
	return only_this(s, rc);
}

int64_t vit_source_hidden(const struct vit_source *s)
{
	int64_t n = 0;
	for (int i = 0; i < s->n_place; i++)
		n += s->place[i].hidden;
	return n;
}

int vit_source_notice(struct vit_source *s, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	for (int i = 0; i < s->n_notice; i++)
		if (!strcmp(s->notice[i], text))
			return 0;
	if (s->n_notice == MAX_NOTICES)
		return 0;
	s->notice[s->n_notice] = vit_strdup(text);
	return s->notice[s->n_notice] ? (s->n_notice++, 0) : VIT_ENOMEM;
}

const char *vit_source_noticed(const struct vit_source *s, int i)
{
	return i >= 0 && i < s->n_notice ? s->notice[i] : NULL;
}

const char *const *vit_source_classes(const struct vit_source *s, int *n)
{
	*n = s->n_classes;
	return (const char *const *)s->classes;
}

const char *vit_source_path(const struct vit_source *s)
{
	return s->place[s->at < s->n_place ? s->at : s->n_place - 1].path;
}

const char *vit_source_name(const struct vit_source *s)
{
	return s->name;
}

const char *vit_source_split(const struct vit_source *s)
{
	return s->split;
}

int vit_source_again(const struct vit_source *s)
{
	int again = 1;
	for (int i = 0; i < s->n_place; i++)
		again &= vit_place_again(&s->place[i]);
	return again;
}

void vit_source_on_wait(struct vit_source *s, void (*fn)(void *), void *ctx)
{
	s->on_wait = fn;
	s->on_wait_ctx = ctx;
	for (int i = 0; i < s->n_place; i++)
		if (s->place[i].kept)
			vit_kept_on_wait(s->place[i].kept, fn, ctx);
}

int vit_source_rewind(struct vit_source *s)
{
	if (!vit_source_again(s))
		return vit_fail(VIT_EUSAGE, "%s: a pipe is read once; give a file, or repeat it with vit-augment --epochs", s->name);
	restart(s);
	for (int i = 0; i < s->n_place; i++)
		vit_place_reset(&s->place[i]);
	s->loaded = 0;
	return 0;
}

int vit_source_open(struct vit_source **out, const char *const *path, const struct vit_source_opt *o)
{
	struct vit_source *s = vit_calloc(1, sizeof *s);
	*out = NULL;
	if (!s)
		return VIT_ENOMEM;
	int n = 0;
	while (path[n])
		n++;
	s->memory = o->memory;
	s->max_record = o->max_record;
	s->split = vit_strdup(o->split);
	s->name = vit_strdup(n && strcmp(path[0], "-") ? path[0] : "<stdin>");
	s->place = vit_calloc((size_t)n + 1, sizeof *s->place);
	int rc = s->split && s->name && s->place ? 0 : VIT_ENOMEM;
	for (; !rc && s->n_place < n; s->n_place++) {
		struct stat st;
		struct vit_place *p = &s->place[s->n_place];
		p->path = vit_arena_strdup(&s->arena, path[s->n_place]);
		if (!p->path)
			rc = VIT_ENOMEM;
		else if (!strcmp(p->path, "-"))
			p->pipe = 1;
		else if (stat(p->path, &st))
			rc = vit_fail_errno("%s", p->path);     /* all of them before the first record */
		else
			p->pipe = !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
	}
	if (!rc && o->classes)
		rc = vit_class_names(o->classes, &s->arena, &s->classes, &s->n_classes);
	if (rc)
		vit_source_close(s);
	else
		*out = s;
	return rc;
}

void vit_source_close(struct vit_source *s)
{
	if (!s)
		return;
	member_close(s);
	for (int i = 0; i < s->n_place; i++)
		vit_place_release(&s->place[i]);
	for (int i = 0; i < s->n_notice; i++)
		free(s->notice[i]);
	vit_arena_release(&s->arena);
	free(s->place);
	free(s->name);
	free(s->split);
	free(s);
}
