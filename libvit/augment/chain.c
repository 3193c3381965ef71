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
};
struct vit_chain {
	struct link link[MAX_OPS];
	int n;
	uint64_t first;         /* ordinal of link[0] in the stream's history */
};
struct vit_chain_work {
	struct vit_image image, spare;
	struct vit_buf scratch;
};

int vit_chain_new(struct vit_chain **chain)
{
	*chain = vit_calloc(1, sizeof **chain);
	return *chain ? 0 : VIT_ENOMEM;
}

static int find_op(const char *name, size_t n, const struct vit_augment **op)
{
	char known[512] = "";
	for (const struct vit_augment *const *a = vit_augments; *a; a++) {
		if (strlen((*a)->name) == n && !memcmp((*a)->name, name, n)) {
			*op = *a;
			return 0;
		}
		snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", *known ? ", " : "", (*a)->name);
	}
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

int vit_chain_touches(const struct vit_chain *chain)
{
	for (int i = 0; i < chain->n; i++)
		if (chain->link[i].op->apply)
			return 1;
	return 0;
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

int vit_chain_prepare(struct vit_chain *chain, struct vit_meta *meta, struct vit_header *header)
{
	json_t *ops = json_object_get(header->meta, "ops");
	if (!chain->n)
		return 0;
	if (!json_is_array(ops)) {
		ops = json_array();
		if (json_object_set_new(header->meta, "ops", ops))
			return vit_fail(VIT_ENOMEM, "out of memory");
	}
	chain->first = json_array_size(ops);
	VIT_TRY(check_shape(meta->shape));
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

/* Copy the record's image where ops may write. */
static int take_image(struct vit_image *im, const struct vit_record *r)
{
	const struct vit_tensor *t = &r->image;
	if (!t->data && r->encoded.p)
		return vit_fail(VIT_ERECORD, "the image is encoded (%.*s); operations work on decoded images",
		                (int)(r->type.n < 40 ? r->type.n : 40), r->type.p ? r->type.p : "");
	if (!t->data)
		return vit_fail(VIT_ERECORD, "no image to work on");
	if (t->dtype != VIT_U8 || t->ndim != 3) {
		char shape[128];
		return vit_fail(VIT_ERECORD, "image is %s; operations want uint8 [H,W,C]", vit_shape_str(shape, sizeof shape, t));
	}
	VIT_TRY(vit_image_reserve(im, t->dim[0], t->dim[1], t->dim[2]));
	memcpy(im->p, t->data, vit_tensor_bytes(t));
	return 0;
}

int vit_chain_apply(const struct vit_chain *chain, struct vit_chain_work *work, uint64_t seed, struct vit_record *r)
{
	uint64_t key = vit_key(seed, (uint64_t)r->epoch);
	struct vit_image *im = &work->image;
	if (!vit_chain_touches(chain))
		return 0;
	VIT_TRY(take_image(im, r));
	for (int i = 0; i < chain->n; i++) {
		const struct link *l = &chain->link[i];
		struct vit_augment_call call = { .config = l->config, .image = im, .spare = &work->spare, .scratch = &work->scratch,
		                                 .draws = { .key = vit_key(key, chain->first + (uint64_t)i), .stream = r->seq } };
		int rc = l->op->apply ? l->op->apply(&call) : 0;
		if (rc)
			return vit_wrap(rc, "%s", l->op->name);
	}
	r->image = (struct vit_tensor){ .data = im->p, .dtype = VIT_U8, .ndim = 3, .dim = { im->h, im->w, im->c } };
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
