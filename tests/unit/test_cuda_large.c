/* SPDX-License-Identifier: MIT
 *
 * Training steps on CUDA at the sizes that choose other kernels than small models
 * do, against the CPU backend: the gradient of every parameter, what three updates
 * make of it, and the same bits again. Skipped where there is no GPU; in build/shim
 * the shim is one.
 *
 * Two things are apart by the norm of their difference over the norm of the CPU's.
 * Allowed: what sums in another order cost in f32, and in 16 bits about two
 * roundings at each of the two dozen places between a parameter and the loss.
 */
#include "nets.h"

static const struct vit_backend *cuda, *cpu;
static struct vit_dev *cuda_dev, *cpu_dev;

static int open_devices(void **state)
{
	(void)state;
	if (vit_device_open("cpu", 0, &cpu, &cpu_dev, NULL))
		return -1;
	if (vit_device_open("cuda", 0, &cuda, &cuda_dev, NULL))
		cuda = NULL;
	return 0;
}

static int close_devices(void **state)
{
	(void)state;
	if (cuda)
		cuda->close(cuda_dev);
	cpu->close(cpu_dev);
	return 0;
}

/* Only what a machine without one says is a reason to skip. */
static void need_device(void)
{
	if (cuda)
		return;
	if (!strstr(vit_errmsg(), ": no NVIDIA ") && !strstr(vit_errmsg(), "has no CUDA"))
		fail_msg("%s", vit_errmsg());
	print_message("%s\n", vit_errmsg());
	skip();
}

static void ok(int rc)
{
	if (rc)
		fail_msg("%s", vit_errmsg());
}

/* ---- a net on a device ------------------------------------------------------------- */

/* eps of this size makes an update proportional to the gradient, so that weights
 * differ as gradients do. */
static const struct vit_adamw_attr adamw = { .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1, .weight_decay = 0.05f, .lr_scale = 1 };
static const float rates[] = { 0.05f, 0.04f, 0.03f };
static const struct vit_optim optim = { .op = "adamw", .attr = &adamw, .lr = rates, .steps = 3 };

struct shape { const char *spec; int64_t side, B, valid; };

static void start(struct net *n, const struct shape *s, int amp, const struct vit_backend *b, struct vit_dev *dev)
{
	const struct vit_meta samples = { .n_class = 5, .shape = { s->side, s->side, 3 }, .count = -1 };
	const struct vit_plan_opt opt = { .B = s->B, .train = 1, .amp = amp, .optim = &optim };
	struct vit_model m;
	ok(vit_model_new(&m, s->spec, &samples));
	vit_graph_init(&n->g);
	ok(m.arch->build(&n->g, m.config, &m.preprocess, &(struct vit_build){ .train = 1, .smoothing = 0.1 }));
	vit_model_free(&m);
	ok(vit_params_new(&n->params, &n->g, b, dev, 1, 0));
	ok(vit_params_init(&n->params, &n->g, 3));
	ok(vit_plan_make(&n->plan, &n->g, &opt, b, dev));
	ok(vit_plan_bind(&n->plan, NULL, &n->params, 0));
	n->plan.host->seed = 11;
}

/* The CPU's inputs are ready; the other's become the same. */
static void same_inputs(const struct net *to, const struct net *from)
{
	for (int i = 0; i < from->g.n_value; i++) {
		const struct vit_tensor t = vit_plan_value(&from->plan, from->g.value[i], 0);
		if (from->g.value[i]->role == VIT_INPUT && t.data)
			ok(cuda->copy(cuda_dev, vit_plan_value(&to->plan, to->g.value[i], 0).data, t.data, vit_tensor_bytes(&t), VIT_TO_DEVICE));
	}
	to->plan.host->sample0 = from->plan.host->sample0;
	to->plan.host->n_valid = from->plan.host->n_valid;
}

/* A flat block in host memory, to be freed. */
static float *fetch(const struct net *n, const float *block)
{
	float *p = malloc((size_t)n->params.n * sizeof *p);
	assert_non_null(p);
	ok(n->plan.backend->copy(n->plan.dev, p, block, (size_t)n->params.n * sizeof *p, VIT_FROM_DEVICE));
	return p;
}

