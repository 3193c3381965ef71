/* SPDX-License-Identifier: MIT */
#include "codec/jpeg_scan.h"

#include "core/mem.h"

#include <stdlib.h>
#include <string.h>

/* The seam is libjpeg-turbo's internal struct jpeg_entropy_decoder, the same in
 * all its versions. Where its header is not installed, libjpeg reads by itself. */
#if defined(LIBJPEG_TURBO_VERSION) && defined(__has_include)
#if __has_include(<jpegint.h>)
#define SEAM_IS_KNOWN 1
#include <jpegint.h>
#endif
#endif

#ifdef SEAM_IS_KNOWN

/* the bit reader lives in registers only where all of its users are one function */
#define INLINE inline __attribute__((always_inline))

enum {
	SMALLEST = 8192,        /* bytes; below, tables cost more than they save */
	SLACK = 4096,           /* more than an MCU can overrun its end: 10 blocks x 64 x 31 bits */
	SYMBOL = 32,            /* at least as many bits as a code and its value have: 16 + 15 */
	AC_LOOK = 10,           /* bits of a look into a table */
	DC_LOOK = 8,
};

/* What the next bits are, if the look is long enough for the code. The way to the
 * next symbol leads through a load and a shift by what was loaded, not through the
 * value: that is computed beside it. */
enum {
	ALL = 0,                /* bits of code and value; 0: the code is longer than the look */
	CODE = 8,               /* bits of the code; where size is 0: not 0 at the end of a block */
	SIZE = 16,              /* bits of the value; 0: it is no coefficient */
	STEP = 24,              /* to the coefficient: the zeros before it and 1; where size is 0: the symbol */
};
typedef uint32_t look;

static inline int part(look e, int which)
{
	return e >> which & 255;
}

/* Codes of `n` bits are below limit[n] when they are put first in 16 bits; their
 * symbol is symbol[code + delta[n]]. */
struct codes {
	uint32_t limit[18];
	int32_t delta[17];
	uint8_t symbol[256];
};

struct jpeg_scan {
	void (*give_up)(j_decompress_ptr);
	struct vit_buf data;    /* the scan without its stuffed zeros and restart markers */
	struct vit_buf restart; /* size_t[]: where in it each restart's data begin, and the end */
	const uint8_t *next;    /* the bit reader: see struct bits */
	uint64_t top;
	int left;
	size_t interval, to_go; /* restarts: MCUs between two, until the next */
	size_t segment, last_segment;
	uint32_t column, from, to;      /* of MCUs: the present one; those that are looked at */
	int last_dc[MAX_COMPS_IN_SCAN];
	look ac[NUM_HUFF_TBLS][1 << AC_LOOK], dc[NUM_HUFF_TBLS][1 << DC_LOOK];
	struct codes ac_codes[NUM_HUFF_TBLS], dc_codes[NUM_HUFF_TBLS];
};

/* Where coefficient k lies in a block; k may overrun the end by a run. */
static const uint8_t order[64 + 16] = {
	0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,
	6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31,
	39, 46, 53, 60, 61, 54, 47, 55, 62, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 63,
};

/* ---- tables ------------------------------------------------------------------------ */

/* libjpeg has checked before that the codes fit. */
static void number_codes(struct codes *c, const JHUFF_TBL *t)
{
	uint32_t code = 0;
	int32_t n = 0;
	memcpy(c->symbol, t->huffval, sizeof c->symbol);
	for (int len = 1; len <= 16; len++, code <<= 1) {
		c->delta[len] = n - (int32_t)code;
		code += t->bits[len];
		n += t->bits[len];
		c->limit[len] = code << (16 - len);
	}
	c->limit[17] = 1 << 16;
}

static inline unsigned symbol_of(const struct codes *c, uint32_t first16, int len)
{
	return c->symbol[(int32_t)(first16 >> (16 - len)) + c->delta[len]];
}

