/* SPDX-License-Identifier: MIT
 *
 * loss.cu - the end of every loss: from the samples to the step's sums. One
 * block, 8 bytes a sample; sums are in double and in one order.
 */
#include "cuda/loss.h"

static __global__ void __launch_bounds__(LOSS_BLOCK)
finish_kernel(const float *loss, const int32_t *mark, int64_t B, struct vit_step *s, const struct vit_loss_attr a)
{
	DYN_SMEM(double, smem);
	double sum = 0, rows = 0, hits = 0;
	for (int64_t b = threadIdx.x; b < B; b += LOSS_BLOCK) {
		const int32_t m = mark ? mark[b] : b < s->n_valid ? LOSS_COUNTS : 0;
		if (!(m & LOSS_COUNTS))
			continue;
		sum += (double)loss[b];
		rows += 1;
		hits += m & LOSS_HIT ? 1 : 0;
	}
	sum = block_sum(sum, smem);
	rows = block_sum(rows, smem);
	hits = block_sum(hits, smem);
	if (threadIdx.x)
		return;
	const double w = loss_weight(s, a);
	s->loss += w * sum;
	s->wsum += w * rows;
	s->hits += hits;
}

int loss_finish(const struct vit_call *c, const int32_t *mark)
{
	LAUNCH(finish_kernel, 1, LOSS_BLOCK, loss_smem(), cuda_stream(c), (const float *)c->out[0].data, mark, c->in[0].dim[0], c->step,
	       *(const struct vit_loss_attr *)c->attr);
	return cuda_launched();
}
