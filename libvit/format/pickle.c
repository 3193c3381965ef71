/* SPDX-License-Identifier: MIT
 *
 * pickle.c - the machine of pickle.h.
 */
#include "format/pickle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_OPS = 2 << 20,              /* the largest CIFAR batch takes 400,000 */
	MAX_MEMO = 1 << 20,
	MAX_MARKS = 64,
};

struct machine {
	const uint8_t *p, *end;
	struct vit_arena *arena;
	struct vit_pickle **stack, **memo;
	size_t n, cap, n_memo;
	size_t mark[MAX_MARKS];
	int n_mark;
	size_t encode_left;             /* bytes: what is remembered could be encoded for ever */
};

static int bad(const char *what)
{
	vit_fail(VIT_EFORMAT, "pickle: %s", what);
	return VIT_EFORMAT;
}

/* ---- bytes ---------------------------------------------------------------------- */

static int take(struct machine *m, size_t n, const uint8_t **p)
{
	if ((size_t)(m->end - m->p) < n)
		return bad("cut");
	*p = m->p;
	m->p += n;
	return 0;
}

static int number(struct machine *m, int bytes, uint64_t *x)
{
	const uint8_t *p;
	VIT_TRY(take(m, (size_t)bytes, &p));
	*x = 0;
	for (int i = bytes; i--;)
		*x = *x << 8 | p[i];
	return 0;
}

static int line(struct machine *m, const char **p, size_t *n)
{
	size_t left = (size_t)(m->end - m->p);
	const uint8_t *nl = memchr(m->p, '\n', left < 256 ? left : 256);
	if (!nl)
		return bad("a name is not ended");
	*p = (const char *)m->p;
	*n = (size_t)(nl - m->p);
	m->p = nl + 1;
	return 0;
}

/* ---- stack and memo ----------------------------------------------------------------- */

static int push(struct machine *m, struct vit_pickle *v)
{
	if (!v)
		return VIT_ENOMEM;
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 1024;
		struct vit_pickle **stack = vit_realloc(m->stack, cap * sizeof *stack);
		if (!stack)
			return VIT_ENOMEM;
		m->stack = stack;
		m->cap = cap;
	}
	m->stack[m->n++] = v;
	return 0;
}

static struct vit_pickle *make(struct machine *m, int kind)
{
	struct vit_pickle *v = vit_arena_alloc(m->arena, sizeof *v);
	if (v)
		v->kind = kind;
	return v;
}

static int push_new(struct machine *m, int kind, int64_t i)
{
	struct vit_pickle *v = make(m, kind);
	if (v)
		v->i = i;
	return push(m, v);
}

/* Values above the last mark; below it nothing may be popped. */
static size_t above(const struct machine *m)
{
	return m->n - (m->n_mark ? m->mark[m->n_mark - 1] : 0);
}

static int pop(struct machine *m, struct vit_pickle **v)
{
	if (!above(m))
		return bad("takes from an empty stack");
	*v = m->stack[--m->n];
	return 0;
}

/* The values since the last mark, which goes. They stay valid until the next push. */
static int pop_mark(struct machine *m, struct vit_pickle ***v, size_t *n)
{
	if (!m->n_mark)
		return bad("no mark to go back to");
	size_t from = m->mark[--m->n_mark];
	*v = m->stack + from;
	*n = m->n - from;
	m->n = from;
	return 0;
}

static int memo_put(struct machine *m, uint64_t at)
{
	if (!above(m))
		return bad("remembers from an empty stack");
	if (at >= MAX_MEMO)
		return bad("remembers too much");
	if (at >= m->n_memo) {
		size_t n = m->n_memo ? m->n_memo : 256;
		while (n <= at)
			n *= 2;
		struct vit_pickle **memo = vit_realloc(m->memo, n * sizeof *memo);
		if (!memo)
			return VIT_ENOMEM;
		memset(memo + m->n_memo, 0, (n - m->n_memo) * sizeof *memo);
		m->memo = memo;
		m->n_memo = n;
	}
	m->memo[at] = m->stack[m->n - 1];
	return 0;
}

