/* SPDX-License-Identifier: MIT
 *
 * A ViT from its spec to a file and back: names, shapes, decay, sizes, the
 * blocks that training and inference share, and what readers refuse.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/model.h"

static const char *const letters[] = { "a", "b", "c", NULL };

static struct vit_meta samples(int64_t h, int64_t w, int64_t c)
{
	struct vit_meta m = { .n_class = 3, .classes = (const char **)(uintptr_t)letters, .shape = { h, w, c }, .count = -1, .epochs = 1, .total = -1 };
	m.n_mean = 1;
	m.mean[0] = 0.25f;
	m.std[0] = 0.5f;
	return m;
}

#define TINY "vit:patch=4,dim=8,depth=2,heads=2,mlp=2,init=fan_in"

static struct vit_model make(const char *spec)
{
	struct vit_meta s = samples(8, 12, 1);
	struct vit_model m;
	assert_int_equal(vit_model_new(&m, spec, &s), 0);
	return m;
}

static void must_fail(const char *spec, int64_t h, int64_t w, int code, const char *words)
{
	struct vit_meta s = samples(h, w, 1);
	struct vit_model m;
	assert_int_equal(vit_model_new(&m, spec, &s), code);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
}

/* ---- specs ------------------------------------------------------------------------- */

static void test_names_and_shapes(void **state)
{
	(void)state;
	struct vit_model m = make(TINY ",layer_scale=0.1,reg_tokens=2");
	const struct { const char *name; int ndim; int64_t dim[2]; int decay; } want[] = {
		{ "cls_token", 1, { 8 }, 0 }, { "reg_token.1", 1, { 8 }, 0 }, { "pos_embed", 2, { 9, 8 }, 0 },
		{ "patch_embed.proj.weight", 2, { 8, 16 }, 1 }, { "patch_embed.proj.bias", 1, { 8 }, 0 },
		{ "blocks.0.norm1.weight", 1, { 8 }, 0 }, { "blocks.0.attn.qkv.weight", 2, { 24, 8 }, 1 }, { "blocks.0.attn.qkv.bias", 1, { 24 }, 0 },
		{ "blocks.1.attn.proj.weight", 2, { 8, 8 }, 1 }, { "blocks.1.ls1.gamma", 1, { 8 }, 0 }, { "blocks.1.norm1.bias", 1, { 8 }, 0 },
		{ "blocks.1.mlp.fc1.weight", 2, { 16, 8 }, 1 }, { "blocks.1.mlp.fc2.weight", 2, { 8, 16 }, 1 },
		{ "norm.weight", 1, { 8 }, 0 }, { "head.weight", 2, { 3, 8 }, 1 }, { "head.bias", 1, { 3 }, 0 },
	};
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		const struct vit_value *v = vit_graph_find(&m.graph, want[i].name);
		if (!v)
			fail_msg("no %s", want[i].name);
		assert_int_equal(v->role, VIT_PARAM);
		assert_int_equal(v->ndim, want[i].ndim);
		assert_memory_equal(v->dim, want[i].dim, (size_t)v->ndim * sizeof(int64_t));
		assert_int_equal(v->decay, want[i].decay);
	}
	vit_model_free(&m);
}

/* Published: ViT-Ti/16 at 224 has 5,717,416 parameters, ViT-B/16 86,567,656. */
static void test_presets(void **state)
{
	(void)state;
	const struct { const char *spec; int64_t size, classes, params; } want[] = {
		{ "vit-tiny/16:image=224,channels=3,classes=1000", 224, 1000, 5717416 },
		{ "vit-small/16:image=224,channels=3,classes=1000", 224, 1000, 22050664 },
		{ "vit-base/32:image=224,channels=3,classes=1000", 224, 1000, 88224232 },
		{ "vit-lite/4:image=32,channels=3,classes=10", 32, 10, 3722250 },
	};
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		struct vit_meta s = { .count = -1 };
		struct vit_model m;
		assert_int_equal(vit_model_new(&m, want[i].spec, &s), 0);
		assert_int_equal(vit_graph_params(&m.graph), want[i].params);
		assert_int_equal(m.preprocess.input_size[1], want[i].size);
		assert_int_equal(m.n_class, want[i].classes);
		vit_model_free(&m);
	}
	/* the samples' size where the patch divides it, else 224 */
	struct vit_meta s = samples(32, 32, 3);
	struct vit_model m;
	assert_int_equal(vit_model_new(&m, "vit-tiny/16", &s), 0);
	assert_int_equal(m.preprocess.input_size[1], 32);
	vit_model_free(&m);
	s = samples(28, 28, 1);
	assert_int_equal(vit_model_new(&m, "vit-tiny/16", &s), 0);
	assert_int_equal(m.preprocess.input_size[1], 224);
	assert_int_equal(m.preprocess.input_size[0], 1);
	vit_model_free(&m);
}

