/* SPDX-License-Identifier: MIT
 *
 * gemm.h - products: one register tile, and a block of rows made of it.
 *
 * After Goto and van de Geijn, "Anatomy of High-Performance Matrix
 * Multiplication", 2008. The sum over k always runs from first to last, so a
 * result depends neither on threads nor on the block it was computed in.
 */
#ifndef VIT_CPU_GEMM_H
#define VIT_CPU_GEMM_H

#include "cpu/cpu.h"
#include "cpu/vmath.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* The left factor: element (i, k) lies at p[i / MR * step + i % MR * row + k * col];
 * one of row and col is 1. step = MR * row where it is read in place. */
struct lhs { const float *p; int64_t step, row, col; };
static inline struct lhs lhs_rows(const float *p, int64_t ld) { return (struct lhs){ p, MR * ld, ld, 1 }; }
static inline struct lhs lhs_cols(const float *p, int64_t ld) { return (struct lhs){ p, MR, 1, ld }; }

/* The right factor in panels of NR columns: element (k, j) at
 * p[j / NR * step + k * ld + j % NR]. Packed panels are zero-padded to NR
 * columns; read in place (step NR) the columns must be whole vectors. */
struct rhs { const float *p; int64_t step, ld; };
static inline struct rhs rhs_packed(const float *p, int64_t k) { return (struct rhs){ p, k * NR, NR }; }
static inline struct rhs rhs_rows(const float *p, int64_t ld) { return (struct rhs){ p, NR, ld }; }

/* Where a product goes: c = act(A B + bias), or c += A B. */
struct sink {
	float *c;
	int64_t ld;
	const float *bias;      /* NULL: none */
	int add, act;
	float *pre;             /* A B + bias before act, same ld; NULL: not wanted */
};

/* The same for the block that begins at row i, column j. */
static struct sink sink_at(const struct sink *s, int64_t i, int64_t j)
{
	struct sink t = *s;
	t.c += i * s->ld + j;
	if (t.pre)
		t.pre += i * s->ld + j;
	if (t.bias)
		t.bias += j;
	return t;
}

/* R x (NV vectors) in registers. `direct`: c takes whole vectors. */
VEC void tile(const int R, const int NV, int64_t k, const float *a, int64_t row, int64_t col, const float *b, int64_t ldb, float *c,
              int64_t ldc, const float *bias, int add)
{
	vf acc[MR][2];
	const float *p[MR / 3 + 1];
#pragma GCC unroll 12
	for (int r = 0; r < R; r++)
#pragma GCC unroll 2
		for (int v = 0; v < NV; v++)
			acc[r][v] = bias ? v_load(bias + v * VL) : v_set(0);
	/* by the time the sums are there, so are the lines they go to */
#pragma GCC unroll 12
	for (int r = 0; r < R; r++)
#pragma GCC unroll 2
		for (int v = 0; v < NV * VL; v += 16)
			__builtin_prefetch(c + r * ldc + v, 1);
	/* three rows per pointer: row offsets of 0, 1 and 2 fit x86 addressing */
#pragma GCC unroll 12
	for (int r = 0; r < R; r += 3)
		p[r / 3] = a + r * row;
	for (int64_t i = 0; i < k; i++) {
		vf x[2];
#pragma GCC unroll 2
		for (int v = 0; v < NV; v++)
			x[v] = v_load(b + v * VL);
#pragma GCC unroll 12
		for (int r = 0; r < R; r++) {
			vf s = v_set(p[r / 3][r % 3 * row]);
#pragma GCC unroll 2
			for (int v = 0; v < NV; v++)
				acc[r][v] = v_fma(s, x[v], acc[r][v]);
		}
#pragma GCC unroll 12
		for (int r = 0; r < R; r += 3)
			p[r / 3] += col;
		b += ldb;
	}
#pragma GCC unroll 12
	for (int r = 0; r < R; r++)
#pragma GCC unroll 2
		for (int v = 0; v < NV; v++) {
			float *q = c + r * ldc + v * VL;
			if (add)
				acc[r][v] += v_load(q);
			v_store(q, acc[r][v]);
		}
}

/* Run-time sizes to the compiled ones; returns the rows done. Row stride 1 is
 * compiled apart: one pointer then serves all rows. */
static int tile_rows(int64_t rows, int nv, int64_t k, const float *a, int64_t row, int64_t col, const float *b, int64_t ldb, float *c,
                     int64_t ldc, const float *bias, int add)
{
#define TILE(R) \
	if (rows >= (R)) { \
		if (row == 1 && nv == 2) \
			tile(R, 2, k, a, 1, col, b, ldb, c, ldc, bias, add); \
		else if (row == 1) \
			tile(R, 1, k, a, 1, col, b, ldb, c, ldc, bias, add); \
		else if (nv == 2) \
			tile(R, 2, k, a, row, 1, b, ldb, c, ldc, bias, add); \
		else \
			tile(R, 1, k, a, row, 1, b, ldb, c, ldc, bias, add); \
		return R; \
	}
	TILE(MR)
	TILE(MR / 2)
	TILE(MR / 4 > 1 ? MR / 4 : 2)
	TILE(1)
#undef TILE
	return 0;
}

