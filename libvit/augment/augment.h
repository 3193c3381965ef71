/* SPDX-License-Identifier: MIT
 *
 * augment.h - what an augmentation is, and chains of them.
 *
 * One file libvit/augment/NAME.c (dashes in the op's name are underscores in
 * the file's) ends in `const struct vit_augment vit_augment_NAME`.
 * Draws are keyed by (seed, epoch, seq, ordinal), where the ordinal counts random
 * ops from the start of the stream's history: so `A B` equals `A | B`, `decode A`
 * equals `A`, and threads, shards and cuts of the pipe change nothing.
 */
#ifndef VIT_AUGMENT_AUGMENT_H
#define VIT_AUGMENT_AUGMENT_H

#include "core/rng.h"
#include "image/decode.h"
#include "image/resize.h"
#include "stream/stream.h"

#include <math.h>

enum { VIT_AUGMENT_ABI = 1 };

/* One parameter of an op, as `name:key=value,key=value`. */
enum vit_param_type {
	VIT_P_INT,              /* int64_t */
	VIT_P_FLOAT,            /* double */
	VIT_P_BOOL,             /* int: 0 or 1 */
	VIT_P_SIZE,             /* int64_t[2]: "224x160" is {224, 160}, H then W; "224" is {224, 0} */
	VIT_P_LIST,             /* struct vit_list: "a/b/c"; min and max hold for each */
	VIT_P_CHOICE,           /* int: index into `choices` */
};
struct vit_param {
	const char *key;
	int type;
	size_t offset;          /* into the op's config struct */
	const char *def;        /* default as text; NULL: must be given */
	double min, max;
	const char *choices;    /* "bilinear|bicubic|nearest" */
	const char *help;
};
struct vit_list {               /* the value of a VIT_P_LIST */
	int n;
	float v[VIT_MAX_CHANNELS];
};

/* What apply() sees; one per worker thread. An op that makes another image
 * reserves `spare`, fills it and swaps. */
struct vit_augment_call {
	const void *config;             /* the op's own struct */
	struct vit_image *image;        /* in and out */
	struct vit_image *spare;        /* scratch that keeps its memory */
	struct vit_buf *scratch;        /* the same for whatever is no image */
	struct vit_draws draws;         /* this record's numbers for this op */
	/* The image the op works on is h x w. Where the op has window(), `image` may
	 * be only the part of it that begins at (top, left), and holds what window()
	 * asked for at least. */
	int64_t h, w, top, left;
};
/* Does an op with `p=` act on this record? Draws one number. */
static inline int vit_chance(struct vit_augment_call *call, double p)
{
	return vit_uniform(vit_draw(&call->draws)) < p;
}
/* Standard normal by Box and Muller; two draws. */
static inline float vit_normal(struct vit_draws *draws)
{
	float u = 1 - vit_uniform(vit_draw(draws)), v = vit_uniform(vit_draw(draws));
	return sqrtf(-2 * logf(u)) * cosf(6.28318530718f * v);
}

struct vit_augment {
	uint32_t abi, size;
	const char *name, *help;        /* "random-crop"; one line */
	const struct vit_param *params; /* ends with key NULL */
	size_t config_size;             /* params, then what prepare() keeps for apply() */
	int random;                     /* draws numbers */
	/* Check the config against the stream, change what it announces (shape,
	 * mean, std), keep what apply() needs of it. NULL: nothing. VIT_EUSAGE. */
	int (*prepare)(void *config, struct vit_meta *meta);
	/* NULL: only the header changes. VIT_ERECORD for an image it cannot take. */
	int (*apply)(struct vit_augment_call *);
	/* Late decoding: the part (top, left, height, width; sides of at least 1) of
	 * an h x w image (call->h, call->w) that apply() will look at. It draws as
	 * apply() will (from a copy of the same draws) and touches no image. When this
	 * op is the first to touch an image, only that part is decoded or copied: the
	 * same bytes as taking all of it. NULL: apply() wants the whole. VIT_ERECORD. */
	int (*window)(struct vit_augment_call *, int64_t part[4]);
	/* How encoded images are to be decoded, where this op is the first to touch
	 * images; apply() then sees the result. NULL: not its business. */
	void (*decode)(const void *config, struct vit_decode_opt *);
	/* For --list, always there: whose results these are, "torchvision RandomCrop"
	 * (transforms.v2) or "timm RandomErasing"; and the op as a user may write it. */
	const char *reference, *example;
};
/* For prepare(): images are h x w from here on, of the channels that the stream
 * announces, or of 3 where it does not say. A record for which that is not true
 * in the end is bad. */
static inline void vit_augment_fixed(struct vit_meta *meta, int64_t h, int64_t w)
{
	meta->shape[0] = h;
	meta->shape[1] = w;
	meta->shape[2] = meta->shape[2] ? meta->shape[2] : 3;
}
extern const struct vit_augment *const vit_augments[];   /* NULL-terminated; generated from libvit/augment/ */

/* A chain of ops. */
struct vit_chain;
int vit_chain_new(struct vit_chain **) VIT_MUST_CHECK;
/* Add "name:key=value,..."; VIT_EUSAGE names the key and what it may be. */
int vit_chain_add(struct vit_chain *, const char *spec) VIT_MUST_CHECK;
int vit_chain_len(const struct vit_chain *);
/* Does any op touch images? If not, records need not be decoded. */
int vit_chain_touches(const struct vit_chain *);
/* Op `i` with all its values, "hflip:p=0.5": the string that meta.ops and the
 * history hold. Lives as long as the chain. */
const char *vit_chain_op(const struct vit_chain *, int i);
/* Prepare all ops in order and append their strings to meta.ops of the header;
 * what they changed in `meta` is for vit_meta_write(). The random ops already in
 * meta.ops are counted: the first one of the chain draws with that ordinal. */
int vit_chain_prepare(struct vit_chain *, struct vit_meta *meta, struct vit_header *) VIT_MUST_CHECK;
/* Apply to one record: `r->image` is replaced by memory of `work`. An encoded
 * image is decoded first: to gray where the stream announces 1 channel, else to
 * RGB. VIT_ERECORD also for a result that is not what the chain announced. */
struct vit_chain_work;                  /* per thread */
int vit_chain_work_new(struct vit_chain_work **) VIT_MUST_CHECK;
void vit_chain_work_free(struct vit_chain_work *);
int vit_chain_apply(const struct vit_chain *, struct vit_chain_work *, uint64_t seed, struct vit_record *r) VIT_MUST_CHECK;
void vit_chain_free(struct vit_chain *);

/* Recipes: one text file with parts "augment:" and "train:", one op or option
 * a line, '#' comments. `name` is a file below <share>/recipes without its
 * suffix, or a path with a '/'. *lines: NULL-terminated, one free() for all. */
int vit_recipe_load(const char *name, const char *part, char ***lines) VIT_MUST_CHECK;
char *vit_recipe_list(void);    /* names and first comment lines, malloc'd */

#endif