/* `mask`: the bits of a symbol that say how many bits its value has. */
static void fill(look *table, int width, const struct codes *c, unsigned mask)
{
	for (uint32_t i = 0, len = 1; i < 1u << width; i++) {
		uint32_t first = i << (16 - width);
		while (first >= c->limit[len])
			len++;
		if (len > (uint32_t)width) {
			table[i] = 0;
			continue;
		}
		unsigned symbol = symbol_of(c, first, (int)len), size = symbol & mask;
		if (size && size < 16)
			table[i] = (len + size) << ALL | len << CODE | size << SIZE | ((symbol >> 4) + 1) << STEP;
		else
			table[i] = len << ALL | (symbol != 0xf0 && !size) << CODE | symbol << STEP;
	}
}

static void make_tables(struct jpeg_scan *s, j_decompress_ptr c)
{
	int ac_done = 0, dc_done = 0;
	for (int i = 0; i < c->comps_in_scan; i++) {
		int ac = c->cur_comp_info[i]->ac_tbl_no, dc = c->cur_comp_info[i]->dc_tbl_no;
		if (!(ac_done >> ac & 1)) {
			number_codes(&s->ac_codes[ac], c->ac_huff_tbl_ptrs[ac]);
			fill(s->ac[ac], AC_LOOK, &s->ac_codes[ac], 15);
		}
		if (!(dc_done >> dc & 1)) {
			number_codes(&s->dc_codes[dc], c->dc_huff_tbl_ptrs[dc]);
			fill(s->dc[dc], DC_LOOK, &s->dc_codes[dc], 255);
		}
		ac_done |= 1 << ac;
		dc_done |= 1 << dc;
	}
}

/* ---- bits ---------------------------------------------------------------------------- */

struct bits {
	const uint8_t *next;
	uint64_t top;
	int left;
};

/* Afterwards at least 56 bits; what of the 8 bytes does not fit is read again. */
static INLINE void refill(struct bits *b)
{
	uint64_t v;
	memcpy(&v, b->next, 8);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap64(v);
#endif
	b->top |= v >> b->left;
	b->next += (63 - b->left) >> 3;
	b->left |= 56;
}

static INLINE void drop(struct bits *b, int n)
{
	b->top <<= n & 63;
	b->left -= n;
}

/* JPEG's signed numbers: the first s bits, 1 to 15; negative where the first is 0. */
static INLINE JCOEF signed_number(uint64_t top, int s)
{
	int64_t negative = (int64_t)~top >> 63;
	return (JCOEF)((int)(top >> (-s & 63)) + (int)(negative & (1 - (1 << (s & 31)))));
}

/* A symbol whose code is longer than the look; -1: there is no such code. */
static int long_symbol(struct bits *b, int width, const struct codes *c)
{
	uint32_t first = (uint32_t)(b->top >> 48);
	int len = width + 1;
	while (first >= c->limit[len])
		len++;
	if (len > 16)
		return -1;
	drop(b, len);
	return (int)symbol_of(c, first, len);
}

/* ---- blocks ----------------------------------------------------------------------------- */

/* The difference to the last block's. 0, or else damage. */
static INLINE int read_dc(struct bits *b, const look *table, const struct codes *codes, int *value)
{
	refill(b);
	look e = table[b->top >> (64 - DC_LOOK)];
	int s = part(e, SIZE);
	*value = 0;
	if (s) {
		*value = signed_number(b->top << (part(e, CODE) & 63), s);
		drop(b, part(e, ALL));
		return 0;
	}
	drop(b, part(e, ALL));
	if (part(e, ALL))
		return part(e, STEP);
	struct bits slow = *b;
	s = long_symbol(&slow, DC_LOOK, codes);
	*b = slow;
	if (s < 1 || s > 15)
		return s;
	*value = signed_number(b->top, s);
	drop(b, s);
	return 0;
}

enum { GO_ON, END_OF_BLOCK, DAMAGE };

/* What is neither a coefficient with a short code nor the end with one. */
static int rare_symbol(struct bits *b, look e, const struct codes *codes, int *k, JCOEF *block)
{
	int rs = part(e, STEP);
	drop(b, part(e, ALL));
	if (!part(e, ALL))
		rs = long_symbol(b, AC_LOOK, codes);
	if (rs < 0)
		return DAMAGE;
	int s = rs & 15;
	if (!s && rs != 0xf0)
		return END_OF_BLOCK;
	*k += (rs >> 4) + 1;
	if (!s)
		return GO_ON;
	if (block)
		block[order[*k]] = signed_number(b->top, s);
	drop(b, s);
	return GO_ON;
}

