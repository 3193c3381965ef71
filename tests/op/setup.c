/* SPDX-License-Identifier: MIT
 *
 * setup.c - one case in memory: buffers between red zones, filled from the
 * case's name.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ZONE = 256, MARK = 0xA5 };

int64_t case_rows(const struct op_case *c)
{
	for (int i = 0; i < case_inputs(c); i++)
		if (c->in[i].kind == ACT || c->in[i].kind == DATA)
			return c->in[i].dim[0];
	return 1;
}

int case_inputs(const struct op_case *c)
{
	int n = 0;
	while (n < VIT_MAXIO && c->in[n].kind)
		n++;
	return n;
}

/* ---- buffers ------------------------------------------------------------------ */

void *buffer_data(const struct buffer *b)
{
	return b->block ? b->block + ZONE + b->skew : NULL;
}

double element_get(const void *p, int dtype, int64_t i)
{
	switch (dtype) {
	case VIT_F64: return ((const double *)p)[i];
	case VIT_F32: return (double)((const float *)p)[i];
	case VIT_F16: return (double)vit_f16_to_f32(((const uint16_t *)p)[i]);
	case VIT_BF16: return (double)vit_bf16_to_f32(((const uint16_t *)p)[i]);
	case VIT_I32: return ((const int32_t *)p)[i];
	case VIT_I8:  return ((const int8_t *)p)[i];
	default:      return ((const uint8_t *)p)[i];
	}
}

void element_set(void *p, int dtype, int64_t i, double v)
{
	switch (dtype) {
	case VIT_F64: ((double *)p)[i] = v; break;
	case VIT_F32: ((float *)p)[i] = (float)v; break;
	case VIT_F16: ((uint16_t *)p)[i] = vit_f32_to_f16((float)v); break;
	case VIT_BF16: ((uint16_t *)p)[i] = vit_f32_to_bf16((float)v); break;
	case VIT_I32: ((int32_t *)p)[i] = (int32_t)v; break;
	case VIT_I8:  ((int8_t *)p)[i] = (int8_t)v; break;
	default:      ((uint8_t *)p)[i] = (uint8_t)v;
	}
}

double buffer_get(const struct buffer *b, int64_t i)
{
	return element_get(buffer_data(b), b->dtype, i);
}

void buffer_set(struct buffer *b, int64_t i, double v)
{
	element_set(buffer_data(b), b->dtype, i, v);
}

static int on_device(const struct setup *s)
{
	return s->target.backend && !s->target.backend->host;
}

static size_t block_bytes(const struct buffer *b)
{
	return b->bytes + b->skew + 2 * ZONE;
}

int buffer_alloc(struct buffer *b, struct vit_tensor *t)
{
	b->dtype = t->dtype;
	b->n = vit_tensor_count(t);
	b->bytes = vit_tensor_bytes(t);
	b->block = vit_aligned_alloc(block_bytes(b));
	if (!b->block)
		return VIT_ENOMEM;
	memset(b->block, MARK, ZONE + b->skew);
	memset(b->block + ZONE + b->skew + b->bytes, MARK, ZONE);
	t->data = buffer_data(b);
	return 0;
}

static int buffer_new(struct setup *s, struct buffer *b, struct vit_tensor *t)
{
	VIT_TRY(buffer_alloc(b, t));
	if (on_device(s)) {
		b->dev = s->target.backend->alloc(s->target.dev, block_bytes(b), 0);
		if (!b->dev)
			return VIT_EDEVICE;
		t->data = b->dev + ZONE + b->skew;
	}
	return 0;
}

static int overrun(const struct buffer *b)
{
	for (size_t i = 0; b->block && i < ZONE + b->skew; i++)
		if (b->block[i] != MARK)
			return 1;
	for (size_t i = block_bytes(b) - ZONE; b->block && i < block_bytes(b); i++)
		if (b->block[i] != MARK)
			return 1;
	return 0;
}

/* Every buffer of a setup, in one order. */
static struct buffer *nth(struct setup *s, int i)
{
	struct buffer *const group[] = { s->in, s->out, s->aux, s->din, s->dout, &s->ws, &s->step };
	const int size[] = { VIT_MAXIO, VIT_MAXOUT, VIT_MAXOUT, VIT_MAXIO, VIT_MAXOUT, 1, 1 };
	for (int g = 0; g < 7; i -= size[g++])
		if (i < size[g])
			return group[g] + i;
	return NULL;
}

