/* SPDX-License-Identifier: MIT
 *
 * vit.c - the Vision Transformer: Dosovitskiy et al., "An Image is Worth 16x16
 * Words", 2021; pre-norm, as timm's VisionTransformer.
 *
 *   x = tokens(patches(image) W + b)
 *   per block:  x += ls1 attn(norm1(x));  x += ls2 mlp(norm2(x))
 *   logits = head(norm(pool(x)))
 *
 * A sum and the norm that reads it are one op, across block borders. The last
 * norm runs after the pooling: with pool=cls that is the same number for a
 * fraction of the work, with pool=mean it is timm's fc_norm.
 *
 * Parameters carry timm's names. Their shapes are timm's but for
 *   patch_embed.proj.weight  [D, P*P*C] in the order (row, column, channel);
 *                            timm has [D, C, P, P]
 *   cls_token [D], pos_embed [T, D]: timm has [1, 1, D], [1, T, D]
 *   reg_token.N [D]: rows of timm's reg_token [1, N, D]
 *
 * init  trunc02: every weight and token truncated normal, deviation 0.02
 *       fan_in:  every weight truncated normal with deviation 1/sqrt(fan in)
 *                after the cut; tokens and positions with 0.5, so that they
 *                weigh beside the patches' content. Narrow models learn faster:
 *                Fashion-MNIST, patch 7, D64, 3 layers, mlp 2, 30,000 images
 *                seen, top-1 on a tenth of train that was held out, two seeds:
 *                79.7 79.8 (trunc02); with tokens and positions at 0.02: 80.9
 *                80.5, 0.1: 81.5 80.4, 0.25: 82.6 81.6, 0.5: 83.6 82.9, 1: 83.7
 *                84.3. So 0.5 is no optimum, only far better than 0.02
 *       Biases 0, norms 1 and 0, layer scale its constant in both.
 * Weight decay applies to the matrices alone.
 */
#include "model/model.h"
#include "model/vit_config.h"

#include <math.h>
#include <string.h>

struct builder {
	struct vit_graph *g;
	struct vit_vit_config c;
	struct vit_build train;         /* all 0 in inference */
	const struct vit_preprocess *pre;
};

/* A name in the graph's arena. When memory is short the graph's rc says so, and
 * nothing is added under the empty name. */
static const char *join(struct builder *b, const char *x, const char *y)
{
	const char *s = vit_arena_printf(&b->g->arena, "%s%s", x, y);
	if (!s && !b->g->rc)
		b->g->rc = VIT_ENOMEM;
	return s ? s : "";
}

static const char *numbered(struct builder *b, const char *x, int64_t i, const char *y)
{
	const char *s = vit_arena_printf(&b->g->arena, "%s%lld%s", x, (long long)i, y);
	if (!s && !b->g->rc)
		b->g->rc = VIT_ENOMEM;
	return s ? s : "";
}

/* ---- parameters ---------------------------------------------------------------------- */

static struct vit_value *vector(struct builder *b, const char *name, int64_t n, struct vit_init init)
{
	return vit_graph_param(b->g, name, 1, &n, init, 0);
}

static struct vit_value *matrix(struct builder *b, const char *name, int64_t rows, int64_t cols)
{
	struct vit_init init = { VIT_INIT_TRUNC_NORMAL, 0.02f };
	/* 0.8796: what a cut at 2 leaves of the deviation */
	if (b->c.init == VIT_VIT_FAN_IN)
		init.std = (float)(1 / sqrt((double)cols) / 0.87962566103423978);
	return vit_graph_param(b->g, name, 2, (int64_t[]){ rows, cols }, init, 1);
}

static struct vit_init token_init(const struct builder *b)
{
	return (struct vit_init){ VIT_INIT_TRUNC_NORMAL, b->c.init == VIT_VIT_FAN_IN ? 0.5f : 0.02f };
}

static struct vit_value *token(struct builder *b, const char *name)
{
	return vector(b, name, b->c.dim, token_init(b));
}

/* ---- layers --------------------------------------------------------------------------- */

