/* SPDX-License-Identifier: MIT
 *
 * Tapes: a backend that only notes what it is asked for. Each combination of
 * flags is walked once, recorded once, then played; hooks see instructions one
 * by one; what goes wrong while recording leaves neither a recording open nor a
 * tape behind.
 */
#include "nets.h"

static struct {
	char said[256];                 /* s sent, ( ) recording, ? forgotten, P played, E erased */
	int ran, noted;                 /* kernels run and recorded since the last look */
	int recording, tapes, off, fail_at, fail_end;
	char tape[8];                   /* addresses to hand out */
} fake;

static void say(char c)
{
	size_t n = strlen(fake.said);
	assert_true(n + 1 < sizeof fake.said);
	fake.said[n] = c;
}

/* What was said since the last look, and how many kernels ran and were noted. */
static void expect(const char *said, int ran, int noted)
{
	assert_string_equal(fake.said, said);
	assert_int_equal(fake.ran, ran);
	assert_int_equal(fake.noted, noted);
	memset(fake.said, 0, sizeof fake.said);
	fake.ran = fake.noted = 0;
}

static int kernel(const struct vit_call *c)
{
	(void)c;
	if (fake.recording && fake.fail_at && fake.noted + 1 == fake.fail_at)
		return vit_fail(VIT_EDEVICE, "the kernel's own words");
	*(fake.recording ? &fake.noted : &fake.ran) += 1;
	return 0;
}

static vit_kernel fake_find(struct vit_dev *d, struct vit_call *c, int back)
{
	(void)d;
	(void)c;
	(void)back;
	return kernel;
}

static int fake_send(struct vit_dev *d, void *to, const void *from, size_t n)
{
	(void)d;
	assert_false(fake.recording);
	memcpy(to, from, n);
	say('s');
	return 0;
}

static int fake_record(struct vit_dev *d, int on, void **tape)
{
	(void)d;
	if (on && fake.off)
		return VIT_END;
	assert_int_equal(fake.recording, !on);
	fake.recording = on;
	say(on ? '(' : tape ? ')' : '?');
	if (on)
		return 0;
	if (!tape || fake.fail_end)
		return vit_fail(VIT_EDEVICE, "the recording's words");
	*tape = &fake.tape[fake.tapes++];
	return 0;
}

static int fake_play(struct vit_dev *d, void *tape)
{
	(void)d;
	assert_true((char *)tape >= fake.tape && (char *)tape < fake.tape + fake.tapes);
	say('P');
	return 0;
}

static void fake_erase(struct vit_dev *d, void *tape)
{
	(void)d;
	assert_non_null(tape);
	say('E');
}

static const struct vit_adamw_attr adamw = { .beta1 = 0.9f, .beta2 = 0.95f, .eps = 1e-8f, .lr_scale = 1 };
static const float rates[] = { 0.01f };
static const struct vit_optim optim = { .op = "adamw", .attr = &adamw, .lr = rates, .steps = 1 };
static const struct vit_plan_opt train = { .B = 3, .train = 1, .optim = &optim };

static struct vit_backend backend;

static void start(struct net *n)
{
	memset(&fake, 0, sizeof fake);
	backend = vit_backend_ref;
	backend.find = fake_find;
	backend.send = fake_send;
	backend.record = fake_record;
	backend.play = fake_play;
	backend.erase = fake_erase;
	net_vit(&n->g, "", &(struct vit_build){ .train = 1 });
	net_start(n, &train, &backend, 0);
	expect("", 0, 0);
}

static int count(const struct net *n, int flags)
{
	int all = 0;
	for (int i = 0; i < n->plan.n_instr; i++)
		all += !(n->plan.instr[i].what == VIT_LOWER || (n->plan.instr[i].what == VIT_ZERO && !(flags & VIT_RUN_FIRST)) ||
		         (n->plan.instr[i].what == VIT_UPDATE && !(flags & VIT_RUN_LAST)));
	return all;
}

static void test_sequence(void **state)
{
	(void)state;
	struct net n;
	start(&n);
	for (int flags = 0; flags < 4; flags++) {
		int all = count(&n, flags);
		net_run(&n, flags);
		expect("s", all, 0);
		net_run(&n, flags);
		expect("s()P", 0, all);
		net_run(&n, flags);
		expect("sP", 0, 0);
	}
	assert_true(count(&n, 0) < count(&n, VIT_RUN_FIRST) && count(&n, VIT_RUN_FIRST) < count(&n, 3));
	/* each has its own */
	for (int flags = 0; flags < 4; flags++)
		net_run(&n, flags);
	expect("sPsPsPsP", 0, 0);
	net_stop(&n);
	expect("EEEE", 0, 0);
}

static int look(void *arg, const struct vit_instr *in, int before)
{
	(void)in;
	*(int *)arg += before;
	return 0;
}

static void test_hooks_are_walked(void **state)
{
	(void)state;
	struct net n;
	int seen = 0;
	start(&n);
	int all = count(&n, 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(vit_plan_run(&n.plan, 3, look, &seen), 0);
	expect("sss", 3 * all, 0);
	assert_int_equal(seen, 3 * all);
	net_run(&n, 3);
	expect("s()P", 0, all);
	assert_int_equal(vit_plan_run(&n.plan, 3, look, &seen), 0);
	expect("s", all, 0);
	net_run(&n, 3);
	expect("sP", 0, 0);
	net_stop(&n);
}

static void test_errors_while_recording(void **state)
{
	(void)state;
	struct net n;
	start(&n);
	int all = count(&n, 3);
	net_run(&n, 3);
	fake.fail_at = all / 2;
	assert_int_equal(vit_plan_run(&n.plan, 3, NULL, NULL), VIT_EDEVICE);
	assert_non_null(strstr(vit_errmsg(), "the kernel's own words"));
	expect("ss(?", all, all / 2 - 1);
	fake.fail_at = 0;
	fake.fail_end = 1;
	assert_int_equal(vit_plan_run(&n.plan, 3, NULL, NULL), VIT_EDEVICE);
	assert_non_null(strstr(vit_errmsg(), "the recording's words"));
	expect("s()", 0, all);
	fake.fail_end = 0;
	net_run(&n, 3);
	expect("s()P", 0, all);
	net_stop(&n);
	expect("E", 0, 0);
}

static void test_bind_erases(void **state)
{
	(void)state;
	struct net n;
	start(&n);
	int all = count(&n, 3);
	net_run(&n, 3);
	net_run(&n, 3);
	expect("ss()P", all, all);
	assert_int_equal(vit_plan_bind(&n.plan, NULL, &n.params, 0), 0);
	expect("E", 0, 0);
	net_run(&n, 3);
	net_run(&n, 3);
	net_run(&n, 3);
	expect("ss()PsP", all, all);
	net_stop(&n);
}

static void test_without_tapes(void **state)
{
	(void)state;
	struct net n;
	start(&n);
	int all = count(&n, 3);
	fake.off = 1;
	for (int i = 0; i < 3; i++)
		net_run(&n, 3);
	expect("sss", 3 * all, 0);
	net_stop(&n);
	expect("", 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_hooks_are_walked),
		cmocka_unit_test(test_errors_while_recording),
		cmocka_unit_test(test_bind_erases),
		cmocka_unit_test(test_without_tapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
