/* SPDX-License-Identifier: MIT
 *
 * The scan and the array decoder against msgpack's conformance suite and
 * against hostile bytes.
 */
#include "stream/pack.h"
#include "stream/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>

static size_t unhex(const char *s, uint8_t *out)
{
	size_t n = 0;
	for (unsigned v; *s && sscanf(s, "%2x", &v) == 1; s += s[2] == '-' ? 3 : 2)
		out[n++] = (uint8_t)v;
	return n;
}

/* Whole and byte by byte: the same length, and never a byte too many asked for. */
static void check_scan(const uint8_t *p, size_t n)
{
	struct vit_scan s;
	size_t need;
	vit_scan_init(&s, 1 << 20, 1 << 20);
	assert_int_equal(vit_scan_run(&s, p, n, &need), 0);
	assert_int_equal(s.pos, n);
	vit_scan_init(&s, 1 << 20, 1 << 20);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(vit_scan_run(&s, p, i, &need), VIT_END);
		assert_true(need > i && need <= n);
	}
	assert_int_equal(vit_scan_run(&s, p, n, &need), 0);
	assert_int_equal(s.pos, n);
}

static void check_number(const json_t *want, const uint8_t *p, size_t n)
{
	struct vit_token t;
	assert_int_equal(vit_token_read(&t, p, n), 0);
	double got = t.type == VIT_T_FLOAT ? t.f : t.type == VIT_T_INT ? (double)t.i : (double)t.u;
	assert_true(t.type == VIT_T_FLOAT || t.type == VIT_T_INT || t.type == VIT_T_UINT);
	assert_true(got == json_number_value(want));
}

static void test_conformance(void **state)
{
	(void)state;
	const char *shared = getenv("VIT_SHARED");
	char path[4096];
	snprintf(path, sizeof path, "%s/data/msgpack-suite/msgpack-test-suite.json", shared ? shared : "../shared");
	json_t *suite = json_load_file(path, 0, NULL), *list, *item, *hex;
	if (!suite) {
		print_message("skipped: no %s\n", path);
		skip();
	}
	const char *file;
	size_t i, k;
	int cases = 0;
	json_object_foreach(suite, file, list) {
		json_array_foreach(list, i, item) {
			json_array_foreach(json_object_get(item, "msgpack"), k, hex) {
				uint8_t *p = malloc(json_string_length(hex) + 1);
				size_t n = unhex(json_string_value(hex), p);
				check_scan(p, n);
				if (json_object_get(item, "number"))
					check_number(json_object_get(item, "number"), p, n);
				free(p);
				cases++;
			}
		}
	}
	assert_true(cases > 150);
	json_decref(suite);
}

static int scan(const char *hex, size_t max)
{
	uint8_t p[256];
	struct vit_scan s;
	size_t need, n = unhex(hex, p);
	vit_scan_init(&s, max, 1000);
	return vit_scan_run(&s, p, n, &need);
}

static void test_hostile(void **state)
{
	(void)state;
	/* what would make msgpack-c ask for gigabytes */
	assert_int_equal(scan("dd-0f-ff-ff-ff", 1 << 20), VIT_EFORMAT);
	assert_int_equal(scan("df-ff-ff-ff-ff", 1 << 20), VIT_EFORMAT);
	assert_int_equal(scan("dd-00-00-10-00", 1 << 20), VIT_EFORMAT);      /* 4096 elements where 1000 may be */
	assert_int_equal(scan("92-dd-00-00-00-50-00", 80), VIT_EFORMAT);     /* no room for 80 and one more */
	assert_int_equal(scan("c6-ff-ff-ff-ff-00", 1 << 20), VIT_EFORMAT);
	assert_int_equal(scan("db-00-10-00-01-00", 1 << 20), VIT_EFORMAT);
	assert_int_equal(scan("c9-ff-ff-ff-ff-00", 1 << 20), VIT_EFORMAT);
	assert_int_equal(scan("c1", 1 << 20), VIT_EFORMAT);
	/* eight levels are read, nine are not, empty or full */
	assert_int_equal(scan("91-91-91-91-91-91-91-91-c0", 1 << 20), 0);
	assert_int_equal(scan("91-91-91-91-91-91-91-90", 1 << 20), 0);
	assert_int_equal(scan("91-91-91-91-91-91-91-91-90", 1 << 20), VIT_EFORMAT);
	assert_int_equal(scan("91-91-91-91-91-91-91-91-91-c0", 1 << 20), VIT_EFORMAT);
	assert_int_equal(scan("81-a1-61-c0", 4), 0);
	assert_int_equal(scan("81-a1-61-c0", 3), VIT_EFORMAT);
}