static struct vit_value *linear(struct builder *b, const char *node, const char *name, struct vit_value *x, int64_t n, int act, int bias)
{
	struct vit_value *in[3] = { x };
	if (!x)
		return NULL;
	in[1] = matrix(b, join(b, name, ".weight"), n, x->dim[x->ndim - 1]);
	if (bias)
		in[2] = vector(b, join(b, name, ".bias"), n, (struct vit_init){ VIT_INIT_ZERO, 0 });
	struct vit_linear_attr attr = { .act = act };
	return vit_graph_op(b->g, "linear", node, &attr, in, bias ? 3 : 2, NULL);
}

static struct vit_value *dropout(struct builder *b, const char *after, struct vit_value *x)
{
	struct vit_dropout_attr attr = { .p = (float)b->train.drop };
	if (b->train.drop <= 0)
		return x;
	return vit_graph_op(b->g, "dropout", join(b, after, ".drop"), &attr, &x, 1, NULL);
}

static void norm_params(struct builder *b, const char *name, struct vit_value **gain_bias)
{
	gain_bias[0] = vector(b, join(b, name, ".weight"), b->c.dim, (struct vit_init){ VIT_INIT_ONE, 0 });
	gain_bias[1] = vector(b, join(b, name, ".bias"), b->c.dim, (struct vit_init){ VIT_INIT_ZERO, 0 });
}

static struct vit_value *layernorm(struct builder *b, const char *name, struct vit_value *x)
{
	struct vit_layernorm_attr attr = { .eps = (float)b->c.eps };
	struct vit_value *in[3] = { x };
	norm_params(b, name, in + 1);
	return vit_graph_op(b->g, "layernorm", name, &attr, in, 3, NULL);
}

/* The stream x and its normed copy y, if somebody reads one. */
struct stream {
	struct vit_value *x, *y;
};

/* x += scale * r, then y = the norm with this gain and bias (NULL: no norm). */
static void residual(struct builder *b, struct stream *s, const char *node, struct vit_value *r, struct vit_value *scale,
                     struct vit_value *const *gain_bias, double drop_path)
{
	struct vit_add_layernorm_attr attr = {
		.eps = (float)b->c.eps, .drop_path = (float)drop_path, .knob = -1, .norm = gain_bias != NULL, .layer_scale = scale != NULL,
	};
	struct vit_value *in[5] = { s->x, r };
	int n = 2;
	for (int i = 0; gain_bias && i < 2; i++)
		in[n++] = gain_bias[i];
	if (scale)
		in[n++] = scale;
	struct vit_node *made;
	s->x = vit_graph_op(b->g, "add_layernorm", node, &attr, in, n, &made);
	s->y = made && gain_bias ? made->out[1] : NULL;
}

static struct vit_value *layer_scale(struct builder *b, const char *block, const char *name)
{
	if (b->c.layer_scale <= 0)
		return NULL;
	return vector(b, join(b, block, name), b->c.dim, (struct vit_init){ VIT_INIT_CONST, (float)b->c.layer_scale });
}

static struct vit_value *attention(struct builder *b, const char *block, struct vit_value *y)
{
	struct vit_attention_attr attr = { .heads = (int)b->c.heads, .dropout = (float)b->train.attn_drop };
	const char *name = join(b, block, "attn.qkv");
	struct vit_value *x = linear(b, name, name, y, 3 * b->c.dim, VIT_ACT_NONE, (int)b->c.qkv_bias);
	x = vit_graph_op(b->g, "attention", join(b, block, "attn"), &attr, &x, 1, NULL);
	name = join(b, block, "attn.proj");
	return dropout(b, name, linear(b, name, name, x, b->c.dim, VIT_ACT_NONE, 1));
}

static struct vit_value *mlp(struct builder *b, const char *block, struct vit_value *y)
{
	const char *name = join(b, block, "mlp.fc1");
	struct vit_value *x = linear(b, name, name, y, b->c.hidden, b->c.act ? VIT_ACT_GELU_TANH : VIT_ACT_GELU, 1);
	x = dropout(b, name, x);
	name = join(b, block, "mlp.fc2");
	return dropout(b, name, linear(b, name, name, x, b->c.dim, VIT_ACT_NONE, 1));
}

/* Parameters are made in timm's order, so the next block's norm1 belongs to
 * that block though this block's last sum computes it. */
