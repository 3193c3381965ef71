/* SPDX-License-Identifier: MIT
 *
 * image, patches: pixels to normalised numbers, mixed on the way, each written
 * where its patch has it; image is the one patch of H x W.
 *
 * A patch is rows of patch_w * C neighbouring bytes. Where four of them never
 * cross a row's end they are read at once and 16 bytes are written; else one
 * thread does one number.
 */
#include "cuda/sample.h"

enum { CHANNELS = 16, GROUP = 4 };

struct pixels {
	const uint8_t *u;
	const int32_t *partner, *box;           /* NULL: absent */
	const float *lambda;
	const struct vit_step *step;
	uint32_t size, blocks;                  /* numbers of a sample, blocks of one */
	int line, W, C, patch_h;                /* line: numbers of one of the image */
	struct divide patch, row, across;       /* by numbers of a patch, of its row; by patches side by side */
	float scale[CHANNELS], shift[CHANNELS]; /* x = scale u + shift */
};

struct mixing {
	const uint8_t *other;                   /* NULL: this sample stays alone */
	float lambda;
	int cut, y0, y1, x0, x1;                /* cut: CutMix; x in numbers */
};

/* Where column x of a box is in its line; boxes may reach over the image. */
static __device__ __forceinline__ int line_at(const struct pixels &p, int x)
{
	return x < 0 ? 0 : x > p.W ? p.line : x * p.C;
}

/* Padding is no partner: it holds garbage. */
static __device__ struct mixing mixing_of(const struct pixels &p, int64_t b, int n_valid)
{
	struct mixing m = { NULL, 1, 0, 0, 0, 0, 0 };
	const int with = p.partner ? p.partner[b] : -1;
	if (with < 0 || with == b || with >= n_valid)
		return m;
	m.other = p.u + (int64_t)with * p.size;
	m.lambda = p.lambda[b];
	const int32_t *box = p.box ? p.box + b * 4 : NULL;
	if (box && box[2] > box[0] && box[3] > box[1]) {
		m.cut = 1;
		m.y0 = box[0];
		m.y1 = box[2];
		m.x0 = line_at(p, box[1]);
		m.x1 = line_at(p, box[3]);
	}
	return m;
}

/* G numbers of one row of a patch, from number e of sample b on. C 0: any. */
template<int C, int G>
static __device__ __forceinline__ void pixels_run(float *v, const struct pixels &p, const struct mixing &m, int64_t b, uint32_t e)
{
	const uint32_t t = divide(e, p.patch), in_patch = e - t * p.patch.d;
	const uint32_t in_y = divide(in_patch, p.row), col = in_patch - in_y * p.row.d;
	const uint32_t down = divide(t, p.across);
	const int y = (int)(down * p.patch_h + in_y), x = (int)((t - down * p.across.d) * p.row.d + col);
	const int at = y * p.line + x;
	const vec<uint8_t, G> own = *reinterpret_cast<const vec<uint8_t, G> *>(p.u + b * p.size + at);
	vec<uint8_t, G> other = own;
	if (m.other)
		other = *reinterpret_cast<const vec<uint8_t, G> *>(m.other + at);
	const int k = (int)(C ? col % (C ? C : 1) : col % p.C);
#pragma unroll
	for (int i = 0; i < G; i++) {
		float u = (float)own.v[i];
		if (!m.cut)
			u = m.lambda * u + (1 - m.lambda) * (float)other.v[i];
		else if (y >= m.y0 && y < m.y1 && x + i >= m.x0 && x + i < m.x1)
			u = (float)other.v[i];
		const int c = C ? (k + i) % (C ? C : 1) : (k + i) % p.C % CHANNELS;
		v[i] = fmaf(u, p.scale[c], p.shift[c]);
	}
}