/* A tile that is not whole, or has an activation, went to `t` (ld NR). */
static void tile_finish(const float *t, int rows, int64_t cols, const struct sink *s, int64_t at)
{
	for (int r = 0; r < rows; r++, t += NR, at += s->ld)
		for (int64_t j = 0; j < cols; j += VL) {
			vf x = v_load(t + j);
			if (s->pre)
				v_put_far(s->pre + at + j, x, cols - j);
			v_put_add(s->c + at + j, v_act(x, s->act), cols - j, s->add);
		}
}

/* rows x n of a product over k. */
static void block(int64_t rows, int64_t n, int64_t k, struct lhs a, struct rhs b, const struct sink *s)
{
	float spare[MR * NR] __attribute__((aligned(64))), edge[NR];
	for (int64_t j = 0; j < n; j += NR, b.p += b.step) {
		int64_t cols = cpu_min(n - j, NR);
		int nv = cols > VL ? 2 : 1, whole = cols == nv * VL;
		const float *bias = s->bias ? s->bias + j : NULL;
		if (bias && !whole) {
			memset(edge, 0, sizeof edge);
			bias = memcpy(edge, bias, (size_t)cols * 4);
		}
		int direct = whole && !s->act && !s->pre;
		for (int64_t i = 0; i < rows;) {
			const float *p = a.p + i / MR * a.step + i % MR * a.row;
			if (direct) {
				i += tile_rows(rows - i, nv, k, p, a.row, a.col, b.p, b.ld, s->c + i * s->ld + j, s->ld, bias, s->add);
			} else {
				int done = tile_rows(rows - i, nv, k, p, a.row, a.col, b.p, b.ld, spare, NR, bias, 0);
				tile_finish(spare, done, cols, s, i * s->ld + j);
				i += done;
			}
		}
	}
	if (s->pre)
		v_far_done();
}

/* One panel of B[k, n] = W^T, W [n, k] with row stride ld. */
static void pack_transposed(float *p, const float *w, int64_t ld, int64_t n, int64_t k)
{
	int64_t c = 0, whole = 0;
#if defined(__SSE__)
	whole = k / 4 * 4;
	for (; c + 4 <= cpu_min(n, NR); c += 4)
		for (int64_t i = 0; i < whole; i += 4) {
			const float *q = w + c * ld + i;
			__m128 r0 = _mm_loadu_ps(q), r1 = _mm_loadu_ps(q + ld), r2 = _mm_loadu_ps(q + 2 * ld), r3 = _mm_loadu_ps(q + 3 * ld);
			_MM_TRANSPOSE4_PS(r0, r1, r2, r3);
			_mm_storeu_ps(p + i * NR + c, r0);
			_mm_storeu_ps(p + (i + 1) * NR + c, r1);
			_mm_storeu_ps(p + (i + 2) * NR + c, r2);
			_mm_storeu_ps(p + (i + 3) * NR + c, r3);
		}
#endif
	for (int64_t r = 0; r < NR; r++)
		for (int64_t i = r < c ? whole : 0; i < k; i++)
			p[i * NR + r] = r < n ? w[r * ld + i] : 0;
}

/* All panels of B[k, n] as it lies in memory. Row by row: rows come from far,
 * and the processor's prefetcher follows them. */
static void pack_rows(float *p, const float *w, int64_t ld, int64_t n, int64_t k)
{
	const int64_t whole = n / NR * NR;
	for (int64_t i = 0; i < k; i++, p += NR, w += ld) {
		int64_t j = 0;
		for (; j < whole; j += NR) {
			v_store(p + j * k, v_load(w + j));
			v_store(p + j * k + VL, v_load(w + j + VL));
		}
		if (j < n) {
			v_store(p + j * k, v_get(w + j, cpu_min(n - j, VL)));
			v_store(p + j * k + VL, n - j > VL ? v_get(w + j + VL, n - j - VL) : v_set(0));
		}
	}
}

/* Strips of MR columns of Y[k, n], for Y^T as a left factor. */
static void pack_strips(float *p, const float *y, int64_t ld, int64_t n, int64_t k)
{
	for (int64_t i = 0; i < k; i++, p += MR, y += ld) {
		int64_t j = 0;
		for (; j + MR <= n; j += MR)
			memcpy(p + j * k, y + j, MR * sizeof *p);
		for (int64_t r = j; r < n; r++)
			p[j * k + r - j] = y[r];
	}
}

#endif
