/* SPDX-License-Identifier: MIT */
#include "augment/augment.h"
#include "augment/params.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_OPS = 64 };

struct link {
	const struct vit_augment *op;
	void *config;
	char *text;             /* canonical "name:key=value,..." */
	uint64_t ordinal;       /* random ops before it in the chain */
};
struct vit_chain {
	struct link link[MAX_OPS];
	int n;
	uint64_t first;                 /* random ops in the stream's history before the chain */
	int window;                     /* the op that wants only a part of what comes in; -1: all is wanted */
	struct vit_decode_opt decode;   /* for encoded images */
	int64_t announced[3];           /* by the chain: H, W (0: no size), C (0: none); all 0: what came in */
};
struct vit_chain_work {
	struct vit_image image, spare;
	struct vit_buf scratch;
};

int vit_chain_new(struct vit_chain **chain)
{
	*chain = vit_calloc(1, sizeof **chain);
	if (!*chain)
		return VIT_ENOMEM;
	(*chain)->window = -1;
	(*chain)->decode.channels = 3;
	return 0;
}

static const struct vit_augment *look_up(const char *name, size_t n)
{
	const struct vit_augment *const *a = vit_augments;
	while (*a && (strlen((*a)->name) != n || memcmp((*a)->name, name, n)))
		a++;
	return *a;
}

static int find_op(const char *name, size_t n, const struct vit_augment **op)
{
	char known[512] = "";
	*op = look_up(name, n);
	if (*op)
		return 0;
	for (const struct vit_augment *const *a = vit_augments; *a; a++)
		snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", *known ? ", " : "", (*a)->name);
	return vit_fail(VIT_EUSAGE, "no operation \"%.*s\"; there are %s", (int)(n < 80 ? n : 80), name, known);
}

static int print_op(const struct vit_augment *op, const void *config, char **text)
{
	struct vit_buf buf = { 0 };
	int rc = vit_buf_printf(&buf, "%s%s", op->name, op->params->key ? ":" : "");
	if (!rc)
		rc = vit_params_print(op->params, config, &buf);
	if (rc)
		vit_buf_release(&buf);
	*text = (char *)buf.p;
	return rc;
}

int vit_chain_add(struct vit_chain *chain, const char *spec)
{
	size_t n = strcspn(spec, ":");
	struct link link = { 0 };
	int rc;
	if (chain->n == MAX_OPS)
		return vit_fail(VIT_EUSAGE, "more than %d operations", MAX_OPS);
	VIT_TRY(find_op(spec, n, &link.op));
	if (chain->n)
		link.ordinal = chain->link[chain->n - 1].ordinal + (uint64_t)chain->link[chain->n - 1].op->random;
	link.config = vit_calloc(1, link.op->config_size);
	rc = link.config ? 0 : VIT_ENOMEM;
	if (!rc)
		rc = vit_params_parse(link.op->params, link.config, link.op->name, spec[n] ? spec + n + 1 : "");
	if (!rc)
		rc = print_op(link.op, link.config, &link.text);
	if (rc)
		free(link.config);
	else
		chain->link[chain->n++] = link;
	return rc;
}

int vit_chain_len(const struct vit_chain *chain)
{
	return chain->n;
}

/* The first op from `i` on that touches images; chain->n: none. */
static int next_touching(const struct vit_chain *chain, int i)
{
	while (i < chain->n && !chain->link[i].op->apply)
		i++;
	return i;
}

int vit_chain_touches(const struct vit_chain *chain)
{
	return next_touching(chain, 0) < chain->n;
}

const char *vit_chain_op(const struct vit_chain *chain, int i)
{
	return chain->link[i].text;
}

/* What prepare() may rely on: sides whose products and paddings fit 64 bits. */
static int check_shape(const int64_t *s)
{
	if (s[2] > VIT_MAX_CHANNELS)
		return vit_fail(VIT_EUSAGE, "images have %lld channels; operations take at most %d", (long long)s[2], VIT_MAX_CHANNELS);
	if (s[0] && (s[0] < 1 || s[1] < 1 || s[0] > 1 << 28 || s[1] > 1 << 28))
		return vit_fail(VIT_EFORMAT, "shape %lldx%lld in the header cannot be", (long long)s[0], (long long)s[1]);
	return 0;
}

