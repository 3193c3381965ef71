/* SPDX-License-Identifier: MIT
 *
 * What a model refuses to read, and how images become what it eats.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/model.h"

/* ---- model streams ------------------------------------------------------------------- */

/* A stream of a tiny model with one thing wrong, in memory. */
enum fault { NONE, MISSING, UNKNOWN, SHAPE, TWICE, INTEGER, QUANT, TYPE, NO_ARCH, HALF, CLASSES, BAD_SPEC, SIZE, TWIN };

static void damage_header(struct vit_header *h, enum fault fault)
{
	json_t *arch = json_object_get(h->meta, "arch");
	if (fault == QUANT)
		json_object_set_new(h->meta, "quant", json_pack("{s:i}", "bits", 8));
	if (fault == TYPE)
		json_object_set_new(arch, "type", json_string("mamba"));
	if (fault == NO_ARCH)
		json_object_del(h->meta, "arch");
	if (fault == CLASSES)
		json_object_set_new(h->meta, "classes", json_pack("[s,s]", "a", "b"));
	if (fault == TWIN)
		json_object_set_new(h->meta, "classes", json_pack("[s,s,s]", "a", "b", "a"));
	if (fault == BAD_SPEC)
		json_object_set_new(arch, "heads", json_integer(3));
	if (fault == SIZE)
		json_object_set_new(json_object_get(h->meta, "preprocess"), "input_size", json_pack("[i,i,i]", 1, 9, 8));
}

static void write_model(const char *path, enum fault fault)
{
	const struct vit_meta samples = { .n_class = 3, .shape = { 8, 8, 1 }, .count = -1 };
	struct vit_model m;
	struct vit_output *out;
	struct vit_writer *w;
	assert_int_equal(vit_model_new(&m, "vit:patch=4,dim=8,depth=1,heads=2,mlp=2", &samples), 0);
	damage_header(&m.header, fault);
	assert_int_equal(vit_output_open(&out, path), 0);
	assert_int_equal(vit_writer_open(&w, out, &m.header), 0);
	float *zero = calloc(4096, sizeof *zero);
	for (int i = 0; i < m.graph.n_value; i++) {
		const struct vit_value *v = m.graph.value[i];
		if (v->role != VIT_PARAM)
			continue;
		struct vit_tensor t = { .data = zero, .dtype = VIT_F32, .ndim = v->ndim };
		memcpy(t.dim, v->dim, sizeof t.dim);
		int head = !strcmp(v->name, "head.bias");
		if (head && fault == MISSING)
			continue;
		if (head && fault == SHAPE)
			t.dim[0] = 4;
		if (head && (fault == INTEGER || fault == HALF))
			t.dtype = fault == HALF ? VIT_F16 : VIT_I32;
		((uint16_t *)(void *)zero)[1] = head && fault == HALF ? 0x3c00 : 0;     /* 1 in half precision */
		assert_int_equal(vit_writer_tensor(w, head && fault == UNKNOWN ? "head.bisa" : v->name, &t), 0);
		if (head && fault == TWICE)
			assert_int_equal(vit_writer_tensor(w, v->name, &t), 0);
	}
	assert_int_equal(vit_writer_end(w, 0), 0);
	vit_writer_close(w);
	assert_int_equal(vit_output_commit(out, "", 0), 0);
	free(zero);
	vit_model_free(&m);
}

static void test_refused_models(void **state)
{
	(void)state;
	const struct { enum fault fault; int code; const char *words; } cases[] = {
		{ NONE, 0, "" }, { HALF, 0, "" },
		{ MISSING, VIT_EMISMATCH, "1 tensors of the model are missing, the first is head.bias" },
		{ UNKNOWN, VIT_EMISMATCH, "head.bisa is not one of this vit model" },
		{ SHAPE, VIT_EMISMATCH, "head.bias is [4] float32, the model wants [3] float32" },
		{ TWICE, VIT_EFORMAT, "head.bias comes twice" },
		{ INTEGER, VIT_EFORMAT, "head.bias: tensor of int32" },
		{ QUANT, VIT_EUNSUPPORTED, "quantised" },
		{ TYPE, VIT_EUNSUPPORTED, "mamba" },
		{ NO_ARCH, VIT_EFORMAT, "\"arch\"" },
		{ CLASSES, VIT_EFORMAT, "\"classes\"" },
		{ BAD_SPEC, VIT_EFORMAT, "heads=3 does not divide dim=8" },
		{ SIZE, VIT_EFORMAT, "input_size" },
		{ TWIN, VIT_EFORMAT, "\"a\" twice" },
	};
	char path[] = "/tmp/test_model_input.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct vit_input *in;
		struct vit_model m;
		write_model(path, cases[i].fault);
		assert_int_equal(vit_input_open(&in, path), 0);
		int rc = vit_model_read(&m, in, &vit_backend_ref, NULL);
		if (rc != cases[i].code || (rc && (!strstr(vit_errmsg(), cases[i].words) || !strstr(vit_errmsg(), path))))
			fail_msg("case %d: code %d, \"%s\" does not say \"%s\"", (int)cases[i].fault, rc, vit_errmsg(), cases[i].words);
		if (cases[i].fault == HALF)
			assert_true(fabsf(m.params.w[vit_params_offset(&m.graph, vit_graph_find(&m.graph, "head.bias")) + 1] - 1) < 1e-6f);
		if (!rc)
			vit_model_free(&m);
	}
	unlink(path);
}