/* ---- comparing ---------------------------------------------------------------------- */

/* Parameter by parameter: scale a - less against b - less (NULL: 0). */
static void near(const struct net *n, const char *what, const float *a, double scale, const float *b, const float *less, double allowed)
{
	for (int i = 0; i < n->g.n_value; i++) {
		const struct vit_value *v = n->g.value[i];
		if (v->role != VIT_PARAM)
			continue;
		const int64_t at = vit_params_offset(&n->g, v);
		int64_t count = 1;
		for (int d = 0; d < v->ndim; d++)
			count *= v->dim[d];
		double error = 0, norm = 0;
		for (int64_t k = at; k < at + count; k++) {
			const double base = less ? (double)less[k] : 0, want = (double)b[k] - base, got = scale * ((double)a[k] - base);
			error += (got - want) * (got - want);
			norm += want * want;
		}
		if (!(sqrt(error) <= allowed * sqrt(norm)) || norm <= 0)
			fail_msg("%s of %s: %.2g apart, allowed %.2g, norm %.2g", what, v->name, sqrt(error / norm), allowed, sqrt(norm));
	}
}

static void step(const struct shape *s, int amp, double allowed)
{
	struct net want, got;
	start(&want, s, VIT_F32, cpu, cpu_dev);
	start(&got, s, amp, cuda, cuda_dev);
	net_fill(&want, 100, s->valid, 1);
	same_inputs(&got, &want);
	float *w0 = fetch(&want, want.params.w), *g[4];
	net_run(&want, VIT_RUN_FIRST);
	g[0] = fetch(&want, want.params.g);
	/* walked, recorded, played */
	for (int i = 1; i < 4; i++) {
		net_run(&got, VIT_RUN_FIRST);
		g[i] = fetch(&got, got.params.g);
		assert_memory_equal(g[i], g[1], (size_t)got.params.n * sizeof *w0);
	}
	const struct vit_step a = net_step(&got), b = net_step(&want);
	near(&want, "gradient", g[1], 1 / (double)a.loss_scale, g[0], NULL, allowed);
	if (!(fabs(a.loss - b.loss) <= allowed * b.loss) || fabs(a.wsum - b.wsum) > 0)
		fail_msg("loss %.9g of %g samples, wanted is %.9g of %g", a.loss, a.wsum, b.loss, b.wsum);
	for (int i = 0; i < 3; i++) {
		net_run(&want, VIT_RUN_FIRST | VIT_RUN_LAST);
		net_run(&got, VIT_RUN_FIRST | VIT_RUN_LAST);
	}
	float *x = fetch(&got, got.params.w), *y = fetch(&want, want.params.w);
	assert_int_equal(net_step(&got).done, 3);
	near(&want, "change", x, 1, y, w0, allowed);
	for (int i = 0; i < 4; i++)
		free(g[i]);
	free(w0);
	free(x);
	free(y);
	net_stop(&want);
	net_stop(&got);
}

/* ---- the shapes ---------------------------------------------------------------------- */

/* One block of ViT-B/16: 197 tokens, 12 heads of 64, no row more than needed. */
static void test_base(void **state)
{
	(void)state;
	need_device();
	const struct shape s = { "vit:patch=16,dim=768,depth=1,heads=12,mlp=1,init=fan_in", 224, 1, 1 };
	step(&s, VIT_BF16, 2.5e-2);
	step(&s, VIT_F16, 3e-3);
}

/* More tokens than lie in shared memory at once. */
static void test_long(void **state)
{
	(void)state;
	need_device();
	const struct shape s = { "vit:patch=4,dim=64,depth=2,heads=1,mlp=2,init=fan_in", 68, 2, 1 };
	step(&s, VIT_F32, 2e-5);
	step(&s, VIT_BF16, 2.5e-2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base),
		cmocka_unit_test(test_long),
	};
	return cmocka_run_group_tests(tests, open_devices, close_devices);
}
