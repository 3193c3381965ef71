/* SPDX-License-Identifier: MIT
 *
 * tune.cu - which of cublasLt's algorithms is the fastest for a product: each
 * is run on zeroed memory while the plan is made. The twelve equal layers of a
 * transformer are timed once.
 */
#include "cuda/product.h"

#include <stdlib.h>
#include <string.h>

enum { RUNS = 3 };

struct product_tuned {
	struct product_tuned *next;
	struct product_spec spec;
	int best;
};

/* Memory of one product's shape, in one block. */
struct bench {
	char *block;
	int64_t a, b, d, vector, aux, total;    /* where they start, and all of it */
	cudaEvent_t from, to;
};

static int64_t reserve(int64_t *total, int64_t elements, int64_t dtype)
{
	const int64_t at = *total;
	*total += cuda_ceil(elements * vit_dtypes[dtype].size, 256) * 256;
	return at;
}

static void lay_out(struct bench *m, const struct product_spec *s)
{
	m->a = reserve(&m->total, (s->a_flip ? s->k : s->m) * s->a_ld, s->a_type);
	m->b = reserve(&m->total, (s->b_flip ? s->n : s->k) * s->b_ld, s->b_type);
	m->d = reserve(&m->total, s->m * s->n, s->d_type);
	m->aux = reserve(&m->total, s->end & PRODUCT_KEEP ? s->m * s->n : 0, s->d_type);
	m->vector = reserve(&m->total, s->m > s->n ? s->m : s->n, s->d_type);
}

static int once(struct vit_dev *dev, const struct product *p, const struct bench *m)
{
	char *const at = m->block;
	const struct product_run r = { at + m->a, at + m->b, at + m->d, p->spec.end == PRODUCT_SUM_A, at + m->vector, at + m->aux, NULL };
	return product_run(dev, p, &r);
}

/* Milliseconds of some runs after one that is not counted; < 0: it does not run. */
static float time_of(struct vit_dev *dev, const struct product *p, const struct bench *m)
{
	float ms = -1;
	int ok = !once(dev, p, m) && cudaEventRecord(m->from, dev->stream) == cudaSuccess;
	for (int i = 0; i < RUNS; i++)
		ok = ok && !once(dev, p, m);
	ok = ok && cudaEventRecord(m->to, dev->stream) == cudaSuccess && cudaEventSynchronize(m->to) == cudaSuccess &&
	     cudaEventElapsedTime(&ms, m->from, m->to) == cudaSuccess;
	return ok ? ms : -1;
}

static int fastest(struct vit_dev *dev, struct product p, const cublasLtMatmulHeuristicResult_t *r, int n)
{
	struct bench m = {};
	float best_ms = -1;
	int best = 0;
	lay_out(&m, &p.spec);
	if (cudaMalloc(reinterpret_cast<void **>(&m.block), (size_t)m.total) == cudaSuccess &&
	    cudaEventCreateWithFlags(&m.from, cudaEventDefault) == cudaSuccess &&
	    cudaEventCreateWithFlags(&m.to, cudaEventDefault) == cudaSuccess &&
	    cudaMemsetAsync(m.block, 0, (size_t)m.total, dev->stream) == cudaSuccess)
		for (int i = 0; i < n; i++) {
			p.algo = r[i].algo;
			const float ms = time_of(dev, &p, &m);
			if (ms >= 0 && (best_ms < 0 || ms < best_ms)) {
				best_ms = ms;
				best = i;
			}
		}
	if (m.from)
		(void)cudaEventDestroy(m.from);
	if (m.to)
		(void)cudaEventDestroy(m.to);
	(void)cudaFree(m.block);
	(void)cudaGetLastError();       /* what did not work here is no error of the next kernel */
	return best;
}

int tune_choose(struct vit_dev *dev, const struct product *p, const cublasLtMatmulHeuristicResult_t *r, int n)
{
	for (struct product_tuned *t = dev->tuned; t; t = t->next)
		if (!memcmp(&t->spec, &p->spec, sizeof t->spec))
			return t->best < n ? t->best : 0;
	const int best = n > 1 ? fastest(dev, *p, r, n) : 0;
	struct product_tuned *t = static_cast<struct product_tuned *>(calloc(1, sizeof *t));
	if (t) {
		t->next = dev->tuned;
		t->spec = p->spec;
		t->best = best;
		dev->tuned = t;
	}
	return best;
}

void tune_forget(struct vit_dev *dev)
{
	while (dev->tuned) {
		struct product_tuned *t = dev->tuned;
		dev->tuned = t->next;
		free(t);
	}
}
