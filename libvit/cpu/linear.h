/* SPDX-License-Identifier: MIT
 *
 * linear.h - y = act(x W^T + b), x [M,K], W [N,K].
 *
 * Forward packs W once, then deals blocks of rows; bias and activation are
 * applied while the tile is in registers or L1. Backward walks blocks of rows
 * once for dz, db and dx, then computes dW by tiles of its own, each summing
 * over a fixed piece of the rows. Where oneDNN is faster it computes the same
 * blocks and tiles, each on the thread it was dealt to.
 */
#ifndef VIT_CPU_LINEAR_H
#define VIT_CPU_LINEAR_H

#include "cpu/gemm.h"
#include "cpu/onednn.h"

enum {
	LIN_ROWS = 96,          /* rows per chunk: 8 or 16 tiles, their x or dz stays in L2 */
	FEW_ROWS = 256, FEW_COLUMNS = 96,  /* a chunk of its forward: rows are few there */
	DW_DEPTH = 192,         /* rows packed at a time for dW */
	DW_N = 192, DW_K = 384,  /* a dW tile */
};

static void linear_shape(const struct vit_call *c, int64_t *m, int64_t *n, int64_t *k)
{
	*n = c->in[1].dim[0];
	*k = c->in[1].dim[1];
	*m = cpu_rows(&c->in[0]);
}

/* Few rows are cut by columns too, so that all threads get work: whole panels per chunk. */
static int64_t linear_columns(int64_t row_chunks, int64_t n)
{
	int64_t panels = cpu_ceil(n, NR), cuts = cpu_min(panels, cpu_ceil(32, row_chunks));
	return row_chunks >= 16 ? n : cpu_ceil(panels, cuts) * NR;
}

/* Rows that one dW tile sums over: all of them where there are tiles enough for
 * many threads, else a fixed piece of whole packing depths. */
static int64_t dw_rows(int64_t m, int64_t n, int64_t k)
{
	int64_t tiles = cpu_ceil(n, DW_N) * cpu_ceil(k, DW_K), pieces = cpu_max(1, cpu_min(m / (2 * DW_DEPTH), 8 / tiles));
	return cpu_ceil(cpu_ceil(m, pieces), DW_DEPTH) * DW_DEPTH;
}
/* Counted from the rounded size: a piece without rows would leave its sum unset. */
static int64_t dw_pieces(int64_t m, int64_t n, int64_t k) { return cpu_max(1, cpu_ceil(m, dw_rows(m, n, k))); }

static int64_t dw_thread_floats(int64_t k)
{
	return DW_DEPTH * (cpu_min(cpu_ceil(k, NR) * NR, DW_K) + cpu_ceil(DW_N, MR) * MR);
}

/* Scratch of backward, in this order: packed W, dz, db partials, dW partials, per thread. */
struct linear_scratch { int64_t pack, dz, db, dw, thread, total; };
static struct linear_scratch linear_scratch(const struct vit_call *c, int threads)
{
	int64_t m, n, k;
	linear_shape(c, &m, &n, &k);
	int act = ((const struct vit_linear_attr *)c->attr)->act;
	struct linear_scratch s = { .pack = cpu_onednn_wins(CPU_DX, VL, m, n, k) ? 0 : n * cpu_ceil(k, NR) * NR };
	s.dz = act ? m * n : 0;
	s.db = c->n_in > 2 ? cpu_ceil(m, LIN_ROWS) * n : 0;
	s.dw = (dw_pieces(m, n, k) - 1) * n * k;
	s.thread = cpu_onednn_wins(CPU_DW, VL, m, n, k) ? 0 : dw_thread_floats(k);
	/* every part starts on a cache line */
	s.pack = cpu_ceil(s.pack, 16) * 16;
	s.dz = cpu_ceil(s.dz, 16) * 16;
	s.db = cpu_ceil(s.db, 16) * 16;
	s.dw = cpu_ceil(s.dw, 16) * 16;
	s.total = s.pack + s.dz + s.db + s.dw + threads * s.thread;
	return s;
}

static int linear_fit(const struct vit_call *c, const struct vit_dev *d, int back, int64_t *floats)
{
	int64_t m, n, k;
	linear_shape(c, &m, &n, &k);
	if (back)
		*floats = linear_scratch(c, d->threads).total;
	else if (!cpu_onednn_wins(CPU_FORWARD, VL, m, n, k))
		*floats = k * cpu_ceil(n, NR) * NR;
	return 1;
}

static int no_memory(void)
{
	return vit_fail(VIT_ENOMEM, "oneDNN found no memory for a product");
}