static void test_bad_specs(void **state)
{
	(void)state;
	must_fail("vit-lite/5", 28, 28, VIT_EUSAGE, "image=25x25 and image=30x30");
	must_fail("vit-lite", 28, 28, VIT_EUSAGE, "vit-lite/4");
	must_fail("vit-lite/4", 0, 0, VIT_EUSAGE, "image=224");
	must_fail("resnet", 28, 28, VIT_EUSAGE, "vit-tiny/16");
	must_fail("vit:dim=10,heads=3", 28, 28, VIT_EUSAGE, "heads=3 does not divide dim=10");
	must_fail("vit:depht=2", 28, 28, VIT_EUSAGE, "depth");
	must_fail("vit:depth=two", 28, 28, VIT_EUSAGE, "depth=two");
	must_fail("vit:depth=0", 28, 28, VIT_EUSAGE, "depth=0");
	must_fail("vit:depth", 28, 28, VIT_EUSAGE, "depth wants a value");
	must_fail("vit:pool=max", 28, 28, VIT_EUSAGE, "cls|mean");
	must_fail("vit:class_token=0", 28, 28, VIT_EUSAGE, "class_token=1");
	must_fail("vit:classes=7", 28, 28, VIT_EUSAGE, "the samples have 3");
}

static void test_same_blocks(void **state)
{
	(void)state;
	struct vit_model m = make(TINY ",pool=mean");
	const struct vit_build build = { .train = 1, .smoothing = 0.1, .drop = 0.1, .attn_drop = 0.1, .drop_path = 0.2 };
	struct vit_graph g;
	vit_graph_init(&g);
	assert_int_equal(m.arch->build(&g, m.config, &m.preprocess, &build), 0);
	int n = 0;
	for (int i = 0; i < g.n_value; i++) {
		const struct vit_value *v = g.value[i], *u = vit_graph_find(&m.graph, v->name);
		if (v->role != VIT_PARAM)
			continue;
		n++;
		assert_non_null(u);
		assert_int_equal(vit_params_offset(&g, v), vit_params_offset(&m.graph, u));
	}
	assert_true(n > 20);
	assert_non_null(vit_graph_find(&g, "fc_norm.weight"));
	assert_null(vit_graph_find(&g, "cls_token"));
	assert_non_null(vit_graph_find(&g, "loss"));
	vit_graph_release(&g);
	vit_model_free(&m);
}

/* What the specification says of beginnings, in the values; of drop path, in the nodes. */
static void test_init_and_drop_path(void **state)
{
	(void)state;
	static const double path[] = { 0.1, 0.2, 0.3 };
	const struct vit_build build = { .train = 1, .drop_path = 0.3 };
	for (int fan = 0; fan < 2; fan++) {
		struct vit_model m = make(fan ? "vit:patch=4,dim=16,depth=4,heads=2,mlp=2,init=fan_in" : "vit:patch=4,dim=16,depth=4,heads=2,mlp=2");
		struct vit_graph g;
		vit_graph_init(&g);
		assert_int_equal(m.arch->build(&g, m.config, &m.preprocess, &build), 0);
		const struct vit_value *w = vit_graph_find(&g, "blocks.1.mlp.fc2.weight"), *pos = vit_graph_find(&g, "pos_embed");
		assert_true(w && pos);
		assert_int_equal(w->dim[1], 32);
		/* 0.17678 is 1/sqrt(32); 0.8796 is left of a deviation when it is cut at 2 */
		assert_true(fabs((double)w->init.std - (fan ? 0.17678 / 0.8796 : 0.02)) < 1e-4);
		assert_true(fabs((double)pos->init.std - (fan ? 0.5 : 0.02)) < 1e-6);
		int seen = 0;
		for (int i = 0; i < g.n_node; i++) {
			const struct vit_node *n = g.node[i];
			if (strcmp(n->op->name, "add_layernorm"))
				continue;
			const double p = (double)((const struct vit_add_layernorm_attr *)n->attr)->drop_path;
			/* two sums a block; the first block is never dropped */
			assert_true(fabs(p - (seen < 2 ? 0 : path[seen / 2 - 1])) < 1e-6);
			seen++;
		}
		assert_int_equal(seen, 8);
		vit_graph_release(&g);
		vit_model_free(&m);
	}
}

/* ---- numbers ------------------------------------------------------------------------ */

