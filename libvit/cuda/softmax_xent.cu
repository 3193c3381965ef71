/* SPDX-License-Identifier: MIT
 *
 * softmax_xent.cu - cross-entropy of softmax(x) against hard or soft labels:
 *   y' = (1 - s) y + s / K,  loss = sum y' (lse - x);  dx = start (p sum(y') - y')
 * The grid and what is read: loss.h.
 */
#include "cuda/loss.h"

#include <limits.h>

struct xent {
	const float *x, *soft;          /* [B,K]; soft NULL: labels are hard */
	const int32_t *hard;
	int64_t B;
	int K;
	struct vit_loss_attr how;
	struct vit_step *step;
};

static __device__ __forceinline__ float label(const struct xent &a, int64_t b, int k)
{
	const float y = a.soft ? a.soft[b * a.K + k] : a.hard[b] == k ? 1.0f : 0.0f;
	return fmaf(1 - a.how.smoothing, y, a.how.smoothing / (float)a.K);
}

static __device__ __forceinline__ bool counts(const struct xent &a, int64_t b)
{
	return b < a.step->n_valid && (a.soft || (a.hard[b] >= 0 && a.hard[b] < a.K));
}

/* The first of the largest, as one thread finds it going from left to right with
 * `>`: a NaN in front stays the largest, another never is. */
static __device__ int row_top(const float *x, int K, void *smem, float *top)
{
	float best = -INFINITY;
	int at = INT_MAX;
	for (int k = (int)threadIdx.x; k < K; k += (int)blockDim.x) {
		const float v = x[k] == x[k] ? x[k] : k ? -INFINITY : INFINITY;
		if (v > best || at == INT_MAX) {
			best = v;
			at = k;
		}
	}
	*top = block_max(best, (float *)smem);
	return block_min(best == *top ? at : INT_MAX, (int *)smem);
}

static __global__ void __launch_bounds__(LOSS_BLOCK) forward_kernel(const struct xent a, float *loss, float *lse, int32_t *mark)
{
	DYN_SMEM(float, smem);
	const int64_t b = blockIdx.x;
	const float *x = a.x + b * a.K;
	if (!counts(a, b)) {
		if (threadIdx.x)
			return;
		loss[b] = 0;
		mark[b] = 0;
		if (lse)
			lse[b] = 0;
		return;
	}
	float top, other;
	const int best = row_top(x, a.K, smem, &top), wanted = a.soft ? row_top(a.soft + b * a.K, a.K, smem, &other) : a.hard[b];
	/* against the largest, not against lse: of a sure answer nothing cancels */
	float sum = 0, dot = 0, total = 0;
	for (int k = (int)threadIdx.x; k < a.K; k += (int)blockDim.x) {
		const float d = x[k] - top, y = label(a, b, k);
		sum += expf(d);
		dot = fmaf(y, d, dot);
		total += y;
	}
	sum = block_sum(sum, smem);
	dot = block_sum(dot, smem);
	total = block_sum(total, smem);
	if (threadIdx.x)
		return;
	loss[b] = fmaf(total, logf(sum), -dot);
	mark[b] = LOSS_COUNTS | (best == wanted ? LOSS_HIT : 0);
	if (lse)
		lse[b] = top + logf(sum);
}

static __global__ void __launch_bounds__(LOSS_BLOCK) backward_kernel(const struct xent a, const float *lse, float *dx, int add)
{
	DYN_SMEM(float, smem);
	const int64_t b = blockIdx.x;
	const bool valid = counts(a, b);
	const float start = loss_start(a.step, a.how);
	float total = 0;
	for (int k = (int)threadIdx.x; valid && k < a.K; k += (int)blockDim.x)
		total += label(a, b, k);
	total = block_sum(total, smem);
	for (int k = (int)threadIdx.x; k < a.K; k += (int)blockDim.x) {
		const float d = valid ? start * (expf(a.x[b * a.K + k] - lse[b]) * total - label(a, b, k)) : 0;
		loss_put(dx + b * a.K + k, d, add);
	}
}

static int fit(struct vit_dev *, struct vit_call *c, int back)
{
	const int soft = c->in[1].ndim == 2;
	if (c->in[0].dtype != VIT_F32 || c->in[1].dtype != (soft ? VIT_F32 : VIT_I32) || c->in[0].dim[1] > INT_MAX - LOSS_BLOCK)
		return 0;
	if (!back)
		cuda_scratch(c, c->in[0].dim[0] * (int64_t)sizeof(int32_t));
	return 1;
}

static struct xent xent_of(const struct vit_call *c)
{
	const int soft = c->in[1].ndim == 2;
	struct xent a = {};
	a.x = (const float *)c->in[0].data;
	a.soft = soft ? (const float *)c->in[1].data : NULL;
	a.hard = soft ? NULL : (const int32_t *)c->in[1].data;
	a.B = c->in[0].dim[0];
	a.K = (int)c->in[0].dim[1];
	a.how = *(const struct vit_loss_attr *)c->attr;
	a.step = c->step;
	return a;
}

static int forward(const struct vit_call *c)
{
	const struct xent a = xent_of(c);
	int32_t *mark = (int32_t *)c->ws.data;
	LAUNCH(forward_kernel, (unsigned)a.B, loss_block(a.K), loss_smem(), cuda_stream(c), a, (float *)c->out[0].data, (float *)c->aux[0].data, mark);
	return loss_finish(c, mark);
}

static int backward(const struct vit_call *c)
{
	const struct xent a = xent_of(c);
	if (cuda_need(c, 0))
		LAUNCH(backward_kernel, (unsigned)a.B, loss_block(a.K), loss_smem(), cuda_stream(c), a, (const float *)c->aux[0].data,
		       (float *)c->din[0].data, cuda_adds(c, 0));
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(softmax_xent) = { "softmax_xent", fit, forward, backward };
