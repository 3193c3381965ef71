/* SPDX-License-Identifier: MIT
 *
 * resolve.c - from what the user names to paths: splits, braces, data sets, URLs.
 */
#include "format/dataset.h"
#include "format/fetch.h"
#include "format/obtain.h"

#include "core/near.h"
#include "core/url.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST = 1 << 16 };        /* sources */

/* Does this @ belong to the URL itself: before a host, in a query? */
static int is_of_url(const char *source, const char *at)
{
	const char *host = strstr(source, "://"), *query = strchr(source, '?');
	return vit_is_url(source) && ((host && !strchr(host + 3, '/')) || (query && query < at));
}

/* "photos/@val" is source and split, unless a file has that very name. */
static int cut_split(char *source, const char **split)
{
	struct stat st;
	char *at = strrchr(source, '@');
	*split = NULL;
	if (!at || at == source || strchr(at, '/') || !stat(source, &st) || is_of_url(source, at))
		return 0;
	*at = '\0';
	if (!at[1])
		return vit_fail(VIT_EUSAGE, "the source ends in @, after which the name of a split is missing");
	*split = at + 1;
	return 0;
}

/* ---- braces ------------------------------------------------------------------------ */

/* As in bash, which does not expand them in quotes or where sh is the shell:
 * "{000..127}" are numbers of as many digits, "{a,b}" are words; one pair after
 * another multiplies. */
struct braces {
	size_t before, after;           /* bytes up to '{'; place behind '}' */
	long long from, to;
	int width, words;               /* width: digits; words: how many, 0: numbers */
};

static int number(const char *p, const char *end, long long *v)
{
	char *stop;
	*v = strtoll(p, &stop, 10);
	return end - p > 0 && end - p < 10 && stop == end && *p >= '0' && *p <= '9';
}

static int find_braces(const char *s, struct braces *b)
{
	for (const char *open = strchr(s, '{'); open; open = strchr(open + 1, '{')) {
		const char *close = open + 1 + strcspn(open + 1, "{}"), *dots = strstr(open, "..");
		if (*close != '}')
			continue;
		*b = (struct braces){ .before = (size_t)(open - s), .after = (size_t)(close + 1 - s) };
		for (const char *p = open; p < close; p++)
			b->words += *p == ',';
		b->words += b->words > 0;
		if (b->words)
			return 1;
		if (dots && dots < close && number(open + 1, dots, &b->from) && number(dots + 2, close, &b->to)) {
			int n = (int)(dots - open - 1), m = (int)(close - dots - 2);
			/* {1..12} has no zeros in front, {01..12} has */
			b->width = open[1] == '0' || dots[2] == '0' ? (n > m ? n : m) : 0;
			return 1;
		}
	}
	return 0;
}

static int add_path(struct vit_buf *list, const char *path)
{
	if (list->n / sizeof path == MOST)
		return vit_fail(VIT_EUSAGE, "more than %d sources", MOST);
	char *copy = vit_strdup(path);
	int rc = copy ? vit_buf_add(list, &copy, sizeof copy) : VIT_ENOMEM;
	if (rc)
		free(copy);
	return rc;
}

/* Add all that `path` stands for. */
static int expand(struct vit_buf *list, const char *path)
{
	struct braces b;
	struct vit_buf one = { 0 };
	if (!find_braces(path, &b))
		return add_path(list, path);
	const char *word = path + b.before + 1;
	int rc = 0, down = b.from > b.to;
	long long n = b.words ? b.words : (down ? b.from - b.to : b.to - b.from) + 1;
	for (long long i = 0; i < n && !rc; i++) {
		one.n = 0;
		size_t k = b.words ? strcspn(word, ",}") : 0;
		rc = b.words ? vit_buf_printf(&one, "%.*s%.*s%s", (int)b.before, path, (int)k, word, path + b.after)
		             : vit_buf_printf(&one, "%.*s%0*lld%s", (int)b.before, path, b.width, down ? b.from - i : b.from + i, path + b.after);
		if (!rc)
			rc = expand(list, (const char *)one.p);
		word += b.words ? k + 1 : 0;
	}
	vit_buf_release(&one);
	return rc;
}