template<class T, int C, int G>
static __global__ void __launch_bounds__(SAMPLE_THREADS) pixels_kernel(T *out, const struct pixels p)
{
	enum { n = G == 1 ? 1 : vec_of<T>::n };
	const int64_t b = sample_row(p.blocks);
	const uint32_t e = sample_item(p.blocks) * n;
	const int n_valid = p.step->n_valid;
	if (e >= p.size)
		return;
	float v[n];
	if (b < n_valid) {
		const struct mixing m = mixing_of(p, b, n_valid);
#pragma unroll
		for (int i = 0; i < n; i += G)
			pixels_run<C, G>(v + i, p, m, b, e + i);
	} else {
#pragma unroll
		for (int i = 0; i < n; i++)
			v[i] = 0;
	}
	store_f32<n>(out + b * p.size + e, v);
}

template<class T>
static int pixels_launch(const struct vit_call *c, struct pixels *p)
{
	T *out = (T *)c->out[0].data;
	const int64_t B = c->in[0].dim[0];
	const void *const to[] = { out };
	const bool wide = p->row.d % GROUP == 0 && (uintptr_t)p->u % GROUP == 0 && vec_fits<T>(p->size, to, 1);
	p->blocks = sample_blocks(wide ? p->size / vec_of<T>::n : p->size);
	const uint32_t grid = (uint32_t)(B * p->blocks);
	if (wide && p->C == 3)
		LAUNCH((pixels_kernel<T, 3, GROUP>), grid, SAMPLE_THREADS, 0, cuda_stream(c), out, *p);
	else if (wide)
		LAUNCH((pixels_kernel<T, 0, GROUP>), grid, SAMPLE_THREADS, 0, cuda_stream(c), out, *p);
	else
		LAUNCH((pixels_kernel<T, 0, 1>), grid, SAMPLE_THREADS, 0, cuda_stream(c), out, *p);
	return cuda_launched();
}

static int pixels_run_call(const struct vit_call *c, int64_t patch_h, int64_t patch_w)
{
	const struct vit_image_attr *a = (const struct vit_image_attr *)c->attr;
	const int64_t *d = c->in[0].dim;
	struct pixels p = {};
	p.u = (const uint8_t *)c->in[0].data;
	if (c->n_in > 2) {
		p.partner = (const int32_t *)c->in[1].data;
		p.lambda = (const float *)c->in[2].data;
	}
	p.box = c->n_in > 3 ? (const int32_t *)c->in[3].data : NULL;
	p.step = c->step;
	p.size = (uint32_t)(d[1] * d[2] * d[3]);
	p.line = (int)(d[2] * d[3]);
	p.W = (int)d[2];
	p.C = (int)d[3];
	p.patch_h = (int)patch_h;
	p.patch = divide_by(patch_h * patch_w * d[3]);
	p.row = divide_by(patch_w * d[3]);
	p.across = divide_by(d[2] / patch_w);
	/* one mean: all 16 alike, so that any number of channels may count modulo 16 */
	for (int k = 0; k < CHANNELS && (a->n_mean < 2 || k < a->n_mean); k++) {
		const int m = a->n_mean > 1 ? k : 0;
		const double mean = a->n_mean ? (double)a->mean[m] : 0, std = a->n_mean ? (double)a->std[m] : 1;
		p.scale[k] = (float)(1 / (255 * std));
		p.shift[k] = (float)(-mean / std);
	}
	CUDA_WITH_TYPE(c->out[0].dtype, T, return pixels_launch<T>(c, &p));
}

static int image_forward(const struct vit_call *c)
{
	return pixels_run_call(c, c->in[0].dim[1], c->in[0].dim[2]);
}

static int patches_forward(const struct vit_call *c)
{
	const struct vit_image_attr *a = (const struct vit_image_attr *)c->attr;
	return pixels_run_call(c, a->patch_h, a->patch_w);
}

static int image_fit(struct vit_dev *, struct vit_call *c, int back)
{
	const struct vit_image_attr *a = (const struct vit_image_attr *)c->attr;
	const int64_t *d = c->in[0].dim;
	return !back && cuda_is_float(c->out[0].dtype) && (c->n_in < 3 || c->in[2].dtype == VIT_F32) && a->n_mean <= CHANNELS &&
	       sample_fits(d[0], d[1] * d[2] * d[3]);
}

extern "C" const struct cuda_op CUDA_OP(image) = { "image", image_fit, image_forward, NULL };
extern "C" const struct cuda_op CUDA_OP(patches) = { "patches", image_fit, patches_forward, NULL };
