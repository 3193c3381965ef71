/* SPDX-License-Identifier: MIT
 *
 * Graphs: what builders may chain, what is refused by name, shapes, totals; and
 * devices by name, with the CPU's kernels against the reference on a whole ViT.
 */
#include "nets.h"

static void test_chain(void **state)
{
	(void)state;
	struct vit_graph g;
	vit_graph_init(&g);
	struct vit_value *x = vit_graph_input(&g, "x", VIT_F32, 3, (int64_t[]){ VIT_B, 5, 8 });
	const struct vit_linear_attr act = { .act = VIT_ACT_GELU };
	struct vit_node *node;
	struct vit_value *in[3] = { x, vit_graph_param(&g, "w", 2, (int64_t[]){ 6, 8 }, (struct vit_init){ VIT_INIT_ONE, 0 }, 1) };
	struct vit_value *y = vit_graph_op(&g, "linear", "fc", &act, in, 2, &node);
	assert_non_null(y);
	assert_string_equal(y->name, "fc");
	assert_ptr_equal(y->by, node);
	assert_int_equal(y->ndim, 3);
	assert_memory_equal(y->dim, ((int64_t[]){ VIT_B, 5, 6 }), 3 * sizeof(int64_t));
	assert_int_equal(x->n_use, 1);
	assert_int_equal(node->n_aux, 1);
	assert_int_equal(node->aux[0]->role, VIT_AUX);
	assert_ptr_not_equal(node->attr, &act);
	assert_int_equal(((const struct vit_linear_attr *)node->attr)->act, VIT_ACT_GELU);
	assert_ptr_equal(vit_graph_find(&g, "fc"), y);
	assert_null(vit_graph_find(&g, "none"));
	assert_int_equal(vit_graph_params(&g), 48);
	struct vit_call c;
	assert_int_equal(vit_graph_call(node, 7, &c), 0);
	assert_int_equal(c.out[0].dim[0], 7);
	assert_true(c.key == vit_name_key("fc"));
	/* 2 M N K and a little for the activation */
	double flops = vit_graph_flops(&g, 7, 0);
	assert_true(flops >= 2.0 * 35 * 6 * 8 && flops < 4.0 * 35 * 6 * 8);
	assert_true(vit_graph_flops(&g, 7, 1) > 2.5 * flops);

	/* the first error stays, and everything after it is quiet */
	in[1] = vit_graph_param(&g, "wrong", 2, (int64_t[]){ 6, 9 }, (struct vit_init){ VIT_INIT_ONE, 0 }, 1);
	y = vit_graph_op(&g, "linear", "fc2", &act, in, 2, &node);
	assert_null(y);
	assert_null(node);
	assert_int_equal(g.rc, VIT_EMISMATCH);
	assert_non_null(strstr(vit_errmsg(), "fc2"));
	in[0] = y;
	assert_null(vit_graph_op(&g, "linear", "fc3", &act, in, 2, NULL));
	assert_null(vit_graph_input(&g, "late", VIT_F32, 1, (int64_t[]){ VIT_B }));
	assert_int_equal(g.rc, VIT_EMISMATCH);
	vit_graph_release(&g);
}

static void refused(int what, int code, const char *words)
{
	struct vit_graph g;
	vit_graph_init(&g);
	struct vit_value *x = vit_graph_input(&g, "x", VIT_F32, 2, (int64_t[]){ VIT_B, 4 }), *in[2] = { x, NULL };
	switch (what) {
	case 0: vit_graph_input(&g, "x", VIT_F32, 1, (int64_t[]){ VIT_B }); break;
	case 1: vit_graph_op(&g, "frobnicate", "n", NULL, in, 1, NULL); break;
	case 2: vit_graph_op(&g, "add", "n", NULL, in, 2, NULL); break;
	case 3: vit_graph_op(&g, "relu", "x", NULL, in, 1, NULL); break;
	case 4: vit_graph_param(&g, "p", 1, (int64_t[]){ VIT_B }, (struct vit_init){ 0 }, 0); break;
	case 5: vit_graph_param(&g, "p", 2, (int64_t[]){ INT64_MAX / 2, 8 }, (struct vit_init){ 0 }, 0); break;
	default: vit_graph_op(&g, "add", "n", NULL, in, VIT_MAXIO + 1, NULL); break;
	}
	assert_int_equal(g.rc, code);
	if (!strstr(vit_errmsg(), words))
		fail_msg("\"%s\" does not say \"%s\"", vit_errmsg(), words);
	vit_graph_release(&g);
}

