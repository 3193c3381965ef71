/* SPDX-License-Identifier: MIT
 *
 * The frame of the CUDA module: memory, sending while others still read, tapes,
 * and what may not be asked for while one is recorded. Skipped where there is no
 * GPU; in build/shim the shim is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/backend.h"

static const struct vit_backend *b;
static struct vit_dev *dev;

static int open_device(void **state)
{
	(void)state;
	if (vit_device_open("cuda", 0, &b, &dev, NULL))
		b = NULL;
	return 0;
}

static int close_device(void **state)
{
	(void)state;
	if (b)
		b->close(dev);
	return 0;
}

/* Only what a machine without one says is a reason to skip. */
static void need_device(void)
{
	if (b)
		return;
	if (!strstr(vit_errmsg(), ": no NVIDIA ") && !strstr(vit_errmsg(), "has no CUDA"))
		fail_msg("%s", vit_errmsg());
	print_message("%s\n", vit_errmsg());
	skip();
}

static void *take(size_t n, int pinned)
{
	void *p = b->alloc(dev, n, pinned);
	if (!p)
		fail_msg("%s", vit_errmsg());
	return p;
}

static void ok(int rc)
{
	if (rc)
		fail_msg("%s", vit_errmsg());
}

static void fill(unsigned char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(seed * 37 + i * 11 + (i >> 8));
}

/* Device memory at `at` holds fill(n, seed). */
static void holds(const void *at, size_t n, unsigned seed)
{
	unsigned char *want = malloc(n), *got = malloc(n);
	assert_true(want && got);
	fill(want, n, seed);
	ok(b->copy(dev, got, at, n, VIT_FROM_DEVICE));
	assert_memory_equal(want, got, n);
	free(want);
	free(got);
}

static void test_memory(void **state)
{
	(void)state;
	need_device();
	enum { N = 100003 };
	static unsigned char host[N], zero[N];
	assert_true(strlen(b->describe(dev)) > 8);
	unsigned char *d = take(N, 0), *e = take(N, 0), *p = take(N, 1);
	assert_memory_equal(p, zero, N);
	ok(b->copy(dev, host, d, N, VIT_FROM_DEVICE));
	assert_memory_equal(host, zero, N);
	assert_int_equal((uintptr_t)d % 64, 0);
	fill(host, N, 1);
	ok(b->copy(dev, d, host, N, VIT_TO_DEVICE));
	memset(host, 7, N);
	ok(b->copy(dev, e, d, N, VIT_ON_DEVICE));
	holds(e, N, 1);
	ok(b->copy(dev, e + 3, d, 0, VIT_ON_DEVICE));
	ok(b->sync(dev));
	b->free(dev, d, 0);
	b->free(dev, e, 0);
	b->free(dev, p, 1);
	b->free(dev, NULL, 0);
	assert_null(b->alloc(dev, SIZE_MAX / 4, 0));
	assert_non_null(strstr(vit_errmsg(), "has no room"));
	/* which is no error of whatever comes next */
	b->free(dev, take(64, 0), 0);
	ok(b->sync(dev));
}

/* More sends than there are buffers, small and large ones, all to one place that
 * is copied from in between. */
static void send_all(const size_t *size, int n)
{
	static unsigned char host[200000];
	unsigned char *place = take(sizeof host, 0), *kept[200];
	assert_true(n <= 200);
	for (int i = 0; i < n; i++)
		kept[i] = take(size[i], 0);
	ok(b->sync(dev));
	for (int i = 0; i < n; i++) {
		fill(host, size[i], (unsigned)i);
		ok(b->send(dev, place, host, size[i]));
		memset(host, 0xee, size[i]);
		ok(b->copy(dev, kept[i], place, size[i], VIT_ON_DEVICE));
	}
	for (int i = 0; i < n; i++) {
		holds(kept[i], size[i], (unsigned)i);
		b->free(dev, kept[i], 0);
	}
	ok(b->send(dev, place, host, 0));
	b->free(dev, place, 0);
}

static void test_send(void **state)
{
	(void)state;
	need_device();
	enum { N = 150 };
	size_t size[N];
	/* each large one larger than the last, which waits; then none, and nobody waits */
	for (int i = 0; i < N; i++)
		size[i] = i % 5 == 4 ? (size_t)(40000 + 1000 * i) : i % 5 == 3 ? 32768 : (size_t)(1 + 19 * i);
	send_all(size, N);
	for (int i = 0; i < N; i++)
		size[i] = i % 5 == 4 ? 50000 : (size_t)(9000 - 19 * i);
	send_all(size, N);
}