/* z = x W^T into y -> bias, activation. */
static void finish(const struct sink *s, int64_t rows, int64_t cols)
{
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < cols; j += VL) {
			float *y = s->c + i * s->ld + j;
			vf z = v_get(y, cols - j);
			if (s->bias)
				z += v_get(s->bias + j, cols - j);
			if (s->pre)
				v_put(s->pre + i * s->ld + j, z, cols - j);
			v_put(y, v_act(z, s->act), cols - j);
		}
}

/* Few rows: packing all of W would not pay, and the work is cut by columns too. */
static int forward_few(const struct vit_call *c, const float *x, const float *w, const struct sink *all, int64_t m, int64_t n, int64_t k)
{
	int64_t cuts = cpu_ceil(n, FEW_COLUMNS);
	int rc = 0;
#pragma omp parallel for num_threads(cpu_threads(c)) schedule(dynamic) reduction(| : rc)
	for (int64_t t = 0; t < cpu_ceil(m, FEW_ROWS) * cuts; t++) {
		int64_t i = t / cuts * FEW_ROWS, j = t % cuts * FEW_COLUMNS, rows = cpu_min(FEW_ROWS, m - i), cols = cpu_min(FEW_COLUMNS, n - j);
		const struct sink s = sink_at(all, i, j);
		rc |= cpu_onednn(0, 1, rows, cols, k, x + i * k, k, w + j * k, k, 0, s.c, n);
		if (s.bias || s.act)
			finish(&s, rows, cols);
	}
	return rc ? no_memory() : 0;
}

static int linear_forward(const struct vit_call *c)
{
	int64_t m, n, k;
	linear_shape(c, &m, &n, &k);
	const float *x = c->in[0].data, *w = c->in[1].data;
	float *pack = c->ws.data;
	int act = ((const struct vit_linear_attr *)c->attr)->act;
	struct sink all = { .c = c->out[0].data, .ld = n, .bias = c->n_in > 2 ? c->in[2].data : NULL, .act = act,
	                    .pre = act && c->n_aux ? c->aux[0].data : NULL };
	if (cpu_onednn_wins(CPU_FORWARD, VL, m, n, k))
		return forward_few(c, x, w, &all, m, n, k);
	int64_t row_chunks = cpu_ceil(m, LIN_ROWS), width = linear_columns(row_chunks, n), col_chunks = cpu_ceil(n, width);
#pragma omp parallel num_threads(cpu_threads(c))
	{
#pragma omp for schedule(dynamic)
		for (int64_t j = 0; j < n; j += NR)
			pack_transposed(pack + j * k, w + j * k, k, n - j, k);
#pragma omp for schedule(dynamic) nowait
		for (int64_t t = 0; t < row_chunks * col_chunks; t++) {
			int64_t i = t / col_chunks * LIN_ROWS, j = t % col_chunks * width;
			const struct sink s = sink_at(&all, i, j);
			block(cpu_min(LIN_ROWS, m - i), cpu_min(width, n - j), k, lhs_rows(x + i * k, k), rhs_packed(pack + j * k, k), &s);
		}
	}
	return 0;
}

/* dz = dy * act'(pre) for some rows (dz == dy: nothing to do), and the sums of
 * its columns. */
static void linear_dz(float *dz, const float *dy, const float *pre, int64_t rows, int64_t n, int act, float *db)
{
	if (act)
		for (int64_t i = 0; i < rows * n; i += VL)
			v_put(dz + i, v_act_back(v_get(pre + i, rows * n - i), v_get(dy + i, rows * n - i), act), rows * n - i);
	if (!db)
		return;
	for (int64_t j = 0; j < n; j += VL) {
		vf s = v_set(0);
		for (int64_t i = 0; i < rows; i++)
			s += v_get(dz + i * n + j, n - j);
		v_put(db + j, s, n - j);
	}
}

struct dw_job { const float *dz, *x; float *dw, *part; int64_t m, n, k, pieces; int onednn; };

