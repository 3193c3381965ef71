/* SPDX-License-Identifier: MIT
 *
 * kl_div.cu - with t = softmax(z / T), p = softmax(x / T):
 *   loss = T^2 sum t (log t - log p);  dx = start T (p - t)
 * The grid and what is read: loss.h.
 */
#include "cuda/loss.h"

#include <limits.h>

struct kl {
	const float *x, *z;             /* [B,K]: student's, teacher's logits */
	float *lse_x, *lse_z;           /* NULL in a forward that nobody follows */
	int64_t B;
	int K;
	struct vit_loss_attr how;
	struct vit_step *step;
};

static __device__ __forceinline__ float temperature(const struct vit_step *s)
{
	const float T = cuda_knob(s, VIT_KNOB_TEMPERATURE, 1);
	return T > 0 ? T : 1;
}

/* log of the sum of exp(x / T) over a row. */
static __device__ float row_lse(const float *x, int K, float T, float *smem)
{
	float top = -INFINITY, sum = 0;
	for (int k = (int)threadIdx.x; k < K; k += (int)blockDim.x)
		top = fmaxf(top, x[k]);
	top = block_max(top, smem) / T;
	for (int k = (int)threadIdx.x; k < K; k += (int)blockDim.x)
		sum += expf(x[k] / T - top);
	return top + logf(block_sum(sum, smem));
}

static __global__ void __launch_bounds__(LOSS_BLOCK) forward_kernel(const struct kl a, float *loss)
{
	DYN_SMEM(float, smem);
	const int64_t b = blockIdx.x;
	const float *x = a.x + b * a.K, *z = a.z + b * a.K, T = temperature(a.step);
	float lx = 0, lz = 0, sum = 0;
	if (b < a.step->n_valid) {
		lx = row_lse(x, a.K, T, smem);
		lz = row_lse(z, a.K, T, smem);
		for (int k = (int)threadIdx.x; k < a.K; k += (int)blockDim.x) {
			const float log_t = z[k] / T - lz, log_p = x[k] / T - lx;
			sum = fmaf(expf(log_t), log_t - log_p, sum);
		}
		sum = T * T * block_sum(sum, smem);
	}
	if (threadIdx.x)
		return;
	loss[b] = sum;
	if (a.lse_x)
		a.lse_x[b] = lx;
	if (a.lse_z)
		a.lse_z[b] = lz;
}

static __global__ void __launch_bounds__(LOSS_BLOCK) backward_kernel(const struct kl a, float *dx, int add)
{
	const int64_t b = blockIdx.x;
	const float T = temperature(a.step), start = loss_start(a.step, a.how) * T;
	const bool valid = b < a.step->n_valid;
	for (int k = (int)threadIdx.x; k < a.K; k += (int)blockDim.x) {
		const int64_t i = b * a.K + k;
		const float d = valid ? start * (expf(a.x[i] / T - a.lse_x[b]) - expf(a.z[i] / T - a.lse_z[b])) : 0;
		loss_put(dx + i, d, add);
	}
}

static int fit(struct vit_dev *, struct vit_call *c, int)
{
	return c->in[0].dtype == VIT_F32 && c->in[1].dtype == VIT_F32 && c->in[0].dim[1] <= INT_MAX - LOSS_BLOCK;
}

static struct kl kl_of(const struct vit_call *c)
{
	struct kl a = {};
	a.x = (const float *)c->in[0].data;
	a.z = (const float *)c->in[1].data;
	a.lse_x = (float *)c->aux[0].data;
	a.lse_z = (float *)c->aux[1].data;
	a.B = c->in[0].dim[0];
	a.K = (int)c->in[0].dim[1];
	a.how = *(const struct vit_loss_attr *)c->attr;
	a.step = c->step;
	return a;
}

static int forward(const struct vit_call *c)
{
	const struct kl a = kl_of(c);
	LAUNCH(forward_kernel, (unsigned)a.B, loss_block(a.K), loss_smem(), cuda_stream(c), a, (float *)c->out[0].data);
	return loss_finish(c, NULL);
}

static int backward(const struct vit_call *c)
{
	const struct kl a = kl_of(c);
	if (cuda_need(c, 0))
		LAUNCH(backward_kernel, (unsigned)a.B, loss_block(a.K), 0, cuda_stream(c), a, (float *)c->din[0].data, cuda_adds(c, 0));
	return cuda_launched();
}

extern "C" const struct cuda_op CUDA_OP(kl_div) = { "kl_div", fit, forward, backward };