static void test_json(void **state)
{
	(void)state;
	const char text[] = "{\"z\":1,\"a\":-5,\"f\":1.0,\"big\":9007199254740993,\"s\":\"\xc3\xa9\",\"l\":[true,false,null,{}]}";
	json_t *v = json_loads(text, 0, NULL), *back;
	struct vit_buf b = { 0 };
	assert_int_equal(vit_json_pack(&b, v), 0);
	check_scan(b.p, b.n);
	assert_int_equal(vit_json_unpack(&back, b.p, b.n), 0);
	char *s = json_dumps(back, JSON_COMPACT);
	assert_string_equal(s, text);
	assert_true(json_is_real(json_object_get(back, "f")) && json_is_integer(json_object_get(back, "z")));
	free(s);
	json_decref(v);
	json_decref(back);
	vit_buf_release(&b);

	const char *const refused[] = {
		"81-c4-01-61-01", "81-01-01", "82-a1-61-01-a1-61-02", "a1-ff", "c4-01-00", "d4-01-00",
		"cf-ff-ff-ff-ff-ff-ff-ff-ff", "cb-7f-f0-00-00-00-00-00-00", "ca-7f-c0-00-00", "81-a1-00-01", "81-a1-61", "",
	};
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		uint8_t p[64];
		size_t n = unhex(refused[i], p);
		assert_int_equal(vit_json_unpack(&back, p, n), VIT_EFORMAT);
	}
}

/* {"type":TYPE,"kind":KIND,"shape":[2],"data":N bytes} with str or bin keys. */
static size_t nd(uint8_t *p, int bin, const char *type, const char *kind, const uint8_t *shape, size_t n_shape, size_t bytes)
{
	const char *keys[] = { "nd", "type", "kind", "shape", "data" };
	uint8_t *q = p;
	*q++ = 0x85;
	for (int i = 0; i < 5; i++) {
		size_t k = strlen(keys[i]);
		if (bin) {
			*q++ = 0xc4;
			*q++ = (uint8_t)k;
		} else {
			*q++ = (uint8_t)(0xa0 | k);
		}
		memcpy(q, keys[i], k);
		q += k;
		if (i == 0) {
			*q++ = 0xc3;
		} else if (i == 1 || i == 2) {
			const char *s = i == 1 ? type : kind;
			*q++ = (uint8_t)(0xa0 | strlen(s));
			memcpy(q, s, strlen(s));
			q += strlen(s);
		} else if (i == 3) {
			memcpy(q, shape, n_shape);
			q += n_shape;
		} else {
			*q++ = 0xc4;
			*q++ = (uint8_t)bytes;
			memset(q, 7, bytes);
			q += bytes;
		}
	}
	return (size_t)(q - p);
}