static void test_refusals(void **state)
{
	(void)state;
	refused(0, VIT_EUSAGE, "two values are called x");
	refused(1, VIT_EUNSUPPORTED, "frobnicate");
	refused(2, VIT_EMISMATCH, "no input 1");
	refused(3, VIT_EUSAGE, "two values are called x");
	refused(4, VIT_EMISMATCH, "p has no valid shape");
	refused(5, VIT_EMISMATCH, "p has no valid shape");
	refused(6, VIT_EMISMATCH, "at most 8");
}

/* ---- devices ------------------------------------------------------------------------------ */

static void test_device_names(void **state)
{
	(void)state;
	const struct vit_backend *b;
	struct vit_dev *d;
	const char *note;
	assert_int_equal(vit_device_open("gpu", 1, &b, &d, &note), VIT_EUSAGE);
	assert_non_null(strstr(vit_errmsg(), "gpu"));
	assert_int_equal(vit_device_open("cpu:1", 1, &b, &d, &note), VIT_EUSAGE);
	assert_int_equal(vit_device_open("ref", 1, &b, &d, &note), 0);
	assert_ptr_equal(b, &vit_backend_ref);
	b->close(d);
	setenv("VIT_KERNELS", "ref", 1);
	assert_int_equal(vit_device_open("cpu", 1, &b, &d, &note), 0);
	assert_ptr_equal(b, &vit_backend_ref);
	b->close(d);
	setenv("VIT_KERNELS", "fast", 1);
	assert_int_equal(vit_device_open("cpu", 1, &b, &d, &note), VIT_EUSAGE);
	unsetenv("VIT_KERNELS");
}

static void train_on(struct net *n, const struct vit_backend *b, struct vit_dev *dev, int recompute)
{
	const struct vit_build build = { .train = 1, .smoothing = 0.1, .drop = 0.1, .drop_path = 0.3 };
	const struct vit_adamw_attr adamw = { .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-3f, .weight_decay = 0.1f, .clip = 1, .ema_decay = 0.9f, .lr_scale = 1 };
	const float lr[] = { 0.01f, 0.01f };
	const struct vit_plan_opt opt = { .B = 5, .train = 1, .recompute = recompute, .optim = &(struct vit_optim){ "adamw", &adamw, lr, 2 } };
	net_vit(&n->g, ",layer_scale=0.5,act=gelu_tanh", &build);
	assert_int_equal(vit_params_new(&n->params, &n->g, b, dev, 1, 1), 0);
	assert_int_equal(vit_params_init(&n->params, &n->g, 3), 0);
	assert_int_equal(vit_plan_make(&n->plan, &n->g, &opt, b, dev), 0);
	assert_int_equal(vit_plan_bind(&n->plan, NULL, &n->params, 0), 0);
	for (int i = 0; i < 2; i++) {
		net_fill(n, (uint64_t)i * 9, 5, 0);
		net_run(n, VIT_RUN_FIRST);
		net_fill(n, (uint64_t)i * 9 + 5, 4, 1);
		net_run(n, VIT_RUN_LAST);
	}
}

static void test_cpu(void **state)
{
	(void)state;
	const struct vit_backend *b;
	struct vit_dev *dev;
	if (vit_device_open("cpu", 2, &b, &dev, NULL)) {
		print_message("skipped: %s\n", vit_errmsg());
		skip();
	}
	for (int recompute = 0; recompute <= 1; recompute++) {
		struct net ref, cpu;
		train_on(&ref, &vit_backend_ref, NULL, recompute);
		train_on(&cpu, b, dev, recompute);
		struct vit_step s = net_step(&ref), t = net_step(&cpu);
		assert_int_equal(t.done, 2);
		assert_true(fabs(t.last_loss - s.last_loss) < 1e-4 * s.last_loss);
		assert_true(fabs(t.last_gnorm2 - s.last_gnorm2) < 1e-3 * s.last_gnorm2);
		double most = 0;
		for (int64_t i = 0; i < ref.params.n; i++) {
			most = fmax(most, fabs((double)ref.params.g[i]));
			assert_true(fabsf(ref.params.w[i] - cpu.params.w[i]) < 1e-4f);
			assert_true(fabsf(ref.params.ema[i] - cpu.params.ema[i]) < 1e-4f);
		}
		for (int64_t i = 0; i < ref.params.n; i++)
			assert_true(fabs((double)ref.params.g[i] - (double)cpu.params.g[i]) < 1e-4 * most);
		net_stop(&cpu);
		net_stop(&ref);
	}
	b->close(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_device_names),
		cmocka_unit_test(test_cpu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
