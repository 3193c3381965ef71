/* SPDX-License-Identifier: MIT
 *
 * random_crop.c - a window at a random place of the padded image
 * (torchvision's RandomCrop).
 */
#include "augment/augment.h"

#include <string.h>

enum { CONSTANT, REFLECT };

struct config {
	double p;
	int64_t size[2], padding;
	struct vit_list fill;
	int mode;
};

static const struct vit_param params[] = {
	{ "size", VIT_P_SIZE, offsetof(struct config, size), "0", 0, VIT_MAX_SIDE, NULL, "height and width of the window; 0: those of the image" },
	{ "padding", VIT_P_INT, offsetof(struct config, padding), "0", 0, VIT_MAX_SIDE, NULL, "pixels added on every side first" },
	{ "fill", VIT_P_LIST, offsetof(struct config, fill), "0", 0, 255, NULL, "colour of constant padding, one level or one per channel" },
	{ "mode", VIT_P_CHOICE, offsetof(struct config, mode), "constant", 0, 0, "constant|reflect", "what the padding holds" },
	{ "p", VIT_P_FLOAT, offsetof(struct config, p), "1", 0, 1, NULL, "probability; otherwise the window is the centre" },
	{ 0 },
};

/* The window's sides for an image of h x w, checked; c 0: not known yet. */
static int window(const struct config *cfg, int code, int64_t h, int64_t w, int64_t c, int64_t *wh, int64_t *ww)
{
	*wh = cfg->size[0] ? cfg->size[0] : h;
	*ww = cfg->size[1] ? cfg->size[1] : cfg->size[0] ? cfg->size[0] : w;
	if (*wh > h + 2 * cfg->padding || *ww > w + 2 * cfg->padding)
		return vit_fail(code, "a window of %lldx%lld is larger than the image of %lldx%lld with padding %lld; put resize before",
		                (long long)*wh, (long long)*ww, (long long)h, (long long)w, (long long)cfg->padding);
	if (cfg->mode == REFLECT && (cfg->padding >= h || cfg->padding >= w))
		return vit_fail(code, "reflected padding of %lld wants an image larger than that, not %lldx%lld",
		                (long long)cfg->padding, (long long)h, (long long)w);
	if (cfg->fill.n != 1 && c && cfg->fill.n != c)
		return vit_fail(code, "fill has %d levels for %lld channels; give 1 or %lld", cfg->fill.n, (long long)c, (long long)c);
	return 0;
}

static int prepare(void *config, struct vit_meta *meta)
{
	const struct config *cfg = config;
	int64_t *s = meta->shape;
	if (s[0])
		return window(cfg, VIT_EUSAGE, s[0], s[1], s[2], &s[0], &s[1]);
	if (cfg->size[0])
		vit_augment_fixed(meta, cfg->size[0], cfg->size[1] ? cfg->size[1] : cfg->size[0]);
	return 0;
}

/* n pixels of one colour. */
static void fill(uint8_t *to, int64_t n, int64_t c, const struct vit_list *colour)
{
	if (n == 0)
		return;
	if (colour->n == 1) {
		memset(to, (int)(colour->v[0] + 0.5f), (size_t)(n * c));
		return;
	}
	for (int64_t i = 0; i < n * c; i++)
		to[i] = (uint8_t)(colour->v[i % c] + 0.5f);
}

static int64_t mirror(int64_t i, int64_t n)
{
	return i < 0 ? -i : i >= n ? 2 * (n - 1) - i : i;
}

static int64_t clamp(int64_t i, int64_t lo, int64_t hi)
{
	return i < lo ? lo : i > hi ? hi : i;
}

/* One row of the window, whose first pixel is column `left` of the unpadded
 * image; `row` begins at its column call->left. */