/* Tile t of dW = dz^T x over one piece of the rows. */
static int dw_tile(const struct dw_job *q, int64_t t, float *scratch)
{
	int64_t nk = cpu_ceil(q->k, DW_K), nn = cpu_ceil(q->n, DW_N);
	int64_t j0 = t % nk * DW_K, i0 = t / nk % nn * DW_N, piece = t / nk / nn;
	int64_t rows = cpu_min(DW_N, q->n - i0), cols = cpu_min(DW_K, q->k - j0);
	int64_t per = dw_rows(q->m, q->n, q->k), end = cpu_min(q->m, (piece + 1) * per);
	float *strips = scratch + DW_DEPTH * cpu_ceil(cols, NR) * NR;
	/* the first piece adds to what is there, the others start their own sum */
	struct sink s = { .c = (piece ? q->part + (piece - 1) * q->n * q->k : q->dw) + i0 * q->k + j0, .ld = q->k, .add = piece == 0 };
	if (q->onednn)
		return cpu_onednn(1, 0, rows, cols, end - piece * per, q->dz + piece * per * q->n + i0, q->n, q->x + piece * per * q->k + j0, q->k,
		                  s.add, s.c, s.ld);
	for (int64_t m = piece * per; m < end; m += DW_DEPTH) {
		int64_t depth = cpu_min(DW_DEPTH, end - m);
		pack_rows(scratch, q->x + m * q->k + j0, q->k, cols, depth);
		pack_strips(strips, q->dz + m * q->n + i0, q->n, rows, depth);
		block(rows, cols, depth, (struct lhs){ strips, depth * MR, 1, MR }, rhs_packed(scratch, depth), &s);
		s.add = 1;
	}
	return 0;
}

static int linear_backward(const struct vit_call *c)
{
	int64_t m, n, k;
	linear_shape(c, &m, &n, &k);
	struct linear_scratch at = linear_scratch(c, cpu_threads(c));
	float *pack = c->ws.data, *dz = pack + at.pack, *db = dz + at.dz, *part = db + at.db, *scratch = part + at.dw;
	int act = ((const struct vit_linear_attr *)c->attr)->act, want_x = c->need & 1, want_w = c->need & 2, want_b = c->n_in > 2 && c->need & 4;
	const float *dy = c->dout[0].data, *w = c->in[1].data, *pre = act ? c->aux[0].data : NULL, *z = act ? dz : dy;
	float *dx = c->din[0].data, *bias = want_b ? c->din[2].data : NULL;
	const int dnn_x = cpu_onednn_wins(CPU_DX, VL, m, n, k);
	int64_t row_chunks = cpu_ceil(m, LIN_ROWS);
	struct dw_job job = { z, c->in[0].data, c->din[1].data, part, m, n, k, dw_pieces(m, n, k), cpu_onednn_wins(CPU_DW, VL, m, n, k) };
	int64_t tiles = want_w ? cpu_ceil(k, DW_K) * cpu_ceil(n, DW_N) * job.pieces : 0;
	int rc = 0;
#pragma omp parallel num_threads(cpu_threads(c)) reduction(| : rc)
	{
		if (want_x && !dnn_x) {
#pragma omp for schedule(dynamic)
			for (int64_t j = 0; j < k; j += NR)
				pack_rows(pack + j * n, w + j, k, cpu_min(NR, k - j), n);
		}
#pragma omp for schedule(dynamic)
		for (int64_t t = 0; t < row_chunks; t++) {
			int64_t i = t * LIN_ROWS, rows = cpu_min(LIN_ROWS, m - i);
			struct sink s = { .c = want_x ? dx + i * k : NULL, .ld = k, .add = c->add & 1 };
			linear_dz(act ? dz + i * n : (float *)(uintptr_t)(dy + i * n), dy + i * n, act ? pre + i * n : NULL, rows, n, act, want_b ? db + t * n : NULL);
			if (want_x && dnn_x)
				rc |= cpu_onednn(0, 0, rows, k, n, z + i * n, n, w, k, s.add, s.c, k);
			else if (want_x)
				block(rows, k, n, lhs_rows(z + i * n, n), rhs_packed(pack, n), &s);
		}
#pragma omp for schedule(dynamic)
		for (int64_t t = 0; t < tiles; t++)
			rc |= dw_tile(&job, t, scratch + omp_get_thread_num() * at.thread);
		if (want_w && job.pieces > 1) {
#pragma omp for schedule(static) nowait
			for (int64_t i = 0; i < n * k; i += VL)
				for (int64_t p = 0; p + 1 < job.pieces; p++)
					v_put(job.dw + i, v_get(job.dw + i, n * k - i) + v_get(part + p * n * k + i, n * k - i), n * k - i);
		}
		if (want_b) {
#pragma omp for schedule(static) nowait
			for (int64_t j = 0; j < n; j += VL)
				for (int64_t t = 0; t < row_chunks; t++)
					v_put(bias + j, v_get(bias + j, n - j) + v_get(db + t * n + j, n - j), n - j);
		}
	}
	return rc ? no_memory() : 0;
}

#endif