static void logits_of(const struct vit_model *m, struct vit_params *params, float *out)
{
	const struct vit_plan_opt opt = { .B = 2 };
	struct vit_plan p;
	assert_int_equal(vit_plan_make(&p, &m->graph, &opt, params->backend, NULL), 0);
	assert_int_equal(vit_plan_bind(&p, NULL, params, 0), 0);
	uint8_t *image = vit_plan_value(&p, vit_graph_find(&m->graph, "image"), 0).data;
	for (int i = 0; i < 2 * 96; i++)
		image[i] = (uint8_t)(i * 37 + i * i);
	assert_int_equal(vit_plan_run(&p, VIT_RUN_FIRST, NULL, NULL), 0);
	memcpy(out, vit_plan_value(&p, vit_graph_find(&m->graph, "logits"), 0).data, 6 * sizeof *out);
	vit_plan_free(&p);
}

static void test_write_read(void **state)
{
	(void)state;
	char path[] = "/tmp/test_model.XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	struct vit_model m = make(TINY), back;
	assert_int_equal(vit_params_new(&m.params, &m.graph, &vit_backend_ref, NULL, 0, 0), 0);
	assert_int_equal(vit_params_init(&m.params, &m.graph, 7), 0);
	struct vit_output *out;
	assert_int_equal(vit_output_open(&out, path), 0);
	assert_int_equal(vit_model_write(&m, out, 0), 0);
	assert_int_equal(vit_output_commit(out, "", 0), 0);

	struct vit_input *in;
	assert_int_equal(vit_input_open(&in, path), 0);
	assert_int_equal(vit_model_read(&back, in, &vit_backend_ref, NULL), 0);
	float a[6], b[6];
	logits_of(&m, &m.params, a);
	logits_of(&back, &back.params, b);
	assert_memory_equal(a, b, sizeof a);
	assert_true(a[0] < a[1] || a[0] > a[1]);
	assert_int_equal(back.n_class, 3);
	assert_string_equal(back.classes[2], "c");
	assert_true(json_equal(back.config, m.config));
	assert_memory_equal(&back.preprocess, &m.preprocess, sizeof m.preprocess);
	vit_model_free(&back);
	vit_model_free(&m);
	unlink(path);
}

/* A few steps on two images: the loss must fall, whatever is frozen must stay. */
static void test_learns(void **state)
{
	(void)state;
	struct vit_model m = make(TINY);
	const struct vit_build build = { .train = 1, .drop_path = 0.1 };
	const struct vit_adamw_attr adamw = { .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .weight_decay = 0.05f, .clip = 1, .lr_scale = 1 };
	float lr[30];
	for (int i = 0; i < 30; i++)
		lr[i] = 0.01f;
	const struct vit_optim optim = { .op = "adamw", .attr = &adamw, .lr = lr, .steps = 30 };
	const struct vit_plan_opt opt = { .B = 4, .train = 1, .optim = &optim };
	struct vit_graph g;
	struct vit_plan p;
	vit_graph_init(&g);
	assert_int_equal(m.arch->build(&g, m.config, &m.preprocess, &build), 0);
	assert_int_equal(vit_params_new(&m.params, &m.graph, &vit_backend_ref, NULL, 1, 0), 0);
	assert_int_equal(vit_params_init(&m.params, &m.graph, 1), 0);
	assert_int_equal(vit_plan_make(&p, &g, &opt, &vit_backend_ref, NULL), 0);
	assert_int_equal(vit_plan_bind(&p, NULL, &m.params, 0), 0);
	uint8_t *image = vit_plan_value(&p, vit_graph_find(&g, "image"), 0).data;
	int32_t *label = vit_plan_value(&p, vit_graph_find(&g, "label"), 0).data;
	for (int i = 0; i < 4 * 96; i++)
		image[i] = (uint8_t)(i * 37 + i * i);
	for (int i = 0; i < 4; i++)
		label[i] = i % 3;
	struct vit_step s = { 0 };
	double first = 0;
	for (int i = 0; i < 30; i++) {
		p.host->sample0 = (uint64_t)i * 4;
		assert_int_equal(vit_plan_run(&p, VIT_RUN_FIRST | VIT_RUN_LAST, NULL, NULL), 0);
		assert_int_equal(vit_plan_step_get(&p, &s), 0);
		assert_int_equal(s.done, i + 1);
		assert_true(s.last_wsum > 3.99 && s.last_wsum < 4.01);
		if (!i)
			first = s.last_loss;
	}
	assert_true(first > 2 && first < 12);           /* around 4 ln 3 = 4.39 */
	assert_true(s.last_loss < 0.2 * first);
	vit_plan_free(&p);
	vit_graph_release(&g);
	vit_model_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_and_shapes),
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_bad_specs),
		cmocka_unit_test(test_same_blocks), cmocka_unit_test(test_init_and_drop_path),
		cmocka_unit_test(test_write_read),
		cmocka_unit_test(test_learns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