static int memo_get(struct machine *m, uint64_t at)
{
	if (at >= m->n_memo || !m->memo[at])
		return bad("asks for what was not remembered");
	return push(m, m->memo[at]);
}

/* ---- containers ------------------------------------------------------------------------ */

static int extend(struct machine *m, struct vit_pickle *to, struct vit_pickle *const *v, size_t n)
{
	if (to->n_item + n > to->cap) {
		size_t cap = to->cap ? to->cap : 4;
		while (cap < to->n_item + n)
			cap *= 2;
		struct vit_pickle **item = vit_arena_alloc(m->arena, cap * sizeof *item);
		if (!item)
			return VIT_ENOMEM;
		if (to->n_item)
			memcpy(item, to->item, to->n_item * sizeof *item);
		to->item = item;
		to->cap = cap;
	}
	if (n)
		memcpy(to->item + to->n_item, v, n * sizeof *v);
	to->n_item += n;
	return 0;
}

/* Append n values from the stack to the container below them. */
static int append(struct machine *m, int kind, struct vit_pickle **v, size_t n)
{
	struct vit_pickle *to = above(m) ? m->stack[m->n - 1] : NULL;
	if (!to || to->kind != kind || (kind == VIT_PICKLE_DICT && n % 2))
		return bad("adds to what is no list or dict");
	return extend(m, to, v, n);
}

static int collect(struct machine *m, int kind, struct vit_pickle **v, size_t n)
{
	struct vit_pickle *to = make(m, kind);
	if (!to)
		return VIT_ENOMEM;
	if (kind == VIT_PICKLE_DICT && n % 2)
		return bad("a dict with a key and no value");
	VIT_TRY(extend(m, to, v, n));
	return push(m, to);
}

static int small_tuple(struct machine *m, size_t n)
{
	if (above(m) < n)
		return bad("takes from an empty stack");
	m->n -= n;
	return collect(m, VIT_PICKLE_TUPLE, m->stack + m->n, n);
}

static int text(struct machine *m, int length_bytes)
{
	uint64_t n;
	struct vit_pickle *v = make(m, VIT_PICKLE_TEXT);
	if (!v)
		return VIT_ENOMEM;
	VIT_TRY(number(m, length_bytes, &n));
	if (n > (uint64_t)(m->end - m->p))
		return bad("a text longer than what is left");
	v->n = (size_t)n;
	VIT_TRY(take(m, v->n, &v->p));
	return push(m, v);
}

static int long_int(struct machine *m)
{
	uint64_t n, x;
	VIT_TRY(number(m, 1, &n));
	if (n > 8)
		return bad("an integer of more than 64 bits");
	VIT_TRY(number(m, (int)n, &x));
	if (n && n < 8 && x >> (8 * n - 1))
		x |= ~UINT64_C(0) << 8 * n;
	return push_new(m, VIT_PICKLE_INT, (int64_t)x);
}

static int real(struct machine *m)
{
	const uint8_t *p;
	uint64_t bits = 0;
	struct vit_pickle *v = make(m, VIT_PICKLE_FLOAT);
	if (!v)
		return VIT_ENOMEM;
	VIT_TRY(take(m, 8, &p));
	for (int i = 0; i < 8; i++)
		bits = bits << 8 | p[i];
	memcpy(&v->f, &bits, 8);
	return push(m, v);
}

/* ---- the names that are allowed ------------------------------------------------------------ */

enum { RECONSTRUCT, NDARRAY, DTYPE, ENCODE };