static void test_nd(void **state)
{
	(void)state;
	uint8_t p[256];
	struct vit_tensor t;
	const uint8_t two[] = { 0x91, 2 }, minus[] = { 0x91, 0xff }, nine[] = { 0x99, 1, 1, 1, 1, 1, 1, 1, 1, 1 };
	const uint8_t wraps[] = { 0x92, 0xcf, 0x80, 0, 0, 0, 0, 0, 0, 0, 2 }, over[] = { 0x92, 0xcf, 0x40, 0, 0, 0, 0, 0, 0, 0, 4 };
	for (int bin = 0; bin < 2; bin++) {
		assert_int_equal(vit_nd_decode(&t, p, nd(p, bin, "<f4", "", two, 2, 8)), 0);
		assert_int_equal(t.dtype, VIT_F32);
		assert_int_equal(t.ndim, 1);
		assert_int_equal(t.dim[0], 2);
		assert_int_equal(((uint8_t *)t.data)[7], 7);
	}
	const struct { const char *type, *kind; const uint8_t *shape; size_t n, bytes; const char *says; } bad[] = {
		{ "<f4", "", two, 2, 7, "shape" }, { "<f4", "", two, 2, 9, "shape" }, { "|O", "O", two, 2, 8, "kind O" },
		{ "|V2", "V", two, 2, 4, "kind V" }, { ">f4", "", two, 2, 8, ">f4" }, { "|O", "", two, 2, 8, "|O" },
		{ "<f4", "", minus, 2, 8, "size" }, { "|u1", "", nine, 10, 1, "dimensions" }, { "|u1", "", wraps, 11, 0, "shape" },
		{ "|u1", "", over, 11, 0, "shape" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		size_t n = nd(p, 1, bad[i].type, bad[i].kind, bad[i].shape, bad[i].n, bad[i].bytes);
		assert_int_equal(vit_nd_decode(&t, p, n), VIT_ERECORD);
		assert_non_null(strstr(vit_errmsg(), bad[i].says));
	}
	/* plain: data, shape, dtype; and a numpy scalar */
	const char plain[] = "\x83\xa4" "data\xc4\x02\x01\x02\xa5" "shape\x91\x02\xa5" "dtype\xa5uint8";
	assert_int_equal(vit_nd_decode(&t, (const uint8_t *)plain, sizeof plain - 1), 0);
	assert_int_equal(t.dtype, VIT_U8);
	const char scalar[] = "\x83\xc4\x02nd\xc2\xc4\x04type\xa3<i2\xc4\x04" "data\xc4\x02\x05\x00";
	assert_int_equal(vit_nd_decode(&t, (const uint8_t *)scalar, sizeof scalar - 1), 0);
	assert_int_equal(t.ndim, 0);
	const char twice[] = "\x83\xa4" "data\xc4\x01\x01\xa4" "data\xc4\x01\x01\xa5" "dtype\xa5uint8";
	assert_int_equal(vit_nd_decode(&t, (const uint8_t *)twice, sizeof twice - 1), VIT_ERECORD);
}

static void test_records_refused(void **state)
{
	(void)state;
	static struct vit_record r;
	const struct { const char *bytes; size_t n; const char *says; } bad[] = {
		{ "\x82\xa2id\xa1x\xa2id\xa1y", 11, "comes twice" },
		{ "\x81\xa2id\xa1x", 6, "\"seq\"" },
		{ "\x81\xa3seq\x01", 6, "\"id\"" },
		{ "\x82\xa2id\x01\xa3seq\x01", 10, "\"id\": is not a str" },
		{ "\x82\xa2id\xa1x\xa3seq\xff", 11, "negative" },
		{ "\x83\xa2id\xa1x\xa3seq\x01\xa5label\xa1y", 19, "\"label\"" },
		{ "\x83\xa2id\xa1x\xa3seq\x01\xa5label\xff", 18, "negative" },
		{ "\x83\xa2id\xa1x\xa3seq\x01\xa5image\x81\xa7" "encoded\xc4\x01z", 29, "\"type\"" },
		{ "\x83\xa2id\xa1x\xa3seq\x01\xa5image\x90", 18, "\"image\"" },
		{ "\x81\x01\x01", 3, "key" },
		{ "\x82\xa2id\xa1x", 6, "ends" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(vit_record_decode(&r, (const uint8_t *)bad[i].bytes, bad[i].n), VIT_ERECORD);
		assert_non_null(strstr(vit_errmsg(), bad[i].says));
	}
}

/* What pack.h writes is what msgpack-c writes, around every change of width. */
static void check_packed(const uint8_t *end, const uint8_t *p, struct vit_buf *want)
{
	assert_int_equal(end - p, want->n);
	assert_memory_equal(p, want->p, (size_t)(end - p));
	want->n = 0;
}

static void test_packing(void **state)
{
	(void)state;
	struct vit_buf want = { 0 };
	static const char text[70000];
	uint8_t *p = malloc(sizeof text + VIT_HEAD_MAX);
	msgpack_packer pk;
	msgpack_packer_init(&pk, &want, vit_pack_to_buf);
	for (int bit = 0; bit < 64; bit++) {
		for (uint64_t v = ((uint64_t)1 << bit) - 2, k = 0; k < 4; k++, v++) {
			msgpack_pack_uint64(&pk, v);
			check_packed(vit_put_uint(p, v), p, &want);
			msgpack_pack_int64(&pk, (int64_t)v);
			check_packed(vit_put_int(p, (int64_t)v), p, &want);
			msgpack_pack_int64(&pk, (int64_t)(0 - v));
			check_packed(vit_put_int(p, (int64_t)(0 - v)), p, &want);
			if (v >= sizeof text)
				continue;
			msgpack_pack_str_with_body(&pk, text, v);
			check_packed(vit_put_str(p, text, v), p, &want);
			msgpack_pack_bin(&pk, v);
			check_packed(vit_put_bin_head(p, v), p, &want);
			msgpack_pack_map(&pk, v);
			check_packed(vit_put_map(p, v), p, &want);
			msgpack_pack_array(&pk, v);
			check_packed(vit_put_array(p, v), p, &want);
		}
	}
	vit_buf_release(&want);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conformance), cmocka_unit_test(test_packing),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_nd),
		cmocka_unit_test(test_records_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