/* Random ops of a stream's history. Those of other versions, which may be
 * anything, count as random. */
static uint64_t count_random(const json_t *ops)
{
	size_t i;
	json_t *item;
	uint64_t n = 0;
	json_array_foreach(ops, i, item) {
		const char *text = json_string_value(item);
		const struct vit_augment *op = text ? look_up(text, strcspn(text, ":")) : NULL;
		n += !op || op->random;
	}
	return n;
}

/* Which op says how to decode, and which one wants a part only. */
static void find_first(struct vit_chain *chain)
{
	struct vit_decode_opt *o = &chain->decode;
	int i = next_touching(chain, 0);
	if (i < chain->n && chain->link[i].op->decode) {
		chain->link[i].op->decode(chain->link[i].config, o);
		i = next_touching(chain, i + 1);
	}
	chain->window = i < chain->n && chain->link[i].op->window && !o->shorter ? i : -1;
}

int vit_chain_prepare(struct vit_chain *chain, struct vit_meta *meta, struct vit_header *header)
{
	json_t *ops = json_object_get(header->meta, "ops");
	int64_t before[3];
	if (!chain->n)
		return 0;
	if (!json_is_array(ops)) {
		ops = json_array();
		if (json_object_set_new(header->meta, "ops", ops))
			return vit_fail(VIT_ENOMEM, "out of memory");
	}
	chain->first = count_random(ops);
	VIT_TRY(check_shape(meta->shape));
	memcpy(before, meta->shape, sizeof before);
	chain->decode.channels = meta->shape[2] == 1 ? 1 : 3;
	for (int i = 0; i < chain->n; i++) {
		const struct link *l = &chain->link[i];
		if (l->op->prepare) {
			int rc = l->op->prepare(l->config, meta);
			if (rc)
				return vit_wrap(rc, "%s", l->op->name);
		}
		meta->random |= l->op->random;
		if (json_array_append_new(ops, json_string(l->text)))
			return vit_fail(VIT_ENOMEM, "out of memory");
	}
	meta->ops = ops;
	if (memcmp(before, meta->shape, sizeof before))
		memcpy(chain->announced, meta->shape, sizeof before);
	find_first(chain);
	return 0;
}

int vit_chain_work_new(struct vit_chain_work **work)
{
	*work = vit_calloc(1, sizeof **work);
	return *work ? 0 : VIT_ENOMEM;
}

void vit_chain_work_free(struct vit_chain_work *work)
{
	if (!work)
		return;
	vit_image_release(&work->image);
	vit_image_release(&work->spare);
	vit_buf_release(&work->scratch);
	free(work);
}

/* ---- one record ------------------------------------------------------------------ */

/* What op `i` sees of the record, but for the image's sizes. */
static struct vit_augment_call make_call(const struct vit_chain *chain, int i, struct vit_chain_work *work, uint64_t seed,
                                         const struct vit_record *r)
{
	const struct link *l = &chain->link[i];
	uint64_t key = vit_key(vit_key(seed, (uint64_t)r->epoch), chain->first + l->ordinal);
	return (struct vit_augment_call){ .config = l->config, .image = &work->image, .spare = &work->spare, .scratch = &work->scratch,
	                                  .draws = { .key = key, .stream = r->seq } };
}

/* The part of a call->h x call->w image that is wanted; all of it unless an op says otherwise. */
static int wanted(const struct vit_chain *chain, struct vit_augment_call *call, int64_t part[4])
{
	part[0] = part[1] = 0;
	part[2] = call->h;
	part[3] = call->w;
	if (chain->window < 0)
		return 0;
	const struct vit_augment *op = chain->link[chain->window].op;
	int rc = op->window(call, part);
	return rc ? vit_wrap(rc, "%s", op->name) : 0;
}

