/* SPDX-License-Identifier: MIT
 *
 * bench_peak - the machine's f32 fused multiply-add peak with all threads, in
 * GFLOP/s, one number a line. Run it beside every other benchmark: on shared
 * machines it halves for minutes, and only shares of it mean something.
 */
#include "core/thread.h"

#include <omp.h>
#include <stdio.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* 12 chains: more than latency (4 or 5) times ports (2) on every core so far. */
enum { CHAINS = 12, TURNS = 2000000, REPEATS = 5 };

#define LOOP(type, set, fma) \
	type a[CHAINS], b = set(1.0000001f), c = set(1e-9f); \
	for (int i = 0; i < CHAINS; i++) \
		a[i] = set((float)i); \
	for (long k = 0; k < TURNS; k++) { \
		_Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) \
			a[i] = fma(a[i], b, c); \
	} \
	type sum = a[0]; \
	for (int i = 1; i < CHAINS; i++) \
		sum += a[i]; \
	return sum[0];

typedef float v4 __attribute__((vector_size(16)));
static inline v4 set4(float x) { return (v4){ x, x, x, x }; }
static inline v4 fma4(v4 a, v4 b, v4 c) { return a * b + c; }
static float plain(void) { LOOP(v4, set4, fma4) }

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static float avx2(void) { LOOP(__m256, _mm256_set1_ps, _mm256_fmadd_ps) }
__attribute__((target("avx512f"))) static float avx512(void) { LOOP(__m512, _mm512_set1_ps, _mm512_fmadd_ps) }
#endif

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double measure(float (*f)(void), int lanes, int threads)
{
	volatile float sink = 0;
	double best = 0;
	for (int r = 0; r < REPEATS; r++) {
		double t = now();
#pragma omp parallel num_threads(threads)
		{
			float s = f();
#pragma omp critical
			sink = sink + s;
		}
		double rate = 2.0 * CHAINS * TURNS * lanes * threads / (now() - t) * 1e-9;
		best = rate > best ? rate : best;
	}
	return best;
}

int main(void)
{
	const int threads = vit_cpu_count();
	double best = measure(plain, 4, threads);
#if defined(__x86_64__)
	double r = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? measure(avx2, 8, threads) : 0;
	best = r > best ? r : best;
	r = __builtin_cpu_supports("avx512f") ? measure(avx512, 16, threads) : 0;
	best = r > best ? r : best;
#endif
	printf("%.1f\n", best);
	return 0;
}