/* The next coefficient of a block; *k: the last one's number. */
static INLINE int read_symbol(struct bits *b, const look *table, const struct codes *codes, int *k, JCOEF *block, int store)
{
	look e = table[b->top >> (64 - AC_LOOK)];
	if (__builtin_expect(!part(e, SIZE), 0)) {
		if (part(e, CODE)) {
			drop(b, part(e, ALL));
			return END_OF_BLOCK;
		}
		struct bits slow = *b;
		int at = *k, what = rare_symbol(&slow, e, codes, &at, store ? block : NULL);
		*b = slow;
		*k = at;
		return what;
	}
	*k += part(e, STEP);
	if (store)
		block[order[*k]] = signed_number(b->top << (part(e, CODE) & 63), part(e, SIZE));
	drop(b, part(e, ALL));
	return GO_ON;
}

/* 0, or else damage. A refill is enough for two symbols unless the first is very
 * long; one each would be waited for. */
static INLINE int read_ac(struct bits *b, const look *table, const struct codes *codes, JCOEF *block, int store)
{
	int k = 0, what = GO_ON;
	while (k < 63) {
		refill(b);
		what = read_symbol(b, table, codes, &k, block, store);
		if (what || k >= 63)
			break;
		if (b->left < SYMBOL)
			continue;
		what = read_symbol(b, table, codes, &k, block, store);
		if (what)
			break;
	}
	return what == DAMAGE || k > 63;
}

static void begin_segment(struct jpeg_scan *s)
{
	const size_t *at = (const size_t *)(const void *)s->restart.p;
	s->next = s->data.p + at[s->segment];
	s->top = 0;
	s->left = 0;
	s->to_go = s->interval;
	memset(s->last_dc, 0, sizeof s->last_dc);
}

/* None of the bits that were taken lies behind this segment. */
static int is_inside(const struct jpeg_scan *s, const struct bits *b)
{
	const size_t *at = (const size_t *)(const void *)s->restart.p;
	return (b->next - s->data.p) * 8 - b->left <= (int64_t)at[s->segment + 1] * 8;
}

static INLINE int read_blocks(struct jpeg_scan *s, struct bits *b, j_decompress_ptr c, JBLOCKROW *to, int store)
{
	for (int i = 0; i < c->blocks_in_MCU; i++) {
		int ci = c->MCU_membership[i], value;
		const jpeg_component_info *comp = c->cur_comp_info[ci];
		JCOEF *block = store ? *to[i] : NULL;
		if (read_dc(b, s->dc[comp->dc_tbl_no], &s->dc_codes[comp->dc_tbl_no], &value))
			return -1;
		s->last_dc[ci] += value;
		if (s->last_dc[ci] != (JCOEF)s->last_dc[ci])
			return -1;
		if (store)
			block[0] = (JCOEF)s->last_dc[ci];
		if (read_ac(b, s->ac[comp->ac_tbl_no], &s->ac_codes[comp->ac_tbl_no], block, store))
			return -1;
	}
	return 0;
}

static INLINE boolean decode(j_decompress_ptr c, JBLOCKROW *to)
{
	struct jpeg_scan *s = c->client_data;
	if (s->interval && !s->to_go) {
		if (s->segment == s->last_segment)
			s->give_up(c);
		s->segment++;
		begin_segment(s);
	}
	int seen = to && s->column >= s->from && s->column <= s->to;
	struct bits b = { s->next, s->top, s->left };
	int rc = seen ? read_blocks(s, &b, c, to, 1) : read_blocks(s, &b, c, NULL, 0);
	if (rc || !is_inside(s, &b))
		s->give_up(c);
	s->next = b.next;
	s->top = b.top;
	s->left = b.left;
	s->to_go -= s->interval > 0;
	s->column = s->column + 1 == c->MCUs_per_row ? 0 : s->column + 1;
	return TRUE;
}

static boolean decode_mcu(j_decompress_ptr c, JBLOCKROW *to)
{
	return decode(c, to);
}

