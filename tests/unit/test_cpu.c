/* SPDX-License-Identifier: MIT
 *
 * test_cpu.c - the vector functions' errors as their comments state them, in
 * the compiler's own vectors, and the choice of the instruction set. Kernels
 * against references are check-ops' work.
 */
#include "cpu/vmath.h"
#include "graph/backend.h"

#include <math.h>
#include <signal.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

enum { STEPS = 1200000 };

/* Largest error of f against the libm function on [-12, 12]; relative: in units
 * of the result's last place. */
static double worst(vf (*f)(vf), double (*exact)(double), int ulp)
{
	double most = 0;
	for (int i = -STEPS; i <= STEPS; i += VL) {
		float x[VL], y[VL];
		for (int k = 0; k < VL; k++)
			x[k] = (float)((i + k) * 12.0 / STEPS);
		v_store(y, f(v_load(x)));
		for (int k = 0; k < VL; k++) {
			double e = exact((double)x[k]), d = fabs((double)y[k] - e);
			if (ulp)
				d /= (double)(nextafterf((float)fabs(e), INFINITY) - (float)fabs(e));
			if (!(d <= most))
				most = d;
		}
	}
	return most;
}

static vf gelu(vf x) { return v_act(x, VIT_ACT_GELU); }
static vf gelu_tanh(vf x) { return v_act(x, VIT_ACT_GELU_TANH); }
static vf gelu_slope(vf x) { return v_act_back(x, v_set(1), VIT_ACT_GELU); }
static vf exp_of(vf x) { return v_exp(x); }
static vf erf_of(vf x) { return v_erf(x); }
static vf tanh_of(vf x) { return v_tanh(x); }
static double exact_gelu(double x) { return 0.5 * x * (1 + erf(x * M_SQRT1_2)); }
static double exact_gelu_tanh(double x) { return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }
static double exact_slope(double x) { return 0.5 * (1 + erf(x * M_SQRT1_2)) + x * exp(-0.5 * x * x) / sqrt(2 * M_PI); }

static void errors_are_as_stated(void **state)
{
	(void)state;
	struct { const char *name; double seen, most; } t[] = {
		{ "exp, ulp", worst(exp_of, exp, 1), 1.0 },
		{ "erf", worst(erf_of, erf, 0), 5e-7 },
		{ "tanh", worst(tanh_of, tanh, 0), 2e-7 },
		{ "gelu", worst(gelu, exact_gelu, 0), 2e-6 },
		{ "gelu_tanh", worst(gelu_tanh, exact_gelu_tanh, 0), 2e-6 },
		{ "gelu slope", worst(gelu_slope, exact_slope, 0), 2e-6 },
	};
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		print_message("%s: %.3g of %.3g\n", t[i].name, t[i].seen, t[i].most);
		assert_true(t[i].seen <= t[i].most);
	}
}

static void nan_comes_through(void **state)
{
	(void)state;
	vf x = v_set(NAN);
	assert_true(isnan(v_exp(x)[0]));
	assert_true(isnan(v_erf(x)[0]));
	assert_true(isnan(v_tanh(x)[0]));
	assert_true(isnan(v_act(x, VIT_ACT_GELU)[0]));
}

static void far_arguments(void **state)
{
	(void)state;
	assert_true(v_exp(v_set(-INFINITY))[0] < 1.3e-38f);
	assert_true(v_exp(v_set(-1000))[0] >= 0);
	assert_true(isfinite(v_exp(v_set(1000))[0]));
	assert_true(v_erf(v_set(INFINITY))[0] > 0.9999995f);
	assert_true(v_tanh(v_set(-INFINITY))[0] == -1.0f);
}