static void test_tape(void **state)
{
	(void)state;
	need_device();
	enum { N = 5000 };
	static unsigned char host[N];
	unsigned char *x = take(N, 0), *y = take(N, 0);
	void *tape = NULL;
	fill(host, N, 1);
	ok(b->send(dev, x, host, N));
	int rc = b->record(dev, 1, NULL);
	if (rc == VIT_END)
		skip();
	ok(rc);
	ok(b->copy(dev, y, x, N, VIT_ON_DEVICE));
	ok(b->record(dev, 0, &tape));
	assert_non_null(tape);
	/* noted, not done */
	ok(b->copy(dev, host, y, N, VIT_FROM_DEVICE));
	for (int i = 0; i < N; i++)
		assert_int_equal(host[i], 0);
	/* each playing sees what was sent before it */
	for (unsigned i = 2; i < 5; i++) {
		fill(host, N, i);
		ok(b->send(dev, x, host, N));
		ok(b->play(dev, tape));
		holds(y, N, i);
	}
	ok(b->play(dev, tape));
	b->erase(dev, tape);
	b->free(dev, x, 0);
	b->free(dev, y, 0);
}

/* What would spoil a recording is refused, and the device is as good as before. */
static void test_while_recording(void **state)
{
	(void)state;
	need_device();
	unsigned char *x = take(100, 0), host[100];
	void *tape = NULL;
	fill(host, sizeof host, 3);
	int rc = b->record(dev, 1, NULL);
	if (rc == VIT_END)
		skip();
	ok(rc);
	assert_int_equal(b->record(dev, 1, NULL), VIT_EDEVICE);
	assert_int_equal(b->send(dev, x, host, sizeof host), VIT_EDEVICE);
	assert_int_equal(b->copy(dev, x, host, sizeof host, VIT_TO_DEVICE), VIT_EDEVICE);
	assert_int_equal(b->copy(dev, host, x, sizeof host, VIT_FROM_DEVICE), VIT_EDEVICE);
	assert_int_equal(b->sync(dev), VIT_EDEVICE);
	assert_non_null(strstr(vit_errmsg(), "while a tape is recorded"));
	assert_null(b->alloc(dev, 100, 0));
	ok(b->copy(dev, x + 50, x, 50, VIT_ON_DEVICE));
	ok(b->record(dev, 0, NULL));
	ok(b->send(dev, x, host, sizeof host));
	holds(x, sizeof host, 3);
	ok(b->record(dev, 1, NULL));
	ok(b->copy(dev, x + 50, x, 50, VIT_ON_DEVICE));
	ok(b->record(dev, 0, &tape));
	b->erase(dev, tape);
	b->erase(dev, NULL);
	holds(x, sizeof host, 3);
	b->free(dev, x, 0);
}

static void test_find(void **state)
{
	(void)state;
	need_device();
	struct vit_call c = { .op = "no such op", .name = "x" };
	assert_null(b->find(dev, &c, 0));
	assert_null(c.state);
	c.op = "step_done";
	struct vit_step_attr attr = { 0 };
	c.attr = &attr;
	assert_non_null(b->find(dev, &c, 0));
	assert_non_null(c.state);
	b->drop(dev, &c);
	assert_null(c.state);
	assert_null(b->find(dev, &c, 1));       /* it has no backward */
}

/* Two at once on one card; one is closed with work under way. */
static void test_second(void **state)
{
	(void)state;
	need_device();
	static unsigned char host[300000];
	const struct vit_backend *b2;
	struct vit_dev *second;
	ok(vit_device_open("cuda:0", 0, &b2, &second, NULL));
	unsigned char *x = b2->alloc(second, sizeof host, 0);
	assert_non_null(x);
	for (int i = 0; i < 3; i++)
		ok(b2->send(second, x, host, sizeof host));
	b2->free(second, x, 0);
	x = take(sizeof host, 0);
	b2->close(second);
	fill(host, sizeof host, 9);
	ok(b->send(dev, x, host, sizeof host));
	holds(x, sizeof host, 9);
	b->free(dev, x, 0);
	assert_int_equal(vit_device_open("cuda:9999", 0, &b2, &second, NULL), VIT_EUNSUPPORTED);
	assert_non_null(strstr(vit_errmsg(), "cuda:9999: "));
	assert_int_equal(vit_device_open("cuda:1x", 0, &b2, &second, NULL), VIT_EUSAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_send),
		cmocka_unit_test(test_tape),
		cmocka_unit_test(test_while_recording),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_second),
	};
	return cmocka_run_group_tests(tests, open_device, close_device);
}