const char *setup_overrun(const struct setup *s)
{
	for (int i = 0; i < VIT_MAXIO; i++)
		if (overrun(&s->in[i]) || overrun(&s->din[i]))
			return overrun(&s->in[i]) ? "an input" : "an input's gradient";
	for (int i = 0; i < VIT_MAXOUT; i++)
		if (overrun(&s->out[i]) || overrun(&s->aux[i]) || overrun(&s->dout[i]))
			return overrun(&s->out[i]) ? "an output" : overrun(&s->aux[i]) ? "a saved value" : "an output's gradient";
	return overrun(&s->ws) ? "the scratch" : overrun(&s->step) ? "the step" : NULL;
}

/* ---- setups -------------------------------------------------------------------- */

/* The type of a floating tensor: `stays` f32 where nothing lowers it. */
static int type_of(struct setup *s, int dtype, int stays)
{
	if (dtype != VIT_F32)
		return dtype;
	s->lowered |= !s->target.wide && !stays && s->target.low != VIT_F32;
	return s->target.wide ? VIT_F64 : stays ? VIT_F32 : s->target.low;
}

static int is_float(const struct vit_tensor *t)
{
	return vit_dtypes[t->dtype].is_float;
}

static int shapes(struct setup *s)
{
	struct vit_call *c = &s->call;
	c->op = s->op->name;
	c->attr = s->of->attr;
	c->n_in = case_inputs(s->of);
	c->train = s->of->train;
	c->how = s->target.how;
	for (int i = 0; i < c->n_in; i++) {
		const struct op_input *in = &s->of->in[i];
		int n = 0;
		while (n < VIT_MAXD && in->dim[n])
			n++;
		/* inputs of a graph and tables stay as they are */
		const int stays = (in->kind != ACT && in->kind != PARAM) || s->op->f32_in >> i & 1;
		vit_shape_set(&c->in[i], type_of(s, in->dtype, stays), n, in->dim);
	}
	VIT_TRY(s->op->infer(c));
	for (int i = 0; i < c->n_out; i++)
		if (!s->target.wide && is_float(&c->out[i]))
			c->out[i].dtype = type_of(s, VIT_F32, (s->op->f32_out | s->target.f32_out) >> i & 1);
	return 0;
}

/* An input and its gradient. Parameters and optimiser state start at 64 bytes,
 * lowered ones at 32, and not always at more. */
static int new_input(struct setup *s, int i)
{
	struct vit_call *c = &s->call;
	const int kind = s->of->in[i].kind, flat = kind == PARAM || (kind == STATE && is_float(&c->in[i]));
	s->in[i].skew = flat ? 16 * (size_t)vit_dtypes[c->in[i].dtype].size : 0;
	VIT_TRY(buffer_new(s, &s->in[i], &c->in[i]));
	c->din[i] = c->in[i];
	c->din[i].data = NULL;
	if (s->of->absent >> i & 1)
		c->in[i].data = NULL;
	if (!s->op->backward || (kind != ACT && kind != PARAM))
		return 0;
	c->need |= 1u << i;
	if (kind == PARAM)
		c->din[i].dtype = type_of(s, VIT_F32, 1);
	s->din[i].skew = flat ? 16 * (size_t)vit_dtypes[c->din[i].dtype].size : 0;
	return buffer_new(s, &s->din[i], &c->din[i]);
}

/* The case's name, which keys its numbers whatever the precision, and then that. */
static void name(struct setup *s)
{
	int n = snprintf(s->name, sizeof s->name, "%s(%s)", s->op->name, s->of->label);
	s->call.key = vit_name_key(s->name);
	s->call.name = s->name;
	if (s->target.low != VIT_F32)
		n += snprintf(s->name + n, sizeof s->name - (size_t)n, " %s", vit_dtypes[s->target.low].name);
	const char *how = s->target.how & VIT_HOW_TF32 ? " tf32" : s->target.how & VIT_HOW_TUNE ? " tuned" : "";
	const char *wide = s->target.f32_out == 1 ? ", f32 output 0" : s->target.f32_out ? ", f32 outputs" : "";
	snprintf(s->name + n, sizeof s->name - (size_t)n, "%s%s", wide, how);
}