static int name(struct machine *m, const char *module, size_t n_module, const char *attr, size_t n_attr)
{
	static const struct { const char *module, *attr; int what; } allowed[] = {
		{ "numpy.core.multiarray", "_reconstruct", RECONSTRUCT }, { "numpy._core.multiarray", "_reconstruct", RECONSTRUCT },
		{ "numpy", "ndarray", NDARRAY }, { "numpy", "dtype", DTYPE }, { "_codecs", "encode", ENCODE },
	};
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (strlen(allowed[i].module) == n_module && !memcmp(allowed[i].module, module, n_module) &&
		    strlen(allowed[i].attr) == n_attr && !memcmp(allowed[i].attr, attr, n_attr))
			return push_new(m, VIT_PICKLE_NAME, allowed[i].what);
	char shown[160];
	snprintf(shown, sizeof shown, "%.*s.%.*s", n_module < 72 ? (int)n_module : 72, module, n_attr < 72 ? (int)n_attr : 72, attr);
	for (char *c = shown; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
	return vit_fail(VIT_EFORMAT, "pickle: wants to call %s, which data have no need of; refused", shown);
}

static int global(struct machine *m)
{
	const char *module, *attr;
	size_t n_module, n_attr;
	VIT_TRY(line(m, &module, &n_module));
	VIT_TRY(line(m, &attr, &n_attr));
	return name(m, module, n_module, attr, n_attr);
}

static int stack_global(struct machine *m)
{
	struct vit_pickle *module, *attr;
	VIT_TRY(pop(m, &attr));
	VIT_TRY(pop(m, &module));
	if (attr->kind != VIT_PICKLE_TEXT || module->kind != VIT_PICKLE_TEXT)
		return bad("a name that is no text");
	return name(m, (const char *)module->p, module->n, (const char *)attr->p, attr->n);
}

static int is_text(const struct vit_pickle *v, const char *s)
{
	return v->kind == VIT_PICKLE_TEXT && v->n == strlen(s) && !memcmp(v->p, s, v->n);
}

/* Python 3 writes bytes in protocol 2 as text that is to be encoded as Latin-1. */
static int encode(struct machine *m, const struct vit_pickle *args)
{
	if (args->n_item != 2 || args->item[0]->kind != VIT_PICKLE_TEXT ||
	    !(is_text(args->item[1], "latin1") || is_text(args->item[1], "latin-1")))
		return bad("_codecs.encode with other arguments than a text and latin1");
	const struct vit_pickle *from = args->item[0];
	if (from->n > m->encode_left)
		return bad("encodes more text than it holds");
	m->encode_left -= from->n;
	struct vit_pickle *v = make(m, VIT_PICKLE_TEXT);
	uint8_t *out = vit_arena_alloc(m->arena, from->n + 1);
	if (!v || !out)
		return VIT_ENOMEM;
	v->p = out;
	for (size_t i = 0; i < from->n; i++) {
		uint8_t c = from->p[i];
		if (c >= 0x80) {
			/* two bytes of UTF-8 reach U+00FF, the last of Latin-1 */
			if ((c != 0xc2 && c != 0xc3) || i + 1 == from->n || (from->p[i + 1] & 0xc0) != 0x80)
				return bad("a text that is not Latin-1");
			c = (uint8_t)(c << 6 | (from->p[++i] & 0x3f));
		}
		out[v->n++] = c;
	}
	return push(m, v);
}

static int reduce(struct machine *m)
{
	struct vit_pickle *args, *fn;
	VIT_TRY(pop(m, &args));
	VIT_TRY(pop(m, &fn));
	if (fn->kind != VIT_PICKLE_NAME || args->kind != VIT_PICKLE_TUPLE)
		return bad("calls what is no function");
	if (fn->i == ENCODE)
		return encode(m, args);
	if (fn->i == RECONSTRUCT && args->n_item == 3 && args->item[0]->kind == VIT_PICKLE_NAME && args->item[0]->i == NDARRAY)
		return push(m, make(m, VIT_PICKLE_ARRAY));
	if (fn->i == DTYPE && args->n_item >= 1 && args->item[0]->kind == VIT_PICKLE_TEXT) {
		struct vit_pickle *v = make(m, VIT_PICKLE_DTYPE);
		if (!v)
			return VIT_ENOMEM;
		v->p = args->item[0]->p;
		v->n = args->item[0]->n;
		return push(m, v);
	}
	return bad("calls numpy with arguments it does not write");
}

/* ndarray.__setstate__((version, shape, dtype, is_fortran, bytes)) */
static int array(struct vit_pickle *to, const struct vit_pickle *state)
{
	if (state->kind != VIT_PICKLE_TUPLE || state->n_item != 5)
		return bad("an array whose state numpy does not write");
	const struct vit_pickle *shape = state->item[1], *dtype = state->item[2], *fortran = state->item[3], *data = state->item[4];
	if (shape->kind != VIT_PICKLE_TUPLE || dtype->kind != VIT_PICKLE_DTYPE || data->kind != VIT_PICKLE_TEXT)
		return bad("an array whose state numpy does not write");
	if (dtype->n != 2 || memcmp(dtype->p, "u1", 2))
		return vit_fail(VIT_EFORMAT, "pickle: an array of dtype %.*s; images are u1", dtype->n < 16 ? (int)dtype->n : 16,
		                (const char *)dtype->p);
	if (fortran->i != 0)
		return bad("an array stored column by column");
	uint64_t count = 1;
	for (size_t i = 0; i < shape->n_item; i++) {
		const struct vit_pickle *d = shape->item[i];
		if (d->kind != VIT_PICKLE_INT || d->i < 0 || __builtin_mul_overflow(count, (uint64_t)d->i, &count))
			return bad("an array with an impossible shape");
	}
	if (count != data->n)
		return bad("an array whose bytes do not fit its shape");
	to->p = data->p;
	to->n = data->n;
	to->item = shape->item;
	to->n_item = shape->n_item;
	return 0;
}

static int build(struct machine *m)
{
	struct vit_pickle *state;
	VIT_TRY(pop(m, &state));
	struct vit_pickle *to = above(m) ? m->stack[m->n - 1] : NULL;
	if (to && to->kind == VIT_PICKLE_ARRAY && !to->p)
		return array(to, state);
	/* a dtype's state is its byte order, of which one byte has none */
	return to && to->kind == VIT_PICKLE_DTYPE ? 0 : bad("sets the state of what has none");
}

/* ---- opcodes ---------------------------------------------------------------------------------- */

static int op_value(struct machine *m, uint8_t op, int *known)
{
	uint64_t x;
	switch (op) {
	case 'N': return push_new(m, VIT_PICKLE_NONE, 0);
	case 0x88: return push_new(m, VIT_PICKLE_BOOL, 1);
	case 0x89: return push_new(m, VIT_PICKLE_BOOL, 0);
	case 'K': VIT_TRY(number(m, 1, &x)); return push_new(m, VIT_PICKLE_INT, (int64_t)x);
	case 'M': VIT_TRY(number(m, 2, &x)); return push_new(m, VIT_PICKLE_INT, (int64_t)x);
	case 'J': VIT_TRY(number(m, 4, &x)); return push_new(m, VIT_PICKLE_INT, (int32_t)(uint32_t)x);
	case 0x8a: return long_int(m);
	case 'G': return real(m);
	case 'U': case 'C': case 0x8c: return text(m, 1);
	case 'T': case 'B': case 'X': return text(m, 4);
	case 0x8d: case 0x8e: return text(m, 8);
	case ']': return push_new(m, VIT_PICKLE_LIST, 0);
	case '}': return push_new(m, VIT_PICKLE_DICT, 0);
	case ')': return push_new(m, VIT_PICKLE_TUPLE, 0);
	default: *known = 0; return 0;
	}
}

static int op_stack(struct machine *m, uint8_t op, int *known)
{
	uint64_t x;
	struct vit_pickle **v, *one;
	size_t n;
	switch (op) {
	case '(':
		if (m->n_mark == MAX_MARKS)
			return bad("nested too deep");
		m->mark[m->n_mark++] = m->n;
		return 0;
	case '0': return pop(m, &one);
	case 't': VIT_TRY(pop_mark(m, &v, &n)); return collect(m, VIT_PICKLE_TUPLE, v, n);
	case 'l': VIT_TRY(pop_mark(m, &v, &n)); return collect(m, VIT_PICKLE_LIST, v, n);
	case 'd': VIT_TRY(pop_mark(m, &v, &n)); return collect(m, VIT_PICKLE_DICT, v, n);
	case 0x85: case 0x86: case 0x87: return small_tuple(m, op - 0x84u);
	case 'a': VIT_TRY(pop(m, &one)); return append(m, VIT_PICKLE_LIST, &one, 1);
	case 'e': VIT_TRY(pop_mark(m, &v, &n)); return append(m, VIT_PICKLE_LIST, v, n);
	case 'u': VIT_TRY(pop_mark(m, &v, &n)); return append(m, VIT_PICKLE_DICT, v, n);
	case 's':
		if (above(m) < 3)
			return bad("takes from an empty stack");
		m->n -= 2;
		return append(m, VIT_PICKLE_DICT, m->stack + m->n, 2);
	case 'q': VIT_TRY(number(m, 1, &x)); return memo_put(m, x);
	case 'r': VIT_TRY(number(m, 4, &x)); return memo_put(m, x);
	case 'h': VIT_TRY(number(m, 1, &x)); return memo_get(m, x);
	case 'j': VIT_TRY(number(m, 4, &x)); return memo_get(m, x);
	case 'c': return global(m);
	case 0x93: return stack_global(m);
	case 'R': return reduce(m);
	case 'b': return build(m);
	default: *known = 0; return 0;
	}
}

static int run(struct machine *m, const struct vit_pickle **root)
{
	uint64_t x, memos = 0;
	for (int ops = 0; ops < MAX_OPS; ops++) {
		const uint8_t *op;
		int known = 1;
		VIT_TRY(take(m, 1, &op));
		if (*op == '.') {
			struct vit_pickle *v;
			VIT_TRY(pop(m, &v));
			*root = v;
			return 0;
		}
		if (*op == 0x80) {
			VIT_TRY(number(m, 1, &x));
			if (x < 2 || x > 4)
				return vit_fail(VIT_EFORMAT, "pickle: protocol %d; 2, 3 and 4 are read", (int)x);
			continue;
		}
		if (*op == 0x95) {      /* a frame's length: only a hint for reading */
			VIT_TRY(number(m, 8, &x));
			continue;
		}
		if (*op == 0x94) {
			VIT_TRY(memo_put(m, memos++));
			continue;
		}
		VIT_TRY(op_value(m, *op, &known));
		if (known)
			continue;
		known = 1;
		VIT_TRY(op_stack(m, *op, &known));
		if (!known)
			return vit_fail(VIT_EFORMAT, "pickle: opcode 0x%02x, which data have no need of", *op);
	}
	return bad("more steps than data take");
}

int vit_pickle_read(const struct vit_pickle **root, const uint8_t *p, size_t n, struct vit_arena *arena)
{
	struct machine m = { .p = p, .end = p + n, .arena = arena, .encode_left = n };
	if (n < 2 || p[0] != 0x80)
		return bad("does not begin as one");
	int rc = run(&m, root);
	free(m.stack);
	free(m.memo);
	return rc;
}

const struct vit_pickle *vit_pickle_get(const struct vit_pickle *dict, const char *key)
{
	if (dict->kind != VIT_PICKLE_DICT)
		return NULL;
	for (size_t i = dict->n_item; i >= 2; i -= 2)
		if (is_text(dict->item[i - 2], key))
			return dict->item[i - 1];
	return NULL;
}