static void window_row(uint8_t *to, int64_t ww, const uint8_t *row, const struct vit_augment_call *call, int64_t left)
{
	const struct config *cfg = call->config;
	int64_t w = call->w, c = call->image->c;
	/* columns x0..x1-1 of the window lie inside the image */
	int64_t x0 = clamp(-left, 0, ww), x1 = clamp(w - left, x0, ww);
	if (x1 > x0)
		memcpy(to + x0 * c, row + (left + x0 - call->left) * c, (size_t)((x1 - x0) * c));
	if (cfg->mode == CONSTANT) {
		fill(to, x0, c, &cfg->fill);
		fill(to + x1 * c, ww - x1, c, &cfg->fill);
		return;
	}
	for (int64_t x = 0; x < ww; x++) {
		if (x == x0)
			x = x1;
		if (x < ww)
			memcpy(to + x * c, row + (mirror(left + x, w) - call->left) * c, (size_t)c);
	}
}

struct place {
	int64_t top, left, h, w;        /* of the window in the unpadded image */
};

static int find_place(struct vit_augment_call *call, int64_t c, struct place *at)
{
	const struct config *cfg = call->config;
	VIT_TRY(window(cfg, VIT_ERECORD, call->h, call->w, c, &at->h, &at->w));
	int64_t rows = call->h + 2 * cfg->padding - at->h, columns = call->w + 2 * cfg->padding - at->w;
	if (vit_chance(call, cfg->p)) {
		at->top = vit_below(vit_draw(&call->draws), (uint32_t)rows + 1) - cfg->padding;
		at->left = vit_below(vit_draw(&call->draws), (uint32_t)columns + 1) - cfg->padding;
	} else {
		at->top = vit_centre(rows + at->h, at->h) - cfg->padding;
		at->left = vit_centre(columns + at->w, at->w) - cfg->padding;
	}
	return 0;
}

/* What is needed of n rows (or columns) for `len` from `from` on. */
static void needed(int64_t from, int64_t len, int64_t n, int mode, int64_t *first, int64_t *count)
{
	*first = 0;
	*count = n;
	if (mode == REFLECT && (from < 0 || from + len > n))
		return;
	/* a window beside the image still has to ask for something */
	*first = clamp(from, 0, n - 1);
	*count = clamp(from + len, *first + 1, n) - *first;
}

static int find_part(struct vit_augment_call *call, int64_t part[4])
{
	const struct config *cfg = call->config;
	struct place at;
	VIT_TRY(find_place(call, 0, &at));
	needed(at.top, at.h, call->h, cfg->mode, &part[0], &part[2]);
	needed(at.left, at.w, call->w, cfg->mode, &part[1], &part[3]);
	return 0;
}

static int apply(struct vit_augment_call *call)
{
	const struct config *cfg = call->config;
	const struct vit_image *im = call->image;
	struct place at;
	int64_t c = im->c;
	VIT_TRY(find_place(call, c, &at));
	if (at.top == call->top && at.left == call->left && at.h == im->h && at.w == im->w)
		return 0;
	VIT_TRY(vit_image_reserve(call->spare, at.h, at.w, c));
	for (int64_t y = 0; y < at.h; y++) {
		uint8_t *to = call->spare->p + y * at.w * c;
		int64_t from = at.top + y;
		if (cfg->mode == CONSTANT && (from < 0 || from >= call->h))
			fill(to, at.w, c, &cfg->fill);
		else
			window_row(to, at.w, im->p + (mirror(from, call->h) - call->top) * im->w * c, call, at.left);
	}
	vit_image_swap(call->image, call->spare);
	return 0;
}

const struct vit_augment vit_augment_random_crop = {
	.abi = VIT_AUGMENT_ABI, .size = sizeof(struct vit_augment),
	.name = "random-crop", .help = "a window at a random place of the padded image",
	.reference = "torchvision RandomCrop", .example = "random-crop:size=32,padding=4",
	.params = params, .config_size = sizeof(struct config), .random = 1,
	.prepare = prepare, .apply = apply, .window = find_part,
};
