/* SPDX-License-Identifier: MIT
 *
 * dropout: Srivastava et al., 2014, in the inverted form.
 *
 *   y = m x,  dx = m dy;  m: 0 with probability p, else 1 / (1 - p); 1 outside training
 *   random element e is the element's index within its sample; nothing is saved,
 *   backward draws again
 *
 * in   x [B,...];  out y likewise
 */
#include "graph/graph.h"
#include "op/ref.h"

static int infer(struct vit_call *c)
{
	VIT_TRY(vit_want_n(c, 1, 1));
	VIT_TRY(vit_want(c, 0, VIT_ANY_FLOAT, c->in[0].ndim, c->in[0].dim));
	c->n_out = 1;
	vit_shape_set(&c->out[0], c->in[0].dtype, c->in[0].ndim, c->in[0].dim);
	return 0;
}

static double mask(const struct vit_call *c, int64_t b, int64_t e)
{
	const double p = (double)((const struct vit_dropout_attr *)c->attr)->p;
	if (!c->train || p <= 0)
		return 1;
	return (double)ref_draw(c, b, (uint64_t)e) < p ? 0 : 1 / (1 - p);
}

static int forward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], n = vit_inner(&c->in[0], 1);
	for (int64_t b = 0; b < B; b++)
		for (int64_t e = 0; e < n; e++)
			ref_out(c, 0)[b * n + e] = (real)(mask(c, b, e) * (double)ref_in(c, 0)[b * n + e]);
	return 0;
}

static int backward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], n = vit_inner(&c->in[0], 1);
	for (int64_t b = 0; b < B && ref_need(c, 0); b++)
		for (int64_t e = 0; e < n; e++)
			ref_put(c, 0, b * n + e, mask(c, b, e) * (double)ref_dout(c, 0)[b * n + e]);
	return 0;
}

static double flops(const struct vit_call *c, int back)
{
	(void)back;
	return (double)vit_tensor_count(&c->in[0]);
}

static int expand(struct vit_graph *g, const struct vit_node *n, struct vit_value **out)
{
	/* as outside training: nothing at all */
	*out = n->in[0];
	return g->rc;
}

const struct vit_op VIT_OP(dropout) = {
	.abi = VIT_OP_ABI, .size = sizeof(struct vit_op),
	.name = "dropout", .help = "y = x mask / (1 - p)",
	.attr_size = sizeof(struct vit_dropout_attr),
	.infer = infer, .forward = forward, .backward = backward, .flops = flops,
	.alias = 1,
	.expand = expand,
};