/* ---- sources ------------------------------------------------------------------------- */

static int not_there(const char *path)
{
	const char *best = NULL;
	int best_d = 2 + (int)strlen(path) / 4;
	if (strchr(path, '/') || errno != ENOENT)
		return vit_fail_errno("%s", path);
	for (int i = 0; vit_datasets[i]; i++) {
		int d = vit_text_distance(path, vit_datasets[i]->name);
		if (d < best_d) {
			best_d = d;
			best = vit_datasets[i]->name;
		}
	}
	return vit_fail(VIT_EIO, "%s: no such file or data set%s%s%s (vit-fetch --list names the data sets)", path,
	                best ? "; did you mean " : "", best ? best : "", best ? "?" : "");
}

/* One name, which may be several sources. */
static int add_source(struct vit_fetch *f, struct vit_buf *list, const char *source, const char **split)
{
	struct stat st;
	const char *own;
	char *path = vit_strdup(source);
	if (!path)
		return VIT_ENOMEM;
	int rc = cut_split(path, &own);
	if (!rc && own && *split && strcmp(own, *split))
		rc = vit_fail(VIT_EUSAGE, "the source says split %s, which is also said to be %s; give one", own, *split);
	if (!rc && own && !(*split = vit_arena_strdup(&f->arena, own)))
		rc = VIT_ENOMEM;
	if (!rc)
		rc = stat(path, &st) ? expand(list, path) : add_path(list, path);
	free(path);
	return rc;
}

/* Replace the i-th of n names by a path that can be opened. */
static int obtain(struct vit_fetch *f, int i, int n)
{
	const struct vit_fetch_opt *o = &f->opt;
	struct stat st;
	/* ./cifar10 is a directory of that name, cifar10 always the data set */
	const struct vit_dataset *d = vit_dataset_by_name(f->path[i]);
	if (!d) {
		VIT_TRY(vit_obtain(&f->path[i], o));
		return strcmp(f->path[i], "-") && stat(f->path[i], &st) ? not_there(f->path[i]) : 0;
	}
	if (n > 1)
		return vit_fail(VIT_EUSAGE, "%s is a data set and comes alone; ./%s would be a file", d->name, d->name);
	f->dataset = d;
	free(f->path[i]);
	f->path[i] = NULL;
	return vit_obtain_dataset(d, o, &f->path[i]);
}

int vit_fetch_resolve(struct vit_fetch *f, const char *const *source, const char **split)
{
	struct vit_buf list = { 0 };
	int rc = 0;
	if (!source[0])
		return vit_fail(VIT_EUSAGE, "no source: name a data set, a directory, an archive, a file, or - for stdin");
	for (int i = 0; source[i] && !rc; i++)
		rc = *source[i] ? add_source(f, &list, source[i], split)
		                : vit_fail(VIT_EUSAGE, "a source's name is empty: name a data set, a directory, an archive, a file, or - for stdin");
	int n = (int)(list.n / sizeof *f->path);
	if (!rc)
		rc = vit_buf_add(&list, &(char *){ NULL }, sizeof *f->path);
	if (rc) {
		for (int i = 0; i < n; i++)
			free(((char **)(void *)list.p)[i]);
		vit_buf_release(&list);
		return rc;
	}
	f->path = (char **)(void *)list.p;
	if (n > 1 && f->opt.sha256)
		return vit_fail(VIT_EUSAGE, "a SHA-256 is the digest of one source, %d are given", n);
	for (int i = 0; i < n; i++) {
		rc = obtain(f, i, n);
		if (!f->path[i])        /* the list goes on, and each is freed */
			f->path[i] = vit_strdup("");
		if (rc)
			return rc;
	}
	return 0;
}