int setup_new(struct setup *s, const struct vit_op *op, const struct op_case *of, struct target target)
{
	*s = (struct setup){ .target = target, .of = of, .op = op, .B = case_rows(of) };
	name(s);
	VIT_TRY(shapes(s));
	struct vit_call *c = &s->call;
	for (int i = 0; i < c->n_in; i++)
		VIT_TRY(new_input(s, i));
	for (int i = 0; i < c->n_out; i++) {
		VIT_TRY(buffer_new(s, &s->out[i], &c->out[i]));
		c->dout[i] = c->out[i];
		c->dout[i].data = NULL;
		if (op->backward && !op->loss)
			VIT_TRY(buffer_new(s, &s->dout[i], &c->dout[i]));
	}
	for (int i = 0; i < c->n_aux; i++)
		VIT_TRY(buffer_new(s, &s->aux[i], &c->aux[i]));
	struct vit_tensor step = { .dtype = VIT_U8, .ndim = 1, .dim = { sizeof(struct vit_step) } };
	VIT_TRY(buffer_new(s, &s->step, &step));
	c->step = step.data;
	return 0;
}

static void buffer_free(struct setup *s, struct buffer *b)
{
	free(b->block);
	if (b->dev)
		s->target.backend->free(s->target.dev, b->dev, 0);
	*b = (struct buffer){ 0 };
}

int setup_scratch(struct setup *s)
{
	buffer_free(s, &s->ws);
	return s->call.ws.ndim ? buffer_new(s, &s->ws, &s->call.ws) : 0;
}

void setup_free(struct setup *s)
{
	struct buffer *b;
	for (int i = 0; (b = nth(s, i)); i++)
		buffer_free(s, b);
}

struct vit_step *setup_step(const struct setup *s)
{
	return buffer_data(&s->step);
}

/* ---- filling --------------------------------------------------------------------- */

static float draw(uint64_t key, uint64_t stream, int64_t i)
{
	struct vit_rand4 r = vit_philox(key, stream, (uint64_t)i / 4);
	return vit_uniform(r.v[i % 4]);
}

/* Values pass through float, so that f32 and f64 setups hold the same numbers. */
static void fill_input(struct setup *s, int i, const struct variant *v)
{
	const struct op_input *in = &s->of->in[i];
	struct buffer *b = &s->in[i];
	const int batched = in->kind == ACT || in->kind == DATA;
	const int64_t pad = batched && v->n_valid >= 0 ? b->n / s->B * v->n_valid : b->n;
	const int integer = !vit_dtypes[in->dtype].is_float;
	const float lo = in->lo == in->hi ? -1 : (float)in->lo, hi = in->lo == in->hi ? 1 : (float)in->hi;
	for (int64_t k = 0; k < b->n; k++) {
		float u = draw(s->call.key, (uint64_t)i, k);
		if (k >= pad)
			u = draw(s->call.key + v->garbage, 100 + (uint64_t)i, k);
		float x = lo + (hi - lo + (float)integer) * u;
		if (k >= pad && !integer)       /* garbage, but finite in 16 bits */
			x = fminf(fmaxf(x * 1000, -2e4f), 2e4f);
		buffer_set(b, k, integer ? floor((double)x) : (double)x);
	}
	if (!i && (s->of->odd < 0 || s->of->odd > 0 || isnan(s->of->odd)))
		buffer_set(b, b->n - 1, (double)s->of->odd);
}

static void fill_gradients(struct setup *s, const struct variant *v)
{
	struct vit_call *c = &s->call;
	c->add = 0;
	s->wanted = c->need & ~v->unwanted;
	s->unread = v->unread;
	for (int i = 0; i < c->n_in; i++) {
		const int adds = s->of->in[i].kind == PARAM || v->add;
		c->add |= (unsigned)adds << i;
		/* a gradient that is to be overwritten must not be read */
		for (int64_t k = 0; k < s->din[i].n; k++)
			buffer_set(&s->din[i], k, adds ? (double)(draw(c->key, 200 + (uint64_t)i, k) - 0.5f) : NAN);
	}
	for (int i = 0; i < c->n_out; i++) {
		const int64_t valid = v->n_valid >= 0 ? s->dout[i].n / s->B * v->n_valid : s->dout[i].n;
		for (int64_t k = 0; k < s->dout[i].n; k++)
			buffer_set(&s->dout[i], k, k < valid ? (double)(draw(c->key, 300 + (uint64_t)i, k) - 0.5f) : 0);
	}
}