static void choice_by_environment(void **state)
{
	(void)state;
	const struct vit_backend *b;
	struct vit_dev *d;
	assert_int_equal(setenv("VIT_CPU", "scalar", 1), 0);
	assert_int_equal(vit_device_open("cpu", 3, &b, &d, NULL), 0);
	assert_non_null(strstr(b->describe(d), "portable, 3 threads, oneDNN "));
	b->close(d);
	assert_int_equal(setenv("VIT_CPU", "mmx", 1), 0);
	assert_int_equal(vit_device_open("cpu", 3, &b, &d, NULL), VIT_EUNSUPPORTED);
	assert_non_null(strstr(vit_errmsg(), "VIT_CPU=mmx: this machine offers scalar"));
	assert_int_equal(unsetenv("VIT_CPU"), 0);
	assert_int_equal(vit_device_open("cpu", 0, &b, &d, NULL), 0);
	b->close(d);
}

/* One linear of ROWS rows: y, dx, dw and db with some number of threads. */
enum { ROWS = 1301, OUTS = 75, INS = 50 };
struct linear_out { float y[ROWS * OUTS], dx[ROWS * INS], dw[OUTS * INS], db[OUTS]; };

static void linear_with(int threads, int64_t m, const float *x, const float *w, const float *dy, struct linear_out *o)
{
	const struct vit_backend *b;
	struct vit_dev *d;
	const struct vit_linear_attr attr = { VIT_ACT_NONE };
	struct vit_call c = { .op = "linear", .name = "l", .attr = &attr, .n_in = 3, .n_out = 1 };
	memset(o, 0, sizeof *o);
	c.in[0] = (struct vit_tensor){ (float *)(uintptr_t)x, VIT_F32, 2, { m, INS } };
	c.in[1] = (struct vit_tensor){ (float *)(uintptr_t)w, VIT_F32, 2, { OUTS, INS } };
	c.in[2] = (struct vit_tensor){ (float *)(uintptr_t)w, VIT_F32, 1, { OUTS } };
	c.out[0] = (struct vit_tensor){ o->y, VIT_F32, 2, { m, OUTS } };
	assert_int_equal(vit_device_open("cpu", threads, &b, &d, NULL), 0);
	for (int back = 0; back < 2; back++) {
		if (back) {
			c.dout[0] = (struct vit_tensor){ (float *)(uintptr_t)dy, VIT_F32, 2, { m, OUTS } };
			c.din[0] = (struct vit_tensor){ o->dx, VIT_F32, 2, { m, INS } };
			c.din[1] = (struct vit_tensor){ o->dw, VIT_F32, 2, { OUTS, INS } };
			c.din[2] = (struct vit_tensor){ o->db, VIT_F32, 1, { OUTS } };
			c.need = 7;
			c.add = 6;
		}
		c.ws = (struct vit_tensor){ 0 };
		vit_kernel k = b->find(d, &c, back);
		assert_non_null(k);
		c.ws.data = b->alloc(d, vit_tensor_bytes(&c.ws) + 64, 0);
		assert_non_null(c.ws.data);
		assert_int_equal(k(&c), 0);
		b->free(d, c.ws.data, 0);
		b->drop(d, &c);
	}
	b->close(d);
}

/* Whichever product computes it: own or oneDNN's, few rows or many. */
static void bits_do_not_depend_on_threads(void **state)
{
	(void)state;
	static float x[ROWS * INS], w[OUTS * INS], dy[ROWS * OUTS];
	static struct linear_out one, other;
	for (int i = 0; i < ROWS * INS; i++)
		x[i] = (float)(i * 2654435761u >> 8 & 1023) / 512 - 1;
	for (int i = 0; i < OUTS * INS; i++)
		w[i] = (float)(i * 40503u >> 4 & 1023) / 512 - 1;
	for (int i = 0; i < ROWS * OUTS; i++)
		dy[i] = (float)(i * 2246822519u >> 9 & 1023) / 512 - 1;
	for (int isa = 0; isa < 2; isa++) {
		if (isa)
			assert_int_equal(setenv("VIT_CPU", "scalar", 1), 0);
		for (int64_t m = 1; m <= ROWS; m += 325) {
			linear_with(1, m, x, w, dy, &one);
			for (int threads = 1; threads <= 4; threads++) {
				linear_with(threads, m, x, w, dy, &other);
				assert_memory_equal(&one, &other, sizeof one);
			}
		}
	}
	assert_int_equal(unsetenv("VIT_CPU"), 0);
}

