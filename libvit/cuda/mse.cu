/* SPDX-License-Identifier: MIT
 *
 * mse.cu - loss = 1/n sum (x - y)^2 over a sample's n elements;
 *   dx = start 2/n (x - y),  dy = -dx
 * Forward as loss.h says, 8 bytes an element; backward is flat, a thread an
 * element, 16 bytes.
 */
#include "cuda/flat.h"
#include "cuda/loss.h"

static __global__ void __launch_bounds__(LOSS_BLOCK)
forward_kernel(const float *x, const float *y, int64_t n, const struct vit_step *s, float *loss)
{
	DYN_SMEM(float, smem);
	const int64_t b = blockIdx.x;
	float sum = 0;
	for (int64_t e = b * n + threadIdx.x; b < s->n_valid && e < (b + 1) * n; e += blockDim.x) {
		const float d = x[e] - y[e];
		sum = fmaf(d, d, sum);
	}
	sum = block_sum(sum, smem);
	if (!threadIdx.x)
		loss[b] = sum / (float)n;
}

struct mse_back {
	const float *x, *y;
	float *dx, *dy;                 /* NULL: not wanted */
	int add_x, add_y;
	int64_t count, n;
	struct vit_loss_attr how;
	const struct vit_step *step;
};

static __global__ void __launch_bounds__(FLAT_BLOCK) backward_kernel(const struct mse_back a)
{
	const int64_t e = flat_at(1);
	if (e >= a.count)
		return;
	const float d = e < a.step->n_valid * a.n ? loss_start(a.step, a.how) * (2 / (float)a.n) * (a.x[e] - a.y[e]) : 0;
	if (a.dx)
		loss_put(a.dx + e, d, a.add_x);
	if (a.dy)
		loss_put(a.dy + e, -d, a.add_y);
}

static int fit(struct vit_dev *, struct vit_call *c, int)
{
	return c->in[0].dtype == VIT_F32 && c->in[1].dtype == VIT_F32;
}

static int forward(const struct vit_call *c)
{
	const int64_t B = c->in[0].dim[0], n = vit_inner(&c->in[0], 1);
	LAUNCH(forward_kernel, (unsigned)B, loss_block(n), loss_smem(), cuda_stream(c), (const float *)c->in[0].data, (const float *)c->in[1].data, n,
	       c->step, (float *)c->out[0].data);
	return loss_finish(c, NULL);
}

static int backward(const struct vit_call *c)
{
	struct mse_back a = {};
	a.x = (const float *)c->in[0].data;
	a.y = (const float *)c->in[1].data;
	a.dx = cuda_need(c, 0) ? (float *)c->din[0].data : NULL;
	a.dy = cuda_need(c, 1) ? (float *)c->din[1].data : NULL;
	a.add_x = cuda_adds(c, 0);
	a.add_y = cuda_adds(c, 1);
	a.count = vit_tensor_count(&c->in[0]);
	a.n = vit_inner(&c->in[0], 1);
	a.how = *(const struct vit_loss_attr *)c->attr;
	a.step = c->step;
	LAUNCH(backward_kernel, flat_grid(a.count, 1), FLAT_BLOCK, 0, cuda_stream(c), a);
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(mse) = { "mse", fit, forward, backward };