void setup_fill(struct setup *s, const struct variant *v)
{
	for (int i = 0; i < s->call.n_in; i++)
		fill_input(s, i, v);
	for (int i = 0; i < s->call.n_out; i++)
		for (int64_t k = 0; k < s->out[i].n; k++)
			buffer_set(&s->out[i], k, NAN);
	for (int i = 0; i < s->call.n_aux; i++)
		for (int64_t k = 0; k < s->aux[i].n; k++)
			buffer_set(&s->aux[i], k, NAN);
	fill_gradients(s, v);
	struct vit_step *step = setup_step(s);
	*step = (struct vit_step){ .done = 2, .wsum = 3, .loss = 5, .hits = 1, .gnorm2 = 40, .loss_scale = s->of->loss_scale > 0 ? s->of->loss_scale : 1,
	                           .found_inf = s->of->found_inf, .last_wsum = 7, .last_loss = 8, .last_hits = 9, .last_gnorm2 = 10,
	                           .last_inf = 1, .good = 2, .closed = 3, .skipped = 1, .total_wsum = 11, .total_loss = 12, .total_hits = 13 };
	if (s->of->step)
		*step = *s->of->step;
	step->seed = 7;
	step->sample0 = 1000;
	step->n_valid = (int32_t)(v->n_valid >= 0 ? v->n_valid : s->B);
	memcpy(step->knob, s->of->knob, sizeof step->knob);
}

void setup_copy(struct setup *to, const struct setup *from)
{
	struct setup *f = (struct setup *)(uintptr_t)from;      /* nth() hands out places, nothing is written */
	struct buffer *t;
	for (int i = 0; (t = nth(to, i)); i++)
		for (int64_t k = 0; t != &to->ws && k < t->n; k++)
			buffer_set(t, k, buffer_get(nth(f, i), k));
	to->call.add = from->call.add;
	to->wanted = from->wanted;
	to->unread = from->unread;
}

/* ---- running ------------------------------------------------------------------------ */

static int transfer(struct setup *s, int dir)
{
	struct buffer *b;
	for (int i = 0; on_device(s) && (b = nth(s, i)); i++) {
		void *to = dir == VIT_TO_DEVICE ? b->dev : b->block, *from = dir == VIT_TO_DEVICE ? b->block : b->dev;
		if (b->dev)
			VIT_TRY(s->target.backend->copy(s->target.dev, to, from, block_bytes(b), dir));
	}
	return on_device(s) ? s->target.backend->sync(s->target.dev) : 0;
}

static int run(struct setup *s, const struct vit_call *call, vit_kernel kernel)
{
	/* scratch is others' memory: no run finds there what the last one left */
	if (s->ws.block)
		memset(buffer_data(&s->ws), 0xff, s->ws.bytes);
	VIT_TRY(transfer(s, VIT_TO_DEVICE));
	VIT_TRY(kernel(call));
	return transfer(s, VIT_FROM_DEVICE);
}

int setup_forward(struct setup *s, vit_kernel kernel)
{
	struct vit_call c = s->call;
	c.need = c.add = 0;
	for (int i = 0; i < VIT_MAXIO; i++)
		c.din[i].data = NULL;
	for (int i = 0; i < VIT_MAXOUT; i++)
		c.dout[i].data = NULL;
	return run(s, &c, kernel);
}

int setup_backward(struct setup *s, vit_kernel kernel)
{
	struct vit_call c = s->call;
	for (int i = 0; i < c.n_in; i++)
		if (!(s->op->keep_in >> i & 1))
			c.in[i].data = NULL;
	for (int i = 0; i < c.n_out; i++) {
		if (!(s->op->keep_out >> i & 1))
			c.out[i].data = NULL;
		if (s->unread >> i & 1)
			c.dout[i].data = NULL;
	}
	c.need = s->wanted;
	for (int i = 0; i < c.n_in; i++)
		if (!(c.need >> i & 1))
			c.din[i] = (struct vit_tensor){ 0 };
	return run(s, &c, kernel);
}
