/* SPDX-License-Identifier: MIT
 *
 * onednn.c - dnnl_sgemm: of all of oneDNN's interface the one call that
 * version 2 (Debian 12) and 3 (Debian 13) share to the letter.
 */
#include "cpu/onednn.h"
#include "core/err.h"

#include <dnnl.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

/* Measured with oneDNN 2.6.3, one thread, share of our own kernels' speed, for
 * M = 65 / 260 / 2176 / 4160:
 *   AVX-512  forward 1.3 / 1.15 / 1.0 / 1.0 to 1.1 before bias and activation,
 *            which our tiles apply in registers; dX 1.3 / 1.15 / 1.1 / 1.05 to 1.1;
 *            dW 1.2 / 1.1 / 1.15 / 1.1, but 0.8 where dW is large
 *   AVX2     0.9 to 1.1: not worth a second set of bits
 */
int cpu_onednn_wins(enum cpu_product what, int lanes, int64_t m, int64_t n, int64_t k)
{
	if (lanes != 16)
		return 0;
	switch (what) {
	case CPU_FORWARD:
		return m <= 512;
	case CPU_DX:
		return 1;
	default:
		return n <= (1 << 18) / k;
	}
}

int cpu_onednn(int ta, int tb, int64_t m, int64_t n, int64_t k, const float *a, int64_t lda, const float *b, int64_t ldb, int add,
               float *c, int64_t ldc)
{
	/* It starts a team of its own unless it sees that it is in one, and a team
	 * of one does not show. This number is the calling task's own. */
	int threads = omp_get_max_threads();
	if (threads != 1)
		omp_set_num_threads(1);
	/* A signal handler that runs inside the call breaks the heap (2.6.3; the test
	 * is in test_cpu.c): its generated code seems to keep data below the stack
	 * pointer, further down than the ABI's red zone. So signals wait. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	dnnl_status_t s = dnnl_sgemm(ta ? 'T' : 'N', tb ? 'T' : 'N', m, n, k, 1, a, lda, b, ldb, add ? 1 : 0, c, ldc);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (threads != 1)
		omp_set_num_threads(threads);
	return s == dnnl_success ? 0 : VIT_ENOMEM;
}

void cpu_onednn_version(char *to, int size)
{
	const dnnl_version_t *v = dnnl_version();
	snprintf(to, (size_t)size, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
}