/* ---- images ---------------------------------------------------------------------------------- */

static struct vit_record image(uint8_t *p, int64_t h, int64_t w, int64_t c)
{
	return (struct vit_record){ .image = { .data = p, .dtype = VIT_U8, .ndim = 3, .dim = { h, w, c } } };
}

static struct vit_preprocess eats(int64_t c, int64_t h, int64_t w, double crop_pct)
{
	return (struct vit_preprocess){ .input_size = { c, h, w }, .interpolation = "bicubic", .crop_pct = crop_pct, .crop_mode = "center" };
}

static void test_images(void **state)
{
	(void)state;
	uint8_t p[32 * 32 * 3], out[32 * 32 * 3];
	int resized;
	struct vit_preprocess_work work = { 0 };
	for (size_t i = 0; i < sizeof p; i++)
		p[i] = (uint8_t)(i * 7 + i / 96);
	struct vit_preprocess pre = eats(3, 8, 8, 0.9);
	struct vit_record r = image(p, 8, 8, 3);
	assert_int_equal(vit_preprocess_record(&pre, &work, &r, out, &resized), 0);
	assert_int_equal(resized, 0);
	assert_memory_equal(out, p, 192);

	/* gray is repeated; a colour becomes Pillow's luma */
	r = image(p, 8, 8, 1);
	assert_int_equal(vit_preprocess_record(&pre, &work, &r, out, &resized), 0);
	assert_int_equal(out[3], p[1]);
	assert_int_equal(out[5], p[1]);
	const uint8_t red_green_blue[] = { 255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255 };
	struct vit_preprocess gray = eats(1, 2, 2, 1);
	r = image((uint8_t *)(uintptr_t)red_green_blue, 2, 2, 3);
	assert_int_equal(vit_preprocess_record(&gray, &work, &r, out, &resized), 0);
	assert_memory_equal(out, ((uint8_t[]){ 76, 150, 29, 255 }), 4);

	/* a flat image stays flat whatever is done to its size */
	memset(p, 90, sizeof p);
	const int64_t sizes[][2] = { { 32, 32 }, { 9, 31 }, { 31, 9 }, { 3, 3 }, { 1, 32 } };
	for (int i = 0; i < 5; i++) {
		for (int k = 0; k < 3; k++) {
			pre = k == 2 ? eats(3, 8, 12, 0.875) : eats(3, 8, 8, k ? 1 : 0.875);
			if (k == 1)
				strcpy(pre.crop_mode, "squash");
			memset(out, 0, sizeof out);
			r = image(p, sizes[i][0], sizes[i][1], i == 1 ? 1 : 3);
			assert_int_equal(vit_preprocess_record(&pre, &work, &r, out, &resized), 0);
			assert_int_equal(resized, 1);
			for (int64_t e = 0; e < 3 * pre.input_size[1] * pre.input_size[2]; e++)
				assert_int_equal(out[e], 90);
			assert_int_equal(out[3 * pre.input_size[1] * pre.input_size[2]], 0);
		}
	}

	/* crop_pct 0.5 of an image of twice the size: the centre, not resampled */
	for (int i = 0; i < 16 * 16; i++)
		p[i] = (uint8_t)i;
	pre = eats(1, 8, 8, 0.5);
	r = image(p, 16, 16, 1);
	assert_int_equal(vit_preprocess_record(&pre, &work, &r, out, &resized), 0);
	assert_int_equal(out[0], 4 * 16 + 4);
	assert_int_equal(out[63], 11 * 16 + 11);
	vit_preprocess_work_release(&work);
}

static void test_bad_images(void **state)
{
	(void)state;
	uint8_t p[5] = { 0 }, out[3];
	int resized;
	struct vit_preprocess_work work = { 0 };
	const struct vit_preprocess pre = eats(3, 1, 1, 1);
	struct vit_record r = image(p, 1, 1, 5);
	assert_int_equal(vit_preprocess_record(&pre, &work, &r, out, &resized), VIT_ERECORD);
	assert_non_null(strstr(vit_errmsg(), "5 channels, the model wants 3"));
	r = (struct vit_record){ 0 };
	assert_int_equal(vit_preprocess_record(&pre, &work, &r, out, &resized), VIT_ERECORD);
	assert_non_null(strstr(vit_errmsg(), "no image"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_models),
		cmocka_unit_test(test_images),
		cmocka_unit_test(test_bad_images),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