static void blocks(struct builder *b, struct stream *s)
{
	struct vit_value *gain_bias[2];
	for (int64_t i = 0; i < b->c.depth && !b->g->rc; i++) {
		double drop_path = b->c.depth > 1 ? b->train.drop_path * (double)i / (double)(b->c.depth - 1) : b->train.drop_path;
		const char *name = numbered(b, "blocks.", i, ".");
		if (i == 0)
			s->y = layernorm(b, join(b, name, "norm1"), s->x);
		struct vit_value *r = attention(b, name, s->y), *scale = layer_scale(b, name, "ls1.gamma");
		norm_params(b, join(b, name, "norm2"), gain_bias);
		residual(b, s, join(b, name, "attn.add"), r, scale, gain_bias, drop_path);
		r = mlp(b, name, s->y);
		scale = layer_scale(b, name, "ls2.gamma");
		int last = i + 1 == b->c.depth;
		if (!last)
			norm_params(b, numbered(b, "blocks.", i + 1, ".norm1"), gain_bias);
		residual(b, s, join(b, name, "mlp.add"), r, scale, last ? NULL : gain_bias, drop_path);
	}
}

static struct vit_value *embed(struct builder *b)
{
	const struct vit_vit_config *c = &b->c;
	struct vit_value *image = vit_graph_input(b->g, "image", VIT_U8, 4, (int64_t[]){ VIT_B, c->image[0], c->image[1], c->channels });
	struct vit_image_attr attr = { .n_mean = b->pre->n_mean, .patch_h = (int)c->patch[0], .patch_w = (int)c->patch[1] };
	memcpy(attr.mean, b->pre->mean, sizeof attr.mean);
	memcpy(attr.std, b->pre->std, sizeof attr.std);

	struct vit_value *in[VIT_MAXIO] = { NULL };
	int n = 2;
	if (c->class_token)
		in[n++] = token(b, "cls_token");
	for (int64_t i = 0; i < c->reg_tokens; i++)
		in[n++] = token(b, numbered(b, "reg_token.", i, ""));
	int64_t shape[] = { c->tokens + (c->no_embed_class ? 0 : c->prefix), c->dim };
	in[1] = vit_graph_param(b->g, "pos_embed", 2, shape, token_init(b), 0);
	struct vit_value *x = vit_graph_op(b->g, "patches", "patches", &attr, &image, 1, NULL);
	in[0] = linear(b, "patch_embed.proj", "patch_embed.proj", x, c->dim, VIT_ACT_NONE, 1);
	struct vit_tokens_attr tokens = { .n_prefix = (int)c->prefix, .pos_prefix = !c->no_embed_class };
	return dropout(b, "tokens", vit_graph_op(b->g, "tokens", "tokens", &tokens, in, n, NULL));
}

static void add_loss(struct builder *b, struct vit_value *logits)
{
	int64_t shape[] = { VIT_B, b->c.classes };
	struct vit_value *label = vit_graph_input(b->g, "label", b->train.soft ? VIT_F32 : VIT_I32, b->train.soft ? 2 : 1, shape);
	struct vit_loss_attr attr = { .weight = 1, .smoothing = (float)b->train.smoothing, .knob = -1 };
	vit_graph_op(b->g, "softmax_xent", "loss", &attr, (struct vit_value *[]){ logits, label }, 2, NULL);
}

static int build(struct vit_graph *g, const json_t *config, const struct vit_preprocess *pre, const struct vit_build *train)
{
	struct builder b = { .g = g, .pre = pre };
	VIT_TRY(vit_vit_config_read(&b.c, config));
	if (train && train->train)
		b.train = *train;
	struct stream s = { .x = embed(&b) };
	blocks(&b, &s);
	struct vit_pool_attr pool = { .mean = b.c.pool == 1, .index = 0, .n_prefix = (int)b.c.prefix };
	struct vit_value *x = vit_graph_op(g, "pool", "pool", &pool, &s.x, 1, NULL);
	x = layernorm(&b, b.c.pool == 1 ? "fc_norm" : "norm", x);
	struct vit_value *logits = linear(&b, "logits", "head", x, b.c.classes, VIT_ACT_NONE, 1);
	if (logits)
		logits->keep = 1;
	if (b.train.train)
		add_loss(&b, logits);
	return g->rc;
}

const struct vit_arch vit_arch_vit = {
	.abi = 1, .size = sizeof(struct vit_arch),
	.name = "vit", .help = "Vision Transformer: image patch dim depth heads mlp pool act eps qkv_bias layer_scale reg_tokens init",
	.parse = vit_vit_parse, .build = build, .presets = vit_vit_presets,
};
