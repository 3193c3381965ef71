/* SPDX-License-Identifier: MIT
 *
 * vec.h - one vector of floats, as wide as the file is compiled for.
 *
 * Kernels are written once against this header and compiled once per
 * instruction set (kernels_avx512.c, kernels_avx2.c, kernels_scalar.c). The
 * last one uses the compiler's own 4-lane vectors, so it runs everywhere.
 * + - * / work on `vf` as they stand; only fma() fuses.
 */
#ifndef VIT_CPU_VEC_H
#define VIT_CPU_VEC_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define VEC static inline __attribute__((always_inline, unused))

#if defined(__AVX512F__)
#include <immintrin.h>
enum { VL = 16, MR = 12 };      /* lanes; rows of a product's tile: 12 x 2 of 32 registers */
typedef __m512 vf;
VEC vf v_set(float x) { return _mm512_set1_ps(x); }
VEC vf v_load(const float *p) { return _mm512_loadu_ps(p); }
VEC void v_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
VEC void v_stream(float *p, vf x) { _mm512_stream_ps(p, x); }
VEC void v_far_done(void) { _mm_sfence(); }
VEC __mmask16 v_mask(int64_t n) { return (__mmask16)((1u << n) - 1); }
VEC vf v_load_part(const float *p, int64_t n) { return _mm512_maskz_loadu_ps(v_mask(n), p); }
VEC void v_store_part(float *p, vf x, int64_t n) { _mm512_mask_storeu_ps(p, v_mask(n), x); }
VEC vf v_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
VEC vf v_max(vf a, vf b) { return _mm512_max_ps(a, b); }        /* b if either is NaN */
VEC vf v_min(vf a, vf b) { return _mm512_min_ps(a, b); }
VEC vf v_sqrt(vf a) { return _mm512_sqrt_ps(a); }
VEC vf v_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
VEC vf v_pow2(vf n)             /* 2^n for whole n in -126..127 */
{
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}
VEC vf v_where_pos(vf c, vf x) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(c, _mm512_setzero_ps(), _CMP_GT_OQ), x); }
VEC vf v_first(vf x, int64_t n) { return _mm512_maskz_mov_ps(v_mask(n), x); }   /* lanes n.. become 0 */
VEC float v_sum(vf x) { return _mm512_reduce_add_ps(x); }
VEC float v_largest(vf x) { return _mm512_reduce_max_ps(x); }

#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
enum { VL = 8, MR = 6 };        /* 6 x 2 of 16 registers */
typedef __m256 vf;
VEC vf v_set(float x) { return _mm256_set1_ps(x); }
VEC vf v_load(const float *p) { return _mm256_loadu_ps(p); }
VEC void v_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
VEC void v_stream(float *p, vf x) { _mm256_stream_ps(p, x); }
VEC void v_far_done(void) { _mm_sfence(); }
VEC __m256i v_mask(int64_t n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
VEC vf v_load_part(const float *p, int64_t n) { return _mm256_maskload_ps(p, v_mask(n)); }
VEC void v_store_part(float *p, vf x, int64_t n) { _mm256_maskstore_ps(p, v_mask(n), x); }
VEC vf v_first(vf x, int64_t n) { return _mm256_and_ps(x, _mm256_castsi256_ps(v_mask(n))); }
VEC vf v_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
VEC vf v_max(vf a, vf b) { return _mm256_max_ps(a, b); }
VEC vf v_min(vf a, vf b) { return _mm256_min_ps(a, b); }
VEC vf v_sqrt(vf a) { return _mm256_sqrt_ps(a); }
VEC vf v_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
VEC vf v_pow2(vf n)
{
	return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}
VEC vf v_where_pos(vf c, vf x) { return _mm256_and_ps(_mm256_cmp_ps(c, _mm256_setzero_ps(), _CMP_GT_OQ), x); }

#else
enum { VL = 4, MR = 6 };
typedef float vf __attribute__((vector_size(16)));
VEC vf v_set(float x) { return (vf){ x, x, x, x }; }
VEC vf v_load(const float *p) { vf x; memcpy(&x, p, sizeof x); return x; }
VEC void v_store(float *p, vf x) { memcpy(p, &x, sizeof x); }
VEC void v_stream(float *p, vf x) { v_store(p, x); }
VEC void v_far_done(void) {}
VEC vf v_load_part(const float *p, int64_t n) { vf x = v_set(0); for (int i = 0; i < n; i++) x[i] = p[i]; return x; }
VEC void v_store_part(float *p, vf x, int64_t n) { for (int i = 0; i < n; i++) p[i] = x[i]; }
VEC vf v_first(vf x, int64_t n) { for (int i = (int)n; i < VL; i++) x[i] = 0; return x; }
VEC vf v_fma(vf a, vf b, vf c) { return a * b + c; }
VEC vf v_max(vf a, vf b) { for (int i = 0; i < VL; i++) b[i] = a[i] > b[i] ? a[i] : b[i]; return b; }
VEC vf v_min(vf a, vf b) { for (int i = 0; i < VL; i++) b[i] = a[i] < b[i] ? a[i] : b[i]; return b; }
VEC vf v_sqrt(vf a) { for (int i = 0; i < VL; i++) a[i] = sqrtf(a[i]); return a; }
/* adding and taking off 1.5 * 2^23 leaves no fraction bits: |a| < 2^22 */
VEC vf v_round(vf a) { return (a + 12582912.0f) - 12582912.0f; }
VEC vf v_pow2(vf n)
{
	for (int i = 0; i < VL; i++) {
		/* a NaN's factor does not matter, but its conversion is undefined */
		uint32_t u = n[i] == n[i] ? (uint32_t)((int32_t)n[i] + 127) << 23 : 0;
		memcpy((char *)&n + i * 4, &u, 4);
	}
	return n;
}
VEC vf v_where_pos(vf c, vf x) { for (int i = 0; i < VL; i++) if (!(c[i] > 0)) x[i] = 0; return x; }
#endif

enum { NR = 2 * VL };           /* columns of a product's tile */

#if !defined(__AVX512F__)
VEC float v_sum(vf x)
{
	float s[VL];
	v_store(s, x);
	for (int n = VL / 2; n; n /= 2)
		for (int i = 0; i < n; i++)
			s[i] += s[i + n];
	return s[0];
}
VEC float v_largest(vf x)
{
	float s[VL];
	v_store(s, x);
	for (int i = 1; i < VL; i++)
		s[0] = s[i] > s[0] ? s[i] : s[0];
	return s[0];
}
#endif

/* The next vector of a row with `left` floats to go: rows need not be whole
 * vectors, lanes past the end read as 0 and are not written. */
VEC vf v_get(const float *p, int64_t left) { return left >= VL ? v_load(p) : v_load_part(p, left); }
VEC void v_put(float *p, vf x, int64_t left)
{
	if (left >= VL)
		v_store(p, x);
	else
		v_store_part(p, x, left);
}
/* v_put for what nobody reads soon: whole aligned vectors go past the caches,
 * without reading the line first. v_far_done() before other threads may read. */
VEC void v_put_far(float *p, vf x, int64_t left)
{
	if (left >= VL && (uintptr_t)p % (VL * sizeof *p) == 0)
		v_stream(p, x);
	else
		v_put(p, x, left);
}
VEC void v_put_add(float *p, vf x, int64_t left, int add)
{
	if (add)
		x += v_get(p, left);
	v_put(p, x, left);
}

#endif
