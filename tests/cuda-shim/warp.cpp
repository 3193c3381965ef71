/* SPDX-License-Identifier: MIT
 *
 * warp.cpp - the operations of a warp: each lane leaves its values in its slot,
 * and the last to come computes for all. PTX ISA 8: shfl.sync, mma.m16n8k16,
 * ldmatrix; cp.async.
 */
#include "block.h"

#include <stdlib.h>

/* ---- shuffles, votes ---- */

static void exchange(uint32_t mask)
{
	struct shim_lane **const mate = shim_mates();
	uint64_t out[32];
	for (int l = 0; l < 32; l++) {
		if (!(mask >> l & 1))
			continue;
		const int source = mate[l]->slot.source;
		if (!(mask >> source & 1))
			shim_die("shuffle: lane %d reads lane %d, which is not in mask %08x", l, source, mask);
		out[l] = mate[source]->slot.bits;
	}
	for (int l = 0; l < 32; l++)
		if (mask >> l & 1)
			mate[l]->slot.bits = out[l];
}

uint64_t shim_shuffle(struct shim_site site, uint32_t mask, uint64_t bits, int source)
{
	struct shim_slot *s = &shim_me()->slot;
	s->bits = bits;
	s->source = source;
	shim_meet(site, mask, exchange);
	return s->bits;
}

static void count_votes(uint32_t mask)
{
	struct shim_lane **const mate = shim_mates();
	uint64_t votes = 0;
	for (int l = 0; l < 32; l++)
		if (mask >> l & 1)
			votes |= mate[l]->slot.bits << l;
	for (int l = 0; l < 32; l++)
		if (mask >> l & 1)
			mate[l]->slot.bits = votes;
}

uint32_t shim_ballot(struct shim_site site, uint32_t mask, int vote)
{
	struct shim_slot *s = &shim_me()->slot;
	s->bits = (uint64_t)vote;
	shim_meet(site, mask, count_votes);
	return (uint32_t)s->bits;
}

/* ---- mma ---- */

enum { M = 16, N = 8, K = 16, ALL = -1 };
static const struct shim_site mma_site[2] = { { "mma f16", NULL, 0, -1 }, { "mma bf16", NULL, 0, -2 } };
static const struct shim_site ldmatrix_site[2] = { { "ldmatrix", NULL, 0, -3 }, { "ldmatrix.trans", NULL, 0, -4 } };

static float half_of(uint32_t reg, int upper, int is_bf16)
{
	const uint16_t bits = (uint16_t)(upper ? reg >> 16 : reg);
	return is_bf16 ? __bfloat162float(bf16 { bits }) : __half2float(f16 { bits });
}

/* Products of 16-bit factors are exact in f32; the sum of a row is rounded once. */
static void multiply(int is_bf16)
{
	struct shim_lane **const mate = shim_mates();
	float a[M][K], b[K][N];
	for (int l = 0; l < 32; l++) {
		const uint32_t *in = mate[l]->slot.in;
		const int g = l / 4, t = l % 4;
		for (int h = 0; h < 2; h++) {
			for (int r = 0; r < 4; r++)
				a[g + r % 2 * 8][2 * t + h + r / 2 * 8] = half_of(in[r], h, is_bf16);
			for (int r = 0; r < 2; r++)
				b[2 * t + h + r * 8][g] = half_of(in[4 + r], h, is_bf16);
		}
	}
	for (int l = 0; l < 32; l++)
		for (int e = 0; e < 4; e++) {
			const int i = l / 4 + e / 2 * 8, j = 2 * (l % 4) + e % 2;
			double sum = mate[l]->slot.d[e];
			for (int k = 0; k < K; k++)
				sum += (double)(a[i][k] * b[k][j]);
			mate[l]->slot.d[e] = (float)sum;
		}
}

static void multiply_bf16(uint32_t)
{
	multiply(1);
}

static void multiply_f16(uint32_t)
{
	multiply(0);
}

void shim_mma(float *d, const uint32_t *a, const uint32_t *b, int is_bf16)
{
	struct shim_slot *s = &shim_me()->slot;
	for (int i = 0; i < 4; i++) {
		s->in[i] = a[i];
		s->d[i] = d[i];
	}
	s->in[4] = b[0];
	s->in[5] = b[1];
	shim_meet(mma_site[is_bf16], (uint32_t)ALL, is_bf16 ? multiply_bf16 : multiply_f16);
	for (int i = 0; i < 4; i++)
		d[i] = s->d[i];
}

/* ---- ldmatrix ---- */

static uint32_t element(struct shim_lane **mate, int matrix, int row, int column)
{
	return mate[8 * matrix + row]->slot.in[column / 2] >> column % 2 * 16 & 0xffff;
}

static void deal(int transposed)
{
	struct shim_lane **const mate = shim_mates();
	for (int l = 0; l < 32; l++)
		for (int k = 0; k < 4; k++) {
			const int i = l / 4, j = 2 * (l % 4);
			mate[l]->slot.out[k] = transposed ? element(mate, k, j, i) | element(mate, k, j + 1, i) << 16
			                                       : element(mate, k, i, j) | element(mate, k, i, j + 1) << 16;
		}
}

static void deal_rows(uint32_t)
{
	deal(0);
}

static void deal_columns(uint32_t)
{
	deal(1);
}

void shim_ldmatrix(uint32_t *r, shim_16 row, int transposed)
{
	struct shim_slot *s = &shim_me()->slot;
	for (int i = 0; i < 4; i++)
		s->in[i] = row.v[i];
	shim_meet(ldmatrix_site[transposed], (uint32_t)ALL, transposed ? deal_columns : deal_rows);
	for (int i = 0; i < 4; i++)
		r[i] = s->out[i];
}

void shim_check_16(const char *what, const void *p, int in_smem)
{
	if ((uintptr_t)p % 16)
		shim_die("%s: address %p is not a multiple of 16", what, p);
	const unsigned char *c = (const unsigned char *)p;
	if (in_smem && (c < shim_smem || c + 16 > shim_smem + shim_block.launch->smem))
		shim_die("%s: address %p is outside the %zu bytes of shared memory", what, p, shim_block.launch->smem);
}

/* ---- cp.async ---- */

void shim_cp_async(void *to, shim_16 bytes)
{
	struct shim_lane *me = shim_me();
	if (!me->copy)
		me->copy = (struct shim_copy *)calloc(SHIM_MAX_COPIES, sizeof *me->copy);
	if (!me->copy || me->n_copy == SHIM_MAX_COPIES)
		shim_die("more than %d cp.async under way in one thread", SHIM_MAX_COPIES);
	me->copy[me->n_copy++] = shim_copy { to, bytes, me->group };
}

void shim_cp_commit(void)
{
	shim_me()->group++;
}

/* Groups complete in order; what was never committed does not arrive. */
int shim_cp_arrived(int leave, void **to, shim_16 *bytes)
{
	struct shim_lane *me = shim_me();
	if (!me->n_copy || me->copy[0].group >= me->group - leave)
		return 0;
	*to = me->copy[0].to;
	*bytes = me->copy[0].bytes;
	for (int i = 1; i < me->n_copy; i++)
		me->copy[i - 1] = me->copy[i];
	me->n_copy--;
	return 1;
}