static volatile sig_atomic_t ticks;
static void tick(int sig)
{
	(void)sig;
	ticks++;
}

/* A handler's frame lands on the stack of whatever runs: a product must survive
 * it, or keep signals waiting as those of oneDNN have to. */
static void signals_do_not_disturb_products(void **state)
{
	(void)state;
	enum { M = 1088, MOST = 384 };
	static const int64_t shape[][2] = { { 384, 128 }, { 128, 128 }, { 256, 128 }, { 128, 256 } };    /* of a small ViT's layers */
	static float x[M * MOST], w[MOST * MOST], dy[M * MOST], dx[M * MOST], dw[MOST * MOST], quiet_dx[M * MOST], quiet_dw[MOST * MOST];
	for (int i = 0; i < M * MOST; i++) {
		x[i] = (float)(i * 2654435761u >> 8 & 1023) / 512 - 1;
		dy[i] = (float)(i * 40503u >> 4 & 1023) / 512 - 1;
	}
	for (int i = 0; i < MOST * MOST; i++)
		w[i] = (float)(i * 2246822519u >> 9 & 1023) / 512 - 1;
	const struct vit_backend *b;
	struct vit_dev *d;
	assert_int_equal(vit_device_open("cpu", 2, &b, &d, NULL), 0);
	struct sigaction act = { .sa_handler = tick, .sa_flags = SA_RESTART }, old;
	assert_int_equal(sigaction(SIGALRM, &act, &old), 0);
	for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
		const int64_t n = shape[s][0], k = shape[s][1];
		const struct vit_linear_attr attr = { VIT_ACT_NONE };
		struct vit_call c = { .op = "linear", .name = "l", .attr = &attr, .n_in = 2, .n_out = 1, .need = 3, .add = 2 };
		c.in[0] = (struct vit_tensor){ x, VIT_F32, 2, { M, k } };
		c.in[1] = (struct vit_tensor){ w, VIT_F32, 2, { n, k } };
		c.out[0] = c.dout[0] = (struct vit_tensor){ dy, VIT_F32, 2, { M, n } };
		c.din[0] = (struct vit_tensor){ dx, VIT_F32, 2, { M, k } };
		c.din[1] = (struct vit_tensor){ dw, VIT_F32, 2, { n, k } };
		vit_kernel run = b->find(d, &c, 1);
		assert_non_null(run);
		c.ws.data = b->alloc(d, vit_tensor_bytes(&c.ws) + 64, 0);
		assert_non_null(c.ws.data);
		const struct itimerval often = { { 0, 20 }, { 0, 20 } }, never = { { 0, 0 }, { 0, 0 } };
		for (int i = 0; i < 200; i++) {
			memset(dw, 0, sizeof dw);
			assert_int_equal(setitimer(ITIMER_REAL, i ? &often : &never, NULL), 0);
			assert_int_equal(run(&c), 0);
			assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
			if (!i) {
				memcpy(quiet_dx, dx, sizeof dx);
				memcpy(quiet_dw, dw, sizeof dw);
			}
			assert_memory_equal(quiet_dx, dx, (size_t)(M * k) * sizeof *dx);
			assert_memory_equal(quiet_dw, dw, (size_t)(n * k) * sizeof *dw);
		}
		b->free(d, c.ws.data, 0);
		b->drop(d, &c);
	}
	assert_int_equal(sigaction(SIGALRM, &old, NULL), 0);
	assert_true(ticks > 10);
	b->close(d);
}

/* dW over so many rows that it is summed in pieces: every count of rows around
 * their borders, against plain sums; scratch starts as NaN. */