#if defined(__x86_64__)
/* shifts by a register in one step instead of three */
__attribute__((target("bmi2"))) static boolean decode_mcu_bmi2(j_decompress_ptr c, JBLOCKROW *to)
{
	return decode(c, to);
}
#endif

static boolean (*best_decoder(void))(j_decompress_ptr, JBLOCKROW *)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("bmi2"))
		return decode_mcu_bmi2;
#endif
	return decode_mcu;
}

/* ---- the scan as a whole ------------------------------------------------------------------ */

static int mark(struct jpeg_scan *s)
{
	return vit_buf_add(&s->restart, &s->data.n, sizeof s->data.n);
}

/* Copy the scan without what is only there to find markers in it. *whole 1 when
 * it ends in the end marker and has just the restarts it must have. */
static int unpack(struct jpeg_scan *s, j_decompress_ptr c, int *whole)
{
	const uint8_t *p = c->src->next_input_byte, *end = p + c->src->bytes_in_buffer;
	size_t mcus = (size_t)c->MCUs_per_row * c->MCU_rows_in_scan, seen = 0;
	int marker = 0;
	*whole = 0;
	VIT_TRY(vit_buf_reserve(&s->data, c->src->bytes_in_buffer + SLACK));
	VIT_TRY(mark(s));
	while (marker != JPEG_EOI) {
		const uint8_t *ff = memchr(p, 0xff, (size_t)(end - p));
		if (!ff || ff + 1 == end)
			return 0;
		/* a stuffed byte is data, its zero is not */
		marker = ff[1];
		size_t n = (size_t)(ff - p) + !marker;
		memcpy(s->data.p + s->data.n, p, n);
		s->data.n += n;
		p = ff + 2;
		if (marker && marker != JPEG_EOI && marker != JPEG_RST0 + (int)(seen++ & 7))
			return 0;
		if (marker)
			VIT_TRY(mark(s));
	}
	memset(s->data.p + s->data.n, 0, SLACK);
	s->last_segment = seen;
	*whole = seen == (c->restart_interval ? (mcus - 1) / c->restart_interval : 0);
	return 0;
}

void jpeg_scan_free(struct jpeg_scan *s)
{
	if (!s)
		return;
	vit_buf_release(&s->data);
	vit_buf_release(&s->restart);
	free(s);
}

static void begin(struct jpeg_scan *s, j_decompress_ptr c, int64_t left, int64_t width)
{
	/* a column more on each side than libjpeg transforms */
	int64_t mcu = c->comps_in_scan == 1 ? DCTSIZE : DCTSIZE * c->max_h_samp_factor;
	s->from = left / mcu > 0 ? (uint32_t)(left / mcu - 1) : 0;
	s->to = (uint32_t)((left + width) / mcu + 1);
	s->column = 0;
	s->interval = c->restart_interval;
	s->segment = 0;
	begin_segment(s);
	c->client_data = s;
	c->entropy->decode_mcu = best_decoder();
}

int jpeg_scan_take(struct jpeg_scan **taken, j_decompress_ptr c, int64_t left, int64_t width, void (*give_up)(j_decompress_ptr))
{
	int whole;
	*taken = NULL;
	if (c->progressive_mode || c->arith_code || c->data_precision != 8 || jpeg_has_multiple_scans(c) ||
	    c->src->bytes_in_buffer < SMALLEST)
		return 0;
	struct jpeg_scan *s = vit_malloc(sizeof *s);
	if (!s)
		return VIT_ENOMEM;
	/* tables, the larger part of it, are filled and not cleared before */
	memset(s, 0, offsetof(struct jpeg_scan, ac));
	s->give_up = give_up;
	int rc = unpack(s, c, &whole);
	if (rc || !whole) {
		jpeg_scan_free(s);
		return rc;
	}
	make_tables(s, c);
	begin(s, c, left, width);
	*taken = s;
	return 0;
}

#else

int jpeg_scan_take(struct jpeg_scan **taken, j_decompress_ptr c, int64_t left, int64_t width, void (*give_up)(j_decompress_ptr))
{
	(void)c;
	(void)left;
	(void)width;
	(void)give_up;
	*taken = NULL;
	return 0;
}

void jpeg_scan_free(struct jpeg_scan *s)
{
	(void)s;
}

#endif