static int take_encoded(const struct vit_chain *chain, struct vit_augment_call *call, const struct vit_record *r)
{
	const uint8_t *p = (const uint8_t *)r->encoded.p;
	struct vit_decode_opt o = chain->decode;
	if (chain->window >= 0) {
		VIT_TRY(vit_image_size(p, r->encoded.n, &call->h, &call->w));
		VIT_TRY(wanted(chain, call, o.part));
	}
	VIT_TRY(vit_image_decode(call->image, p, r->encoded.n, &o));
	if (chain->window < 0) {
		call->h = call->image->h;
		call->w = call->image->w;
	}
	call->top = o.part[0];
	call->left = o.part[1];
	return 0;
}

static int take_pixels(const struct vit_chain *chain, struct vit_augment_call *call, const struct vit_tensor *t)
{
	int64_t part[4];
	if (t->dtype != VIT_U8 || t->ndim != 3) {
		char shape[128];
		return vit_fail(VIT_ERECORD, "image is %s; operations want uint8 [H,W,C]", vit_shape_str(shape, sizeof shape, t));
	}
	call->h = t->dim[0];
	call->w = t->dim[1];
	VIT_TRY(wanted(chain, call, part));
	call->top = part[0];
	call->left = part[1];
	VIT_TRY(vit_image_reserve(call->image, part[2], part[3], t->dim[2]));
	vit_crop(call->image->p, part[2], part[3], t->data, call->w, t->dim[2], part[0], part[1]);
	return 0;
}

/* The record's image, or the part that is wanted of it, where ops may write. */
static int take_image(const struct vit_chain *chain, struct vit_augment_call *call, const struct vit_record *r)
{
	if (r->image.data)
		return take_pixels(chain, call, &r->image);
	if (r->encoded.p)
		return take_encoded(chain, call, r);
	return vit_fail(VIT_ERECORD, "no image to work on");
}

/* Readers rely on the header. */
static int check_announced(const struct vit_chain *chain, const struct vit_image *im)
{
	const int64_t *a = chain->announced;
	int same_size = !a[0] || (im->h == a[0] && im->w == a[1]), same_channels = !a[2] || im->c == a[2];
	if (same_size && same_channels)
		return 0;
	const char *remedy = !same_size ? "end with an operation of size=HxW" : im->c == 1 || im->c == 3 ? "begin with decode:mode=rgb" :
			     "a stream of such images has to announce their channels";
	if (!a[0])
		return vit_fail(VIT_ERECORD, "image has %lld channels, the stream announces %lld; %s", (long long)im->c, (long long)a[2], remedy);
	return vit_fail(VIT_ERECORD, "image becomes %lldx%lldx%lld, the stream announces %lldx%lldx%lld; %s", (long long)im->h,
	                (long long)im->w, (long long)im->c, (long long)a[0], (long long)a[1], (long long)a[2], remedy);
}

int vit_chain_apply(const struct vit_chain *chain, struct vit_chain_work *work, uint64_t seed, struct vit_record *r)
{
	struct vit_image *im = &work->image;
	if (!vit_chain_touches(chain))
		return 0;
	int first = next_touching(chain, 0), whole = chain->window < 0 ? first : chain->window;
	struct vit_augment_call taken = make_call(chain, whole, work, seed, r);
	VIT_TRY(take_image(chain, &taken, r));
	for (int i = first; i < chain->n; i = next_touching(chain, i + 1)) {
		struct vit_augment_call call = make_call(chain, i, work, seed, r);
		call.h = i <= whole ? taken.h : im->h;
		call.w = i <= whole ? taken.w : im->w;
		call.top = i <= whole ? taken.top : 0;
		call.left = i <= whole ? taken.left : 0;
		int rc = chain->link[i].op->apply(&call);
		if (rc)
			return vit_wrap(rc, "%s", chain->link[i].op->name);
	}
	VIT_TRY(check_announced(chain, im));
	r->image = (struct vit_tensor){ .data = im->p, .dtype = VIT_U8, .ndim = 3, .dim = { im->h, im->w, im->c } };
	r->encoded = r->type = (struct vit_str){ 0 };
	return 0;
}

void vit_chain_free(struct vit_chain *chain)
{
	if (!chain)
		return;
	for (int i = 0; i < chain->n; i++) {
		free(chain->link[i].config);
		free(chain->link[i].text);
	}
	free(chain);
}