static void weight_gradient_in_pieces(void **state)
{
	(void)state;
	enum { MOST = 2400, N = 5, K = 9 };
	static float x[MOST * K], w[N * K], dy[MOST * N], dw[N * K];
	for (int i = 0; i < MOST * K; i++)
		x[i] = (float)(i * 2654435761u >> 8 & 1023) / 512 - 1;
	for (int i = 0; i < MOST * N; i++)
		dy[i] = (float)(i * 40503u >> 4 & 1023) / 512 - 1;
	const struct vit_backend *b;
	struct vit_dev *d;
	assert_int_equal(vit_device_open("cpu", 2, &b, &d, NULL), 0);
	for (int64_t m = 1; m <= MOST; m += m < 300 ? 37 : 97) {
		const struct vit_linear_attr attr = { VIT_ACT_NONE };
		struct vit_call c = { .op = "linear", .name = "l", .attr = &attr, .n_in = 2, .n_out = 1, .need = 2, .add = 2 };
		c.in[0] = (struct vit_tensor){ x, VIT_F32, 2, { m, K } };
		c.in[1] = (struct vit_tensor){ w, VIT_F32, 2, { N, K } };
		c.out[0] = c.dout[0] = (struct vit_tensor){ dy, VIT_F32, 2, { m, N } };
		c.din[1] = (struct vit_tensor){ dw, VIT_F32, 2, { N, K } };
		vit_kernel k = b->find(d, &c, 1);
		assert_non_null(k);
		c.ws.data = b->alloc(d, vit_tensor_bytes(&c.ws), 0);
		assert_non_null(c.ws.data);
		memset(c.ws.data, 0xff, vit_tensor_bytes(&c.ws));
		memset(dw, 0, sizeof dw);
		assert_int_equal(k(&c), 0);
		for (int i = 0; i < N * K; i++) {
			double sum = 0;
			for (int64_t r = 0; r < m; r++)
				sum += (double)dy[r * N + i / K] * (double)x[r * K + i % K];
			assert_true(fabs((double)dw[i] - sum) <= 1e-3);
		}
		b->free(d, c.ws.data, 0);
		b->drop(d, &c);
	}
	b->close(d);
}

/* One bad gradient anywhere, at a vector's end too, is seen; finite ones are not. */
static void bad_gradients_are_seen(void **state)
{
	(void)state;
	enum { N = 37 };
	static const float bad[] = { 0, INFINITY, -INFINITY, NAN };
	const struct vit_backend *b;
	struct vit_dev *d;
	assert_int_equal(vit_device_open("cpu", 2, &b, &d, NULL), 0);
	for (int i = 0; i < N * 4; i++) {
		float g[N] = { 0 };
		double ws[8];
		struct vit_step step = { 0 };
		struct vit_call c = { .op = "grad_norm", .name = "g", .n_in = 1, .step = &step };
		g[(i + 5) % N] = 1e30f;         /* its square is no float, but a double */
		g[i % N] = bad[i / N];
		c.in[0] = (struct vit_tensor){ g, VIT_F32, 1, { N } };
		vit_kernel k = b->find(d, &c, 0);
		assert_non_null(k);
		assert_true(vit_tensor_bytes(&c.ws) <= sizeof ws);
		c.ws.data = ws;
		assert_int_equal(k(&c), 0);
		assert_int_equal(step.found_inf, i >= N);
		b->drop(d, &c);
	}
	b->close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_as_stated),
		cmocka_unit_test(nan_comes_through),
		cmocka_unit_test(far_arguments),
		cmocka_unit_test(choice_by_environment),
		cmocka_unit_test(bits_do_not_depend_on_threads),
		cmocka_unit_test(signals_do_not_disturb_products),
		cmocka_unit_test(weight_gradient_in_pieces),
		cmocka_unit_test(bad_gradients_are_seen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
